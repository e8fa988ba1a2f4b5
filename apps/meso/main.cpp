// meso: the program. Every verb builds a Study (or reads one) and prints; all work is in the library.
// Exit status: 0 done; 1 the run failed; 2 what the user gave is wrong; 3 interrupted, resumable; with --expect agrees: 10, 11, 12.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <thread>

#include "apps/common/build.h"
#include "apps/common/run_folder.h"
#include "apps/common/tables.h"
#include "apps/models/model_source.h"
#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "base/version.h"
#include "command_line.h"
#include "exec/mpi/launch.h"
#include "flags.h"
#include "io/json.h"
#include "io/results_file.h"
#include "report/picture.h"
#include "report/report.h"
#include "report/text.h"
#include "study/serve.h"
#include "study/study.h"
#include "study/study_file.h"
#include "terminal.h"

namespace meso::app {
namespace {

namespace fs = std::filesystem;

struct Output {
  std::string folder, progress = "bar", write_study, expect;
  unsigned threads = 0;
  bool dry_run = false, json = false;
  double checkpoint_every = 30;
  std::optional<std::uint64_t> trajectory;
  Ranks* ranks = nullptr;  ///< under mpirun: this process is rank 0 of these
};

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (text.empty() || text.back() != '\n') std::fputc('\n', stdout);
}

int expected_status(const Results& results, const std::string& expect) {
  if (expect.empty()) return 0;
  int status = 0;
  for (const Verdict& verdict : results.verdicts) {
    if (verdict.outcome == Outcome::broken) return 12;
    if (verdict.outcome == Outcome::disagrees) status = 10;
    if ((verdict.outcome == Outcome::undecided || verdict.outcome == Outcome::absent) && status == 0) status = 11;
  }
  return status;
}

void print_results(const Results& results, const Output& output) {
  if (output.json) {
    print(answers_json(results));
    return;
  }
  const std::size_t width = terminal_width();
  print(results.verdicts.empty() ? answer_table(results, width) : verdict_table(results, width));
  for (const std::string& note : results.notes) print("note: " + note);
  if (const std::string edges = edge_table(results, width); !edges.empty()) print(edges);
  for (const OrderFit& order : results.orders)
    if (std::isfinite(order.order)) print(fmt::format("{} {}: {}", order.label, order.observable, order.text));
  const std::string ranks = output.ranks ? fmt::format("{} ranks x ", output.ranks->size()) : "";
  print(fmt::format("seed {}, {}{} thread{}, {}", results.seed, ranks, output.threads, output.threads == 1 ? "" : "s", duration(results.provenance.seconds)));
}

/// The processors that this process may use; those of a machine are shared by the ranks that run on it.
unsigned default_threads() {
  const long processors = sysconf(_SC_NPROCESSORS_ONLN);
  const auto share = static_cast<unsigned>(std::max(1L, processors)) / mpi::launched_here();
  return std::max(1u, std::min(share, std::thread::hardware_concurrency()));  // the second is less where mpirun binds
}

/// Runs a study, in a folder if one is named.
int execute(const Study& study, Output output) {
  if (output.threads == 0) output.threads = default_threads();
  const fs::path folder = output.folder;
  std::optional<RunFolder> kept;
  if (!output.folder.empty()) kept.emplace(folder, study);  // said before any work starts
  catch_interrupts();
  RunOptions options;
  options.threads = output.threads;
  options.ranks = output.ranks;
  options.progress = progress_sink(output.progress);
  options.checkpoint_every = output.checkpoint_every;
  if (kept && kept->continues()) fmt::print(stderr, "{}: going on with an unfinished run ({} finished points)\n", folder.string(), kept->finished_points());
  Results results;
  try {
    results = kept ? kept->run(options) : run_study(study, options);
  } catch (const Cancelled&) {
    end_progress();
    fmt::print(stderr, "interrupted; {}\n", kept ? fmt::format("{} points are finished; go on with: meso resume {}", kept->finished_points(), folder.string()) : "nothing was written (no -o folder)");
    return 3;
  }
  end_progress();
  print_results(results, output);
  if (kept && !output.json) print(fmt::format("report: {}\nresults: {}", (folder / "report" / "index.html").string(), (folder / "results.h5").string()));
  return expected_status(results, output.expect);
}

int run_verb(Study::Kind kind, const Flags& flags, const Output& output) {
  const Study study = resolved(build_study(base_study(flags.target), read_flags(flags), kind));
  if (!output.write_study.empty()) write_file_atomically(output.write_study, write_toml(study_document(study)));
  if (output.dry_run) {
    for (const std::string& line : describe(study)) print(line);
    return 0;
  }
  if (output.trajectory) {
    const Answer answer = run_trajectory(study, *output.trajectory);
    print(trajectory_table(answer));
    return 0;
  }
  return execute(study, output);
}

int resume_verb(const Output& output) {
  const fs::path folder = output.folder;
  if (!RunFolder::holds_unfinished_run(folder)) {
    print(fmt::format("the run in {} is finished: nothing to resume", folder.string()));
    return 0;
  }
  return execute(resolved(base_study((folder / "study.toml").string())), output);
}

void add_run_flags(CLI::App* verb, Output& output) {
  verb->add_option("--threads", output.threads, "threads (default: all); changes the speed, never the digits")->check(whole_number(0));
  verb->add_option("--progress", output.progress, "bar, json or none")->check(one_of({"bar", "json", "none"}));
  verb->add_option("--checkpoint-every", output.checkpoint_every, "seconds between two savings of unfinished work (default 30)")->check(non_negative_number());
  verb->add_flag("--json", output.json, "one JSON document on standard output");
}

void add_study_flags(CLI::App* verb, Flags& flags, Output& output, bool compares) {
  verb->add_option("target", flags.target, "a system (meso list) or a study file (.toml)")->required();
  verb->add_option("--level", flags.levels, "a level with its options: closure:kind=normal,order=2 (repeatable)");
  verb->add_option("--set", flags.set, "parameter: name=value (repeatable)");
  verb->add_option("--over", flags.over, "sweep: name=log:from:to:count, linear:from:to:count or list:a,b,c (repeatable)");
  verb->add_option("--mode", flags.mode, "points of the sweep: grid (all combinations), list (side by side), boundary (a grid whose flips of a verdict are refined)")
      ->check(one_of({"grid", "list", "boundary"}));
  verb->add_option("--max-points", flags.max_points, "boundary: all points, the grid's included (default 200)")->check(whole_number(1));
  verb->add_option("--tolerance", flags.tolerance, "boundary: width of a finished bracket, relative (default 0.001)")->check(non_negative_number());
  verb->add_option("--times", flags.times, "output times from:to:count (both ends), or log:from:to:count");
  verb->add_option("--stationary", flags.stationary, "the stationary state, by slow time or with burn-in:window")->expected(0, 1);
  verb->add_option("--observable", flags.observables, "what is asked (repeatable); default: means and variances");
  verb->add_option("-n,--trajectories", flags.trajectories, "trajectories of sampled levels")->check(whole_number(1));
  verb->add_option("--seed", flags.seed, "seed, 64 bits (default 1)")->check(whole_number(0));
  add_run_flags(verb, output);
  verb->add_option("-o,--output", output.folder, "folder for results.h5, study.toml, verdicts.csv and report/");
  verb->add_option("--write-study", output.write_study, "writes the flags as a study file");
  verb->add_flag("--dry-run", output.dry_run, "points, comparisons, quantiles and costs; nothing is run");
  if (!compares) {
    verb->add_option("--trajectory", output.trajectory, "re-runs one trajectory by its id, alone, and prints its signals")->check(whole_number(0));
    return;
  }
  verb->add_option("--against", flags.against, "the reference level, or measured values: data.csv");
  verb->add_option("--margin", flags.margins, "5% of the scale, or 0.01 absolute, or X.mean=5% for one observable (repeatable)");
  verb->add_option("--relative-to", flags.relative_to, "scale (peak of the reference), value or sd")->check(one_of({"scale", "value", "sd"}));
  verb->add_option("--bounds", flags.bounds, "any, or certified: estimated numerical bounds decide nothing")->check(one_of({"any", "certified"}));
  verb->add_option("--confidence", flags.confidence, "simultaneous over the whole study (default 0.99)")->check(non_negative_number());
  verb->add_option("--max-trajectories", flags.max_trajectories, "trajectories double from -n up to here until decided")->check(whole_number(1));
  verb->add_option("--expect", output.expect, "agrees: exit status 10 disagrees, 11 undecided, 12 broken")->check(one_of({"agrees"}));
}

int program(int argc, char** argv, Ranks* ranks) {
  CLI::App app("Mesoscope: one description of a stochastic many-body system, many levels, and where the cheap ones may be believed.", "meso");
  app.set_version_flag("--version", std::string("mesoscope ") + version);
  app.require_subcommand(1);
  Flags flags;
  Output output;
  output.ranks = ranks;

  std::string family, level, target, folder;
  bool papers = false, markdown = false, latex = false, json = false;
  CLI::App* list = app.add_subcommand("list", "the built-in systems");
  list->add_option("--family", family, "only systems of this family");
  list->add_flag("--papers", papers, "by paper");
  list->add_flag("--json", json, "as JSON");

  CLI::App* info = app.add_subcommand("info", "a system: parameters, levels, observables");
  info->add_option("target", target, "a system or a study file")->required();
  info->add_option("--level", level, "one level and its options");
  info->add_flag("--markdown", markdown, "as Markdown");
  info->add_flag("--json", json, "as JSON");

  CLI::App* run = app.add_subcommand("run", "runs levels of a system");
  add_study_flags(run, flags, output, false);
  CLI::App* compare = app.add_subcommand("compare", "judges levels against a reference");
  add_study_flags(compare, flags, output, true);
  CLI::App* sweep = app.add_subcommand("sweep", "judges levels over parameters");
  add_study_flags(sweep, flags, output, true);

  CLI::App* equations = app.add_subcommand("equations", "the closed equations of a level");
  equations->add_option("target", target, "a system or a study file")->required();
  equations->add_option("--level", level, "closure:kind=normal,order=2")->required();
  equations->add_option("--set", flags.set, "parameter: name=value (repeatable)");
  equations->add_flag("--latex", latex, "as LaTeX");

  std::string file;
  CLI::App* exporter = app.add_subcommand("export", "writes a reaction network as SBML, for other programs");
  exporter->add_option("target", target, "a network: a system, a study file or a model file")->required();
  exporter->add_option("-o,--output", file, "the file (.xml); without it the document goes to standard output");
  exporter->add_option("--set", flags.set, "parameter: name=value (repeatable)");

  CLI::App* report = app.add_subcommand("report", "makes the report of a results folder again");
  report->add_option("folder", folder, "folder with results.h5")->required();
  CLI::App* resume = app.add_subcommand("resume", "goes on with an interrupted run, to the bits of one that never stopped");
  resume->add_option("folder", output.folder, "folder of the run (-o)")->required();
  add_run_flags(resume, output);
  resume->add_option("--expect", output.expect, "agrees: exit status 10 disagrees, 11 undecided, 12 broken")->check(one_of({"agrees"}));
  std::string map_file;
  report->add_option("--verdict-map", map_file, "also writes the verdict map as a picture (.svg)");

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForAllHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForVersion& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "meso: {}\n", explain(error, app, std::vector<std::string>(argv + 1, argv + argc)));
    return 2;
  }

  if (*list) {
    if (json) {
      std::vector<System> systems;
      for (const std::string& name : builtin_registry().names()) {
        System system = builtin_registry().describe(name);
        if (family.empty() || system.family.find(family) != std::string::npos) systems.push_back(std::move(system));
      }
      print(papers ? papers_json(systems) : list_json(systems));
    } else {
      print(list_table(builtin_registry(), family, papers));
    }
    return 0;
  }
  if (*info) {
    const auto names = builtin_registry().names();
    const System card = std::find(names.begin(), names.end(), target) != names.end() && !json && level.empty() ? builtin_registry().describe(target) : System();
    Study study;
    try {
      study = base_study(target);
    } catch (const InputError& absent) {  // of a system whose plugin is not here its card can be told
      if (card.needs.empty()) throw;
      print(card_text(card, markdown) + fmt::format("\n{}\n", absent.what()));
      return 0;
    }
    print(json ? info_json(study.system, study.system.bind({})) : info_text(study.system, level, markdown));
    return 0;
  }
  if (*equations) {
    Study study = base_study(target);
    for (auto& [name, value] : read_set(flags.set)) study.parameters[name] = value;
    const Case bound = study.system.bind(study.parameters);
    const LevelRequest request = parse_level(level, "--level");
    const Level& found = bound.level(request.level);
    if (!found.equations) throw InputError(fmt::format("level '{}' of '{}' has no closed equations to show", request.level, study.system.name));
    print(found.equations(resolve(found.info.options, request.options, "level '" + request.level + "'"), latex));
    return 0;
  }
  if (*exporter) {
    Study study = base_study(target);
    for (auto& [name, value] : read_set(flags.set)) study.parameters[name] = value;
    if (file.empty()) print(sbml_of(study));
    else export_sbml(study, file);
    return 0;
  }
  if (*report) {
    const Results results = read_results(fs::path(folder) / "results.h5");
    write_report(results, fs::path(folder) / "report");
    if (!map_file.empty()) write_file_atomically(map_file, verdict_map_svg(results));
    print("report: " + (fs::path(folder) / "report" / "index.html").string());
    return 0;
  }
  if (*resume) return resume_verb(output);
  return run_verb(*run ? Study::Kind::run : *compare ? Study::Kind::compare : Study::Kind::sweep, flags, output);
}

/// Exit status of `work`; what it throws is said in one line.
int guarded(const std::function<int()>& work) {
  try {
    return work();
  } catch (const Cancelled&) {
    end_progress();
    return 3;
  } catch (const InputError& error) {
    end_progress();
    fmt::print(stderr, "meso: {}\n", error.what());
    return 2;
  } catch (const std::bad_alloc&) {
    end_progress();
    fmt::print(stderr, "meso: out of memory\n");
    return 1;
  } catch (const std::exception& error) {
    end_progress();
    fmt::print(stderr, "meso: {}\n", error.what());
    return 1;
  }
}

}  // namespace
}  // namespace meso::app

int main(int argc, char** argv) {
  using namespace meso;
  std::unique_ptr<Ranks> ranks;
  int status = app::guarded([&] {
    ranks = mpi::start();
    return 0;
  });
  if (status != 0) return status;
  if (!ranks) return app::guarded([&] { return app::program(argc, argv, nullptr); });
  if (ranks->rank() == 0) {
    status = app::guarded([&] { return app::program(argc, argv, ranks.get()); });
    ranks->send_to_others(say(Word::end).sealed());
  } else {  // the flags are rank 0's alone, and so is the exit status
    app::catch_interrupts();
    const ProgressSink sink = app::progress_sink("none");
    status = app::guarded([&] {
      serve(*ranks, model_source(), [&] { sink({}); });
      return 0;
    });
  }
  mpi::finish(std::move(ranks), status);
}
