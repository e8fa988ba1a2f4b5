#include "study/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <ctime>
#include <exception>
#include <mutex>
#include <set>
#include <thread>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "base/version.h"
#include "exec/engine.h"
#include "stat/fit.h"
#include "stat/quantile.h"
#include "study/study_file.h"

namespace meso {
namespace {

std::string place(const std::string& where) { return where.empty() ? "" : where + ": "; }

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::vector<double> spaced(double from, double to, std::int64_t count, bool log) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < count; ++i) {
    const double fraction = count == 1 ? 0.0 : static_cast<double>(i) / static_cast<double>(count - 1);
    values.push_back(log ? from * std::pow(to / from, fraction) : from + (to - from) * fraction);
  }
  if (count > 1) values.back() = to;
  return values;
}

std::vector<double> parse_range(const std::string& text, const std::string& what, const std::string& where, bool& log) {
  std::vector<std::string> parts = split(text, ':');
  log = false;
  if (!parts.empty() && (parts[0] == "log" || parts[0] == "linear")) {
    log = parts[0] == "log";
    parts.erase(parts.begin());
  } else if (!parts.empty() && parts[0] == "list") {
    std::vector<double> values;
    for (const std::string& part : split(parts.size() > 1 ? parts[1] : "", ',')) {
      double value = 0;
      if (!parse_number(part, value)) throw StudyError(fmt::format("{}{}: '{}' is no number", place(where), what, part));
      values.push_back(value);
    }
    if (values.empty()) throw StudyError(fmt::format("{}{}: the list is empty", place(where), what));
    return values;
  }
  double from = 0, to = 0, count = 0;
  if (parts.size() != 3 || !parse_number(parts[0], from) || !parse_number(parts[1], to) || !parse_number(parts[2], count) || count != std::floor(count) || count < 1 ||
      count > 1e7 || !std::isfinite(from) || !std::isfinite(to))
    throw StudyError(fmt::format("{}{}: '{}' is not from:to:count, log:from:to:count or list:a,b,c", place(where), what, text));
  if (log && !(from > 0 && to > 0)) throw StudyError(fmt::format("{}{}: a logarithmic grid needs both ends above 0, not '{}'", place(where), what, text));
  if (count > 1 && from == to) throw StudyError(fmt::format("{}{}: both ends of '{}' are equal", place(where), what, text));
  return spaced(from, to, static_cast<std::int64_t>(count), log);
}

}  // namespace

SweepAxis parse_sweep(const std::string& parameter, const std::string& text, const std::string& where) {
  SweepAxis axis{parameter, {}, false, where};
  axis.values = parse_range(text, "sweep over " + parameter, where, axis.log);
  return axis;
}

std::vector<double> parse_times(const std::string& text, const std::string& where) {
  bool log = false;
  return parse_range(text, "times", where, log);
}

LevelRequest parse_level(const std::string& text, const std::string& where) {
  LevelRequest request;
  const auto colon = text.find(':');
  request.level = std::string(trim(text.substr(0, colon)));
  request.where = where;
  if (colon == std::string::npos) return request;
  for (const std::string& part : split(text.substr(colon + 1), ',')) {
    const auto equals = part.find('=');
    if (equals == std::string::npos) throw StudyError(fmt::format("{}level '{}': '{}' is not name=value", place(where), text, part));
    const std::string name(trim(part.substr(0, equals)));
    if (name == "label") request.label = std::string(trim(part.substr(equals + 1)));
    else request.options[name] = value_from_text(part.substr(equals + 1), where);
  }
  return request;
}

namespace {

LevelRequest resolved_level(LevelRequest request, const Case& bound) {
  const Level* found = bound.find_level(request.level);
  if (!found) {
    std::vector<std::string> names;
    for (const Level& level : bound.levels) names.push_back(level.info.name);
    throw StudyError(fmt::format("{}unknown level '{}'.{}\n  known: {}", place(request.where), request.level, did_you_mean(request.level, names), join(names)));
  }
  request.options = resolve(found->info.options, request.options, "level '" + request.level + "'");
  if (request.label.empty()) {
    const auto kind = request.options.find("kind"), order = request.options.find("order");
    if (kind != request.options.end() && order != request.options.end()) request.label = to_text(kind->second) + "-" + to_text(order->second);
    else request.label = request.level;
  }
  return request;
}

Table parameters_at(const Study& study, const Table& point) {
  Table all = study.parameters;
  for (const auto& [name, value] : point) all[name] = value;
  return all;
}

/// Observables asked of the levels: those of the study and those that the scales need.
std::vector<std::string> asked(const Study& study, const Case& bound) {
  std::vector<std::string> names = study.observables;
  const auto add = [&](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  if (study.reference)
    for (const std::string& observable : study.observables) {
      const auto found = study.overrides.find(observable);
      for (const std::string& name : needed_for(bound.observable(observable), found == study.overrides.end() ? study.criterion : found->second)) add(name);
    }
  return names;
}

Ask ask_of(const Study& study, const Case& bound, const LevelRequest& request) {
  Ask ask;
  ask.when = *study.when;
  ask.observables = asked(study, bound);
  ask.options = request.options;
  if (study.reference) {
    double relative = study.criterion.relative > 0 ? study.criterion.relative : 0.05;
    for (const auto& [name, criterion] : study.overrides)
      if (criterion.relative > 0) relative = std::min(relative, criterion.relative);
    ask.target_error = 0.01 * relative;  // numerical bounds of at most 1 % of the margin (VERDICT section 3)
  }
  return ask;
}

std::string kind_text(Study::Kind kind) { return kind == Study::Kind::run ? "run" : kind == Study::Kind::compare ? "compare" : "sweep"; }

}  // namespace

std::vector<Table> points_of(const Study& study) {
  std::vector<Table> points{Table{}};
  for (const SweepAxis& axis : study.sweep) {
    std::vector<Table> next;
    for (const Table& point : points)
      for (const double value : axis.values) {
        Table extended = point;
        extended[axis.parameter] = Value(value, axis.where);
        next.push_back(std::move(extended));
      }
    points = std::move(next);
  }
  return points;
}

std::size_t entries_of(const Study& study) {
  std::size_t points = 1;
  for (const SweepAxis& axis : study.sweep) points *= axis.values.size();
  return std::max<std::size_t>(1, points * study.levels.size() * study.observables.size());
}

Study resolved(Study study) {
  if (study.levels.empty()) throw StudyError("the study names no level to " + std::string(study.kind == Study::Kind::run ? "run" : "judge"));
  if (study.kind != Study::Kind::run && !study.reference) throw StudyError("the study names no reference level: what should the others be judged against?");

  // Integers swept as reals (N = 8, 16, 32) are given back as integers by the schema; the first point checks names.
  const std::vector<Table> points = points_of(study);
  for (const SweepAxis& axis : study.sweep) {
    std::vector<std::string> names;
    for (const ParameterInfo& info : study.system.parameters) names.push_back(info.name);
    if (std::find(names.begin(), names.end(), axis.parameter) == names.end())
      throw StudyError(fmt::format("{}unknown parameter '{}' in the sweep.{}\n  known: {}", place(axis.where), axis.parameter, did_you_mean(axis.parameter, names), join(names)));
    if (axis.values.empty()) throw StudyError(fmt::format("{}the sweep over '{}' has no values", place(axis.where), axis.parameter));
    if (study.parameters.contains(axis.parameter))
      throw StudyError(fmt::format("{}'{}' is both set and swept; remove one of the two", place(axis.where), axis.parameter));
  }
  std::optional<Case> first;
  for (const Table& point : points) {
    Case bound = study.system.bind(parameters_at(study, point));
    if (!first) first = std::move(bound);
  }

  if (!study.when) {
    if (study.system.has_time) throw StudyError("the study asks for no times: give times (from, to, count) or ask for the stationary state");
    study.when = Stationary{};
  }
  if (auto* times = std::get_if<Times>(&*study.when)) {
    if (!study.system.has_time) throw StudyError(fmt::format("'{}' has no time: leave the times out", study.system.name));
    if (times->points.empty()) throw StudyError("the list of times is empty");
    for (std::size_t i = 0; i < times->points.size(); ++i) {
      if (!std::isfinite(times->points[i]) || times->points[i] < 0) throw StudyError(fmt::format("time {} is {}; times must be finite and not negative", i + 1, brief(times->points[i])));
      if (i > 0 && !(times->points[i] > times->points[i - 1])) throw StudyError(fmt::format("times must increase: {} is followed by {}", brief(times->points[i - 1]), brief(times->points[i])));
    }
  } else {
    const auto& window = std::get<Stationary>(*study.when);
    if ((window.burn_in && !(*window.burn_in >= 0)) || (window.window && !(*window.window > 0))) throw StudyError("stationary: burn-in must not be negative and the window must be above 0");
  }

  if (study.reference) study.reference = resolved_level(*study.reference, *first);
  std::set<std::string> labels;
  if (study.reference) labels.insert(study.reference->label);
  for (LevelRequest& request : study.levels) {
    request = resolved_level(request, *first);
    if (!labels.insert(request.label).second)
      throw StudyError(fmt::format("{}the label '{}' is used twice; give one of them a label of its own", place(request.where), request.label));
  }

  if (study.observables.empty())
    for (const ObservableInfo& info : first->observables)
      if (info.by_default) study.observables.push_back(info.name);
  std::set<std::string> seen;
  for (const std::string& name : study.observables) {
    (void)first->observable(name);
    if (!seen.insert(name).second) throw StudyError(fmt::format("the observable '{}' is named twice", name));
  }
  const auto check = [](const Criterion& criterion, const std::string& name) {
    if (!std::isfinite(criterion.relative) || !std::isfinite(criterion.absolute) || criterion.relative < 0 || criterion.absolute < 0)
      throw StudyError(fmt::format("the margin of '{}' must be finite and not negative", name));
    if (!(criterion.relative + criterion.absolute > 0)) throw StudyError(fmt::format("the margin of '{}' is zero: give a relative or an absolute margin above 0", name));
  };
  for (const std::string& name : study.observables)
    if (study.reference) check(study.overrides.contains(name) ? study.overrides.at(name) : study.criterion, name);
  for (const auto& [name, criterion] : study.overrides)
    if (!seen.contains(name)) throw StudyError(fmt::format("the margin of '{}' is overridden, but it is not among the observables.{}\n  asked: {}", name, did_you_mean(name, study.observables), join(study.observables)));
  if (!(study.confidence > 0 && study.confidence < 1)) throw StudyError(fmt::format("confidence is {}; it must lie between 0 and 1, e.g. 0.99", brief(study.confidence)));
  if (study.budget.first < 1 || study.budget.max < study.budget.first)
    throw StudyError(fmt::format("budget: first = {} and max = {} trajectories; first must be at least 1 and max at least first", study.budget.first, study.budget.max));
  if (study.title.empty()) study.title = study.system.title;
  return study;
}

std::vector<std::string> describe(const Study& given) {
  const Study study = resolved(given);
  const std::vector<Table> points = points_of(study);
  std::vector<std::string> lines;
  lines.push_back(fmt::format("{}: {} point{}, {} level{}{}", study.system.name, points.size(), points.size() == 1 ? "" : "s", study.levels.size(), study.levels.size() == 1 ? "" : "s",
                              study.reference ? " against '" + study.reference->label + "'" : ""));
  if (study.reference) {
    const std::size_t entries = entries_of(study);
    Judgement how{.confidence = study.confidence, .entries = entries, .adaptive = study.budget.max > study.budget.first};
    const auto* times = std::get_if<Times>(&*study.when);
    const double per_entry = times ? static_cast<double>(times->points.size()) : 1.0;
    lines.push_back(fmt::format("{} comparisons, {} points each, {} % simultaneous: quantile {} to agree, {} to disagree (normal; Student's at run time)", entries, per_entry,
                                brief(100 * study.confidence), brief(normal_tail_quantile(alpha_of(how) / 2)), brief(normal_tail_quantile(alpha_of(how) / 2 / per_entry))));
  }
  std::vector<LevelRequest> requests = study.levels;
  if (study.reference) requests.insert(requests.begin(), *study.reference);
  for (const Table& point : points.size() > 1 ? std::vector<Table>{points.front(), points.back()} : points) {
    const Case bound = study.system.bind(parameters_at(study, point));
    if (!point.empty()) lines.push_back(to_text(point));
    for (const LevelRequest& request : requests) {
      const Level& level = bound.level(request.level);
      std::string line = fmt::format("  {}: ", request.label);
      if (level.info.sampled)
        line += study.budget.max > study.budget.first ? fmt::format("{} to {} trajectories", with_commas(study.budget.first), with_commas(study.budget.max))
                                                      : fmt::format("{} trajectories", with_commas(study.budget.first));
      else line += "solved";
      if (level.plan)
        for (const std::string& more : level.plan(ask_of(study, bound, request))) line += "; " + more;
      lines.push_back(line);
    }
  }
  return lines;
}

namespace {

/// Progress over the points and levels of a study: a level's share is what it took at the last point where it ran.
class StudyProgress {
 public:
  StudyProgress(const ProgressSink& sink, std::size_t points) : sink_(sink), points_(points), start_(std::chrono::steady_clock::now()) {}
  void at(double points_done, const std::string& what) {
    if (!sink_) return;
    const double elapsed = seconds_since(start_);
    const double fraction = std::min(1.0, points_done / static_cast<double>(points_));
    sink_({fraction, elapsed, fraction > 0.01 ? elapsed * (1 - fraction) / fraction : -1, what});
  }

 private:
  const ProgressSink& sink_;
  std::size_t points_;
  std::chrono::steady_clock::time_point start_;
};

class Runner {
 public:
  Runner(const Study& study, const RunOptions& options) : study_(resolved(study)), options_(options), points_(points_of(study_)), progress_(options.progress, points_.size()) {
    requests_ = study_.levels;
    if (study_.reference) requests_.insert(requests_.begin(), *study_.reference);
  }

  Results run() {
    const auto start = std::chrono::steady_clock::now();
    Results results = header();
    const Case first = study_.system.bind(parameters_at(study_, points_.front()));
    const bool any_sampled = std::any_of(requests_.begin(), requests_.end(), [&](const LevelRequest& r) { return first.level(r.level).info.sampled; });
    if (any_sampled || points_.size() == 1 || options_.threads <= 1) {
      for (std::size_t p = 0; p < points_.size(); ++p) {
        append(results, p, run_point(p, options_.threads, [&](double f, const std::string& what) { progress_.at(static_cast<double>(p) + f, what); }));
        results.provenance.seconds = seconds_since(start);
        if (options_.on_point) options_.on_point(results);
      }
    } else {
      run_points_side_by_side(results, start);
    }
    fit_orders(results, first);
    results.provenance.seconds = seconds_since(start);
    return results;
  }

 private:
  using Report = std::function<void(double, const std::string&)>;
  struct PointOutcome {
    PointResult result;
    std::vector<Verdict> verdicts;
    std::vector<std::string> notes;
  };

  Results header() const {
    Results results;
    const Case first = study_.system.bind(parameters_at(study_, points_.front()));
    results.study = write_toml(study_document(study_));
    results.title = study_.title;
    results.system = study_.system.name;
    results.system_title = study_.system.title;
    results.time_unit = first.time_unit;
    results.kind = kind_text(study_.kind);
    results.seed = study_.seed;
    results.confidence = study_.confidence;
    for (const SweepAxis& axis : study_.sweep) results.sweep.push_back(axis.parameter);
    results.parameters = study_.system.parameters;
    for (const std::string& name : study_.observables) results.observables.push_back(first.observable(name));
    results.notes = first.notes;
    results.provenance.version = version;
    results.provenance.compiler = fmt::format("g++ {}", __VERSION__);
    results.provenance.threads = options_.threads;
    const std::time_t now = std::time(nullptr);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
    results.provenance.started = text;
    return results;
  }

  void append(Results& results, std::size_t p, PointOutcome outcome) const {
    results.points.push_back(std::move(outcome.result));
    for (Verdict& verdict : outcome.verdicts) {
      verdict.point = p;
      results.verdicts.push_back(std::move(verdict));
    }
    for (std::string& note : outcome.notes)
      if (std::find(results.notes.begin(), results.notes.end(), note) == results.notes.end()) results.notes.push_back(std::move(note));
  }

  /// Solved levels only: points are independent jobs, one thread each, results in order of the points.
  void run_points_side_by_side(Results& results, std::chrono::steady_clock::time_point start) {
    std::mutex mutex;
    std::condition_variable changed;
    std::map<std::size_t, PointOutcome> waiting;
    std::size_t next = 0, finished = 0;
    bool stop = false;
    std::exception_ptr failure;
    std::size_t failed = points_.size();
    const auto work = [&] {
      while (true) {
        std::size_t p;
        {
          const std::lock_guard lock(mutex);
          if (stop || next >= points_.size()) return;
          p = next++;
        }
        std::optional<PointOutcome> outcome;
        std::exception_ptr error;
        try {
          outcome = run_point(p, 1, [&](double, const std::string&) {
            const std::lock_guard lock(mutex);
            if (stop) throw Cancelled();
          });
        } catch (...) {
          error = std::current_exception();
        }
        const std::lock_guard lock(mutex);
        if (error && !stop) {
          stop = true;
          if (p < failed) {
            failed = p;
            failure = error;
          }
        } else if (outcome) {
          waiting.emplace(p, std::move(*outcome));
          ++finished;
        }
        changed.notify_all();
      }
    };
    std::vector<std::jthread> pool;
    for (unsigned i = 0; i < std::min<std::size_t>(options_.threads, points_.size()); ++i) pool.emplace_back(work);
    std::unique_lock lock(mutex);
    while (!stop && results.points.size() < points_.size()) {
      changed.wait_for(lock, std::chrono::milliseconds(50));
      try {
        progress_.at(static_cast<double>(finished), fmt::format("point {} of {}", finished, points_.size()));
        bool news = false;
        while (!waiting.empty() && waiting.begin()->first == results.points.size()) {
          append(results, waiting.begin()->first, std::move(waiting.begin()->second));
          waiting.erase(waiting.begin());
          news = true;
        }
        results.provenance.seconds = seconds_since(start);
        if (news && options_.on_point) options_.on_point(results);
      } catch (...) {
        if (!failure) failure = std::current_exception();
        stop = true;
      }
    }
    lock.unlock();
    pool.clear();
    if (failure) std::rethrow_exception(failure);
  }

  PointOutcome run_point(std::size_t p, unsigned threads, const Report& report) {
    const Table given = parameters_at(study_, points_[p]);
    const Case bound = study_.system.bind(given);
    PointOutcome outcome;
    outcome.result.parameters = bound.parameters;
    outcome.notes = bound.notes;
    std::uint64_t seed = study_.seed;
    if (study_.independent_points) seed = mix64(seed ^ fnv1a(to_text(bound.parameters)));

    std::vector<std::unique_ptr<LevelRun>> runs;
    std::size_t current = 0;
    for (const LevelRequest& request : requests_) {
      EngineOptions engine;
      engine.seed = seed;
      engine.threads = threads;
      engine.artefacts = options_.artefacts;
      engine.on_progress = [&, label = request.label](double f) {
        report((static_cast<double>(current) + f) / static_cast<double>(requests_.size()), label);
      };
      runs.push_back(std::make_unique<LevelRun>(engine, study_.system.name + "/" + request.level));
      const Level& level = bound.level(request.level);
      LevelResult result;
      result.info = level.info;
      result.label = request.label;
      result.options = request.options;
      result.is_reference = study_.reference && &request == &requests_.front();
      outcome.result.levels.push_back(std::move(result));
    }

    Budget budget = study_.budget;
    std::uint64_t n = budget.first;
    std::vector<std::optional<Verdict>> settled(study_.reference ? study_.levels.size() * study_.observables.size() : 0);
    for (int look = 1;; ++look) {
      bool sampled = false;
      for (current = 0; current < requests_.size(); ++current) {
        LevelResult& result = outcome.result.levels[current];
        LevelRun& run = *runs[current];
        if (look > 1 && run.trajectories() == 0) continue;  // solved: its answer stands
        run.set_trajectories(n);
        const auto begin = std::chrono::steady_clock::now();
        run.progress(0);
        result.answer = bound.level(requests_[current].level).run(ask_of(study_, bound, requests_[current]), run);
        result.seconds += seconds_since(begin);
        result.samples = run.trajectories();
        sampled = sampled || result.samples > 0;
      }
      if (!study_.reference) break;
      const bool adaptive = sampled && budget.max > budget.first;
      bool more = false;
      std::size_t entry = 0;
      for (std::size_t c = 1; c < requests_.size(); ++c)
        for (const std::string& name : study_.observables) {
          std::optional<Verdict>& verdict = settled[entry++];
          if (verdict && (verdict->outcome != Outcome::undecided)) continue;  // decided at an earlier look: final
          const auto found = study_.overrides.find(name);
          Judgement how;
          how.criterion = found == study_.overrides.end() ? study_.criterion : found->second;
          how.confidence = study_.confidence;
          how.entries = entries_of(study_);
          how.look = look;
          how.adaptive = adaptive;
          how.certified_only = study_.certified_only;
          verdict = judge(outcome.result.levels[c], outcome.result.levels[0], bound.observable(name), how);
          const bool can_improve = outcome.result.levels[c].samples > 0 || outcome.result.levels[0].samples > 0;
          more = more || (verdict->outcome == Outcome::undecided && can_improve);
        }
      if (!adaptive || !more || n >= budget.max) break;
      n = std::min(2 * n, budget.max);
    }
    for (std::optional<Verdict>& verdict : settled) outcome.verdicts.push_back(std::move(*verdict));
    return outcome;
  }

  /// Measured orders of the candidates' errors in their small parameter, where a sweep has it (docs/verdict.md).
  void fit_orders(Results& results, const Case& first) const {
    if (study_.sweep.size() != 1 || !study_.reference || results.points.size() < 3) return;
    const std::string& parameter = study_.sweep.front().parameter;
    for (const LevelRequest& request : study_.levels) {
      const LevelInfo& info = first.level(request.level).info;
      const bool inverse = info.small_parameter == "1/" + parameter;
      if (!inverse && info.small_parameter != parameter) continue;
      for (const std::string& name : study_.observables) {
        OrderFit fit;
        fit.label = request.label;
        fit.observable = name;
        fit.parameter = info.small_parameter;
        fit.expected = info.expected_order;
        std::vector<double> x, d, e;
        for (const PointResult& point : results.points) {
          const LevelResult *candidate = point.find(request.label), *reference = point.reference();
          const Estimate *c = candidate->answer.find(name), *r = reference->answer.find(name);
          if (!c || !r || c->size() != r->size() || c->size() == 0 || c->is_distribution) continue;
          const auto& flags = candidate->answer.flags;  // a value after a breakdown says nothing of an order
          if (std::any_of(flags.begin(), flags.end(), [&](const Flag& flag) { return flag.fatal && (flag.observable.empty() || flag.observable == name); })) continue;
          std::size_t peak = 0;  // over a path: the relative difference where the reference peaks
          for (std::size_t i = 0; i < r->size(); ++i)
            if (std::abs(r->value[i]) > std::abs(r->value[peak])) peak = i;
          const double value = as_number(point.parameters.at(parameter));
          if (!(std::abs(r->value[peak]) > 0) || !std::isfinite(c->value[peak])) continue;
          x.push_back(inverse ? 1 / value : value);
          d.push_back((c->value[peak] - r->value[peak]) / std::abs(r->value[peak]));
          e.push_back((std::hypot(c->samples ? c->se(peak) : 0.0, r->samples ? r->se(peak) : 0.0) + c->bound(peak) + r->bound(peak)) / std::abs(r->value[peak]));
        }
        if (x.size() < 3) continue;
        const OrderEstimate order = fit_order(x, d, e);
        fit.x = x;
        fit.difference = d;
        fit.difference_se = e;
        fit.order = order.resolved ? order.order : std::numeric_limits<double>::quiet_NaN();
        fit.std_error = order.resolved ? order.std_error : std::numeric_limits<double>::quiet_NaN();
        fit.text = order.resolved ? fmt::format("order {} +- {} in {} over {} points{}", brief(order.order, 3), brief(order.std_error, 2), fit.parameter, order.used,
                                                fit.expected > 0 ? fmt::format(" (expected {})", brief(fit.expected)) : "")
                                  : order.text;
        results.orders.push_back(std::move(fit));
      }
    }
  }

  const Study study_;
  const RunOptions& options_;
  const std::vector<Table> points_;
  std::vector<LevelRequest> requests_;
  StudyProgress progress_;
};

}  // namespace

Results run_study(const Study& study, const RunOptions& options) { return Runner(study, options).run(); }

Answer run_trajectory(const Study& given, std::uint64_t trajectory) {
  const Study study = resolved(given);
  const Case bound = study.system.bind(parameters_at(study, points_of(study).front()));
  const LevelRequest& request = study.levels.front();
  const Level& level = bound.level(request.level);
  if (!level.info.sampled) throw StudyError(fmt::format("level '{}' has no trajectories: it is solved", request.level));
  std::uint64_t seed = study.seed;
  if (study.independent_points) seed = mix64(seed ^ fnv1a(to_text(bound.parameters)));
  LevelRun run({.seed = seed}, study.system.name + "/" + request.level);
  run.set_solo(trajectory);
  return level.run(ask_of(study, bound, request), run);
}

}  // namespace meso
