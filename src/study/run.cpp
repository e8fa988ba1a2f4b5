#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <ctime>
#include <exception>
#include <thread>

#include "base/archive.h"
#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/text.h"
#include "base/version.h"
#include "exec/crew.h"
#include "stat/fit.h"
#include "study/point.h"
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
  Runner(const Study& study, const RunOptions& options)
      : runner_(resolved(study)), study_(runner_.study()), requests_(runner_.requests()), options_(options), progress_(options.progress, study_.budget.pause_after) {
    if (options_.known)
      for (std::size_t p = 0; p < options_.known->points.size(); ++p) known_[to_text(options_.known->points[p].parameters)] = p;
    if (options_.ranks && options_.ranks->size() > 1) ranks_ = options_.ranks;
  }

  Results run() {
    start_ = Clock::now();
    Results results = header();
    if (ranks_) {
      ArchiveWriter order = say(Word::study);
      order.put(results.study);
      order.put(options_.threads);
      order.put(options_.checkpoint.empty() ? -1.0 : options_.checkpoint_every);
      ranks_->send_to_others(order.sealed());
    }
    try {
      return run(std::move(results));
    } catch (...) {
      if (ranks_) release_others();
      throw;
    }
  }

 private:
  Results run(Results results) {
    const std::vector<Table> grid = points_of(study_);
    const Case first = study_.system.bind(parameters_at(study_, grid.front()));
    any_sampled_ = std::any_of(requests_.begin(), requests_.end(), [&](const LevelRequest& r) { return first.level(r.level).info.sampled; });
    std::vector<PointJob> jobs;
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
    results.provenance.ranks = ranks_ ? ranks_->size() : 1;
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
  std::optional<PointOutcome> recalled(const PointJob& job) const {
    if (known_.empty()) return std::nullopt;
    const Case bound = runner_.bound(job);
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

  void run_jobs(Results& results, const std::vector<PointJob>& jobs) {
    const std::size_t before = results.points.size();
    progress_.set_points(before + jobs.size());
    // Points over ranks before grains over ranks: a point is the larger piece, and its solved levels are shared out with it.
    if ((ranks_ && jobs.size() >= ranks_->size()) || (!any_sampled_ && jobs.size() > 1 && options_.threads > 1)) {
      run_side_by_side(results, jobs);
      return;
    }
    for (std::size_t p = 0; p < jobs.size(); ++p) {
      std::optional<PointOutcome> outcome = recalled(jobs[p]);
      PointSetting setting = setting_of([&](double f, const std::string& what) { progress_.at(static_cast<double>(before + p) + f, what); });
      setting.threads = options_.threads;
      setting.ranks = ranks_;
      if (!options_.checkpoint.empty()) {
        setting.keep = [&](const std::string& bytes) { write_file_atomically(options_.checkpoint, bytes); };
        if (!outcome) setting.kept = kept_work(jobs[p]);
      }
      if (outcome) setting.report(1, "");
      append(results, outcome ? std::move(*outcome) : runner_.run(jobs[p], setting));
      results.provenance.seconds = seconds_since(start_);
      if (options_.on_point) options_.on_point(results);
    }
  }

  PointSetting setting_of(std::function<void(double, const std::string&)> report) const {
    PointSetting setting;
    setting.artefacts = options_.artefacts;
    setting.keep_every = options_.checkpoint_every;
    setting.report = std::move(report);
    return setting;
  }

  /// The file of a point in work while others are: beside that of the only one, named by its parameters.
  std::filesystem::path own_file(const PointJob& job) const {
    return options_.checkpoint.parent_path() / fmt::format("{}-{}{}", options_.checkpoint.stem().string(), hex(fnv1a(to_text(runner_.bound(job).parameters))), options_.checkpoint.extension().string());
  }

  /// What an interrupted run left of this point; if it is of another point, study or build, nobody goes on from it.
  std::string kept_work(const PointJob& job) const {
    std::filesystem::path newest;
    for (const std::filesystem::path& file : {own_file(job), options_.checkpoint})
      if (std::filesystem::exists(file) && (newest.empty() || std::filesystem::last_write_time(file) > std::filesystem::last_write_time(newest))) newest = file;
    if (newest.empty()) return "";
    std::string bytes = read_file(newest);
    try {
      (void)ArchiveReader(bytes);
    } catch (const RunError& error) {
      throw RunError(fmt::format("{}: {}; without this file its point is computed again from its beginning", newest.string(), error.what()));
    }
    return bytes;
  }

  /// Points are independent jobs: here on one thread each if nothing is sampled, else one after another, and on the other ranks the same.
  /// Results in order of the jobs.
  void run_side_by_side(Results& results, const std::vector<PointJob>& jobs) {
    const std::size_t before = results.points.size();
    const bool keeps = ranks_ && any_sampled_ && !options_.checkpoint.empty();
    const unsigned at_once = any_sampled_ ? 1 : std::max(1u, options_.threads);
    std::atomic<bool> stop = false;
    Crew<PointOutcome> crew(static_cast<unsigned>(std::min<std::size_t>(at_once, jobs.size())), [&](std::uint64_t p) {
      PointSetting setting = setting_of([&](double, const std::string&) {
        if (stop) throw Cancelled();
      });
      setting.threads = any_sampled_ ? options_.threads : 1;
      if (keeps) {
        setting.keep = [&](const std::string& bytes) { write_file_atomically(own_file(jobs[p]), bytes); };
        setting.kept = kept_work(jobs[p]);
      }
      return runner_.run(jobs[p], setting);
    });
    std::vector<std::size_t> idle(ranks_ ? ranks_->size() : 0, at_once);
    std::map<std::size_t, PointOutcome> waiting;  // finished before an earlier one
    std::size_t next = 0, finished = 0;
    std::exception_ptr failure;
    std::size_t failed = jobs.size() + 1;
    const auto fail = [&](std::size_t p, std::exception_ptr error) {
      if (failure && p >= failed) return;
      failed = p;
      failure = std::move(error);
    };
    const auto left = [&] {  // whether a point is left that an interrupted run has not finished
      for (; next < jobs.size(); ++next) {
        auto outcome = recalled(jobs[next]);
        if (!outcome) return true;
        waiting.emplace(next, std::move(*outcome));
        ++finished;
      }
      return false;
    };
    const auto keep = [&](Heard& heard) {
      const auto p = heard.in.get<std::uint64_t>();
      std::string bytes;
      heard.in.get(bytes);
      write_file_atomically(own_file(jobs[p]), bytes);
    };
    try {
      while (!failure && results.points.size() < before + jobs.size()) {
        while (left() && crew.load() < at_once) crew.add(next++);
        for (unsigned r = 1; r < idle.size(); ++r)
          for (; left() && idle[r] > 0; --idle[r], ++next) {
            ArchiveWriter order = say(Word::point);
            order.put(static_cast<std::uint64_t>(next));
            put_job(order, jobs[next]);
            order.put(keeps ? kept_work(jobs[next]) : "");
            ranks_->send(r, order.sealed());
          }
        for (auto& one : crew.take(ranks_ ? std::chrono::milliseconds(2) : std::chrono::milliseconds(50))) {
          if (one.error) fail(one.job, one.error);
          else waiting.emplace(one.job, std::move(*one.result));
          ++finished;
        }
        while (ranks_) {
          auto heard = hear(*ranks_);
          if (!heard) break;
          if (heard->word == Word::kept) {
            keep(*heard);
          } else if (heard->word == Word::point_done) {
            const auto p = heard->in.get<std::uint64_t>();
            std::string bytes;
            heard->in.get(bytes);
            PointSetting setting = setting_of({});
            setting.kept = std::move(bytes);
            waiting.emplace(p, runner_.run(jobs[p], setting));
            ++idle[heard->from];
            ++finished;
          } else if (heard->word == Word::failed) {
            const auto p = heard->in.get<std::uint64_t>();
            fail(p, load_failure(heard->in, heard->from));
          }
        }
        progress_.at(static_cast<double>(before + finished), fmt::format("point {} of {}", before + finished, before + jobs.size()));
        bool news = false;
        while (!waiting.empty() && before + waiting.begin()->first == results.points.size()) {
          append(results, std::move(waiting.begin()->second));
          waiting.erase(waiting.begin());
          news = true;
        }
        results.provenance.seconds = seconds_since(start_);
        if (news && options_.on_point) options_.on_point(results);
      }
    } catch (...) {
      fail(jobs.size(), std::current_exception());
    }
    if (!failure) return;
    stop = true;
    for (auto& one : crew.dismiss())  // what is thrown now is our own stop
      if (one.result) waiting.emplace(one.job, std::move(*one.result));
    if (keeps) {
      for (const auto& [p, outcome] : waiting) write_file_atomically(own_file(jobs[p]), runner_.finished(outcome));
      release_others(keep);
    }
    std::rethrow_exception(failure);
  }

  /// The other ranks give up what they are doing and hand over what is unfinished; those that do not answer in time are busy or dead
  /// (a launcher that ends the run gives rank 0 a second).
  void release_others(const std::function<void(Heard&)>& keep = {}) {
    if (released_) return;
    released_ = true;
    ranks_->send_to_others(say(Word::stop).sealed());
    const auto begin = Clock::now();
    for (unsigned left = ranks_->size() - 1; left > 0 && seconds_since(begin) < 0.5;) {
      auto heard = hear(*ranks_);
      if (!heard) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      else if (heard->word == Word::stopped) --left;
      else if (heard->word == Word::kept && keep) keep(*heard);
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

  const PointRunner runner_;
  const Study& study_;                         ///< the runner's
  const std::vector<LevelRequest>& requests_;  ///< the runner's
  const RunOptions& options_;
  Ranks* ranks_ = nullptr;                     ///< null: this process alone
  bool released_ = false;
  std::map<std::string, std::size_t> known_;  ///< parameters -> finished point of the interrupted run
  StudyProgress progress_;
  Clock::time_point start_;
  bool any_sampled_ = false;
};

}  // namespace

Results run_study(const Study& study, const RunOptions& options) { return Runner(study, options).run(); }

}  // namespace meso
