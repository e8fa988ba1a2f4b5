#include "kits/kinetics/observables.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "kits/kinetics/correlations.h"
#include "kits/kinetics/passage.h"

namespace meso::kinetics {
namespace {

using Kind = ObservableName::Kind;
constexpr std::array<std::pair<const char*, Kind>, 7> of_one_species{{{"mean", Kind::mean},
                                                                      {"variance", Kind::variance},
                                                                      {"cumulant3", Kind::cumulant3},
                                                                      {"cumulant4", Kind::cumulant4},
                                                                      {"fano", Kind::fano},
                                                                      {"cv", Kind::cv},
                                                                      {"distribution", Kind::distribution}}};

}  // namespace

int ObservableName::order() const {
  switch (kind) {
    case Kind::mean: return 1;
    case Kind::variance:
    case Kind::covariance:
    case Kind::fano:
    case Kind::cv: return 2;
    case Kind::cumulant3: return 3;
    case Kind::cumulant4: return 4;
    case Kind::distribution: return 0;
  }
  return 0;
}

std::optional<ObservableName> parse_observable(const Network& network, const std::string& name) {
  const std::vector<std::string> parts = split(name, '.');
  const auto species = [&](const std::string& part) { return static_cast<std::size_t>(std::find(network.species.begin(), network.species.end(), part) - network.species.begin()); };
  if (parts.size() == 2) {
    const std::size_t s = species(parts[0]);
    for (const auto& [word, kind] : of_one_species)
      if (parts[1] == word && s < network.species.size()) return ObservableName{kind, s, s};
  }
  if (parts.size() == 3 && parts[2] == "covariance") {
    const std::size_t a = species(parts[0]), b = species(parts[1]);
    if (a < network.species.size() && b < network.species.size() && a != b) return ObservableName{Kind::covariance, a, b};
  }
  return std::nullopt;
}

namespace {

ObservableInfo info_of(const Network& network, const std::string& name, const ObservableName& what) {
  const std::string &a = network.species[what.a], &b = network.species[what.b];
  ObservableInfo info;
  info.name = name;
  info.by_default = what.kind == Kind::mean || what.kind == Kind::variance;
  const auto power_of_variance = [&](double power) { info.scale = {Scale::Kind::power, {a + ".variance"}, power}; };
  switch (what.kind) {
    case Kind::mean:
      info.unit = "molecules";
      info.doc = fmt::format("mean number of {0}: <{0}>", a);
      break;
    case Kind::variance:
      info.unit = "molecules^2";
      info.doc = fmt::format("variance of {0}: <{0}^2> - <{0}>^2", a);
      break;
    case Kind::covariance:
      info.unit = "molecules^2";
      info.doc = fmt::format("covariance of {0} and {1}: <{0} {1}> - <{0}><{1}>", a, b);
      info.scale = {Scale::Kind::sqrt_product, {a + ".variance", b + ".variance"}, 1};
      break;
    case Kind::cumulant3:
      info.unit = "molecules^3";
      info.doc = fmt::format("third cumulant of {0}: <({0} - <{0}>)^3>", a);
      power_of_variance(1.5);
      break;
    case Kind::cumulant4:
      info.unit = "molecules^4";
      info.doc = fmt::format("fourth cumulant of {0}: <({0} - <{0}>)^4> - 3 Var({0})^2", a);
      power_of_variance(2);
      break;
    case Kind::fano:
      info.unit = "molecules";
      info.doc = fmt::format("Fano factor of {0}: Var({0})/<{0}>, undefined where the mean is zero", a);
      break;
    case Kind::cv:
      info.unit = "1";
      info.doc = fmt::format("coefficient of variation of {0}: sqrt(Var({0}))/<{0}>, undefined where the mean is zero", a);
      break;
    case Kind::distribution:
      info.unit = "1";
      info.doc = fmt::format("probability that there are n molecules of {}", a);
      break;
  }
  return info;
}

}  // namespace

std::optional<ObservableInfo> observable_info(const Network& network, const std::string& name) {
  if (auto info = passage_info(network, name)) return info;
  if (auto info = correlation_info(network, name)) return info;
  const auto parsed = parse_observable(network, name);
  if (!parsed) return std::nullopt;
  return info_of(network, name, *parsed);
}

std::vector<ObservableInfo> default_observables(const Network& network) {
  std::vector<ObservableInfo> infos;
  for (std::size_t s = 0; s < network.species.size(); ++s)
    for (const auto& [word, kind] : {of_one_species[0], of_one_species[1]}) infos.push_back(info_of(network, network.species[s] + "." + word, {kind, s, s}));
  return infos;
}

}  // namespace meso::kinetics
