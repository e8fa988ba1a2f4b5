// For tests of this folder: results with something in every field, and a comparison that names the first difference.
#pragma once

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "model/results.h"
#include "rng/stream.h"

namespace meso::testing {

/// Random but reproducible results; every optional thing is there in some places and absent in others.
class RandomResults {
 public:
  explicit RandomResults(std::uint64_t id) : rng_(20261123, id, "test/io/results") {}

  Results make(int points = 3) {
    Results r;
    r.study = "[study]\nsystem = \"schlogl\"\ntitle = \"" + std::string(pick(3) * 40000, 'x') + "\"\n";  // longer than an old-style attribute
    r.title = word();
    r.system = "schlogl";
    r.system_title = "Schlögl model";
    r.time_unit = "s";
    r.kind = "sweep";
    r.seed = pick(2) ? 1 : std::numeric_limits<std::uint64_t>::max();
    r.confidence = 0.99;
    for (int i = pick(3); i > 0; --i) r.sweep.push_back(word());
    for (int i = pick(3); i > 0; --i) r.notes.push_back(word());
    r.parameters = infos();
    for (int i = pick(4); i >= 0; --i)
      r.observables.push_back({"O" + std::to_string(i) + ".mean", "molecules", word(),
                               {pick(2) ? Scale::Kind::peak : pick(2) ? Scale::Kind::power : Scale::Kind::sqrt_product, words(), number()}, pick(2) == 0});
    for (int p = 0; p < points; ++p) r.points.push_back(point());
    for (int i = pick(6); i > 0 && points > 0; --i) r.verdicts.push_back(verdict(points));
    for (int i = pick(3); i > 0; --i) r.orders.push_back({word(), word(), word(), number(), number(), number(), numbers(pick(5)), numbers(pick(5)), numbers(pick(5)), word()});
    for (int i = pick(3); i > 0; --i)
      r.edges.push_back({word(), word(), word(), {{"k%,=", number()}}, number(), number(), Outcome::agrees, Outcome::broken, pick(2) == 0, {{"X.mean", {number(), number()}}}});
    for (int i = pick(3); i > 0; --i) r.diagrams.push_back(diagram());
    r.provenance = {"0.1.0", word(), word(), word(), word(), static_cast<unsigned>(pick(8)), static_cast<unsigned>(pick(8)), number()};
    return r;
  }

  double number() {
    switch (pick(8)) {
      case 0: return std::numeric_limits<double>::quiet_NaN();
      case 1: return std::numeric_limits<double>::infinity();
      case 2: return -0.0;
      case 3: return 5e-324;
      default: return (rng_.uniform() - 0.5) * std::pow(10.0, pick(30) - 15);
    }
  }
  /// Not empty; with everything that a name may do to a path, a table cell or a list.
  std::string word() {
    static const std::vector<std::string> parts{"X.mean", "/", "%", "ö日", " ", ",", ", ", "=", " = ", "\n", ".", "\"", "a", "%2F", "[", "\\", "\t"};
    std::string text = "w";
    if (pick(4) == 0) text = parts[static_cast<std::size_t>(pick(static_cast<int>(parts.size())))];
    for (int i = pick(6); i > 0; --i) text += parts[static_cast<std::size_t>(pick(static_cast<int>(parts.size())))];
    return text;
  }
  int pick(int n) { return static_cast<int>(rng_.uniform() * n); }

 private:
  std::vector<std::string> words() {
    std::vector<std::string> list;
    for (int i = pick(3); i > 0; --i) list.push_back(word());
    return list;
  }
  std::vector<double> numbers(int n) {
    std::vector<double> list;
    for (int i = 0; i < n; ++i) list.push_back(number());
    return list;
  }
  Value value() {
    switch (pick(5)) {
      case 0: return number();
      case 1: return static_cast<std::int64_t>(pick(1000)) - 500;
      case 2: return pick(2) == 0;
      case 3: return word();
      default: return numbers(pick(4));
    }
  }
  Table table() {
    Table t;
    for (int i = pick(12); i > 0; --i) t[word()] = value();
    if (pick(10) == 0) t["long"] = numbers(20000);
    return t;
  }
  std::vector<ParameterInfo> infos() {
    std::vector<ParameterInfo> list;
    for (int i = pick(4); i > 0; --i)
      list.push_back({word(), word(), word(), static_cast<ParameterInfo::Type>(pick(5)), value(), number(), number(), pick(2) == 0, words()});
    return list;
  }
  std::map<std::string, double> where() {
    std::map<std::string, double> w;
    for (int i = pick(3); i > 0; --i) w[word()] = number();
    return w;
  }
  std::vector<double> maybe(std::size_t n) { return pick(2) ? std::vector<double>{} : numbers(static_cast<int>(n)); }

  Estimate estimate(const std::string& name) {
    Estimate e;
    e.observable = name;
    e.unit = word();
    std::size_t size = 1;
    for (int i = pick(3); i > 0; --i) {
      e.axes.push_back({pick(3) == 0 ? "t" : word(), word(), {}});
      for (int k = pick(5); k >= 0; --k) e.axes.back().points.push_back(5.0 - k);
      size *= e.axes.back().points.size();
    }
    e.value = numbers(static_cast<int>(size));
    e.std_error = maybe(size);
    e.error_bound = maybe(size);
    e.bound_kind = pick(2) ? BoundKind::certified : BoundKind::estimated;
    e.samples = pick(2) ? 0 : (std::uint64_t{1} << 60) + 1;
    e.dof = number();
    e.skewness = maybe(size);
    e.no_variation = maybe(size);
    e.signal_range = maybe(size);
    e.exact = maybe(size);
    if (pick(2)) {
      const int count = pick(4);
      e.batches = Batches{numbers(count), numbers(count * static_cast<int>(size))};
    }
    e.stream = word();
    e.is_distribution = pick(2) == 0;
    return e;
  }

  LevelResult level(const std::string& label) {
    LevelResult l;
    l.info.name = word();
    l.info.rung = static_cast<Rung>(pick(5));
    l.info.doc = word();
    l.info.parent = word();
    l.info.approximation = word();
    l.info.small_parameter = word();
    l.info.expected_order = number();
    l.info.source = word();
    l.info.options = infos();
    l.info.sampled = pick(2) == 0;
    l.info.grain = std::uint64_t{1} << pick(12);
    l.label = label;
    l.options = table();
    l.is_reference = pick(2) == 0;
    l.samples = static_cast<std::uint64_t>(pick(100000));
    l.seconds = number();
    l.answer.why = word();
    std::vector<std::string> names{"X.mean", "A/B %", ".", "..", "", "flags", "options", "trajectories", "steady_states", "a.b.covariance", "日"};
    for (const std::string& name : names)
      if (pick(2)) l.answer.estimates.push_back(estimate(name));
    for (int i = pick(3); i > 0; --i) l.answer.flags.push_back({word(), word(), where(), word(), pick(2) == 0});
    for (int i = pick(3); i > 0; --i) {
      SteadyState s;
      for (int k = pick(3); k > 0; --k) s.value[word()] = number();
      s.reached = pick(2) == 0;
      s.stable = pick(2) == 0;
      s.physical = pick(2) == 0;
      for (int k = pick(3); k > 0; --k) s.eigenvalues.emplace_back(number(), number());
      l.answer.steady_states.push_back(s);
    }
    const int length = pick(6);
    for (int i = pick(4); i > 0; --i) l.answer.paths.push_back({static_cast<std::uint64_t>(pick(100)), pick(2) ? "X" : "Y/Z", numbers(length)});
    if (pick(2)) l.answer.portraits.push_back({"a/b", word(), word(), {{"t", "s", {0, 1}}, {"x", "m", {1, 2, 3}}}, numbers(6), words()});
    return l;
  }

  Diagram diagram() {
    Diagram d{word(), word(), number(), number(), pick(2) == 0, {}};
    for (int i = pick(3); i > 0; --i) {
      Branch branch;
      branch.text = word();
      for (int k = pick(4); k > 0; --k) branch.points.push_back({number(), {{"X.mean", number()}, {"a/b", number()}}, pick(2) == 0, pick(2) == 0, {number(), number()}});
      for (int k = pick(3); k > 0; --k) branch.special.push_back({"fold", number(), number(), {{"X.mean", number()}}, number(), word()});
      d.branches.push_back(branch);
    }
    return d;
  }

  PointResult point() {
    PointResult p;
    p.parameters = table();
    std::vector<std::string> labels{"ssa", "normal-2", "a/b", "", "..", "%"};
    for (const std::string& label : labels)
      if (pick(2)) p.levels.push_back(level(label));
    return p;
  }

  Verdict verdict(int points) {
    Verdict v;
    v.point = static_cast<std::size_t>(pick(points));
    v.level = word();
    v.label = word();
    v.observable = word();
    v.outcome = static_cast<Outcome>(pick(5));
    v.low = number();
    v.high = number();
    v.where = where();
    v.margin = number();
    v.scale = number();
    v.confidence = number();
    v.quantile = number();
    v.quantile_disagree = number();
    v.look = pick(5);
    if (pick(2)) v.needed = pick(100000);
    if (pick(2)) v.reason = word();
    v.remarks = words();
    if (pick(2)) v.order_check = "consistent";
    return v;
  }

  Stream rng_;
};

/// "" if equal to the bit, else the first difference as a path. `with_provenance` compares host, time and seconds too.
class Difference {
 public:
  explicit Difference(bool with_provenance = true) : with_provenance_(with_provenance) {}

  std::string of(const Results& a, const Results& b) {
    put("study", a.study, b.study);
    put("title", a.title, b.title);
    put("system", a.system, b.system);
    put("system_title", a.system_title, b.system_title);
    put("time_unit", a.time_unit, b.time_unit);
    put("kind", a.kind, b.kind);
    put("seed", a.seed, b.seed);
    put("confidence", a.confidence, b.confidence);
    put("sweep", a.sweep, b.sweep);
    put("notes", a.notes, b.notes);
    put("parameters", a.parameters, b.parameters);
    put("observables", a.observables, b.observables);
    put("points", a.points, b.points);
    put("verdicts", a.verdicts, b.verdicts);
    put("orders", a.orders, b.orders);
    put("edges", a.edges, b.edges);
    put("diagrams", a.diagrams, b.diagrams);
    const Provenance &p = a.provenance, &q = b.provenance;
    if (with_provenance_) {
      put("version", p.version, q.version);
      put("git", p.git, q.git);
      put("compiler", p.compiler, q.compiler);
      put("host", p.host, q.host);
      put("started", p.started, q.started);
      put("threads", p.threads, q.threads);
      put("ranks", p.ranks, q.ranks);
      put("seconds", p.seconds, q.seconds);
    }
    return first_;
  }

 private:
  template <class T>
  void put(const std::string& name, const T& a, const T& b) {
    path_.push_back(name);
    differ(a, b);
    path_.pop_back();
  }
  void say(bool different) {
    if (!different || !first_.empty()) return;
    for (const std::string& part : path_) first_ += "/" + part;
  }
  template <class T>
  void differ(const std::vector<T>& a, const std::vector<T>& b) {
    if (a.size() != b.size()) return put("size", a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) put(std::to_string(i), a[i], b[i]);
  }
  template <class T>
  void differ(const std::optional<T>& a, const std::optional<T>& b) {
    say(a.has_value() != b.has_value());
    if (a && b) differ(*a, *b);
  }
  template <class K, class T, class C>
  void differ(const std::map<K, T, C>& a, const std::map<K, T, C>& b) {
    if (a.size() != b.size()) return put("size", a.size(), b.size());
    for (auto i = a.begin(), j = b.begin(); i != a.end(); ++i, ++j) {
      put("key", i->first, j->first);
      put(i->first, i->second, j->second);
    }
  }
  void differ(double a, double b) { say(std::bit_cast<std::uint64_t>(a) != std::bit_cast<std::uint64_t>(b)); }
  void differ(const std::complex<double>& a, const std::complex<double>& b) {
    differ(a.real(), b.real());
    differ(a.imag(), b.imag());
  }
  template <class T>
    requires std::is_integral_v<T> || std::is_enum_v<T> || std::is_same_v<T, std::string>
  void differ(const T& a, const T& b) {
    say(a != b);
  }
  void differ(const Value& a, const Value& b) {
    if (a.data.index() != b.data.index()) return say(true);
    std::visit([&](const auto& v) { differ(v, std::get<std::decay_t<decltype(v)>>(b.data)); }, a.data);
  }
  void differ(const ParameterInfo& a, const ParameterInfo& b) {
    put("name", a.name, b.name);
    put("unit", a.unit, b.unit);
    put("doc", a.doc, b.doc);
    put("type", a.type, b.type);
    put("fallback", a.fallback, b.fallback);
    put("min", a.min, b.min);
    put("max", a.max, b.max);
    put("min_excluded", a.min_excluded, b.min_excluded);
    put("allowed", a.allowed, b.allowed);
  }
  void differ(const ObservableInfo& a, const ObservableInfo& b) {
    put("name", a.name, b.name);
    put("unit", a.unit, b.unit);
    put("doc", a.doc, b.doc);
    put("kind", a.scale.kind, b.scale.kind);
    put("of", a.scale.of, b.scale.of);
    put("power", a.scale.power, b.scale.power);
    put("by_default", a.by_default, b.by_default);
  }
  void differ(const PointResult& a, const PointResult& b) {
    put("parameters", a.parameters, b.parameters);
    put("levels", a.levels, b.levels);
  }
  void differ(const LevelResult& a, const LevelResult& b) {
    put("name", a.info.name, b.info.name);
    put("rung", a.info.rung, b.info.rung);
    put("doc", a.info.doc, b.info.doc);
    put("parent", a.info.parent, b.info.parent);
    put("approximation", a.info.approximation, b.info.approximation);
    put("small_parameter", a.info.small_parameter, b.info.small_parameter);
    put("expected_order", a.info.expected_order, b.info.expected_order);
    put("source", a.info.source, b.info.source);
    put("options", a.info.options, b.info.options);
    put("sampled", a.info.sampled, b.info.sampled);
    put("grain", a.info.grain, b.info.grain);
    put("label", a.label, b.label);
    put("resolved options", a.options, b.options);
    put("is_reference", a.is_reference, b.is_reference);
    put("samples", a.samples, b.samples);
    if (with_provenance_) put("seconds", a.seconds, b.seconds);
    put("estimates", a.answer.estimates, b.answer.estimates);
    put("flags", a.answer.flags, b.answer.flags);
    put("steady_states", a.answer.steady_states, b.answer.steady_states);
    put("paths", a.answer.paths, b.answer.paths);
    put("portraits", a.answer.portraits, b.answer.portraits);
    put("why", a.answer.why, b.answer.why);
  }
  void differ(const Axis& a, const Axis& b) {
    put("name", a.name, b.name);
    put("unit", a.unit, b.unit);
    put("points", a.points, b.points);
  }
  void differ(const Batches& a, const Batches& b) {
    put("weight", a.weight, b.weight);
    put("replicate", a.replicate, b.replicate);
  }
  void differ(const Estimate& a, const Estimate& b) {
    put("observable", a.observable, b.observable);
    put("unit", a.unit, b.unit);
    put("axes", a.axes, b.axes);
    put("value", a.value, b.value);
    put("std_error", a.std_error, b.std_error);
    put("error_bound", a.error_bound, b.error_bound);
    put("bound_kind", a.bound_kind, b.bound_kind);
    put("samples", a.samples, b.samples);
    put("dof", a.dof, b.dof);
    put("skewness", a.skewness, b.skewness);
    put("no_variation", a.no_variation, b.no_variation);
    put("signal_range", a.signal_range, b.signal_range);
    put("exact", a.exact, b.exact);
    put("batches", a.batches, b.batches);
    put("stream", a.stream, b.stream);
    put("is_distribution", a.is_distribution, b.is_distribution);
  }
  void differ(const Flag& a, const Flag& b) {
    put("kind", a.kind, b.kind);
    put("observable", a.observable, b.observable);
    put("where", a.where, b.where);
    put("text", a.text, b.text);
    put("fatal", a.fatal, b.fatal);
  }
  void differ(const SteadyState& a, const SteadyState& b) {
    put("value", a.value, b.value);
    put("reached", a.reached, b.reached);
    put("stable", a.stable, b.stable);
    put("physical", a.physical, b.physical);
    put("eigenvalues", a.eigenvalues, b.eigenvalues);
  }
  void differ(const Path& a, const Path& b) {
    put("trajectory", a.trajectory, b.trajectory);
    put("signal", a.signal, b.signal);
    put("value", a.value, b.value);
  }
  void differ(const Verdict& a, const Verdict& b) {
    put("point", a.point, b.point);
    put("level", a.level, b.level);
    put("label", a.label, b.label);
    put("observable", a.observable, b.observable);
    put("outcome", a.outcome, b.outcome);
    put("low", a.low, b.low);
    put("high", a.high, b.high);
    put("where", a.where, b.where);
    put("margin", a.margin, b.margin);
    put("scale", a.scale, b.scale);
    put("confidence", a.confidence, b.confidence);
    put("quantile", a.quantile, b.quantile);
    put("quantile_disagree", a.quantile_disagree, b.quantile_disagree);
    put("look", a.look, b.look);
    put("needed", a.needed, b.needed);
    put("reason", a.reason, b.reason);
    put("remarks", a.remarks, b.remarks);
    put("order_check", a.order_check, b.order_check);
  }
  void differ(const OrderFit& a, const OrderFit& b) {
    put("label", a.label, b.label);
    put("observable", a.observable, b.observable);
    put("parameter", a.parameter, b.parameter);
    put("order", a.order, b.order);
    put("std_error", a.std_error, b.std_error);
    put("expected", a.expected, b.expected);
    put("x", a.x, b.x);
    put("difference", a.difference, b.difference);
    put("difference_se", a.difference_se, b.difference_se);
    put("text", a.text, b.text);
  }

  void differ(const Portrait& a, const Portrait& b) {
    put("name", a.name, b.name);
    put("title", a.title, b.title);
    put("unit", a.unit, b.unit);
    put("axes", a.axes, b.axes);
    put("value", a.value, b.value);
    put("categories", a.categories, b.categories);
  }
  void differ(const std::pair<double, double>& a, const std::pair<double, double>& b) {
    differ(a.first, b.first);
    differ(a.second, b.second);
  }
  void differ(const Edge& a, const Edge& b) {
    put("label", a.label, b.label);
    put("observable", a.observable, b.observable);
    put("parameter", a.parameter, b.parameter);
    put("others", a.others, b.others);
    put("low", a.low, b.low);
    put("high", a.high, b.high);
    put("below", a.below, b.below);
    put("above", a.above, b.above);
    put("refined", a.refined, b.refined);
    put("reference", a.reference, b.reference);
  }
  void differ(const BranchPoint& a, const BranchPoint& b) {
    put("parameter", a.parameter, b.parameter);
    put("value", a.value, b.value);
    put("stable", a.stable, b.stable);
    put("physical", a.physical, b.physical);
    put("leading", a.leading, b.leading);
  }
  void differ(const SpecialPoint& a, const SpecialPoint& b) {
    put("kind", a.kind, b.kind);
    put("parameter", a.parameter, b.parameter);
    put("error", a.error, b.error);
    put("value", a.value, b.value);
    put("frequency", a.frequency, b.frequency);
    put("text", a.text, b.text);
  }
  void differ(const Branch& a, const Branch& b) {
    put("points", a.points, b.points);
    put("special", a.special, b.special);
    put("text", a.text, b.text);
  }
  void differ(const Diagram& a, const Diagram& b) {
    put("label", a.label, b.label);
    put("parameter", a.parameter, b.parameter);
    put("from", a.from, b.from);
    put("to", a.to, b.to);
    put("log", a.log, b.log);
    put("branches", a.branches, b.branches);
  }

  bool with_provenance_;
  std::vector<std::string> path_;
  std::string first_;
};

}  // namespace meso::testing
