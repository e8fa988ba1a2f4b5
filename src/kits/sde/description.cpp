#include "kits/sde/description.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "rng/stream.h"

namespace meso::sde {
namespace {

using num::Formula;

constexpr double infinity = std::numeric_limits<double>::infinity();

bool is_zero(const Formula& f) {
  double value = 1;
  return f.is_constant(&value) && value == 0;
}

/// 1/2 sum_jk b_jk d b_ik / dx_j: what the two calculi differ by.
template <Interpretation I>
std::vector<Formula> noise_induced_drift(const Sde<I>& sde) {
  std::vector<Formula> result;
  for (std::size_t i = 0; i < sde.size(); ++i) {
    Formula sum = Formula::constant(0);
    for (std::size_t k = 0; k < sde.noises; ++k)
      for (std::size_t j = 0; j < sde.size(); ++j) sum = sum + sde.b(j, k) * sde.b(i, k).derivative(sde.variables[j]);
    result.push_back(sum / Formula::constant(2));
  }
  return result;
}

template <Interpretation To, Interpretation From>
Sde<To> converted(const Sde<From>& sde, bool add) {
  Sde<To> result{sde.variables, sde.noises, sde.drift, sde.amplitude};
  const std::vector<Formula> shift = noise_induced_drift(sde);
  for (std::size_t i = 0; i < sde.size(); ++i) result.drift[i] = add ? sde.drift[i] + shift[i] : sde.drift[i] - shift[i];
  return result;
}

/// f^2 with roots undone, so that sqrt(x)^2 is the polynomial x.
Formula squared(const Formula& f) {
  const Formula::Node& node = *f.root();
  switch (node.op) {
    case num::Op::sqrt: return node.args[0];
    case num::Op::negate: return squared(node.args[0]);
    case num::Op::multiply: return squared(node.args[0]) * squared(node.args[1]);
    case num::Op::divide: return squared(node.args[0]) / squared(node.args[1]);
    default: return f * f;
  }
}

}  // namespace

ItoSde to_ito(const StratonovichSde& sde) { return converted<Interpretation::ito>(sde, true); }
StratonovichSde to_stratonovich(const ItoSde& sde) { return converted<Interpretation::stratonovich>(sde, false); }

Formula noise_derivative(const ItoSde& sde, std::size_t k, std::size_t i, std::size_t l) {
  Formula sum = Formula::constant(0);
  for (std::size_t j = 0; j < sde.size(); ++j) sum = sum + sde.b(j, k) * sde.b(i, l).derivative(sde.variables[j]);
  return sum;
}

Formula diffusion_tensor(const ItoSde& sde, std::size_t i, std::size_t j) {
  Formula sum = Formula::constant(0);
  for (std::size_t k = 0; k < sde.noises; ++k) sum = sum + (i == j ? squared(sde.b(i, k)) : sde.b(i, k) * sde.b(j, k));
  return sum / Formula::constant(2);
}

NoiseStructure noise_structure(const ItoSde& sde, const std::vector<double>& at) {
  NoiseStructure s{true, true, true};
  for (const Formula& b : sde.amplitude) s.additive = s.additive && b.is_constant();
  if (s.additive) return s;
  std::vector<std::string> slots = sde.variables;
  slots.emplace_back("t");
  for (std::size_t i = 0; i < sde.size(); ++i)
    for (std::size_t k = 0; k < sde.noises; ++k)
      for (std::size_t l = k + 1; l < sde.noises; ++l) {
        const Formula first = noise_derivative(sde, k, i, l), second = noise_derivative(sde, l, i, k);
        if (is_zero(first) && is_zero(second)) continue;
        s.separate = false;
        const num::Program p(first, slots), q(second, slots);
        Stream points(0, 0, "sde/noise-structure");
        for (int n = 0; n < 64; ++n) {
          std::vector<double> z(at);
          for (double& x : z) x += (0.1 + std::abs(x)) * (2 * points.uniform() - 1);
          z.push_back(points.uniform());
          const double a = p(z), b = q(z);
          if (std::isfinite(a) && std::isfinite(b) && std::abs(a - b) > 1e-9 * (std::abs(a) + std::abs(b))) s.commutative = false;
        }
      }
  return s;
}

bool Process::point_start() const {
  return std::all_of(initial_sd.begin(), initial_sd.end(), [](double sd) { return sd == 0; });
}

void Process::reflect(double* x) const {
  for (std::size_t i = 0; i < domain.size(); ++i) {
    const auto [low, high] = domain[i];
    if (x[i] < low) x[i] = 2 * low - x[i];
    if (x[i] > high) x[i] = std::max(low, 2 * high - x[i]);
  }
}

std::vector<ParameterInfo> SdeSpec::parameters() const {
  std::vector<ParameterInfo> infos;
  for (const auto& [name, value] : constants) infos.push_back({.name = name, .unit = "1", .doc = "constant of the model", .fallback = Value(value)});
  for (const std::string& x : variables) {
    const auto start = initial.find(x);
    infos.push_back({.name = x + "0", .unit = "1", .doc = fmt::format("initial value of {} (its mean, where it has a spread)", x), .fallback = Value(start == initial.end() ? 0.0 : start->second)});
    if (const auto sd = initial_sd.find(x); sd != initial_sd.end())
      infos.push_back({.name = x + "0_sd", .unit = "1", .doc = fmt::format("standard deviation of the Gaussian initial law of {}", x), .fallback = Value(sd->second), .min = 0});
  }
  return infos;
}

Process SdeSpec::bind(const std::map<std::string, double>& values) const {
  const auto place = [&](const std::string& key) {
    const auto found = where.find(key);
    return found == where.end() ? std::string() : found->second + ": ";
  };
  if (variables.empty()) throw ModelError(place("variables") + "no variables are given; name at least one, e.g. variables = [\"x\"]");
  std::set<std::string> taken;
  for (const std::string& x : variables) {
    if (!is_identifier(x)) throw ModelError(fmt::format("{}'{}' is not a name: letters, digits and underscore, not a digit first", place("variables"), x));
    if (x == "t") throw ModelError(place("variables") + "'t' is the time and cannot be a variable");
    if (!taken.insert(x).second) throw ModelError(fmt::format("{}variable '{}' is given twice", place("variables"), x));
  }
  for (const auto& [name, value] : constants)
    if (name == "t" || !taken.insert(name).second) throw ModelError(fmt::format("{}constant '{}' has the name of {}", place("constants." + name), name, name == "t" ? "the time" : "a variable"));
  for (const std::string& x : variables)
    for (const char* suffix : {"0", "0_sd"})
      if (constants.contains(x + suffix)) throw ModelError(fmt::format("{}constant '{}{}' has the name of the initial value of '{}'", place("constants." + x + suffix), x, suffix, x));
  const auto known = [&](const auto& table, const char* word) {
    for (const auto& [name, value] : table)
      if (std::find(variables.begin(), variables.end(), name) == variables.end())
        throw ModelError(fmt::format("{}{} is given for '{}', which is not a variable.{} Variables: {}", place(std::string(word) + "." + name), word, name, did_you_mean(name, variables), join(variables)));
  };
  known(drift, "drift");
  known(diffusion, "diffusion");
  known(initial, "initial");
  known(initial_sd, "initial-sd");
  known(domain, "domain");

  std::map<std::string, double> numbers;
  std::vector<std::string> names = variables;
  names.emplace_back("t");
  for (const auto& [name, value] : constants) {
    numbers[name] = values.contains(name) ? values.at(name) : value;
    names.push_back(name);
  }
  std::vector<std::string> slots = variables;
  slots.emplace_back("t");
  const auto formula = [&](const std::string& key, const std::string& text) {
    try {
      const Formula parsed = Formula::parse(text);
      for (const std::string& name : parsed.variables())
        if (std::find(names.begin(), names.end(), name) == names.end())
          throw ModelError(fmt::format("'{}' in '{}' is neither a variable nor a constant.{} Known: {}", name, text, did_you_mean(name, names), join(names)));
      return parsed.substitute(numbers);
    } catch (const ModelError& error) {
      throw ModelError(fmt::format("{}{}: {}", place(key), key, error.what()));
    }
  };

  Process process;
  process.written = interpretation;
  process.time_unit = time_unit;
  ItoSde raw;
  raw.variables = variables;
  raw.noises = shared_noise ? 0 : variables.size();
  for (const std::string& x : variables) {
    const auto a = drift.find(x);
    if (a == drift.end()) throw ModelError(fmt::format("{}no drift is given for variable '{}'; write drift = {{ {} = \"...\" }} (\"0\" if it has none)", place("drift"), x, x));
    raw.drift.push_back(formula("drift." + x, a->second));
  }
  for (std::size_t i = 0; i < variables.size(); ++i) {
    const std::string& x = variables[i];
    const auto b = diffusion.find(x);
    if (b == diffusion.end() || b->second.empty())
      throw ModelError(fmt::format("{}no diffusion is given for variable '{}'; it is the amplitude b of b dW (\"0\" if it has no noise)", place("diffusion"), x));
    if (shared_noise) {
      if (raw.noises == 0) raw.noises = b->second.size();
      if (b->second.size() != raw.noises)
        throw ModelError(fmt::format("{}diffusion.{} has {} amplitudes, that of '{}' has {}: one for each of the shared noises W_1, W_2, ...", place("diffusion." + x), x, b->second.size(), variables[0], raw.noises));
      for (const std::string& text : b->second) raw.amplitude.push_back(formula("diffusion." + x, text));
    } else {
      for (std::size_t k = 0; k < raw.noises; ++k) raw.amplitude.push_back(k == i ? formula("diffusion." + x, b->second[0]) : Formula::constant(0));
    }
  }
  process.ito = interpretation == Interpretation::ito ? raw : to_ito(StratonovichSde{raw.variables, raw.noises, raw.drift, raw.amplitude});
  // Noises that act on nothing cost a random number a step.
  for (std::size_t k = process.ito.noises; k-- > 0;) {
    bool acts = false;
    for (std::size_t i = 0; i < variables.size(); ++i) acts = acts || !is_zero(process.ito.b(i, k));
    if (acts) continue;
    for (std::size_t i = variables.size(); i-- > 0;) process.ito.amplitude.erase(process.ito.amplitude.begin() + static_cast<std::ptrdiff_t>(i * process.ito.noises + k));
    --process.ito.noises;
  }

  for (const std::string& x : variables) {
    const auto number = [&](const std::string& name, const std::map<std::string, double>& own) {
      if (const auto given = values.find(name); given != values.end()) return given->second;
      const auto found = own.find(x);
      return found == own.end() ? 0.0 : found->second;
    };
    process.initial.push_back(number(x + "0", initial));
    process.initial_sd.push_back(number(x + "0_sd", initial_sd));
    if (!(process.initial_sd.back() >= 0)) throw ModelError(fmt::format("{}initial-sd.{} is {}; a standard deviation is not negative", place("initial-sd." + x), x, exact(process.initial_sd.back())));
    const auto walls = domain.find(x);
    process.domain.push_back(walls == domain.end() ? std::array{-infinity, infinity} : walls->second);
    const auto [low, high] = process.domain.back();
    if (!(low < high)) throw ModelError(fmt::format("{}domain.{} = [{}, {}] is empty: the lower end must lie below the upper", place("domain." + x), x, exact(low), exact(high)));
    if (!(low <= process.initial.back() && process.initial.back() <= high))
      throw ModelError(fmt::format("{}{} starts at {}, outside its domain [{}, {}]", place("initial." + x), x, exact(process.initial.back()), exact(low), exact(high)));
    process.bounded_ = process.bounded_ || std::isfinite(low) || std::isfinite(high);
  }
  std::vector<double> z(process.initial);
  z.push_back(0);
  const auto finite = [&](const Formula& f, const std::string& key) {
    const num::Program program(f, slots);
    if (const double value = program(z); !std::isfinite(value))
      throw ModelError(fmt::format("{}{} is not finite at the initial point: {} = {}", place(key), key, f.text(), exact(value)));
    for (const std::string& name : f.variables()) process.time_dependent = process.time_dependent || name == "t";
  };
  for (std::size_t i = 0; i < variables.size(); ++i) {
    finite(process.ito.drift[i], "drift." + variables[i]);
    for (std::size_t k = 0; k < process.ito.noises; ++k) finite(process.ito.b(i, k), "diffusion." + variables[i]);
  }
  process.noise = noise_structure(process.ito, process.initial);
  return process;
}

void SdeSpec::check() const { static_cast<void>(bind({})); }

}  // namespace meso::sde
