// Networks and a context for the tests of moment levels.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "kits/kinetics/network.h"
#include "model/level.h"
#include "testing/measured.h"

namespace meso::kinetics::testing {

/// A context for solved levels: no ensembles, no files.
class QuietContext : public Context {
 public:
  [[nodiscard]] std::uint64_t seed() const override { return 1; }
  [[nodiscard]] const std::string& purpose() const override { return purpose_; }
  [[nodiscard]] EnsembleResult ensemble(const std::string&, const Plan&, std::uint64_t, const BatchSample&) override { throw Error("a solved level asked for an ensemble"); }
  void progress(double) override {}
  [[nodiscard]] std::filesystem::path artefact(const std::string&) override { throw Error("no artefacts in tests"); }
  [[nodiscard]] unsigned threads() const override { return 1; }

 private:
  std::string purpose_ = "test";
};

using Values = std::map<std::string, double>;

inline Network schlogl(double volume, double X0 = 0, std::vector<double> k = {5, 1, 2.25, 6.75}) {
  const NetworkSpec spec{.species = {"X"},
                         .reactions = {"2X -> 3X, k1", "3X -> 2X, k2", "0 -> X, k3", "X -> 0, k4"},
                         .constants = {{"k1", k[0]}, {"k2", k[1]}, {"k3", k[2]}, {"k4", k[3]}},
                         .volume = volume,
                         .initial = {{"X", X0}}};
  return spec.bind({});
}

inline Network brusselator(double volume, double c2, double X0 = 0, double Y0 = 0, bool combinatoric = false) {
  const NetworkSpec spec{.species = {"X", "Y"},
                         .reactions = {"2X + Y -> 3X, c1", "X -> Y, c2", "0 -> X, c3", "X -> 0, c4"},
                         .constants = {{"c1", 0.9}, {"c2", c2}, {"c3", 1}, {"c4", 1}},
                         .volume = volume,
                         .initial = {{"X", X0}, {"Y", Y0}},
                         .combinatoric = combinatoric};
  return spec.bind({});
}

inline Network dimer(double volume, double X0 = 0) {
  const NetworkSpec spec{.species = {"X"}, .reactions = {"0 -> X, k1", "2X -> 0, k2"}, .constants = {{"k1", 1}, {"k2", 1}}, .volume = volume, .initial = {{"X", X0}}};
  return spec.bind({});
}

inline Network mrna_protein() {
  const NetworkSpec spec{.species = {"M", "P"},
                         .reactions = {"0 -> M, a", "M -> 0, g", "M -> M + P, b", "P -> 0, d"},
                         .constants = {{"a", 2}, {"g", 1}, {"b", 5}, {"d", 0.2}},
                         .volume = 1,
                         .initial = {}};
  return spec.bind({});
}

inline Answer at_times(const Level& level, std::vector<double> times, std::vector<std::string> observables, Table options = {}, double target = 1e-7) {
  QuietContext context;
  return level.run({Times{std::move(times)}, std::move(observables), target, std::move(options)}, context);
}

inline Answer stationary(const Level& level, std::vector<std::string> observables, Table options = {}) {
  QuietContext context;
  return level.run({Stationary{}, std::move(observables), 0, std::move(options)}, context);
}

inline double value(const Answer& answer, const std::string& observable, std::size_t i = 0) {
  const Estimate* e = answer.find(observable);
  return e == nullptr ? std::nan("") : e->value.at(i);
}

/// The numerical bound that belongs to value(); NaN (recorded as null) where the level gives none.
inline double bound(const Answer& answer, const std::string& observable, std::size_t i = 0) {
  const Estimate* e = answer.find(observable);
  return e == nullptr ? std::nan("") : e->bound(i);
}

/// Where a recorded number belongs: the check is called "<level> <observable>, <at>". Values are recorded per volume if one is given.
struct Where {
  std::string system, level, at;
  double volume = 1;
};
inline void record(const Where& where, const Answer& answer, const std::string& observable, double reference, const std::string& source, std::size_t i = 0) {
  measured(where.system, where.level + " " + observable + (where.volume == 1 ? "" : " / volume") + ", " + where.at, value(answer, observable, i) / where.volume,
           bound(answer, observable, i) / where.volume, reference, source);
}
/// Text of a number in a check's name.
inline std::string text(double x) {
  std::string s = std::to_string(x);
  s.erase(s.find_last_not_of('0') + 1);
  if (s.back() == '.') s.pop_back();
  return s;
}

inline const Flag* flag(const Answer& answer, const std::string& kind) {
  for (const Flag& f : answer.flags)
    if (f.kind == kind) return &f;
  return nullptr;
}

inline Table normal(int order) { return {{"kind", Value("normal")}, {"order", Value(order)}}; }

}  // namespace meso::kinetics::testing
