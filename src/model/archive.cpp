#include "model/archive.h"

namespace meso {
namespace {

void save(ArchiveWriter& out, const Estimate& e);
void load(ArchiveReader& in, Estimate& e);
void save(ArchiveWriter& out, const Flag& flag);
void load(ArchiveReader& in, Flag& flag);
void save(ArchiveWriter& out, const SteadyState& state);
void load(ArchiveReader& in, SteadyState& state);
void save(ArchiveWriter& out, const Portrait& portrait);
void load(ArchiveReader& in, Portrait& portrait);

void save(ArchiveWriter& out, const std::map<std::string, double>& named) {
  out.put(static_cast<std::uint64_t>(named.size()));
  for (const auto& [name, value] : named) {
    out.put(name);
    out.put(value);
  }
}

void load(ArchiveReader& in, std::map<std::string, double>& named) {
  named.clear();
  const std::size_t count = in.length(1);
  for (std::size_t i = 0; i < count; ++i) {
    std::string name;
    in.get(name);
    in.get(named[name]);
  }
}

void save(ArchiveWriter& out, const Axis& axis) {
  out.put(axis.name);
  out.put(axis.unit);
  out.put(axis.points);
}

void load(ArchiveReader& in, Axis& axis) {
  in.get(axis.name);
  in.get(axis.unit);
  in.get(axis.points);
}

const auto save_one = [](ArchiveWriter& out, const auto& item) { save(out, item); };
const auto load_one = [](ArchiveReader& in, auto& item) { load(in, item); };
const auto save_text = [](ArchiveWriter& out, const std::string& text) { out.put(text); };
const auto load_text = [](ArchiveReader& in, std::string& text) { in.get(text); };

void save(ArchiveWriter& out, const Estimate& e) {
  out.put(e.observable);
  out.put(e.unit);
  out.list(e.axes, save_one);
  for (const std::vector<double>* numbers : {&e.value, &e.std_error, &e.error_bound, &e.skewness, &e.no_variation, &e.signal_range, &e.exact}) out.put(*numbers);
  out.put(e.bound_kind);
  out.put(e.samples);
  out.put(e.dof);
  out.put(e.batches.has_value());
  if (e.batches) {
    out.put(e.batches->weight);
    out.put(e.batches->replicate);
  }
  out.put(e.stream);
  out.put(e.is_distribution);
}

void load(ArchiveReader& in, Estimate& e) {
  in.get(e.observable);
  in.get(e.unit);
  in.list(e.axes, load_one);
  for (std::vector<double>* numbers : {&e.value, &e.std_error, &e.error_bound, &e.skewness, &e.no_variation, &e.signal_range, &e.exact}) in.get(*numbers);
  in.get(e.bound_kind);
  in.get(e.samples);
  in.get(e.dof);
  if (in.get<bool>()) {
    e.batches.emplace();
    in.get(e.batches->weight);
    in.get(e.batches->replicate);
  }
  in.get(e.stream);
  in.get(e.is_distribution);
}

void save(ArchiveWriter& out, const Flag& flag) {
  out.put(flag.kind);
  out.put(flag.observable);
  save(out, flag.where);
  out.put(flag.text);
  out.put(flag.fatal);
}

void load(ArchiveReader& in, Flag& flag) {
  in.get(flag.kind);
  in.get(flag.observable);
  load(in, flag.where);
  in.get(flag.text);
  in.get(flag.fatal);
}

void save(ArchiveWriter& out, const SteadyState& state) {
  save(out, state.value);
  out.put(state.reached);
  out.put(state.stable);
  out.put(state.physical);
  out.list(state.eigenvalues, [](ArchiveWriter& to, const std::complex<double>& z) {
    to.put(z.real());
    to.put(z.imag());
  });
}

void load(ArchiveReader& in, SteadyState& state) {
  load(in, state.value);
  in.get(state.reached);
  in.get(state.stable);
  in.get(state.physical);
  in.list(state.eigenvalues, [](ArchiveReader& from, std::complex<double>& z) {
    const double re = from.get<double>();
    z = {re, from.get<double>()};
  });
}

void save(ArchiveWriter& out, const Portrait& portrait) {
  out.put(portrait.name);
  out.put(portrait.title);
  out.put(portrait.unit);
  out.list(portrait.axes, save_one);
  out.put(portrait.value);
  out.list(portrait.categories, save_text);
}

void load(ArchiveReader& in, Portrait& portrait) {
  in.get(portrait.name);
  in.get(portrait.title);
  in.get(portrait.unit);
  in.list(portrait.axes, load_one);
  in.get(portrait.value);
  in.list(portrait.categories, load_text);
}

}  // namespace

void save(ArchiveWriter& out, const Path& path) {
  out.put(path.trajectory);
  out.put(path.signal);
  out.put(path.value);
}

void load(ArchiveReader& in, Path& path) {
  in.get(path.trajectory);
  in.get(path.signal);
  in.get(path.value);
}

void save(ArchiveWriter& out, const Answer& answer) {
  out.list(answer.estimates, save_one);
  out.list(answer.flags, save_one);
  out.list(answer.steady_states, save_one);
  out.list(answer.paths, [](ArchiveWriter& to, const Path& path) { meso::save(to, path); });
  out.list(answer.portraits, save_one);
  out.put(answer.why);
}

void load(ArchiveReader& in, Answer& answer) {
  in.list(answer.estimates, load_one);
  in.list(answer.flags, load_one);
  in.list(answer.steady_states, load_one);
  in.list(answer.paths, [](ArchiveReader& from, Path& path) { meso::load(from, path); });
  in.list(answer.portraits, load_one);
  in.get(answer.why);
}

void save(ArchiveWriter& out, const Verdict& v) {
  out.put(static_cast<std::uint64_t>(v.point));
  for (const std::string* text : {&v.level, &v.label, &v.observable, &v.reason}) out.put(*text);
  out.put(v.outcome);
  for (const double number : {v.low, v.high, v.margin, v.scale, v.confidence, v.quantile, v.quantile_disagree}) out.put(number);
  save(out, v.where);
  out.put(v.look);
  out.put(v.needed.has_value());
  out.put(v.needed.value_or(0));
  out.list(v.remarks, save_text);
  out.put(v.order_check.has_value());
  out.put(v.order_check.value_or(""));
}

void load(ArchiveReader& in, Verdict& v) {
  v.point = static_cast<std::size_t>(in.get<std::uint64_t>());
  for (std::string* text : {&v.level, &v.label, &v.observable, &v.reason}) in.get(*text);
  in.get(v.outcome);
  for (double* number : {&v.low, &v.high, &v.margin, &v.scale, &v.confidence, &v.quantile, &v.quantile_disagree}) in.get(*number);
  load(in, v.where);
  in.get(v.look);
  const bool needed = in.get<bool>();
  const double count = in.get<double>();
  if (needed) v.needed = count;
  in.list(v.remarks, load_text);
  const bool checked = in.get<bool>();
  std::string check;
  in.get(check);
  if (checked) v.order_check = check;
}

}  // namespace meso
