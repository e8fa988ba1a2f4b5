#include "kits/lattice/bosonic.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace meso::lattice {

BosonicRules::BosonicRules(const Model& model) : model_(model), species_(model.species.size()) {
  model_.check();
  if (model_.occupation != Occupation::bosonic) throw ModelError("these kinetics are for bosonic occupation; lattices with exclusion have their own");
  if (model_.box.boundary == Boundary::periodic && model_.box.shortest() < 2)
    throw ModelError("a periodic side needs at least 2 sites: with 1 a site would be its own neighbour");
  for (std::size_t s = 0; s < species_; ++s)
    if (const double rate = model_.hop_rate(static_cast<State>(s + 1)); rate > 0)
      channels_.push_back({static_cast<int>(s), rate * static_cast<double>(model_.box.neighbours()), {{static_cast<int>(s), 1}}, {}});
  for (const SiteReaction& reaction : model_.reactions) {
    if (reaction.rate == 0) continue;
    Channel channel{-1, reaction.rate, {}, {}};
    for (std::size_t s = 0; s < species_; ++s) {
      if (reaction.reactants[s] > 0) channel.reactants.emplace_back(static_cast<int>(s), reaction.reactants[s]);
      if (reaction.products[s] != reaction.reactants[s]) channel.change.emplace_back(static_cast<int>(s), reaction.products[s] - reaction.reactants[s]);
    }
    channels_.push_back(std::move(channel));
  }
  contacts_ = !model_.contacts.empty();
}

double BosonicRules::propensity(const Channel& channel, const std::int32_t* n) const {
  double a = channel.rate;
  for (const auto& [s, order] : channel.reactants)
    for (int k = 0; k < order; ++k) a *= static_cast<double>(n[s] - k);
  return a;
}

double BosonicRules::propensity(const std::int32_t* n) const {
  double a = 0;
  for (const Channel& channel : channels_) a += propensity(channel, n);
  return a;
}

BosonicKinetics::BosonicKinetics(const BosonicRules& rules)
    : rules_(&rules), species_(rules.species_), sites_(rules.model().box.sites()), n_(sites_ * species_), count_(species_ + 1), gone_at_(species_ + 1) {
  std::int64_t stride = 1;
  for (std::size_t a = rules.model().box.dimension(); a-- > 0;) {
    extent_[a] = rules.model().box.extent[a];
    stride_[a] = stride;
    stride *= extent_[a];
  }
}

void BosonicKinetics::changed(State s, std::int64_t by) {
  count_[s] += by;
  if (count_[s] == 0 && by < 0) gone_at_[s] = time_;
}

// Contact rules of the particles of one site, until none applies.
void BosonicKinetics::contact(std::size_t site) {
  if (!rules_->contacts_) return;
  std::int32_t* n = &n_[site * species_];
  for (bool again = true; again;) {
    again = false;
    for (const ContactRule& rule : rules_->model().contacts) {
      while (rule.a == rule.b ? n[rule.a - 1] >= 2 : n[rule.a - 1] >= 1 && n[rule.b - 1] >= 1) {
        --n[rule.a - 1];
        --n[rule.b - 1];
        if (rule.product > 0) {
          ++n[rule.product - 1];
          changed(rule.product, 1);
        }
        changed(rule.a, -1);
        changed(rule.b, -1);
        again = true;
      }
    }
  }
}

void BosonicKinetics::update(std::size_t site) { picker_.set(site, rules_->propensity(&n_[site * species_])); }

void BosonicKinetics::settle() {
  time_ = 0;
  events_ = attempts_ = 0;
  std::fill(count_.begin(), count_.end(), 0);
  std::fill(gone_at_.begin(), gone_at_.end(), 0.0);
  picker_.reset(sites_);
  for (std::size_t i = 0; i < sites_; ++i)
    for (std::size_t s = 0; s < species_; ++s) count_[s + 1] += n_[i * species_ + s];
  for (std::size_t i = 0; i < sites_; ++i) {
    contact(i);
    update(i);
  }
}

void BosonicKinetics::start(FastStream& random) {
  const Initial& initial = rules_->model().initial;
  std::fill(n_.begin(), n_.end(), 0);
  const auto one = [&](std::size_t site, State s) { n_[site * species_ + s - 1] += 1; };
  switch (initial.kind) {
    case Initial::Kind::full:
      for (std::size_t i = 0; i < sites_; ++i) one(i, initial.species);
      break;
    case Initial::Kind::seed: one(rules_->model().box.centre(), initial.species); break;
    case Initial::Kind::product:
      for (std::size_t i = 0; i < sites_; ++i) {
        double u = random.uniform();
        for (std::size_t s = 0; s < species_; ++s)
          if ((u -= initial.density[s]) < 0) {
            one(i, static_cast<State>(s + 1));
            break;
          }
      }
      break;
    case Initial::Kind::count:
      for (std::size_t s = 0; s < species_; ++s)
        for (std::int64_t k = std::llround(initial.density[s] * static_cast<double>(sites_)); k > 0; --k) one(random.below(sites_), static_cast<State>(s + 1));
      break;
    case Initial::Kind::poisson:
      for (std::size_t i = 0; i < sites_; ++i)
        for (std::size_t s = 0; s < species_; ++s) n_[i * species_ + s] = static_cast<std::int32_t>(random.poisson(initial.density[s]));
      break;
  }
  settle();
}

void BosonicKinetics::start(std::span<const std::int32_t> particles) {
  if (particles.size() != n_.size()) throw Error(fmt::format("{} particle numbers for {} sites and {} species", particles.size(), sites_, species_));
  std::copy(particles.begin(), particles.end(), n_.begin());
  settle();
}

void BosonicKinetics::copy_to(std::span<std::int32_t> particles) const { std::copy(n_.begin(), n_.end(), particles.begin()); }

void BosonicKinetics::advance(double until, FastStream& random, std::uint32_t stop) {
  const Box& box = rules_->model().box;
  const bool periodic = box.boundary == Boundary::periodic;
  while (true) {
    if (picker_.bound() <= 0) {
      time_ = until;
      return;
    }
    const double wait = random.exponential() / picker_.bound();
    if (time_ + wait > until) {
      time_ = until;
      return;
    }
    time_ += wait;
    ++attempts_;
    std::size_t site;
    double a;
    if (!picker_.pick(random, site, a)) continue;
    std::int32_t* n = &n_[site * species_];
    std::size_t r = 0;
    for (; r + 1 < rules_->channels_.size(); ++r) {
      const double share = rules_->propensity(rules_->channels_[r], n);
      if (a < share) break;
      a -= share;
    }
    const BosonicRules::Channel& channel = rules_->channels_[r];
    if (!(rules_->propensity(channel, n) > 0)) continue;  // rounding between channels
    ++events_;
    if (channel.species < 0) {
      for (const auto& [s, by] : channel.change) {
        n[s] += by;
        changed(static_cast<State>(s + 1), by);
      }
      contact(site);
      update(site);
    } else {
      const std::size_t k = random.below(box.neighbours());
      const std::size_t axis = k / 2;
      const auto stride = static_cast<std::size_t>(stride_[axis]), length = static_cast<std::size_t>(extent_[axis]);
      const std::size_t x = box.dimension() == 1 ? site : site / stride % length;
      std::size_t to;
      if (k % 2 == 0) to = x + 1 < length ? site + stride : periodic ? site - x * stride : site;
      else to = x > 0 ? site - stride : periodic ? site + (length - 1) * stride : site;
      if (to != site) {
        --n[channel.species];
        ++n_[to * species_ + static_cast<std::size_t>(channel.species)];
        contact(to);
        update(site);
        update(to);
      }
    }
    if (stop != 0)
      for (std::size_t s = 1; s <= species_; ++s)
        if ((stop >> s & 1) && count_[s] == 0) return;
  }
}

}  // namespace meso::lattice
