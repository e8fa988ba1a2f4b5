#include "kits/kinetics/flow.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace meso::kinetics {

Flow::Flow(const MomentEquations& equations, CloseFunction close)
    : set_(equations.set), order_(equations.order), size_(equations.equations.size()), volume_(equations.volume), close_(std::move(close)) {
  LawTable laws = equations.laws;
  const std::size_t all = set_.size();
  cumulants_ = close_ ? all - size_ : 0;
  high_ = cumulants_ + (close_ ? equations.n_extra : 0);
  if (!close_ && equations.n_extra > 0) throw Error("moment equations with extra symbols need a close function");
  const auto is_law = [](std::uint32_t id) { return id >= law_symbols; };

  // Molecules to scaled: a term c prod kappa (p factors) of dkappa/dt is c volume^(p-1) prod z; a derivative d^k a counts
  // as volume^(1-|k|) times its scaled value.
  const auto degree_of_law = [&](std::uint32_t id) { return degree(laws[id - law_symbols].k); };
  std::vector<Polynomial> scaled(size_);
  bool plain = !close_;
  for (std::size_t row = 0; row < size_; ++row) {
    for (const auto& [monomial, coefficient] : equations.equations[row].terms) {
      int exponent = -1;
      bool dropped = false;
      for (const std::uint32_t id : monomial) {
        const bool cumulant = id < extra_symbols;
        exponent += is_law(id) ? 1 - degree_of_law(id) : cumulant ? 1 : 0;
        plain = plain && cumulant;
        if (cumulant && id >= size_ && !close_) dropped = true;  // zero by closure
      }
      if (!dropped) scaled[row].add(monomial, coefficient * std::pow(volume_, exponent));
    }
  }

  // Jacobian, symbolically; d law / dz_l is the law's next derivative.
  std::vector<std::pair<std::pair<std::uint32_t, std::uint32_t>, Polynomial>> gradient;
  for (std::size_t row = 0; row < size_; ++row) {
    std::map<std::uint32_t, Polynomial> by_column;
    std::vector<std::uint32_t> ids;
    for (const auto& [monomial, coefficient] : scaled[row].terms) ids.insert(ids.end(), monomial.begin(), monomial.end());
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    for (const std::uint32_t id : ids) {
      const Polynomial partial = scaled[row].derivative(id);
      if (!is_law(id)) {
        by_column[id].add(partial);
        continue;
      }
      const LawTable::Entry entry = laws[id - law_symbols];
      for (std::size_t l = 0; l < species(); ++l) {
        const std::uint32_t next = laws.symbol(entry.law, raised(entry.k, l));
        double constant = 1;
        if (laws[next - law_symbols].formula.is_constant(&constant) && constant == 0) continue;
        by_column[static_cast<std::uint32_t>(l)].add(partial * Polynomial::variable(next));
      }
    }
    for (auto& [column, p] : by_column) gradient.push_back({{static_cast<std::uint32_t>(row), column}, std::move(p)});
  }

  std::vector<std::string> slots = laws.species();
  slots.push_back("t");
  for (std::size_t i = 0; i < laws.size(); ++i) {
    programs_.emplace_back(laws[i].formula, slots);
    program_scale_.push_back(std::pow(volume_, degree(laws[i].k) - 1));
  }
  values_.resize(size_ + high_ + programs_.size());
  amounts_.resize(slots.size());
  kappa_.resize(size_ + high_);
  high_gradient_.resize(high_ * size_);
  for (std::size_t row = 0; row < size_; ++row) compile(static_cast<std::uint32_t>(row), 0, scaled[row], terms_);
  for (const auto& [place, p] : gradient) compile(place.first, slot(place.second), p, gradient_);
  if (plain) polynomials_ = std::move(scaled);
}

std::uint32_t Flow::slot(std::uint32_t id) const {
  if (id >= law_symbols) return id - law_symbols + static_cast<std::uint32_t>(size_ + high_);
  if (id >= extra_symbols) return id - extra_symbols + static_cast<std::uint32_t>(size_ + cumulants_);
  return id;
}

void Flow::compile(std::uint32_t row, std::uint32_t column, const Polynomial& p, std::vector<Term>& into) {
  for (const auto& [monomial, coefficient] : p.terms) {
    Term term{row, column, coefficient, static_cast<std::uint32_t>(factors_.size()), 0};
    for (const std::uint32_t id : monomial) factors_.push_back(slot(id));
    term.last = static_cast<std::uint32_t>(factors_.size());
    into.push_back(term);
  }
}

void Flow::prepare(double t, std::span<const double> z, bool gradient) const {
  std::copy(z.begin(), z.end(), values_.begin());
  if (high_ > 0) {
    for (std::size_t i = 0; i < size_; ++i) kappa_[i] = volume_ * z[i];
    const std::span<double> all(kappa_);
    close_(set_, all.first(size_), all.subspan(size_), gradient ? std::span<double>(high_gradient_) : std::span<double>());
    for (std::size_t h = 0; h < high_; ++h) values_[size_ + h] = h < cumulants_ ? kappa_[size_ + h] / volume_ : kappa_[size_ + h];
  }
  if (programs_.empty()) return;
  for (std::size_t s = 0; s < species(); ++s) amounts_[s] = volume_ * z[s];
  amounts_.back() = t;
  for (std::size_t i = 0; i < programs_.size(); ++i) values_[size_ + high_ + i] = program_scale_[i] * programs_[i](amounts_);
}

void Flow::rhs(double t, std::span<const double> z, std::span<double> dzdt) const {
  prepare(t, z, false);
  std::fill(dzdt.begin(), dzdt.end(), 0.0);
  for (const Term& term : terms_) dzdt[term.row] += product(term);
}

void Flow::magnitude(double t, std::span<const double> z, std::span<double> sum) const {
  prepare(t, z, false);
  std::fill(sum.begin(), sum.end(), 0.0);
  for (const Term& term : terms_) sum[term.row] += std::abs(product(term));
}

void Flow::jacobian(double t, std::span<const double> z, std::span<double> jacobian) const {
  prepare(t, z, true);
  std::fill(jacobian.begin(), jacobian.end(), 0.0);
  for (const Term& term : gradient_) {
    const double value = product(term);
    if (term.column < size_) {
      jacobian[term.row + size_ * term.column] += value;
    } else {  // through the closure
      const std::size_t h = term.column - size_;
      const double* slope = &high_gradient_[h * size_];
      const double scaled = h < cumulants_ ? value : value * volume_;  // an extra number is no amount
      for (std::size_t l = 0; l < size_; ++l) jacobian[term.row + size_ * l] += scaled * slope[l];
    }
  }
}

OdeProblem Flow::problem() const {
  return {.size = size_,
          .rhs = [this](double t, std::span<const double> z, std::span<double> f) { rhs(t, z, f); },
          .jacobian = [this](double t, std::span<const double> z, std::span<double> j) { jacobian(t, z, j); }};
}

std::vector<double> Flow::start(std::span<const double> counts) const {
  std::vector<double> z(size_, 0.0);
  for (std::size_t s = 0; s < species(); ++s) z[s] = (floor_.empty() ? counts[s] : std::max(counts[s], floor_[s])) / volume_;
  return z;
}

}  // namespace meso::kinetics
