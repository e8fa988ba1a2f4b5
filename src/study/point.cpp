#include "study/point.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "base/hash.h"
#include "base/version.h"
#include "model/archive.h"
#include "study/study_file.h"
#include "study/study_parts.h"
#include "study/sweep.h"

namespace meso {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

void put_job(ArchiveWriter& out, const PointJob& job) {
  out.put(static_cast<std::uint64_t>(job.point.size()));
  for (const auto& [name, value] : job.point) {  // a sweep goes over numbers
    out.put(name);
    out.put(as_number(value));
    out.put(value.where);
  }
  out.put(job.portraits);
}

PointJob get_job(ArchiveReader& in) {
  PointJob job;
  const std::size_t count = in.length(1);
  for (std::size_t i = 0; i < count; ++i) {
    std::string name, where;
    in.get(name);
    const double value = in.get<double>();
    in.get(where);
    job.point[name] = Value(value, where);
  }
  in.get(job.portraits);
  return job;
}

PointRunner::PointRunner(Study resolved_study) : study_(std::move(resolved_study)), requests_(study_.levels) {
  if (study_.reference) requests_.insert(requests_.begin(), *study_.reference);
}

Case PointRunner::bound(const PointJob& job) const { return study_.system.bind(parameters_at(study_, job.point)); }

std::uint64_t PointRunner::seed_of(const Case& bound) const {
  return study_.independent_points ? mix64(study_.seed ^ fnv1a(to_text(bound.parameters))) : study_.seed;
}

PointResult PointRunner::empty_result(const Case& bound) const {
  PointResult point;
  point.parameters = bound.parameters;
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    LevelResult result;
    result.info = bound.level(requests_[i].level).info;
    result.label = requests_[i].label;
    result.options = requests_[i].options;
    result.is_reference = study_.reference && i == 0;
    point.levels.push_back(std::move(result));
  }
  return point;
}

PointOutcome PointRunner::run(const PointJob& job, const PointSetting& setting) const {
  const Case bound = this->bound(job);
  PointOutcome outcome;
  outcome.result = empty_result(bound);
  outcome.notes = bound.notes;

  const Budget& budget = study_.budget;
  Work work;
  work.n = budget.first;
  work.settled.resize(study_.reference ? study_.levels.size() * study_.observables.size() : 0);
  Runs runs;
  Clock::time_point saved = Clock::now();
  const auto save_work = [&] {
    setting.keep(save(outcome.result, work, runs));
    saved = Clock::now();
  };
  bool told = false;  // the other ranks, of the level in work
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    EngineOptions engine;
    engine.seed = seed_of(bound);
    engine.threads = setting.threads;
    engine.artefacts = setting.artefacts;
    engine.on_progress = [&, i](double f) {
      if (setting.report) setting.report((static_cast<double>(work.current) + f) / static_cast<double>(requests_.size()), requests_[i].label);
    };
    if (setting.keep)
      engine.on_consistent = [&] {
        if (seconds_since(saved) >= setting.keep_every) save_work();
      };
    engine.ranks = setting.ranks;
    engine.on_ensemble = [&, i] {
      if (told) return;
      told = true;
      ArchiveWriter order = say(Word::level);
      put_job(order, job);
      order.put(static_cast<std::uint64_t>(i));
      order.put(work.n);
      setting.ranks->send_to_others(order.sealed());
    };
    runs.push_back(std::make_unique<LevelRun>(engine, purpose(i)));
  }
  if (!setting.kept.empty()) load(ArchiveReader(setting.kept), outcome.result, work, runs);

  try {
    for (; !work.finished; ++work.look) {
      for (; work.current < requests_.size(); ++work.current) {
        LevelResult& result = outcome.result.levels[work.current];
        LevelRun& run = *runs[work.current];
        if (work.look > 1 && run.trajectories() == 0) continue;  // solved: its answer stands
        run.set_trajectories(work.n);
        told = false;
        const auto begin = Clock::now();
        run.progress(0);
        Ask ask = ask_of(study_, bound, requests_[work.current]);
        ask.portraits = job.portraits;
        result.answer = bound.level(requests_[work.current].level).run(ask, run);
        result.seconds += seconds_since(begin);
        result.samples = run.trajectories();
        if (setting.keep && seconds_since(saved) >= setting.keep_every) {
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
    if (setting.keep) save_work();
    throw;
  }
  for (std::optional<Verdict>& verdict : work.settled) outcome.verdicts.push_back(std::move(*verdict));
  if (study_.reference && !work.finished) check_orders(study_, outcome.result, outcome.verdicts);
  return outcome;
}

void PointRunner::help(const PointJob& job, std::size_t request, std::uint64_t trajectories, const PointSetting& setting) const {
  const Case bound = this->bound(job);
  EngineOptions engine;
  engine.seed = seed_of(bound);
  engine.threads = setting.threads;
  engine.artefacts = setting.artefacts;
  engine.on_progress = [&](double f) { setting.report(f, requests_[request].label); };
  engine.ranks = setting.ranks;
  LevelRun run(engine, purpose(request));
  run.set_trajectories(trajectories);
  (void)bound.level(requests_[request].level).run(ask_of(study_, bound, requests_[request]), run);  // without pictures: rank 0 draws them
}

/// Judges what is not decided yet. @returns whether more trajectories could decide something
bool PointRunner::judge_all(const Case& bound, const PointResult& point, bool adaptive, Work& work) const {
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
std::string PointRunner::signature() const { return fmt::format("mesoscope-checkpoint 2 {} {} {}", version, revision, hex(fnv1a(write_toml(study_document(study_))))); }

std::string PointRunner::save(const PointResult& point, const Work& work, const Runs& runs) const {
  ArchiveWriter out;
  out.put(signature());
  out.put(to_text(point.parameters));
  out.put(work.finished);
  out.put(work.look);
  out.put(work.n);
  out.put(static_cast<std::uint64_t>(work.current));
  out.list(work.settled, [](ArchiveWriter& to, const std::optional<Verdict>& verdict) {
    to.put(verdict.has_value());
    if (verdict) meso::save(to, *verdict);
  });
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    meso::save(out, point.levels[i].answer);
    out.put(point.levels[i].samples);
    out.put(point.levels[i].seconds);
    if (!work.finished) runs[i]->save(out);
  }
  return out.sealed();
}

std::string PointRunner::finished(const PointOutcome& outcome) const {
  Work work;
  work.finished = true;
  work.settled.assign(outcome.verdicts.begin(), outcome.verdicts.end());
  return save(outcome.result, work, {});
}

/// Goes back to where the work at this point stood, by this study and build; a checkpoint of anything else is left alone.
void PointRunner::load(ArchiveReader in, PointResult& point, Work& work, const Runs& runs) const {
  std::string text;
  in.get(text);
  if (text != signature()) return;
  in.get(text);
  if (text != to_text(point.parameters)) return;  // it has finished since
  in.get(work.finished);
  in.get(work.look);
  in.get(work.n);
  work.current = static_cast<std::size_t>(in.get<std::uint64_t>());
  in.list(work.settled, [](ArchiveReader& from, std::optional<Verdict>& verdict) {
    if (from.get<bool>()) meso::load(from, verdict.emplace());
  });
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    meso::load(in, point.levels[i].answer);
    in.get(point.levels[i].samples);
    in.get(point.levels[i].seconds);
    if (!work.finished) runs[i]->load(in);
  }
}

}  // namespace meso
