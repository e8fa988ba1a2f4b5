// mesoscope._core: the waist as Python sees it. Values, studies and results; no system is named here. What is friendlier said in Python
// (documents of parameters, pictures, tables, progress bars) is in the package around it.
//
// Memory: results are shared and never change; every array is a read-only view of the Estimate's own memory and keeps it alive.
// Threads: the interpreter's lock is released while a study runs. It is taken for a level written in Python, for progress and to see Ctrl-C.
#include <fmt/format.h>
#include <pybind11/complex.h>
#include <pybind11/functional.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <thread>

#include "apps/common/build.h"
#include "apps/common/run_folder.h"
#include "apps/common/tables.h"
#include "apps/models/model_source.h"
#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "base/version.h"
#include "io/json.h"
#include "io/results_file.h"
#include "io/toml.h"
#include "model/registry.h"
#include "report/look.h"
#include "report/picture.h"
#include "report/report.h"
#include "report/text.h"
#include "study/own_data.h"
#include "study/study.h"
#include "study/study_file.h"

namespace py = pybind11;
namespace fs = std::filesystem;

namespace meso {
namespace {

// ---- Python -> Mesoscope -------------------------------------------------------------------------------------------------------------

std::string text_of(py::handle object) { return py::str(object).cast<std::string>(); }
std::string type_of(py::handle object) { return py::str(py::type::handle_of(object).attr("__name__")).cast<std::string>(); }

/// In Python hyphens are underscores.
std::string hyphened(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

/// What messages call an object that is no number: its text, or the shape of an array.
std::string described(py::handle object) {
  if (py::isinstance<py::array>(object)) return "an array of shape " + text_of(object.attr("shape"));
  return text_of(object);
}

bool is_integer(py::handle o) { return PyLong_Check(o.ptr()) || (PyIndex_Check(o.ptr()) && !py::isinstance<py::array>(o)); }
bool is_number(py::handle o) {
  if (py::isinstance<py::array>(o)) return py::cast<py::array>(o).ndim() == 0;
  return PyFloat_Check(o.ptr()) || is_integer(o) || py::hasattr(o, "__float__");
}

/// A quantity with a unit (pint, astropy) is refused: its number alone would be silently in another unit.
void refuse_units(py::handle o, const std::string& name) {
  for (const char* unit : {"units", "unit"})
    if ((py::hasattr(o, "magnitude") || py::hasattr(o, "value")) && py::hasattr(o, unit))
      throw ParameterError(fmt::format("{} is a quantity in '{}'; give a plain number in the unit that the parameter has", name, text_of(o.attr(unit))));
}

/// Numbers of a one-dimensional sequence or array. @throws StudyError
std::vector<double> numbers(py::handle o, const std::string& name) {
  refuse_units(o, name);
  if (py::isinstance<py::str>(o)) throw StudyError(fmt::format("{} must be numbers, not '{}'", name, text_of(o)));
  const py::array_t<double, py::array::c_style | py::array::forcecast> array = py::array_t<double, py::array::c_style | py::array::forcecast>::ensure(o);
  if (!array) {
    PyErr_Clear();
    throw StudyError(fmt::format("{} must be numbers, not '{}'", name, described(o)));
  }
  if (array.ndim() > 1) throw StudyError(fmt::format("{} must be one-dimensional, not of shape {}", name, text_of(array.attr("shape"))));
  return {array.data(), array.data() + array.size()};
}

/// A parameter or option. What is none becomes its text, which the schema then refuses with what it wants.
Value value_of(py::handle o, const std::string& name) {
  if (PyBool_Check(o.ptr())) return Value(o.cast<bool>());
  if (py::isinstance<py::str>(o)) return Value(o.cast<std::string>());
  refuse_units(o, name);
  if (py::hasattr(o, "__fspath__")) return Value(text_of(o.attr("__fspath__")()));
  if (py::hasattr(o, "dtype") && text_of(o.attr("dtype").attr("kind")) == "b") return Value(py::bool_(py::reinterpret_borrow<py::object>(o)).cast<bool>());
  if (is_integer(o)) {
    const py::int_ whole(py::reinterpret_borrow<py::object>(o));
    int overflow = 0;
    const long long number = PyLong_AsLongLongAndOverflow(whole.ptr(), &overflow);
    if (overflow) return Value(PyLong_AsDouble(whole.ptr()));
    return Value(static_cast<std::int64_t>(number));
  }
  if (is_number(o)) return Value(py::float_(py::reinterpret_borrow<py::object>(o)).cast<double>());
  if (py::isinstance<py::array>(o) || py::isinstance<py::list>(o) || py::isinstance<py::tuple>(o)) {
    try {
      return Value(numbers(o, name));
    } catch (const StudyError&) {
    }
  }
  return Value(described(o));
}

Table table_of(const py::dict& dict) {
  Table table;
  for (const auto& [key, value] : dict) table[text_of(key)] = value_of(value, text_of(key));
  return table;
}

/// A document from nested dicts and lists, as TOML would say it.
TomlNode node_of(py::handle o, const std::string& name) {
  if (py::isinstance<py::dict>(o)) {
    TomlNode node;
    for (const auto& [key, value] : py::cast<py::dict>(o)) node.set(text_of(key), node_of(value, text_of(key)));
    return node;
  }
  if (PyBool_Check(o.ptr())) return o.cast<bool>();
  if (py::isinstance<py::str>(o)) return o.cast<std::string>();
  if (py::hasattr(o, "__fspath__")) return text_of(o.attr("__fspath__")());
  if (is_integer(o)) return value_of(o, name);
  if (is_number(o)) return py::float_(py::reinterpret_borrow<py::object>(o)).cast<double>();
  if (py::isinstance<py::list>(o) || py::isinstance<py::tuple>(o) || py::isinstance<py::array>(o)) {
    TomlNode::Array items;
    for (const py::handle item : py::reinterpret_borrow<py::object>(o)) items.push_back(node_of(item, name));
    return items;
  }
  throw StudyError(fmt::format("'{}' is {} of type {}; a study is made of tables (dict), lists, numbers, words, true and false", name, described(o), type_of(o)));
}

/// Keywords of a request, each read once; what is left over is refused by name.
class Keywords {
 public:
  explicit Keywords(py::dict given) : given_(std::move(given)) {}
  /// The value, or null if it is not there or None.
  py::object take(const char* name) {
    known_.emplace_back(name);
    if (!given_.contains(name)) return {};
    py::object value = given_[name];
    return value.is_none() ? py::object() : value;
  }
  std::optional<double> number(const char* name) {
    const py::object value = take(name);
    if (!value) return std::nullopt;
    refuse_units(value, name);
    if (PyBool_Check(value.ptr()) || py::isinstance<py::str>(value) || !is_number(value)) throw StudyError(fmt::format("{} must be a number, not '{}'", name, described(value)));
    return py::float_(value).cast<double>();
  }
  std::optional<std::uint64_t> count(const char* name, std::uint64_t least) {
    const py::object value = take(name);
    if (!value) return std::nullopt;
    const auto wrong = [&] { return StudyError(fmt::format("{} must be a whole number of at least {}, not '{}'", name, least, described(value))); };
    if (PyBool_Check(value.ptr()) || py::isinstance<py::str>(value)) throw wrong();
    if (is_integer(value)) {
      const py::int_ whole(value);
      const unsigned long long number = PyLong_AsUnsignedLongLong(whole.ptr());
      if (PyErr_Occurred()) {
        PyErr_Clear();
        throw wrong();
      }
      if (number < least) throw wrong();
      return number;
    }
    if (!is_number(value)) throw wrong();
    const double real = py::float_(value).cast<double>();  // 1e4
    if (!(real >= static_cast<double>(least)) || real != std::floor(real) || real > 9e15) throw wrong();
    return static_cast<std::uint64_t>(real);
  }
  std::optional<std::string> word(const char* name, const std::vector<std::string>& allowed) {
    const py::object value = take(name);
    if (!value) return std::nullopt;
    const std::string text = text_of(value);
    if (std::find(allowed.begin(), allowed.end(), text) == allowed.end()) throw StudyError(fmt::format("unknown {} '{}'.{}\n  known: {}", name, text, did_you_mean(text, allowed), join(allowed)));
    return text;
  }
  void finish(const char* owner) const {
    for (const auto& [key, value] : given_) {
      const std::string name = text_of(key);
      if (std::find(known_.begin(), known_.end(), name) == known_.end()) throw StudyError(fmt::format("{}: unknown keyword '{}'.{}\n  known: {}", owner, name, did_you_mean(name, known_), join(known_)));
    }
  }

 private:
  py::dict given_;
  std::vector<std::string> known_;
};

/// "lna", "closure:kind=normal,order=2", ("closure", {"kind": "normal"}) or {"level": "closure", "kind": "normal", "label": "n2"}.
LevelRequest level_of(py::handle o, const char* name) {
  LevelRequest request;
  py::dict options;
  if (py::isinstance<py::str>(o)) {
    request = parse_level(o.cast<std::string>(), "");
    request.level = hyphened(request.level);
    return request;
  }
  if (py::isinstance<py::tuple>(o) && py::len(o) == 2 && py::isinstance<py::str>(py::cast<py::tuple>(o)[0]) && py::isinstance<py::dict>(py::cast<py::tuple>(o)[1])) {
    request.level = text_of(py::cast<py::tuple>(o)[0]);
    options = py::cast<py::tuple>(o)[1];
  } else if (py::isinstance<py::dict>(o) && py::cast<py::dict>(o).contains("level")) {
    options = py::cast<py::dict>(o);
    request.level = text_of(options["level"]);
  } else {
    throw StudyError(fmt::format("{} must be a level's name, \"closure:kind=normal,order=2\", (name, options) or {{\"level\": name, ...}}, not '{}'", name, described(o)));
  }
  request.level = hyphened(request.level);
  for (const auto& [key, value] : options) {
    const std::string option = text_of(key);
    if (option == "label") request.label = text_of(value);
    else if (option != "level") request.options[hyphened(option)] = value_of(value, option);
  }
  return request;
}

/// 0.01 is absolute and "5%" of the scale, as on the command line; or {"relative": 0.05, "absolute": 0}.
app::Request::Margin margin_of(py::handle o, const std::string& observable) {
  const std::string name = observable.empty() ? "margin" : "the margin of '" + observable + "'";
  app::Request::Margin margin;
  margin.observable = observable;
  if (py::isinstance<py::dict>(o)) {
    Keywords parts{py::cast<py::dict>(o)};
    margin.relative = parts.number("relative");
    margin.absolute = parts.number("absolute");
    parts.finish(name.c_str());
    return margin;
  }
  if (py::isinstance<py::str>(o) ? !app::parse_margin(o.cast<std::string>(), margin) : !is_number(o) || PyBool_Check(o.ptr()))
    throw StudyError(fmt::format("{} must be \"5%\" (of the scale) or 0.01 (absolute), not '{}'", name, described(o)));
  if (!py::isinstance<py::str>(o)) margin.absolute = py::float_(py::reinterpret_borrow<py::object>(o)).cast<double>();
  return margin;
}

std::vector<py::object> listed(const py::object& one_or_many) {
  if (py::isinstance<py::str>(one_or_many) || py::isinstance<py::dict>(one_or_many) || (py::isinstance<py::tuple>(one_or_many) && py::len(one_or_many) == 2 && py::isinstance<py::dict>(one_or_many[py::int_(1)])))
    return {one_or_many};
  if (!py::hasattr(one_or_many, "__iter__")) throw StudyError(fmt::format("'{}' is neither a name nor a list of them", described(one_or_many)));
  std::vector<py::object> items;
  for (const py::handle item : one_or_many) items.push_back(py::reinterpret_borrow<py::object>(item));
  return items;
}

std::vector<std::string> names_of(const py::object& o, const char* what) {
  std::vector<std::string> names;
  for (const py::object& item : listed(o)) {
    if (!py::isinstance<py::str>(item)) throw StudyError(fmt::format("{} must be a name or a list of names, not '{}'", what, described(item)));
    names.push_back(item.cast<std::string>());
  }
  return names;
}

std::optional<std::variant<Times, Stationary>> question_of(Keywords& given) {
  const py::object times = given.take("times"), stationary = given.take("stationary");
  const bool asks_stationary = stationary && !stationary.is(py::bool_(false));
  if (times && asks_stationary) throw StudyError("stationary: times is given too; ask for one of the two");
  if (times) {
    if (py::isinstance<py::str>(times)) return Times{parse_times(times.cast<std::string>(), "times")};
    return Times{numbers(times, "times")};
  }
  if (!asks_stationary) return std::nullopt;
  if (stationary.is(py::bool_(true))) return Stationary{};
  if (py::isinstance<py::dict>(stationary)) {
    Keywords parts{py::cast<py::dict>(stationary)};
    const Stationary window{parts.number("burn_in"), parts.number("window")};
    parts.finish("stationary");
    return window;
  }
  const bool sequence = py::isinstance<py::tuple>(stationary) || py::isinstance<py::list>(stationary);
  const std::vector<double> window = sequence ? numbers(stationary, "stationary") : std::vector<double>{};
  if (window.size() != 2) throw StudyError(fmt::format("stationary must be True, (burn-in, window) or {{\"burn_in\": ..., \"window\": ...}}, not '{}'", described(stationary)));
  return Stationary{window[0], window[1]};
}

app::Request request_of(const py::dict& dict, const char* owner) {
  Keywords given(dict);
  app::Request request;
  request.flags = false;
  if (const py::object parameters = given.take("parameters")) {
    if (!py::isinstance<py::dict>(parameters)) throw StudyError(fmt::format("parameters must be {{name: value}}, not '{}'", described(parameters)));
    request.parameters = table_of(parameters);
  }
  request.when = question_of(given);
  if (const py::object against = given.take("against")) {  // a level, or measured values in a file
    const py::object path = py::hasattr(against, "__fspath__") ? against.attr("__fspath__")() : against;
    if (py::isinstance<py::str>(path) && text_of(path).ends_with(".csv")) request.data = read_own_data(text_of(path));
    else request.reference = level_of(against, "against");
  }
  if (const py::object levels = given.take("levels"))
    for (const py::object& level : listed(levels)) request.levels.push_back(level_of(level, "levels"));
  if (const py::object observables = given.take("observables")) request.observables = names_of(observables, "observables");
  if (const py::object margin = given.take("margin")) request.margins.push_back(margin_of(margin, ""));
  const auto relative = given.number("relative"), absolute = given.number("absolute");
  if (relative || absolute) {
    if (!request.margins.empty()) throw StudyError("margin: relative or absolute is given too; give one of the two");
    request.margins.push_back({"", relative, absolute});
  }
  if (const py::object margins = given.take("margins")) {
    if (!py::isinstance<py::dict>(margins)) throw StudyError(fmt::format("margins must be {{observable: margin}}, not '{}'", described(margins)));
    for (const auto& [observable, margin] : py::cast<py::dict>(margins)) request.margins.push_back(margin_of(margin, text_of(observable)));
  }
  if (const auto word = given.word("relative_to", {"scale", "value", "sd"})) request.relative_to = *word == "value" ? Criterion::RelativeTo::value : *word == "sd" ? Criterion::RelativeTo::sd : Criterion::RelativeTo::scale;
  if (const auto word = given.word("bounds", {"any", "certified"})) request.certified_only = *word == "certified";
  if (const py::object over = given.take("over")) {
    if (!py::isinstance<py::dict>(over)) throw StudyError(fmt::format("over must be {{parameter: values}}, not '{}'", described(over)));
    for (const auto& [parameter, values] : py::cast<py::dict>(over)) {
      const std::string name = text_of(parameter);
      if (py::isinstance<py::str>(values)) request.sweep.push_back(parse_sweep(name, values.cast<std::string>(), ""));
      else request.sweep.push_back({name, numbers(values, "the sweep over '" + name + "'"), false, ""});
    }
  }
  if (const auto word = given.word("mode", {"grid", "list", "boundary"})) request.mode = *word == "list" ? SweepMode::list : *word == "boundary" ? SweepMode::boundary : SweepMode::grid;
  request.max_points = given.count("max_points", 1);
  request.tolerance = given.number("tolerance");
  request.trajectories = given.count("trajectories", 1);
  request.max_trajectories = given.count("max_trajectories", 1);
  request.seed = given.count("seed", 0);
  request.confidence = given.number("confidence");
  given.finish(owner);
  return request;
}

// ---- Mesoscope -> Python -------------------------------------------------------------------------------------------------------------

/// A read-only view of memory that `owner` keeps alive.
py::array_t<double> view(const std::vector<double>& values, std::vector<py::ssize_t> shape, py::handle owner) {
  py::array_t<double> array(std::move(shape), values.data(), owner);
  py::detail::array_proxy(array.ptr())->flags &= ~py::detail::npy_api::NPY_ARRAY_WRITEABLE_;
  return array;
}

/// An array that is absent means zero everywhere: one zero, seen from every place.
py::object view_or_zero(const std::vector<double>& values, const std::vector<py::ssize_t>& shape, py::handle owner) {
  if (!values.empty() || std::find(shape.begin(), shape.end(), 0) != shape.end()) return view(values, shape, owner);
  static const std::vector<double> zero{0.0};
  py::array_t<double> array(shape, std::vector<py::ssize_t>(shape.size(), 0), zero.data(), owner);
  py::detail::array_proxy(array.ptr())->flags &= ~py::detail::npy_api::NPY_ARRAY_WRITEABLE_;
  return array;
}

std::vector<py::ssize_t> shape_of(const Estimate& e) {
  std::vector<py::ssize_t> shape;
  for (const Axis& axis : e.axes) shape.push_back(static_cast<py::ssize_t>(axis.points.size()));
  return shape;
}

py::object python_of(const Value& value) {
  return std::visit([](const auto& v) -> py::object { return py::cast(v); }, value.data);
}

py::dict python_of(const Table& table) {
  py::dict dict;
  for (const auto& [name, value] : table) dict[py::str(name)] = python_of(value);
  return dict;
}

/// A level's answer inside shared results.
struct LevelAnswer {
  std::shared_ptr<const Results> results;
  std::size_t point = 0, level = 0;
  [[nodiscard]] const PointResult& at() const { return results->points[point]; }
  [[nodiscard]] const LevelResult& get() const { return at().levels[level]; }
  [[nodiscard]] std::shared_ptr<Estimate> share(const Estimate& e) const { return {results, const_cast<Estimate*>(&e)}; }  // NOLINT: Python has no const; nothing writes
  [[nodiscard]] std::shared_ptr<Estimate> estimate(const std::string& name) const {
    if (const Estimate* found = get().answer.find(name)) return share(*found);
    std::vector<std::string> names;
    for (const Estimate& e : get().answer.estimates) names.push_back(e.observable);
    throw py::key_error(fmt::format("'{}' does not give '{}'.{} It gives: {}", get().label, name, did_you_mean(name, names), names.empty() ? "nothing" : join(names)));
  }
};

struct Point {
  std::shared_ptr<const Results> results;
  std::size_t index = 0;
  [[nodiscard]] const PointResult& get() const { return results->points[index]; }
  [[nodiscard]] LevelAnswer level(const std::string& label) const {
    std::vector<std::string> labels;
    for (std::size_t i = 0; i < get().levels.size(); ++i) {
      if (get().levels[i].label == label) return {results, index, i};
      labels.push_back(get().levels[i].label);
    }
    throw py::key_error(fmt::format("there is no level '{}' in these results.{} There are: {}", label, did_you_mean(label, labels), join(labels)));
  }
};

using SharedResults = std::shared_ptr<Results>;

/// One level alone, as results of their own: for its table.
std::string table_of_answer(const LevelAnswer& a) {
  Results alone;
  alone.observables = a.results->observables;
  alone.points.push_back({a.at().parameters, {a.get()}});
  return app::answer_table(alone, 100);
}

std::string text_of_results(const Results& r, std::size_t width) {
  std::string text = r.verdicts.empty() ? app::answer_table(r, width) : verdict_table(r, width);
  for (const std::string& note : r.notes) text += "note: " + note + "\n";
  text += edge_table(r, width);
  for (const OrderFit& order : r.orders)
    if (std::isfinite(order.order)) text += fmt::format("{} {}: {}\n", order.label, order.observable, order.text);
  return text;
}

// ---- levels written in Python --------------------------------------------------------------------------------------------------------

/// A Python object that may be copied and dropped by threads that do not hold the interpreter's lock.
using Held = std::shared_ptr<py::object>;
Held hold(py::object object) {
  return {new py::object(std::move(object)), [](py::object* o) {
            const py::gil_scoped_acquire lock;
            delete o;
          }};
}

struct PythonAsk {
  Ask ask;
  std::uint64_t seed = 0;
};

/// Calls `adapter(parameters, ask) -> (estimates, flags)` of the package (_levels.py), which turns the user's errors into flags.
Level python_level(const LevelInfo& info, const Held& adapter, const Table& parameters) {
  Level level;
  level.info = info;
  level.run = [adapter, parameters](const Ask& ask, Context& context) {
    const py::gil_scoped_acquire lock;
    try {
      const auto question = std::make_shared<PythonAsk>(PythonAsk{ask, context.seed()});
      const py::tuple given = (*adapter)(python_of(parameters), question);
      Answer answer;
      for (const py::handle item : given[0]) answer.estimates.push_back(std::move(*item.cast<std::shared_ptr<Estimate>>()));
      for (const py::handle item : given[1]) answer.flags.push_back(item.cast<Flag>());
      return answer;
    } catch (py::error_already_set&) {  // Ctrl-C inside the level: met again where the study looks for it
      PyErr_SetInterrupt();
      throw Cancelled();
    }
  };
  return level;
}

// ---- studies -------------------------------------------------------------------------------------------------------------------------

/// A system with what a resolved study must say of it.
struct PythonSystem {
  Study base;
};

PythonSystem with_level(const PythonSystem& system, LevelInfo info, py::object adapter) {
  PythonSystem extended = system;
  extended.base.system.bind = [bind = system.base.system.bind, info = std::move(info), adapter = hold(std::move(adapter))](const Table& given) {
    Case bound = bind(given);
    std::vector<std::string> names;
    for (const Level& level : bound.levels) names.push_back(level.info.name);
    if (std::find(names.begin(), names.end(), info.name) != names.end()) throw StudyError(fmt::format("there is a level '{}' already; give yours another name", info.name));
    if (!info.parent.empty() && std::find(names.begin(), names.end(), info.parent) == names.end())
      throw StudyError(fmt::format("the parent '{}' of level '{}' is no level.{}\n  known: {}", info.parent, info.name, did_you_mean(info.parent, names), join(names)));
    bound.levels.push_back(python_level(info, adapter, bound.parameters));
    return bound;
  };
  return extended;
}

/// Looks for Ctrl-C and tells the callback, each at its pace: a study asks more often than that. What Python raises is kept in `error`.
ProgressSink sink(const Held& callback, std::exception_ptr& error) {
  using Clock = std::chrono::steady_clock;
  struct State {
    Clock::time_point looked{}, told = Clock::now();
  };
  return [callback, &error, state = std::make_shared<State>()](const Progress& p) {
    const auto now = Clock::now();
    if (now - state->looked < std::chrono::milliseconds(20)) return;
    state->looked = now;
    const py::gil_scoped_acquire lock;
    try {
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      if (callback->is_none() || now - state->told < std::chrono::milliseconds(100)) return;
      state->told = now;
      (*callback)(p);
    } catch (py::error_already_set&) {
      error = std::current_exception();
      throw Cancelled();
    }
  };
}

SharedResults run(const Study& study, const std::optional<fs::path>& folder, unsigned threads, py::object callback, double checkpoint_every) {
  std::exception_ptr error;
  RunOptions options;
  options.threads = threads ? threads : std::max(1u, std::thread::hardware_concurrency());
  options.progress = sink(hold(std::move(callback)), error);
  options.checkpoint_every = checkpoint_every;
  try {
    const py::gil_scoped_release unlocked;
    return std::make_shared<Results>(folder ? app::RunFolder(*folder, study).run(options) : run_study(study, options));
  } catch (const Cancelled&) {
    if (error) std::rethrow_exception(error);
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    throw;
  }
}

/// Judges answers of separate runs as one study with one point.
SharedResults compare(const LevelAnswer& reference, const std::vector<LevelAnswer>& candidates, const py::dict& keywords) {
  if (candidates.empty()) throw StudyError("compare needs an answer to judge against the first");
  const Results& header = *reference.results;
  // The keywords of a study's criterion, read as a study reads them; how it was run is the answers' own.
  for (const char* no : {"parameters", "times", "stationary", "against", "levels", "over", "mode", "max_points", "tolerance", "trajectories", "max_trajectories", "seed"})
    if (keywords.contains(no)) throw StudyError(fmt::format("compare: '{}' belongs to a run; compare judges answers that are there", no));
  const app::Request request = request_of(keywords, "compare");
  auto results = std::make_shared<Results>();
  results->title = header.title;
  results->system = header.system;
  results->system_title = header.system_title;
  results->time_unit = header.time_unit;
  results->kind = "compare";
  results->seed = header.seed;
  results->parameters = header.parameters;
  results->notes = header.notes;
  results->provenance = header.provenance;
  results->confidence = request.confidence.value_or(0.99);
  if (!(results->confidence > 0 && results->confidence < 1)) throw StudyError(fmt::format("confidence is {}; it must lie between 0 and 1, e.g. 0.99", brief(results->confidence)));
  for (const ObservableInfo& info : header.observables)
    if (request.observables.empty() || std::find(request.observables.begin(), request.observables.end(), info.name) != request.observables.end()) results->observables.push_back(info);
  std::vector<std::string> known;
  for (const ObservableInfo& info : header.observables) known.push_back(info.name);
  for (const std::string& name : request.observables)
    if (std::find(known.begin(), known.end(), name) == known.end()) throw StudyError(fmt::format("the reference '{}' was not asked for '{}'.{}\n  asked: {}", reference.get().label, name, did_you_mean(name, known), join(known)));

  PointResult point;
  point.parameters = reference.at().parameters;
  point.levels.push_back(reference.get());
  point.levels.back().is_reference = true;
  for (const LevelAnswer& candidate : candidates) {
    if (candidate.results->system != header.system) throw StudyError(fmt::format("'{}' is of the system '{}', the reference '{}' of '{}'", candidate.get().label, candidate.results->system, reference.get().label, header.system));
    for (const auto& [name, value] : candidate.at().parameters)
      if (const auto same = point.parameters.find(name); same == point.parameters.end() || !(same->second == value))
        throw StudyError(fmt::format("'{}' was run at {} = {}, the reference '{}' at {}", candidate.get().label, name, to_text(value), reference.get().label, same == point.parameters.end() ? "none" : to_text(same->second)));
    if (point.find(candidate.get().label)) throw StudyError(fmt::format("the label '{}' is used twice; give one of the runs a label of its own", candidate.get().label));
    point.levels.push_back(candidate.get());
    point.levels.back().is_reference = false;
  }
  Study criterion;
  for (const app::Request::Margin& margin : request.margins) {
    Criterion& into = margin.observable.empty() ? criterion.criterion : criterion.overrides[margin.observable];
    if (!margin.observable.empty() && std::find(known.begin(), known.end(), margin.observable) == known.end())
      throw StudyError(fmt::format("the margin of '{}' is overridden, but it is not among the observables.{}\n  asked: {}", margin.observable, did_you_mean(margin.observable, known), join(known)));
    into.relative_to = criterion.criterion.relative_to;
    into.relative = margin.relative.value_or(0);
    into.absolute = margin.absolute.value_or(0);
  }
  if (request.relative_to) criterion.criterion.relative_to = *request.relative_to;
  for (std::size_t c = 1; c < point.levels.size(); ++c)
    for (const ObservableInfo& info : results->observables) {
      const auto found = criterion.overrides.find(info.name);
      Judgement how;
      how.criterion = found == criterion.overrides.end() ? criterion.criterion : found->second;
      if (!std::isfinite(how.criterion.relative) || !std::isfinite(how.criterion.absolute) || how.criterion.relative < 0 || how.criterion.absolute < 0)
        throw StudyError(fmt::format("the margin of '{}' must be finite and not negative", info.name));
      how.confidence = results->confidence;
      how.entries = candidates.size() * results->observables.size();
      how.certified_only = request.certified_only.value_or(false);
      results->verdicts.push_back(judge(point.levels[c], point.levels[0], info, how));
    }
  results->points.push_back(std::move(point));
  return results;
}

}  // namespace
}  // namespace meso

PYBIND11_MODULE(_core, m) {
  using namespace meso;
  using namespace pybind11::literals;
  m.doc() = "The waist of Mesoscope: systems, levels, estimates, verdicts, studies. The package mesoscope is its public face.";
  m.attr("version") = version;
  m.attr("revision") = revision;

  // Errors, as src/base/error.h has them; what the user gave is wrong is a ValueError too.
  static py::exception<Error> error(m, "Error", PyExc_RuntimeError);
  static py::exception<InputError> input_error(m, "InputError", py::make_tuple(error, py::handle(PyExc_ValueError)));
  static py::exception<ParameterError> parameter_error(m, "ParameterError", input_error);
  static py::exception<StudyError> study_error(m, "StudyError", input_error);
  static py::exception<ModelError> model_error(m, "ModelError", input_error);
  static py::exception<NumericalBreakdown> numerical_breakdown(m, "NumericalBreakdown", error);
  static py::exception<RunError> run_error(m, "RunError", error);
  static py::exception<Cancelled> paused(m, "Paused", error);
  paused.attr("__doc__") = "The study's own time limit (pause_after) was reached; the same study in the same folder goes on.";
  input_error.attr("__doc__") = "What was given is wrong: a name, a file, a folder.";
  parameter_error.attr("__doc__") = "A parameter or option is unknown, of the wrong type or out of range.";
  study_error.attr("__doc__") = "A study is inconsistent.";
  model_error.attr("__doc__") = "The description of a model is wrong.";
  run_error.attr("__doc__") = "The run failed for a reason outside the model: disk, memory.";
  py::register_exception_translator([](std::exception_ptr thrown) {
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const ParameterError& e) { parameter_error(e.what());
    } catch (const StudyError& e) { study_error(e.what());
    } catch (const ModelError& e) { model_error(e.what());
    } catch (const InputError& e) { input_error(e.what());
    } catch (const NumericalBreakdown& e) { numerical_breakdown(e.what());
    } catch (const RunError& e) { run_error(e.what());
    } catch (const Cancelled&) { paused("the study paused at its time limit; run it again in the same folder to go on");
    } catch (const Error& e) { error(e.what());
    }
  });

  py::class_<ParameterInfo>(m, "Parameter", "What a parameter or option is.")
      .def_readonly("name", &ParameterInfo::name)
      .def_readonly("unit", &ParameterInfo::unit)
      .def_readonly("doc", &ParameterInfo::doc)
      .def_property_readonly("default", [](const ParameterInfo& p) { return python_of(p.fallback); })
      .def_property_readonly("type", [](const ParameterInfo& p) { return std::vector<std::string>{"float", "int", "bool", "str", "list"}[static_cast<std::size_t>(p.type)]; })
      .def_readonly("min", &ParameterInfo::min)
      .def_readonly("max", &ParameterInfo::max)
      .def_readonly("min_excluded", &ParameterInfo::min_excluded)
      .def_readonly("allowed", &ParameterInfo::allowed, "Words that may be given; empty: any.")
      .def("__repr__", [](const ParameterInfo& p) { return fmt::format("<Parameter {} = {}{}: {}>", p.name, to_text(p.fallback), p.unit == "1" || p.unit.empty() ? "" : " " + p.unit, p.doc); });
  py::class_<ObservableInfo>(m, "Observable", "Meeting point of levels; `doc` is its definition.")
      .def_readonly("name", &ObservableInfo::name)
      .def_readonly("unit", &ObservableInfo::unit)
      .def_readonly("doc", &ObservableInfo::doc)
      .def_readonly("by_default", &ObservableInfo::by_default)
      .def("__repr__", [](const ObservableInfo& o) { return fmt::format("<Observable {}: {}>", o.name, o.doc); });
  py::class_<LevelInfo>(m, "Level", "One description of a case.")
      .def(py::init([](std::string name, const std::string& rung, std::string doc, std::string parent, std::string approximation, std::string small_parameter, double expected_order, std::string source, const py::dict& options) {
             LevelInfo info;
             info.name = std::move(name);
             const std::vector<std::string> rungs{"micro", "master", "moments", "mean-field", "surrogate"};
             const auto found = std::find(rungs.begin(), rungs.end(), rung);
             if (found == rungs.end()) throw StudyError(fmt::format("unknown rung '{}' of level '{}'.{}\n  known: {}", rung, info.name, did_you_mean(rung, rungs), join(rungs)));
             info.rung = static_cast<Rung>(found - rungs.begin());
             info.doc = std::move(doc);
             info.parent = std::move(parent);
             info.approximation = std::move(approximation);
             info.small_parameter = std::move(small_parameter);
             info.expected_order = expected_order;
             info.source = std::move(source);
             for (const auto& [key, value] : options) {
               ParameterInfo option;
               option.name = hyphened(text_of(key));
               option.fallback = value_of(value, option.name);
               option.type = static_cast<ParameterInfo::Type>(option.fallback.data.index());  // in the order of Value's alternatives
               info.options.push_back(std::move(option));
             }
             return info;
           }),
           "name"_a, py::kw_only(), "rung"_a, "doc"_a = "", "parent"_a = "", "approximation"_a = "", "small_parameter"_a = "", "expected_order"_a = 0.0, "source"_a = "", "options"_a = py::dict())
      .def_readonly("name", &LevelInfo::name)
      .def_property_readonly("rung", [](const LevelInfo& l) { return to_text(l.rung); })
      .def_readonly("doc", &LevelInfo::doc)
      .def_readonly("parent", &LevelInfo::parent)
      .def_readonly("approximation", &LevelInfo::approximation)
      .def_readonly("small_parameter", &LevelInfo::small_parameter)
      .def_readonly("expected_order", &LevelInfo::expected_order)
      .def_readonly("source", &LevelInfo::source)
      .def_readonly("options", &LevelInfo::options)
      .def_readonly("sampled", &LevelInfo::sampled)
      .def("__repr__", [](const LevelInfo& l) { return fmt::format("<Level {} ({}, {}): {}>", l.name, to_text(l.rung), l.sampled ? "sampled" : "solved", l.parent.empty() ? l.doc : "below " + l.parent + ": " + l.approximation); });
  py::class_<Flag>(m, "Flag", "Something the reader must know about an answer; fatal: the level is broken there.")
      .def(py::init([](std::string kind, std::string observable, std::map<std::string, double> where, std::string text, bool fatal) { return Flag{std::move(kind), std::move(observable), std::move(where), std::move(text), fatal}; }), "kind"_a, "observable"_a, "where"_a, "text"_a, "fatal"_a)
      .def_readonly("kind", &Flag::kind)
      .def_readonly("observable", &Flag::observable)
      .def_readonly("where", &Flag::where)
      .def_readonly("text", &Flag::text)
      .def_readonly("fatal", &Flag::fatal)
      .def("__repr__", [](const Flag& f) { return fmt::format("<Flag {}{}: {}>", f.kind, f.fatal ? " (fatal)" : "", f.text); });
  py::class_<SteadyState>(m, "SteadyState", "A stationary state of a solved level.")
      .def_readonly("value", &SteadyState::value)
      .def_readonly("reached", &SteadyState::reached)
      .def_readonly("stable", &SteadyState::stable)
      .def_readonly("physical", &SteadyState::physical)
      .def_readonly("eigenvalues", &SteadyState::eigenvalues);
  py::class_<Progress>(m, "Progress", "Where a study stands; `remaining` is in seconds, negative while unknown.")
      .def_readonly("fraction", &Progress::fraction)
      .def_readonly("seconds", &Progress::seconds)
      .def_readonly("remaining", &Progress::remaining)
      .def_readonly("what", &Progress::what);
  py::class_<Verdict>(m, "Verdict", "One entry: a level and an observable at one point, judged against the reference.")
      .def_readonly("point", &Verdict::point)
      .def_readonly("level", &Verdict::level)
      .def_readonly("label", &Verdict::label)
      .def_readonly("observable", &Verdict::observable)
      .def_property_readonly("outcome", [](const Verdict& v) { return to_text(v.outcome); }, "agrees | disagrees | undecided | broken | absent")
      .def_readonly("low", &Verdict::low, "Lower end of |discrepancy| / margin at the worst point.")
      .def_readonly("high", &Verdict::high)
      .def_readonly("where", &Verdict::where)
      .def_readonly("margin", &Verdict::margin)
      .def_readonly("scale", &Verdict::scale)
      .def_readonly("confidence", &Verdict::confidence)
      .def_readonly("quantile", &Verdict::quantile)
      .def_readonly("quantile_disagree", &Verdict::quantile_disagree)
      .def_readonly("look", &Verdict::look)
      .def_readonly("needed", &Verdict::needed, "Trajectories that would decide it, or None.")
      .def_readonly("reason", &Verdict::reason)
      .def_readonly("remarks", &Verdict::remarks)
      .def_readonly("order_check", &Verdict::order_check)
      .def("__repr__", [](const Verdict& v) {
        return fmt::format("<Verdict {} {} {}{}>", v.label, v.observable, to_text(v.outcome), v.reason.empty() ? fmt::format(" [{}, {}]", brief(v.low, 3), brief(v.high, 3)) : ": " + v.reason);
      });
  py::class_<Edge>(m, "Edge", "A place in a sweep where a verdict changes.")
      .def_readonly("label", &Edge::label)
      .def_readonly("observable", &Edge::observable)
      .def_readonly("parameter", &Edge::parameter)
      .def_readonly("others", &Edge::others)
      .def_readonly("low", &Edge::low)
      .def_readonly("high", &Edge::high)
      .def_property_readonly("below", [](const Edge& e) { return to_text(e.below); })
      .def_property_readonly("above", [](const Edge& e) { return to_text(e.above); })
      .def_readonly("refined", &Edge::refined)
      .def_readonly("reference", &Edge::reference);
  py::class_<OrderFit>(m, "OrderFit", "A measured order of a level's error in its small parameter.")
      .def_readonly("label", &OrderFit::label)
      .def_readonly("observable", &OrderFit::observable)
      .def_readonly("parameter", &OrderFit::parameter)
      .def_readonly("order", &OrderFit::order)
      .def_readonly("std_error", &OrderFit::std_error)
      .def_readonly("expected", &OrderFit::expected)
      .def_readonly("text", &OrderFit::text);

  py::class_<Estimate, std::shared_ptr<Estimate>>(m, "Estimate",
      "A labelled array with its errors, row-major over its axes. Arrays are read-only views of its own memory; a scalar has shape ().\n"
      "`std_error` is the sampling error (0 for a solved level), `error_bound` the numerical one: kept apart, because they mean different things.")
      .def(py::init([](std::string observable, std::string unit, const std::vector<std::tuple<std::string, std::string, py::object>>& axes, const py::array_t<double, py::array::c_style>& value, const py::object& std_error,
                       const py::object& error_bound, bool certified, std::uint64_t samples, bool is_distribution) {
             const auto copied = [](const py::array_t<double, py::array::c_style>& a) { return std::vector<double>(a.data(), a.data() + a.size()); };
             auto e = std::make_shared<Estimate>();
             e->observable = std::move(observable);
             e->unit = std::move(unit);
             for (const auto& [name, axis_unit, points] : axes) e->axes.push_back({name, axis_unit, numbers(points, "axis '" + name + "'")});
             e->value = copied(value);
             if (!std_error.is_none()) e->std_error = copied(std_error);
             if (!error_bound.is_none()) e->error_bound = copied(error_bound);
             e->bound_kind = certified ? BoundKind::certified : BoundKind::estimated;
             e->samples = samples;
             if (samples > 1) e->dof = static_cast<double>(samples) - 1;
             e->is_distribution = is_distribution;
             return e;
           }),
           "observable"_a, "unit"_a, "axes"_a, "value"_a, "std_error"_a, "error_bound"_a, "certified"_a, "samples"_a, "is_distribution"_a)
      .def_readonly("observable", &Estimate::observable)
      .def_readonly("unit", &Estimate::unit)
      .def_property_readonly("axes", [](py::object self) {
             const auto& e = self.cast<const Estimate&>();
             py::dict axes;
             for (const Axis& axis : e.axes) axes[py::str(axis.name)] = view(axis.points, {static_cast<py::ssize_t>(axis.points.size())}, self);
             return axes;
           }, "Name -> points, in the order of the dimensions.")
      .def_property_readonly("axis_units", [](const Estimate& e) {
        py::dict units;
        for (const Axis& axis : e.axes) units[py::str(axis.name)] = axis.unit;
        return units;
      })
      .def_property_readonly("shape", [](const Estimate& e) { return py::tuple(py::cast(shape_of(e))); })
      .def_property_readonly("value", [](py::object self) { const auto& e = self.cast<const Estimate&>(); return view(e.value, shape_of(e), self); })
      .def_property_readonly("std_error", [](py::object self) { const auto& e = self.cast<const Estimate&>(); return view_or_zero(e.std_error, shape_of(e), self); })
      .def_property_readonly("error_bound", [](py::object self) { const auto& e = self.cast<const Estimate&>(); return view_or_zero(e.error_bound, shape_of(e), self); })
      .def_property_readonly("bound_kind", [](const Estimate& e) { return e.bound_kind == BoundKind::certified ? "certified" : "estimated"; })
      .def_readonly("samples", &Estimate::samples)
      .def_readonly("dof", &Estimate::dof, "Degrees of freedom of std_error.")
      .def_readonly("is_distribution", &Estimate::is_distribution, "The last axis is the support, values are probabilities.")
      .def_property_readonly("batches", [](py::object self) -> py::object {
             const auto& e = self.cast<const Estimate&>();
             if (!e.batches) return py::none();
             std::vector<py::ssize_t> shape = shape_of(e);
             shape.insert(shape.begin(), static_cast<py::ssize_t>(e.batches->count()));
             return py::make_tuple(view(e.batches->weight, {shape[0]}, self), view(e.batches->replicate, shape, self));
           }, "(weight, replicate): the estimate with each batch of whole trajectories left out, for errors of anything derived; or None.")
      .def_property_readonly("__array_interface__", [](const Estimate& e) {
        return py::dict("shape"_a = py::tuple(py::cast(shape_of(e))), "typestr"_a = "<f8", "data"_a = py::make_tuple(reinterpret_cast<std::uintptr_t>(e.value.data()), true), "version"_a = 3);
      })
      .def("__float__", [](const Estimate& e) {
        if (e.size() != 1) throw py::type_error(fmt::format("{} is an array of {} values, not one number", e.observable, e.size()));
        return e.value[0];
      })
      .def("__repr__", [](const Estimate& e) {
        std::string text = fmt::format("<Estimate {}", e.observable);
        if (e.axes.empty() && e.size() == 1) {
          text += " = " + brief(e.value[0], 6);
          if (e.se(0) > 0) text += " +- " + brief(e.se(0), 2);
        }
        if (e.unit != "1" && !e.unit.empty()) text += " " + e.unit;
        for (const Axis& axis : e.axes) text += fmt::format(", {} values of {}", axis.points.size(), axis.name);
        return text + ">";
      });

  py::class_<LevelAnswer>(m, "Answer", "What one level gave at one point: a mapping from observables to estimates.")
      .def("__getitem__", &LevelAnswer::estimate)
      .def("__contains__", [](const LevelAnswer& a, const std::string& name) { return a.get().answer.find(name) != nullptr; })
      .def("__len__", [](const LevelAnswer& a) { return a.get().answer.estimates.size(); })
      .def("keys", [](const LevelAnswer& a) {
        std::vector<std::string> names;
        for (const Estimate& e : a.get().answer.estimates) names.push_back(e.observable);
        return names;
      })
      .def("__iter__", [](py::object self) { return py::iter(self.attr("keys")()); })
      .def("values", [](const LevelAnswer& a) {
        std::vector<std::shared_ptr<Estimate>> all;
        for (const Estimate& e : a.get().answer.estimates) all.push_back(a.share(e));
        return all;
      })
      .def("items", [](const LevelAnswer& a) {
        std::vector<std::pair<std::string, std::shared_ptr<Estimate>>> all;
        for (const Estimate& e : a.get().answer.estimates) all.emplace_back(e.observable, a.share(e));
        return all;
      })
      .def_property_readonly("level", [](const LevelAnswer& a) { return a.get().info; })
      .def_property_readonly("label", [](const LevelAnswer& a) { return a.get().label; })
      .def_property_readonly("options", [](const LevelAnswer& a) { return python_of(a.get().options); })
      .def_property_readonly("is_reference", [](const LevelAnswer& a) { return a.get().is_reference; })
      .def_property_readonly("samples", [](const LevelAnswer& a) { return a.get().samples; })
      .def_property_readonly("seconds", [](const LevelAnswer& a) { return a.get().seconds; })
      .def_property_readonly("system", [](const LevelAnswer& a) { return a.results->system; })
      .def_property_readonly("seed", [](const LevelAnswer& a) { return a.results->seed; })
      .def_property_readonly("parameters", [](const LevelAnswer& a) { return python_of(a.at().parameters); })
      .def_property_readonly("why", [](const LevelAnswer& a) { return a.get().answer.why; })
      .def_property_readonly("flags", [](const LevelAnswer& a) { return a.get().answer.flags; })
      .def_property_readonly("steady_states", [](const LevelAnswer& a) { return a.get().answer.steady_states; })
      .def_property_readonly("times", [](const LevelAnswer& a) -> py::object {
             for (const Estimate& e : a.get().answer.estimates)
               for (const Axis& axis : e.axes)
                 if (axis.name == "t") return view(axis.points, {static_cast<py::ssize_t>(axis.points.size())}, py::cast(a.share(e)));
             return py::none();
           }, "The asked times, or None for a stationary question.")
      .def_property_readonly("paths", [](const LevelAnswer& a) {
             py::list all;
             const py::object owner = py::capsule(new std::shared_ptr<const Results>(a.results), [](void* p) { delete static_cast<std::shared_ptr<const Results>*>(p); });
             for (const Path& path : a.get().answer.paths) all.append(py::dict("trajectory"_a = path.trajectory, "signal"_a = path.signal, "value"_a = view(path.value, {static_cast<py::ssize_t>(path.value.size())}, owner)));
             return all;
           }, "A few sample paths: dicts with trajectory, signal, value.")
      .def_property_readonly("portraits", [](const LevelAnswer& a) {
             py::list all;
             const py::object owner = py::capsule(new std::shared_ptr<const Results>(a.results), [](void* p) { delete static_cast<std::shared_ptr<const Results>*>(p); });
             for (const Portrait& p : a.get().answer.portraits) {
               std::vector<py::ssize_t> shape;
               py::dict axes;
               for (const Axis& axis : p.axes) {
                 shape.push_back(static_cast<py::ssize_t>(axis.points.size()));
                 axes[py::str(axis.name)] = view(axis.points, {shape.back()}, owner);
               }
               all.append(py::dict("name"_a = p.name, "title"_a = p.title, "unit"_a = p.unit, "axes"_a = axes, "value"_a = view(p.value, shape, owner), "categories"_a = p.categories));
             }
             return all;
           }, "Pictures of one trajectory or field: dicts with name, title, unit, axes, value, categories.")
      .def("__str__", &table_of_answer)
      .def("__repr__", [](const LevelAnswer& a) {
        std::vector<std::string> names;
        for (const Estimate& e : a.get().answer.estimates) names.push_back(e.observable);
        return fmt::format("<Answer '{}' of {}: {}{}>", a.get().label, a.results->system, names.empty() ? "nothing" : join(names), a.get().samples ? fmt::format("; {} trajectories", with_commas(a.get().samples)) : "");
      });

  py::class_<Point>(m, "Point", "One point of a study: its parameters and the answers of its levels by label.")
      .def_property_readonly("parameters", [](const Point& p) { return python_of(p.get().parameters); })
      .def_readonly("index", &Point::index)
      .def("__getitem__", &Point::level)
      .def("__contains__", [](const Point& p, const std::string& label) { return p.get().find(label) != nullptr; })
      .def("__len__", [](const Point& p) { return p.get().levels.size(); })
      .def("keys", [](const Point& p) {
        std::vector<std::string> labels;
        for (const LevelResult& level : p.get().levels) labels.push_back(level.label);
        return labels;
      })
      .def("__iter__", [](py::object self) { return py::iter(self.attr("keys")()); })
      .def("values", [](const Point& p) {
        std::vector<LevelAnswer> all;
        for (std::size_t i = 0; i < p.get().levels.size(); ++i) all.push_back({p.results, p.index, i});
        return all;
      })
      .def_property_readonly("reference", [](const Point& p) -> std::optional<LevelAnswer> {
        for (std::size_t i = 0; i < p.get().levels.size(); ++i)
          if (p.get().levels[i].is_reference) return LevelAnswer{p.results, p.index, i};
        return std::nullopt;
      })
      .def("__repr__", [](const Point& p) { return fmt::format("<Point {}: {}>", p.index, to_text(p.get().parameters)); });

  py::class_<Results, SharedResults>(m, "Results", "What a study leaves behind: answers of every level at every point, and the verdicts.")
      .def_readonly("title", &Results::title)
      .def_readonly("system", &Results::system)
      .def_readonly("system_title", &Results::system_title)
      .def_readonly("kind", &Results::kind, "run | compare | sweep")
      .def_readonly("seed", &Results::seed)
      .def_readonly("confidence", &Results::confidence)
      .def_readonly("time_unit", &Results::time_unit)
      .def_readonly("study", &Results::study, "The resolved study as TOML; it runs again to the same bits.")
      .def_readonly("sweep", &Results::sweep, "Swept parameters.")
      .def_readonly("parameters", &Results::parameters)
      .def_readonly("observables", &Results::observables)
      .def_readonly("verdicts", &Results::verdicts)
      .def_readonly("orders", &Results::orders)
      .def_readonly("edges", &Results::edges)
      .def_readonly("notes", &Results::notes)
      .def_property_readonly("diagrams", [](const Results& r) {
             py::list all;
             for (const Diagram& d : r.diagrams) {
               py::list branches;
               for (const Branch& b : d.branches) {
                 py::list points, special;
                 for (const BranchPoint& p : b.points) points.append(py::dict("parameter"_a = p.parameter, "value"_a = p.value, "stable"_a = p.stable, "physical"_a = p.physical, "leading"_a = p.leading));
                 for (const SpecialPoint& p : b.special) special.append(py::dict("kind"_a = p.kind, "parameter"_a = p.parameter, "error"_a = p.error, "value"_a = p.value, "frequency"_a = p.frequency, "text"_a = p.text));
                 branches.append(py::dict("points"_a = points, "special"_a = special, "text"_a = b.text));
               }
               all.append(py::dict("label"_a = d.label, "parameter"_a = d.parameter, "from"_a = d.from, "to"_a = d.to, "log"_a = d.log, "branches"_a = branches));
             }
             return all;
           }, "Branches of steady states along a stationary sweep, as nested dicts.")
      .def_property_readonly("provenance", [](const Results& r) {
        const Provenance& p = r.provenance;
        return py::dict("version"_a = p.version, "git"_a = p.git, "compiler"_a = p.compiler, "host"_a = p.host, "started"_a = p.started, "threads"_a = p.threads, "ranks"_a = p.ranks, "seconds"_a = p.seconds);
      })
      .def_property_readonly("points", [](const SharedResults& r) {
        std::vector<Point> all;
        for (std::size_t i = 0; i < r->points.size(); ++i) all.push_back({r, i});
        return all;
      })
      .def("__len__", [](const Results& r) { return r.points.size(); })
      .def("__getitem__", [](const SharedResults& r, std::ptrdiff_t i) {
        const auto n = static_cast<std::ptrdiff_t>(r->points.size());
        if (i < -n || i >= n) throw py::index_error(fmt::format("there are {} points, not {}", n, i));
        return Point{r, static_cast<std::size_t>(i < 0 ? i + n : i)};
      })
      .def("__getitem__", [](const SharedResults& r, const std::string& label) {
        if (r->points.size() != 1) throw py::key_error(fmt::format("the study has {} points: take one first, results[0]['{}']", r->points.size(), label));
        return Point{r, 0}.level(label);
      })
      .def("verdict", [](const Results& r, const std::string& label, const std::string& observable, std::size_t point) {
        for (const Verdict& v : r.verdicts)
          if (v.point == point && v.label == label && v.observable == observable) return v;
        throw py::key_error(fmt::format("there is no verdict on {} of '{}' at point {}", observable, label, point));
      }, "label"_a, "observable"_a, "point"_a = 0)
      .def("summary", [](const Results& r) { return summary(r); }, "The study in one paragraph.")
      .def("table", &text_of_results, "width"_a = 100, "Verdicts (or values) as text.")
      .def("__str__", [](const Results& r) { return text_of_results(r, 100); })
      .def("__repr__", [](const Results& r) { return fmt::format("<Results of {}: {} point{}, {} verdicts>", r.system, r.points.size(), r.points.size() == 1 ? "" : "s", r.verdicts.size()); })
      .def("to_json", [](const Results& r) { return answers_json(r); }, "The document that `meso ... --json` prints.")
      .def("verdict_map_svg", [](const Results& r) { return verdict_map_svg(r); })
      .def("save", [](const Results& r, const fs::path& path) {
             if (path.extension() == ".h5") return write_results(path, r);
             require_writable_folder(path);
             if (!r.study.empty()) write_file_atomically(path / "study.toml", r.study);
             write_results(path / "results.h5", r);
             app::write_pages(r, path);
           }, "path"_a, py::call_guard<py::gil_scoped_release>(), "A results file (.h5), or a folder with study.toml, results.h5, verdicts.csv and report/.")
      .def("report", [](const Results& r, const fs::path& folder) {
             write_report(r, folder / "report");
             return folder / "report" / "index.html";
           }, "folder"_a, py::call_guard<py::gil_scoped_release>(), "Writes folder/report/index.html, one page that opens offline, and returns its path.");

  py::class_<PythonAsk, std::shared_ptr<PythonAsk>>(m, "Ask", "The question of a study to a level.")
      .def_property_readonly("times", [](py::object self) -> py::object {
             const auto& ask = self.cast<const PythonAsk&>().ask;
             if (ask.is_stationary()) return py::none();
             return view(ask.times(), {static_cast<py::ssize_t>(ask.times().size())}, self);
           }, "Increasing output times, or None for a stationary question.")
      .def_property_readonly("stationary", [](const PythonAsk& a) { return a.ask.is_stationary(); })
      .def_property_readonly("burn_in", [](const PythonAsk& a) { return a.ask.is_stationary() ? a.ask.stationary().burn_in : std::nullopt; })
      .def_property_readonly("window", [](const PythonAsk& a) { return a.ask.is_stationary() ? a.ask.stationary().window : std::nullopt; })
      .def_property_readonly("observables", [](const PythonAsk& a) { return a.ask.observables; })
      .def_property_readonly("target_error", [](const PythonAsk& a) { return a.ask.target_error; }, "What a solver should aim at, relative to the peak; 0: its own default.")
      .def_property_readonly("options", [](const PythonAsk& a) { return python_of(a.ask.options); })
      .def_readonly("seed", &PythonAsk::seed);

  py::class_<Case>(m, "Case")
      .def_property_readonly("parameters", [](const Case& c) { return python_of(c.parameters); })
      .def_property_readonly("levels", [](const Case& c) {
        std::vector<LevelInfo> all;
        for (const Level& level : c.levels) all.push_back(level.info);
        return all;
      })
      .def_readonly("observables", &Case::observables)
      .def("observable", &Case::observable, "name"_a)
      .def_readonly("time_unit", &Case::time_unit)
      .def_readonly("notes", &Case::notes)
      .def("equations", [](const Case& c, const std::string& name, const py::dict& options, bool latex) {
        const Level& level = c.level(hyphened(name));
        if (!level.equations) throw InputError(fmt::format("level '{}' has no closed equations to show", level.info.name));
        Table given;
        for (const auto& [key, value] : table_of(options)) given[hyphened(key)] = value;
        return level.equations(resolve(level.info.options, given, "level '" + level.info.name + "'"), latex);
      }, "level"_a, "options"_a, "latex"_a);

  py::class_<PythonSystem>(m, "System")
      .def_property_readonly("name", [](const PythonSystem& s) { return s.base.system.name; })
      .def_property_readonly("title", [](const PythonSystem& s) { return s.base.system.title; })
      .def_property_readonly("family", [](const PythonSystem& s) { return s.base.system.family; })
      .def_property_readonly("doc", [](const PythonSystem& s) { return s.base.system.doc; })
      .def_property_readonly("paper", [](const PythonSystem& s) { const Paper& p = s.base.system.paper; return py::dict("slug"_a = p.slug, "title"_a = p.title, "date"_a = p.date); })
      .def_property_readonly("needs", [](const PythonSystem& s) { return s.base.system.needs; })
      .def_property_readonly("has_time", [](const PythonSystem& s) { return s.base.system.has_time; })
      .def_property_readonly("parameters", [](const PythonSystem& s) { return s.base.system.parameters; })
      .def("info", [](const PythonSystem& s, const std::string& level, bool markdown) { return app::info_text(s.base.system, level, markdown); }, "level"_a, "markdown"_a)
      .def("bind", [](const PythonSystem& s, const py::dict& parameters) { return s.base.system.bind(table_of(parameters)); }, "parameters"_a)
      .def("with_level", &with_level, "info"_a, "adapter"_a)
      .def("export_sbml", [](const PythonSystem& s, const py::dict& parameters, const std::optional<fs::path>& path) -> std::optional<std::string> {
        Study study = s.base;
        for (const auto& [name, value] : table_of(parameters)) study.parameters[name] = value;
        if (!path) return app::sbml_of(study);
        app::export_sbml(study, *path);
        return std::nullopt;
      }, "parameters"_a, "path"_a = py::none())
      .def("study", [](const PythonSystem& s, const std::string& kind, const py::dict& keywords, const std::string& title) {
        Study study = app::build_study(s.base, request_of(keywords, "the study"), kind == "run" ? Study::Kind::run : Study::Kind::compare);
        if (!title.empty()) study.title = title;
        return resolved(std::move(study));
      }, "kind"_a, "keywords"_a, "title"_a);
  m.def("systems", [] { return builtin_registry().names(); });
  m.def("system", [](const std::string& target) {
    const bool path = target.find('.') != std::string::npos || target.find('/') != std::string::npos;
    Study study = app::base_study(path ? target : hyphened(target));
    Study only;
    only.title = study.title;
    only.system = std::move(study.system);
    only.model = std::move(study.model);
    return PythonSystem{std::move(only)};
  }, "target"_a);
  m.def("own_system", [](const std::string& kind, const py::dict& model, const std::string& title, const fs::path& folder) {
    TomlNode document;
    document.table("study").set("title", title);
    TomlNode& table = document.table(hyphened(kind));
    for (const auto& [key, value] : model) table.set(hyphened(text_of(key)), node_of(value, text_of(key)));
    Study study = read_study(document, model_source(), folder);
    return PythonSystem{std::move(study)};
  }, "kind"_a, "model"_a, "title"_a, "folder"_a);

  py::class_<Study>(m, "Study", "System x points x levels x observables x criterion x budget x seed: the only thing that is run.")
      .def_static("load", [](const fs::path& path) {
        if (path.extension() != ".toml") throw InputError(fmt::format("{}: is no study file (.toml)", path.string()));
        return resolved(app::base_study(path.string()));
      }, "path"_a, "A study file (.toml).")
      .def_static("from_toml", [](const std::string& text, const fs::path& folder) { return resolved(read_study(parse_toml(text, "study.toml"), model_source(), folder)); }, "text"_a, "folder"_a = ".",
                  "The text of a study file; paths in it are relative to `folder`.")
      .def_static("from_dict", [](const py::dict& document, const fs::path& folder) { return resolved(read_study(node_of(document, "the study"), model_source(), folder)); }, "document"_a, "folder"_a = ".",
                  "The tables of a study file as nested dicts.")
      .def_property_readonly("title", [](const Study& s) { return s.title; })
      .def_property_readonly("kind", [](const Study& s) { return std::vector<std::string>{"run", "compare", "sweep"}[static_cast<std::size_t>(s.kind)]; })
      .def_property_readonly("system", [](const Study& s) { return s.system.name; })
      .def_property_readonly("seed", [](const Study& s) { return s.seed; })
      .def_property_readonly("reference", [](const Study& s) { return s.reference ? std::optional(s.reference->label) : std::nullopt; })
      .def_property_readonly("levels", [](const Study& s) {
        std::vector<std::string> labels;
        for (const LevelRequest& level : s.levels) labels.push_back(level.label);
        return labels;
      }, "Labels of the levels that are run or judged.")
      .def_property_readonly("observables", [](const Study& s) { return s.observables; })
      .def_property_readonly("confidence", [](const Study& s) { return s.confidence; })
      .def_property_readonly("points", [](const Study& s) {
        py::list all;
        for (const Table& point : points_of(s)) all.append(python_of(point));
        return all;
      }, "Swept parameters of every point (of the grid, in a boundary sweep).")
      .def("describe", [](const Study& s) { return join(describe(s), "\n"); }, "What would be run and what it costs: points, comparisons, quantiles. Nothing is run.")
      .def("to_toml", [](const Study& s) { return write_toml(study_document(s)); }, "The resolved study, every default filled in.")
      .def("save", [](const Study& s, const fs::path& path) { write_file_atomically(path, write_toml(study_document(s))); }, "path"_a)
      .def("replace", [](const Study& s, const py::kwargs& keywords) {
        return resolved(app::build_study(s, request_of(keywords, "the study"), s.reference || keywords.contains("against") ? Study::Kind::compare : Study::Kind::run));
      }, "The same study with these keywords in place of what it had (see System.study).")
      .def("_run", &run, "folder"_a, "threads"_a, "progress"_a, "checkpoint_every"_a)
      .def("_trajectory", [](const Study& s, std::uint64_t id) {
        auto results = std::make_shared<Results>();
        const Case bound = s.system.bind(s.parameters);
        results->system = s.system.name;
        results->seed = s.seed;
        LevelResult level;
        level.label = s.levels.front().label;
        level.info = bound.level(s.levels.front().level).info;
        level.options = s.levels.front().options;
        level.samples = 1;
        {
          const py::gil_scoped_release unlocked;
          level.answer = run_trajectory(s, id);
        }
        results->points.push_back({bound.parameters, {std::move(level)}});
        return LevelAnswer{results, 0, 0};
      }, "id"_a)
      .def("__repr__", [](const Study& s) { return fmt::format("<Study '{}' of {}>", s.title, s.system.name); });

  m.def("load_results", [](const fs::path& path) { return std::make_shared<Results>(read_results(fs::is_directory(path) ? path / "results.h5" : path)); }, "path"_a, py::call_guard<py::gil_scoped_release>());
  m.def("unfinished", [](const fs::path& folder) -> std::optional<Study> {
    if (!app::RunFolder::holds_unfinished_run(folder)) return std::nullopt;
    return resolved(app::base_study((folder / "study.toml").string()));
  }, "folder"_a, "The study of an unfinished run, or None if it is finished.");
  m.def("compare", [](const LevelAnswer& reference, const py::args& candidates, const py::kwargs& keywords) {
    std::vector<LevelAnswer> all;
    for (const py::handle candidate : candidates) {
      if (!py::isinstance<LevelAnswer>(candidate)) throw StudyError(fmt::format("compare judges answers of case.run, not '{}'", described(candidate)));
      all.push_back(candidate.cast<LevelAnswer>());
    }
    return compare(reference, all, keywords);
  }, "Judges answers against the first one. Keywords: relative, absolute, margin, margins, relative_to, bounds, confidence, observables. Returns Results with one point.");
  py::dict colours;
  for (const report::Look& look : report::looks) colours[py::str(std::string(look.word))] = py::make_tuple(std::string(look.fill), std::string(look.ink), std::string(look.glyph));
  m.attr("looks") = colours;
}
