#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <ctime>
#include <exception>
#include <mutex>
#include <thread>

#include "base/archive.h"
#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/text.h"
#include "base/version.h"
#include "exec/engine.h"
#include "model/archive.h"
#include "stat/fit.h"
#include "study/study_file.h"
#include "study/study_parts.h"
#include "study/sweep.h"

namespace meso {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::string kind_text(Study::Kind kind) { return kind == Study::Kind::run ? "run" : kind == Study::Kind::compare ? "compare" : "sweep"; }

/// Pictures are drawn at every point of a small sweep, else at its first, middle and last.
bool draws_portraits(std::size_t point, std::size_t points) { return points <= 9 || point == 0 || point == points / 2 || point + 1 == points; }

/// Progress over the points and levels of a study: a level's share is what it took at the last point where it ran.
class StudyProgress {
 public:
  StudyProgress(const ProgressSink& sink, double pause_after) : sink_(sink), pause_after_(pause_after), start_(Clock::now()) {}
  void set_points(std::size_t points) { points_ = std::max<std::size_t>(1, points); }
  /// @throws Cancelled by the sink, or when it is time to pause
  void at(double points_done, const std::string& what) {
    const double elapsed = seconds_since(start_);
    if (pause_after_ > 0 && elapsed > pause_after_) throw Cancelled();
    if (!sink_) return;
    const double fraction = std::min(1.0, points_done / static_cast<double>(points_));
    sink_({fraction, elapsed, fraction > 0.01 ? elapsed * (1 - fraction) / fraction : -1, what});
  }

 private:
  const ProgressSink& sink_;
  double pause_after_;
  std::size_t points_ = 1;
  Clock::time_point start_;
};

class Runner {
 public:
  Runner(const Study& study, const RunOptions& options) : study_(resolved(study)), options_(options), progress_(options.progress, study_.budget.pause_after) {
    requests_ = study_.levels;
    if (study_.reference) requests_.insert(requests_.begin(), *study_.reference);
    if (options_.known)
      for (std::size_t p = 0; p < options_.known->points.size(); ++p) known_[to_text(options_.known->points[p].parameters)] = p;
  }

  Results run() {
    start_ = Clock::now();
    Results results = header();
    const std::vector<Table> grid = points_of(study_);
    const Case first = study_.system.bind(parameters_at(study_, grid.front()));
    any_sampled_ = std::any_of(requests_.begin(), requests_.end(), [&](const LevelRequest& r) { return first.level(r.level).info.sampled; });
    std::vector<Job> jobs;
    for (std::size_t p = 0; p < grid.size(); ++p) jobs.push_back({grid[p], draws_portraits(p, grid.size())});
    run_jobs(results, jobs);
    while (true) {  // of a boundary sweep: every round reads finished points only
      jobs.clear();
      for (Table& point : refine(study_, results)) jobs.push_back({std::move(point), false});
      if (jobs.empty()) break;
      run_jobs(results, jobs);
    }
    if (study_.sweep_mode == SweepMode::boundary) sort_points(results);
    results.edges = edges_of(study_, results);
    fit_orders(results, first);
    draw_branches(results, first);
    results.provenance.seconds = seconds_since(start_);
    return results;
  }

 private:
  using Report = std::function<void(double, const std::string&)>;
  struct Job {
    Table point;
    bool portraits = false;
  };
  struct PointOutcome {
    PointResult result;
    std::vector<Verdict> verdicts;
    std::vector<std::string> notes;
  };
  /// Where the work at a point stands: everything that a checkpoint must bring back.
  struct Work {
    int look = 1;
    std::uint64_t n = 0;
    std::size_t current = 0;  ///< the level in work; those before it are done at this look
    std::vector<std::optional<Verdict>> settled;
  };

  Results header() const {
    Results results;
    const Case first = study_.system.bind(parameters_at(study_, points_of(study_).front()));
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
    if (options_.known && !options_.known->points.empty() && options_.known->provenance.git != revision)
      results.notes.push_back(fmt::format("{} points were finished by another build ({}): equal to those of one build within their errors, not to the bit", options_.known->points.size(), options_.known->provenance.git));
    results.provenance.version = version;
    results.provenance.git = revision;
    char host[256] = "";
    if (gethostname(host, sizeof host - 1) == 0) results.provenance.host = host;
    results.provenance.compiler = fmt::format("g++ {}", __VERSION__);
    results.provenance.threads = options_.threads;
    const std::time_t now = std::time(nullptr);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
    results.provenance.started = text;
    return results;
  }

  void append(Results& results, PointOutcome outcome) const {
    for (Verdict& verdict : outcome.verdicts) {
      verdict.point = results.points.size();
      results.verdicts.push_back(std::move(verdict));
    }
    results.points.push_back(std::move(outcome.result));
    for (std::string& note : outcome.notes)
      if (std::find(results.notes.begin(), results.notes.end(), note) == results.notes.end()) results.notes.push_back(std::move(note));
  }

  /// The point as an interrupted run of this study left it, if it had finished it.
  std::optional<PointOutcome> recalled(const Case& bound) const {
    const auto found = known_.find(to_text(bound.parameters));
    if (found == known_.end()) return std::nullopt;
    PointOutcome outcome;
    outcome.result = options_.known->points[found->second];
    for (LevelResult& level : outcome.result.levels)
      if (const Level* same = bound.find_level(level.info.name)) level.info = same->info;  // what a file does not keep
    for (const Verdict& verdict : options_.known->verdicts)
      if (verdict.point == found->second) outcome.verdicts.push_back(verdict);
    outcome.notes = bound.notes;
    return outcome;
  }

  void run_jobs(Results& results, const std::vector<Job>& jobs) {
    const std::size_t before = results.points.size();
    progress_.set_points(before + jobs.size());
    if (!any_sampled_ && jobs.size() > 1 && options_.threads > 1) {
      run_side_by_side(results, jobs);
      return;
    }
    for (std::size_t p = 0; p < jobs.size(); ++p) {
      append(results, run_point(jobs[p], options_.threads, true, [&](double f, const std::string& what) { progress_.at(static_cast<double>(before + p) + f, what); }));
      results.provenance.seconds = seconds_since(start_);
      if (options_.on_point) options_.on_point(results);
    }
  }

  /// Solved levels only: points are independent jobs, one thread each, results in order of the jobs.
  void run_side_by_side(Results& results, const std::vector<Job>& jobs) {
    const std::size_t before = results.points.size();
    std::mutex mutex;
    std::condition_variable changed;
    std::map<std::size_t, PointOutcome> waiting;
    std::size_t next = 0, finished = 0;
    bool stop = false;
    std::exception_ptr failure;
    std::size_t failed = jobs.size();
    const auto work = [&] {
      while (true) {
        std::size_t p;
        {
          const std::lock_guard lock(mutex);
          if (stop || next >= jobs.size()) return;
          p = next++;
        }
        std::optional<PointOutcome> outcome;
        std::exception_ptr error;
        try {
          outcome = run_point(jobs[p], 1, false, [&](double, const std::string&) {
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
    for (unsigned i = 0; i < std::min<std::size_t>(options_.threads, jobs.size()); ++i) pool.emplace_back(work);
    std::unique_lock lock(mutex);
    while (!stop && results.points.size() < before + jobs.size()) {
      changed.wait_for(lock, std::chrono::milliseconds(50));
      try {
        progress_.at(static_cast<double>(before + finished), fmt::format("point {} of {}", before + finished, before + jobs.size()));
        bool news = false;
        while (!waiting.empty() && before + waiting.begin()->first == results.points.size()) {
          append(results, std::move(waiting.begin()->second));
          waiting.erase(waiting.begin());
          news = true;
        }
        results.provenance.seconds = seconds_since(start_);
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

  /// @param keeps  whether this point may write and read the checkpoint (points side by side do not)
  PointOutcome run_point(const Job& job, unsigned threads, bool keeps, const Report& report) {
    const Table given = parameters_at(study_, job.point);
    const Case bound = study_.system.bind(given);
    if (auto outcome = recalled(bound)) {
      report(1, "");
      return std::move(*outcome);
    }
    PointOutcome outcome;
    outcome.result.parameters = bound.parameters;
    outcome.notes = bound.notes;
    std::uint64_t seed = study_.seed;
    if (study_.independent_points) seed = mix64(seed ^ fnv1a(to_text(bound.parameters)));

    const Budget& budget = study_.budget;
    Work work;
    work.n = budget.first;
    work.settled.resize(study_.reference ? study_.levels.size() * study_.observables.size() : 0);
    std::vector<std::unique_ptr<LevelRun>> runs;
    keeps = keeps && !options_.checkpoint.empty();
    Clock::time_point saved = Clock::now();
    const auto save_work = [&] {
      save(outcome.result, work, runs);
      saved = Clock::now();
    };
    for (const LevelRequest& request : requests_) {
      EngineOptions engine;
      engine.seed = seed;
      engine.threads = threads;
      engine.artefacts = options_.artefacts;
      engine.on_progress = [&, label = request.label](double f) {
        report((static_cast<double>(work.current) + f) / static_cast<double>(requests_.size()), label);
      };
      if (keeps)
        engine.on_consistent = [&] {
          if (seconds_since(saved) >= options_.checkpoint_every) save_work();
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
    if (keeps) load(outcome.result, work, runs);

    try {
      for (;; ++work.look) {
        for (; work.current < requests_.size(); ++work.current) {
          LevelResult& result = outcome.result.levels[work.current];
          LevelRun& run = *runs[work.current];
          if (work.look > 1 && run.trajectories() == 0) continue;  // solved: its answer stands
          run.set_trajectories(work.n);
          const auto begin = Clock::now();
          run.progress(0);
          Ask ask = ask_of(study_, bound, requests_[work.current]);
          ask.portraits = job.portraits;
          result.answer = bound.level(requests_[work.current].level).run(ask, run);
          result.seconds += seconds_since(begin);
          result.samples = run.trajectories();
          if (keeps && seconds_since(saved) >= options_.checkpoint_every) {
            ++work.current;
            save_work();
            --work.current;
          }
        }
        const bool sampled = std::any_of(outcome.result.levels.begin(), outcome.result.levels.end(), [](const LevelResult& level) { return level.samples > 0; });
        if (!study_.reference) break;
        const bool adaptive = sampled && budget.max > budget.first;
        const bool more = judge_all(bound, outcome.result, adaptive, work);
        if (!adaptive || !more || work.n >= budget.max) break;
        work.n = std::min(2 * work.n, budget.max);
        work.current = 0;
      }
    } catch (const Cancelled&) {
      if (keeps) save_work();
      throw;
    }
    for (std::optional<Verdict>& verdict : work.settled) outcome.verdicts.push_back(std::move(*verdict));
    if (study_.reference) check_orders(study_, outcome.result, outcome.verdicts);
    return outcome;
  }

  /// Judges what is not decided yet. @returns whether more trajectories could decide something
  bool judge_all(const Case& bound, const PointResult& point, bool adaptive, Work& work) const {
    bool more = false;
    std::size_t entry = 0;
    for (std::size_t c = 1; c < requests_.size(); ++c)
      for (const std::string& name : study_.observables) {
        std::optional<Verdict>& verdict = work.settled[entry++];
        if (verdict && (verdict->outcome != Outcome::undecided)) continue;  // decided at an earlier look: final
        const auto found = study_.overrides.find(name);
        Judgement how;
        how.criterion = found == study_.overrides.end() ? study_.criterion : found->second;
        how.confidence = study_.confidence;
        how.entries = entries_of(study_);
        how.look = work.look;
        how.adaptive = adaptive;
        how.certified_only = study_.certified_only;
        verdict = judge(point.levels[c], point.levels[0], bound.observable(name), how);
        const bool can_improve = point.levels[c].samples > 0 || point.levels[0].samples > 0;
        more = more || (verdict->outcome == Outcome::undecided && can_improve);
      }
    return more;
  }

  /// What must be equal for a checkpoint to be of this study and build.
  std::string signature() const { return fmt::format("mesoscope-checkpoint 1 {} {} {}", version, revision, hex(fnv1a(write_toml(study_document(study_))))); }

  void save(const PointResult& point, const Work& work, const std::vector<std::unique_ptr<LevelRun>>& runs) const {
    ArchiveWriter out;
    out.put(signature());
    out.put(to_text(point.parameters));
    out.put(work.look);
    out.put(work.n);
    out.put(static_cast<std::uint64_t>(work.current));
    out.list(work.settled, [](ArchiveWriter& to, const std::optional<Verdict>& verdict) {
      to.put(verdict.has_value());
      if (verdict) meso::save(to, *verdict);
    });
    for (std::size_t i = 0; i < runs.size(); ++i) {
      meso::save(out, point.levels[i].answer);
      out.put(point.levels[i].samples);
      out.put(point.levels[i].seconds);
      runs[i]->save(out);
    }
    write_file_atomically(options_.checkpoint, out.sealed());
  }

  /// Goes back to where an interrupted run of this study and build stood at this point; anything else is left alone.
  void load(PointResult& point, Work& work, const std::vector<std::unique_ptr<LevelRun>>& runs) const {
    if (!std::filesystem::exists(options_.checkpoint)) return;
    try {
      read_work(ArchiveReader(read_file(options_.checkpoint)), point, work, runs);
    } catch (const RunError& error) {
      throw RunError(fmt::format("{}: {}; without this file its point is computed again from its beginning", options_.checkpoint.string(), error.what()));
    }
  }

  void read_work(ArchiveReader in, PointResult& point, Work& work, const std::vector<std::unique_ptr<LevelRun>>& runs) const {
    std::string text;
    in.get(text);
    if (text != signature()) return;
    in.get(text);
    if (text != to_text(point.parameters)) return;  // it has finished since
    in.get(work.look);
    in.get(work.n);
    work.current = static_cast<std::size_t>(in.get<std::uint64_t>());
    in.list(work.settled, [](ArchiveReader& from, std::optional<Verdict>& verdict) {
      if (from.get<bool>()) meso::load(from, verdict.emplace());
    });
    for (std::size_t i = 0; i < runs.size(); ++i) {
      meso::load(in, point.levels[i].answer);
      in.get(point.levels[i].samples);
      in.get(point.levels[i].seconds);
      runs[i]->load(in);
    }
  }

  /// Points of a refined sweep in order of their values, not of their making.
  void sort_points(Results& results) const {
    std::vector<std::size_t> order(results.points.size());
    for (std::size_t p = 0; p < order.size(); ++p) order[p] = p;
    const auto key = [&](std::size_t p) {
      std::vector<double> values;
      for (const SweepAxis& axis : study_.sweep) values.push_back(as_number(results.points[p].parameters.at(axis.parameter)));
      return values;
    };
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
    std::vector<std::size_t> place(order.size());
    std::vector<PointResult> points;
    for (std::size_t i = 0; i < order.size(); ++i) {
      place[order[i]] = i;
      points.push_back(std::move(results.points[order[i]]));
    }
    results.points = std::move(points);
    for (Verdict& verdict : results.verdicts) verdict.point = place[verdict.point];
    std::stable_sort(results.verdicts.begin(), results.verdicts.end(), [](const Verdict& a, const Verdict& b) { return a.point < b.point; });
  }

  /// Bifurcation diagrams of the candidates that have branches, over the range of a stationary sweep in one parameter.
  void draw_branches(Results& results, const Case& first) {
    if (study_.sweep.size() != 1 || study_.sweep_mode == SweepMode::list || !std::holds_alternative<Stationary>(*study_.when)) return;
    const SweepAxis& axis = study_.sweep.front();
    const auto [low, high] = std::minmax_element(axis.values.begin(), axis.values.end());
    if (!(*high > *low)) return;
    for (const LevelRequest& request : study_.levels) {
      const Level& level = first.level(request.level);
      if (!level.branches) continue;
      BranchAsk ask;
      ask.parameter = axis.parameter;
      ask.from = *low;
      ask.to = *high;
      ask.log = axis.log;
      ask.observables = study_.observables;
      ask.options = request.options;
      ask.between = [&] { progress_.at(static_cast<double>(results.points.size()), "branches of " + request.label); };
      try {
        results.diagrams.push_back({request.label, axis.parameter, *low, *high, axis.log, level.branches(ask)});
      } catch (const InputError&) {  // a parameter that this level cannot be continued in: no diagram
      }
    }
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
  std::vector<LevelRequest> requests_;
  std::map<std::string, std::size_t> known_;  ///< parameters -> finished point of the interrupted run
  StudyProgress progress_;
  Clock::time_point start_;
  bool any_sampled_ = false;
};

}  // namespace

Results run_study(const Study& study, const RunOptions& options) { return Runner(study, options).run(); }

}  // namespace meso
