// System: a named, documented thing to study, without state. Case: a system bound to validated parameter values.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "model/level.h"
#include "model/schema.h"

namespace meso {

/// Meeting point of levels. `doc` is a definition with a formula, so that it means the same on every level.
struct ObservableInfo {
  std::string name, unit, doc;
  Scale scale = {};
  bool by_default = true;   ///< asked when the user names none
};

/// The paper a system comes from.
struct Paper {
  std::string slug, title, date;
};

struct Case {
  Table parameters;                        ///< resolved: every parameter
  std::vector<ObservableInfo> observables; ///< those that some level can give; more may be asked if `knows` says so
  std::vector<Level> levels;
  std::string time_unit = "1";             ///< unit of times; "" if the system has no time
  /// Observables beyond the list (e.g. "A.B.covariance"): its info, or nullopt if there is no such observable.
  std::function<std::optional<ObservableInfo>(const std::string&)> knows = {};
  std::vector<std::string> notes;          ///< said in the log: rounded initial counts, conservation laws, ...

  [[nodiscard]] const Level* find_level(std::string_view name) const;
  /// @throws StudyError with the nearest name
  [[nodiscard]] const Level& level(const std::string& name) const;
  /// @throws StudyError with the nearest name
  [[nodiscard]] ObservableInfo observable(const std::string& name) const;
};

struct System {
  std::string name, title, family;
  Paper paper;
  std::string needs;                       ///< "" or "torch"
  std::string doc;                         ///< a paragraph of physics
  std::vector<ParameterInfo> parameters;
  bool has_time = true;                    ///< false: one number per trajectory, no times are asked
  std::function<Case(const Table&)> bind;  ///< @throws ParameterError, ModelError
};

/// Builder for systems with a parameter struct.
///   Define<Params>("schlogl", "...", "reactions", schema).paper(...).doc(...).observe(...).level(info, make)
template <class P>
class Define {
 public:
  Define(std::string name, std::string title, std::string family, Schema<P> schema) : schema_(std::move(schema)) {
    system_.name = std::move(name);
    system_.title = std::move(title);
    system_.family = std::move(family);
    system_.parameters = schema_.infos();
  }
  Define& paper(std::string slug, std::string title, std::string date) { system_.paper = {std::move(slug), std::move(title), std::move(date)}; return *this; }
  Define& doc(std::string text) { system_.doc = std::move(text); return *this; }
  Define& no_time() { system_.has_time = false; time_unit_ = ""; return *this; }
  Define& time_unit(std::string unit) { time_unit_ = std::move(unit); return *this; }
  Define& observe(ObservableInfo info) { observables_.push_back(std::move(info)); return *this; }
  /// Checks that concern several parameters at once; throws ParameterError.
  Define& check(std::function<void(const P&)> validate) { check_ = std::move(validate); return *this; }
  /// One level; `make(params)` returns its callable.
  Define& level(LevelInfo info, std::function<std::function<Answer(const Ask&, Context&)>(const P&)> make) {
    levels_.push_back({std::move(info), std::move(make)});
    return *this;
  }
  /// Several levels at once (a kit's ladder).
  Define& levels(std::function<std::vector<Level>(const P&)> make) { more_levels_.push_back(std::move(make)); return *this; }
  /// Anything else a case carries (more observables, notes).
  Define& extend(std::function<void(const P&, Case&)> extend) { extend_.push_back(std::move(extend)); return *this; }

  operator System() const {  // NOLINT: the builder is the system
    System system = system_;
    system.bind = [self = *this](const Table& given) {
      const std::string owner = "system '" + self.system_.name + "'";
      const P params = self.schema_.read(given, owner);
      if (self.check_) self.check_(params);
      Case bound;
      bound.parameters = resolve(self.schema_.infos(), given, owner);
      bound.observables = self.observables_;
      bound.time_unit = self.time_unit_;
      for (const auto& [info, make] : self.levels_) bound.levels.push_back({info, make(params)});
      for (const auto& make : self.more_levels_)
        for (Level& level : make(params)) bound.levels.push_back(std::move(level));
      for (const auto& extend : self.extend_) extend(params, bound);
      return bound;
    };
    return system;
  }

 private:
  System system_;
  Schema<P> schema_;
  std::string time_unit_ = "1";
  std::vector<ObservableInfo> observables_;
  std::function<void(const P&)> check_;
  std::vector<std::pair<LevelInfo, std::function<std::function<Answer(const Ask&, Context&)>(const P&)>>> levels_;
  std::vector<std::function<std::vector<Level>(const P&)>> more_levels_;
  std::vector<std::function<void(const P&, Case&)>> extend_;
};

}  // namespace meso
