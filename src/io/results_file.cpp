#include "io/results_file.h"

#include <fmt/format.h>
#include <hdf5.h>
#include <hdf5_hl.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <mutex>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "base/version.h"

namespace meso {
namespace {

namespace fs = std::filesystem;

constexpr const char* format_name = "mesoscope-results";

// The serial library keeps global state; studies in several threads of one process must not meet in it.
std::mutex hdf5_mutex;

/// Anything HDF5 could not do; becomes a RunError (writing) or an InputError (reading) with the path in front.
struct Failure {
  std::string text;
};

/// What HDF5 says about its innermost error.
std::string hdf5_reason() {
  std::string reason;
  H5Ewalk2(
      H5E_DEFAULT, H5E_WALK_UPWARD,
      [](unsigned n, const H5E_error2_t* error, void* out) -> herr_t {
        if (n == 0 && error->desc) *static_cast<std::string*>(out) = error->desc;
        return 0;
      },
      &reason);
  return reason.empty() ? "no reason given" : reason;
}

template <class Id>
Id check(Id id, const std::string& what) {
  if (id < 0) throw Failure{fmt::format("{} (HDF5: {})", what, hdf5_reason())};
  return id;
}

/// Serialises use of the library and keeps it from printing its error stack, as long as it lives.
class Hdf5 {
 public:
  Hdf5() : lock_(hdf5_mutex) {
    H5open();
    H5Eget_auto2(H5E_DEFAULT, &print_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~Hdf5() { H5Eset_auto2(H5E_DEFAULT, print_, data_); }
  Hdf5(const Hdf5&) = delete;
  Hdf5& operator=(const Hdf5&) = delete;

 private:
  std::lock_guard<std::mutex> lock_;
  H5E_auto2_t print_ = nullptr;
  void* data_ = nullptr;
};

/// An identifier that closes itself.
class Id {
 public:
  Id(hid_t id, herr_t (*close)(hid_t), const std::string& what) : id_(check(id, what)), close_(close) {}
  Id(Id&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Id& operator=(Id&&) = delete;
  ~Id() {
    if (id_ >= 0) close_(id_);
  }
  operator hid_t() const { return id_; }  // NOLINT: it is one

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

// ---- types ----------------------------------------------------------------------------------------------------

Id string_type() {
  Id type(H5Tcopy(H5T_C_S1), H5Tclose, "string type");
  check(H5Tset_size(type, H5T_VARIABLE), "string type");
  check(H5Tset_cset(type, H5T_CSET_UTF8), "string type");
  return type;
}

Id bool_type() {  // as h5py writes numpy.bool_
  Id type(H5Tenum_create(H5T_STD_I8LE), H5Tclose, "boolean type");
  for (const signed char value : {0, 1}) check(H5Tenum_insert(type, value ? "TRUE" : "FALSE", &value), "boolean type");
  return type;
}

Id complex_type() {  // as h5py writes numpy.complex128
  Id type(H5Tcreate(H5T_COMPOUND, 16), H5Tclose, "complex type");
  check(H5Tinsert(type, "r", 0, H5T_IEEE_F64LE), "complex type");
  check(H5Tinsert(type, "i", 8, H5T_IEEE_F64LE), "complex type");
  return type;
}

/// Transfer through a small conversion buffer: HDF5 clears its default of 1 MiB for every table of three rows.
Id transfer() {
  Id how(H5Pcreate(H5P_DATASET_XFER), H5Pclose, "transfer");
  check(H5Pset_buffer(how, std::size_t{1} << 14, nullptr, nullptr), "transfer");
  return how;
}

// ---- names, lists and places as text -----------------------------------------------------------------------------

std::string escaped(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : text) {
    if (c == '%' || c == '\0' || special.find(c) != std::string_view::npos) out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    else out += c;
  }
  return out;
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    if (text[i] == '%' && i + 2 < text.size() && std::sscanf(std::string(text.substr(i + 1, 2)).c_str(), "%2x", &code) == 1) {
      out += static_cast<char>(code);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// Name of a link for a label or an observable: '/' and '%' as %2F and %25; "", ".", ".." and names that a group needs
/// for itself get their first letter so.
std::string link_name(const std::string& name, const std::set<std::string>& reserved = {}) {
  if (name.empty()) return "%";
  if (name == "." || name == ".." || reserved.count(name)) return fmt::format("%{:02X}", static_cast<unsigned char>(name[0])) + escaped(name.substr(1), "/");
  return escaped(name, "/");
}

std::string name_of_link(const std::string& link) { return link == "%" ? "" : unescaped(link); }

const std::set<std::string> level_members{"flags", "steady_states", "trajectories", "portraits", "options"};

/// One entry a line, in a cell of a table; empty entries are dropped.
std::string lines(const std::vector<std::string>& entries) {
  std::string out;
  for (const std::string& entry : entries)
    if (!entry.empty()) out += (out.empty() ? "" : "\n") + escaped(entry, "\n");
  return out;
}

std::vector<std::string> from_lines(const std::string& text) {
  std::vector<std::string> entries;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    entries.push_back(unescaped(std::string_view(text).substr(at, end - at)));
    at = end + 1;
  }
  return entries;
}

/// {"t", 3.21} as "t = 3.21", exactly.
std::string where_text(const std::map<std::string, double>& where) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : where) parts.push_back(escaped(name, "=,") + " = " + exact(value));
  return join(parts);
}

std::map<std::string, double> where_from_text(const std::string& text) {
  std::map<std::string, double> where;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(", ", at), text.size()), equals = text.find(" = ", at);
    double value = 0;
    if (equals >= end || !parse_number(std::string_view(text).substr(equals + 3, end - equals - 3), value)) throw Failure{fmt::format("'{}' is not a place", text)};
    where[unescaped(std::string_view(text).substr(at, equals - at))] = value;
    at = end + 2;
  }
  return where;
}

constexpr const char* type_names[] = {"real", "integer", "boolean", "text", "list"};  // in the order of ParameterInfo::Type and of Value

std::string value_type(const Value& value) {
  return std::holds_alternative<double>(value.data)       ? "real"
         : std::holds_alternative<std::int64_t>(value.data) ? "integer"
         : std::holds_alternative<bool>(value.data)         ? "boolean"
         : std::holds_alternative<std::string>(value.data)  ? "text"
                                                            : "list";
}

Value value_of(const std::string& type, const std::string& text) {
  const auto number = [](const std::string& word) {
    double value = 0;
    if (!parse_number(word, value)) throw Failure{fmt::format("'{}' is not a number", word)};
    return value;
  };
  if (type == "text") return text;
  if (type == "boolean") return text == "true";
  if (type == "real") return number(text);
  if (type == "integer") {
    try {
      return static_cast<std::int64_t>(std::stoll(text));
    } catch (const std::exception&) {
      throw Failure{fmt::format("'{}' is not an integer", text)};
    }
  }
  std::vector<double> list;
  if (text.size() < 2) throw Failure{fmt::format("'{}' is not a list", text)};
  for (const std::string& word : split(std::string_view(text).substr(1, text.size() - 2), ',')) list.push_back(number(word));
  return list;
}

template <class T, class ToText>
T from_text(const std::string& text, std::initializer_list<T> all, ToText to_text) {
  for (const T value : all)
    if (text == to_text(value)) return value;
  throw Failure{fmt::format("unknown word '{}'", text)};
}

ParameterInfo::Type parameter_type(const std::string& text) {
  for (int i = 0; i < 5; ++i)
    if (text == type_names[i]) return static_cast<ParameterInfo::Type>(i);
  throw Failure{fmt::format("unknown type '{}'", text)};
}

const char* to_text(Scale::Kind kind) { return kind == Scale::Kind::peak ? "peak" : kind == Scale::Kind::sqrt_product ? "sqrt-product" : "power"; }
const char* to_text(BoundKind kind) { return kind == BoundKind::certified ? "certified" : "estimated"; }

// ---- writing ----------------------------------------------------------------------------------------------------

/// HDF5 strings end at a zero byte; a text that has one inside keeps its length with U+FFFD in its place.
std::string without_zeros(std::string text) {
  for (std::size_t at; (at = text.find('\0')) != std::string::npos;) text.replace(at, 1, "\xEF\xBF\xBD");
  return text;
}

Id group(hid_t parent, const std::string& name) {
  const Id how(H5Pcreate(H5P_GROUP_CREATE), H5Pclose, name);
  check(H5Pset_link_creation_order(how, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED), name);
  check(H5Pset_obj_track_times(how, false), name);
  return {H5Gcreate2(parent, name.c_str(), H5P_DEFAULT, how, H5P_DEFAULT), H5Gclose, "group " + name};
}

void attribute(hid_t at, const std::string& name, hid_t file_type, hid_t memory_type, const void* data, std::optional<std::size_t> size = std::nullopt) {
  const hsize_t dims = size.value_or(1);
  const Id space(size ? H5Screate_simple(1, &dims, nullptr) : H5Screate(H5S_SCALAR), H5Sclose, name);
  const Id id(H5Acreate2(at, name.c_str(), file_type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose, "attribute " + name);
  if (dims > 0) check(H5Awrite(id, memory_type, data), "attribute " + name);
}

void put(hid_t at, const std::string& name, double value) { attribute(at, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value); }
void put(hid_t at, const std::string& name, std::int64_t value) { attribute(at, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &value); }
void put(hid_t at, const std::string& name, std::uint64_t value) { attribute(at, name, H5T_STD_U64LE, H5T_NATIVE_UINT64, &value); }
void put(hid_t at, const std::string& name, bool value) {
  const signed char byte = value;
  const Id type = bool_type();
  attribute(at, name, type, type, &byte);
}
void put(hid_t at, const std::string& name, const std::string& value) {
  const std::string text = without_zeros(value);
  const char* data = text.c_str();
  const Id type = string_type();
  attribute(at, name, type, type, &data);
}
void put(hid_t at, const std::string& name, const char* value) { put(at, name, std::string(value)); }
void put(hid_t at, const std::string& name, const std::vector<double>& list) { attribute(at, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, list.data(), list.size()); }
void put(hid_t at, const std::string& name, const std::vector<std::uint64_t>& list) {
  attribute(at, name, H5T_STD_U64LE, H5T_NATIVE_UINT64, list.data(), list.size());
}
void put(hid_t at, const std::string& name, const std::vector<std::string>& list) {
  std::vector<std::string> texts;
  for (const std::string& text : list) texts.push_back(without_zeros(text));
  std::vector<const char*> data;
  for (const std::string& text : texts) data.push_back(text.c_str());
  const Id type = string_type();
  attribute(at, name, type, type, data.data(), data.size());
}
void put(hid_t at, const std::string& name, const Value& value) {
  std::visit([&](const auto& v) { put(at, name, v); }, value.data);
}

Id dataset(hid_t parent, const std::string& name, hid_t file_type, hid_t memory_type, const std::vector<hsize_t>& dims, const void* data) {
  const Id how(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, name);
  check(H5Pset_obj_track_times(how, false), name);
  check(H5Pset_attr_creation_order(how, H5P_CRT_ORDER_TRACKED), name);
  const Id space(dims.empty() ? H5Screate(H5S_SCALAR) : H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), H5Sclose, name);
  Id id(H5Dcreate2(parent, name.c_str(), file_type, space, H5P_DEFAULT, how, H5P_DEFAULT), H5Dclose, "dataset " + name);
  if (std::find(dims.begin(), dims.end(), hsize_t{0}) == dims.end()) check(H5Dwrite(id, memory_type, H5S_ALL, H5S_ALL, transfer(), data), "dataset " + name);
  return id;
}

Id numbers(hid_t parent, const std::string& name, const std::vector<hsize_t>& dims, const std::vector<double>& data) {
  return dataset(parent, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, dims, data.data());
}

/// A compound table, gathered row by row: every row names its columns in the same order.
class TableWriter {
 public:
  struct Cell {
    const char* column;
    std::variant<double, std::int64_t, bool, std::string> data;
  };
  void row(std::vector<Cell> cells) { rows_.push_back(std::move(cells)); }

  /// Not written at all without rows: a compound type needs a first one.
  void write(hid_t parent, const std::string& name) {
    if (rows_.empty()) return;
    const Id text = string_type(), truth = bool_type();
    const auto size_of = [](const Cell& cell) -> std::size_t { return std::holds_alternative<bool>(cell.data) ? 1 : 8; };
    std::size_t width = 0;
    for (const Cell& cell : rows_[0]) width += size_of(cell);
    const Id memory(H5Tcreate(H5T_COMPOUND, width), H5Tclose, name), file(H5Tcreate(H5T_COMPOUND, width), H5Tclose, name);
    std::size_t at = 0;
    for (const Cell& cell : rows_[0]) {
      const std::size_t kind = cell.data.index();
      check(H5Tinsert(memory, cell.column, at, kind == 0 ? H5T_NATIVE_DOUBLE : kind == 1 ? H5T_NATIVE_INT64 : kind == 2 ? hid_t(truth) : hid_t(text)), cell.column);
      check(H5Tinsert(file, cell.column, at, kind == 0 ? H5T_IEEE_F64LE : kind == 1 ? H5T_STD_I64LE : kind == 2 ? hid_t(truth) : hid_t(text)), cell.column);
      at += size_of(cell);
    }
    check(H5Tpack(file), name);  // variable strings are longer in memory than in the file
    std::vector<char> bytes(width * rows_.size());
    char* to = bytes.data();
    for (std::vector<Cell>& row : rows_) {
      for (Cell& cell : row) {
        std::visit(
            [&](auto& v) {
              if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::string>) {
                v = without_zeros(std::move(v));
                const char* pointer = v.c_str();
                std::memcpy(to, &pointer, sizeof pointer);
              } else {
                std::memcpy(to, &v, sizeof v);
              }
            },
            cell.data);
        to += size_of(cell);
      }
    }
    (void)dataset(parent, name, file, memory, {rows_.size()}, bytes.data());
  }

 private:
  std::vector<std::vector<Cell>> rows_;
};

void write_parameter_infos(hid_t parent, const std::string& name, const std::vector<ParameterInfo>& infos) {
  TableWriter table;
  for (const ParameterInfo& info : infos)
    table.row({{"name", info.name}, {"unit", info.unit}, {"doc", info.doc}, {"type", std::string(type_names[static_cast<int>(info.type)])},
               {"default", to_text(info.fallback)}, {"default_type", value_type(info.fallback)}, {"min", info.min}, {"max", info.max},
               {"min_excluded", info.min_excluded}, {"allowed", lines(info.allowed)}});
  table.write(parent, name);
}

void write_estimate(hid_t level, const Estimate& estimate, const std::string& doc, const std::string& whose) {
  const std::string what = fmt::format("'{}' of {}", estimate.observable, whose);
  std::size_t size = 1;
  std::vector<hsize_t> dims;
  for (const Axis& axis : estimate.axes) {
    size *= axis.points.size();
    dims.push_back(axis.points.size());
  }
  const auto fits = [&](const std::vector<double>& array, const char* name) {
    if (array.size() != size) throw Failure{fmt::format("{} has {} numbers in its {}, but its axes make {}", what, array.size(), name, size)};
  };
  const std::string link = link_name(estimate.observable, level_members);
  if (H5Lexists(level, link.c_str(), H5P_DEFAULT) > 0) throw Failure{fmt::format("{} stands there twice", what)};
  const Id place = group(level, link);
  put(place, "bound_kind", to_text(estimate.bound_kind));
  put(place, "samples", estimate.samples);
  put(place, "dof", estimate.dof);
  put(place, "stream", estimate.stream);
  put(place, "is_distribution", estimate.is_distribution);
  fits(estimate.value, "values");
  const Id value = numbers(place, "value", dims, estimate.value);
  put(value, "unit", estimate.unit);
  put(value, "doc", doc);
  if (!estimate.axes.empty()) {
    const Id axes = group(place, "axes");
    unsigned dimension = 0;
    for (const Axis& axis : estimate.axes) {
      std::string name = link_name(axis.name);
      while (H5Lexists(axes, name.c_str(), H5P_DEFAULT) > 0) name += "%";  // two axes of one name: '%' at the end, where no escape can be
      const Id scale = numbers(axes, name, {axis.points.size()}, axis.points);
      put(scale, "unit", axis.unit);
      if (axis.points.empty()) continue;
      check(H5DSset_scale(scale, without_zeros(axis.name).c_str()), what);
      check(H5DSattach_scale(value, scale, dimension++), what);
    }
  }
  const std::pair<const char*, const std::vector<double>*> arrays[] = {{"std_error", &estimate.std_error},       {"error_bound", &estimate.error_bound},
                                                                       {"skewness", &estimate.skewness},         {"no_variation", &estimate.no_variation},
                                                                       {"signal_range", &estimate.signal_range}, {"exact", &estimate.exact}};
  for (const auto& [name, array] : arrays) {
    if (array->empty()) continue;
    fits(*array, name);
    (void)numbers(place, name, dims, *array);
  }
  if (estimate.batches) {
    const Batches& batches = *estimate.batches;
    if (batches.replicate.size() != batches.count() * size)
      throw Failure{fmt::format("{} has {} replicates for {} batches of {}", what, batches.replicate.size(), batches.count(), size)};
    const Id into = group(place, "batches");
    (void)numbers(into, "weight", {batches.count()}, batches.weight);
    dims.insert(dims.begin(), batches.count());
    (void)numbers(into, "replicate", dims, batches.replicate);
  }
}

void write_paths(hid_t level, const std::vector<Path>& paths, const std::string& whose) {
  if (paths.empty()) return;
  const Id place = group(level, "trajectories");
  std::vector<std::string> signals;
  for (const Path& path : paths)
    if (std::find(signals.begin(), signals.end(), path.signal) == signals.end()) signals.push_back(path.signal);
  for (const std::string& signal : signals) {
    std::vector<double> values;
    std::vector<std::uint64_t> ids, order;
    std::size_t length = 0;
    for (std::size_t i = 0; i < paths.size(); ++i) {
      if (paths[i].signal != signal) continue;
      if (ids.empty()) length = paths[i].value.size();
      if (paths[i].value.size() != length) throw Failure{fmt::format("sample paths of '{}' of {} have {} and {} points", signal, whose, length, paths[i].value.size())};
      values.insert(values.end(), paths[i].value.begin(), paths[i].value.end());
      ids.push_back(paths[i].trajectory);
      order.push_back(i);
    }
    const Id data = numbers(place, link_name(signal), {ids.size(), length}, values);
    put(data, "ids", ids);
    put(data, "order", order);
  }
}

void write_portraits(hid_t level, const std::vector<Portrait>& portraits, const std::string& whose) {
  if (portraits.empty()) return;
  const Id all = group(level, "portraits");
  for (const Portrait& portrait : portraits) {
    if (portrait.axes.size() != 2 || portrait.axes[0].points.size() * portrait.axes[1].points.size() != portrait.value.size())
      throw Failure{fmt::format("the portrait '{}' of {} has {} values, which do not fit its axes", portrait.name, whose, portrait.value.size())};
    const Id place = group(all, link_name(portrait.name));
    const Id value = numbers(place, "value", {portrait.axes[0].points.size(), portrait.axes[1].points.size()}, portrait.value);
    put(value, "title", portrait.title);
    put(value, "unit", portrait.unit);
    put(value, "categories", portrait.categories);
    const char* names[] = {"rows", "columns"};
    for (std::size_t a = 0; a < 2; ++a) {
      const Id axis = numbers(place, names[a], {portrait.axes[a].points.size()}, portrait.axes[a].points);
      put(axis, "name", portrait.axes[a].name);
      put(axis, "unit", portrait.axes[a].unit);
    }
  }
}

void write_diagrams(hid_t file, const std::vector<Diagram>& diagrams) {
  if (diagrams.empty()) return;
  const Id all = group(file, "diagrams");
  std::size_t n = 0;
  for (const Diagram& diagram : diagrams) {
    const Id place = group(all, fmt::format("{:04}", n++));
    put(place, "label", diagram.label);
    put(place, "parameter", diagram.parameter);
    put(place, "from", diagram.from);
    put(place, "to", diagram.to);
    put(place, "log", diagram.log);
    const Id branches = group(place, "branches");
    std::size_t b = 0;
    for (const Branch& branch : diagram.branches) {
      const Id at = group(branches, fmt::format("{:03}", b++));
      put(at, "text", branch.text);
      std::vector<double> parameter, stable, physical;
      std::vector<std::complex<double>> leading;
      std::map<std::string, std::vector<double>> values;
      for (const BranchPoint& point : branch.points) {
        for (const auto& [name, value] : point.value) values[name].resize(branch.points.size(), std::numeric_limits<double>::quiet_NaN());
        for (const auto& [name, value] : point.value) values[name][parameter.size()] = value;
        parameter.push_back(point.parameter);
        stable.push_back(point.stable);
        physical.push_back(point.physical);
        leading.push_back(point.leading);
      }
      (void)numbers(at, "parameter", {parameter.size()}, parameter);
      (void)numbers(at, "stable", {stable.size()}, stable);
      (void)numbers(at, "physical", {physical.size()}, physical);
      const Id type = complex_type();
      (void)dataset(at, "leading", type, type, {leading.size()}, leading.data());
      const Id of = group(at, "values");
      for (const auto& [name, list] : values) (void)numbers(of, link_name(name), {list.size()}, list);
      TableWriter special;
      for (const SpecialPoint& point : branch.special)
        special.row({{"kind", point.kind}, {"parameter", point.parameter}, {"error", point.error}, {"frequency", point.frequency}, {"values", where_text(point.value)}, {"text", point.text}});
      special.write(at, "special");
    }
  }
}

void write_level(hid_t point, const LevelResult& result, const Results& results) {
  const std::string whose = fmt::format("level '{}'", result.label), link = link_name(result.label);
  if (H5Lexists(point, link.c_str(), H5P_DEFAULT) > 0) throw Failure{whose + " stands there twice"};
  const Id place = group(point, link);
  const LevelInfo& info = result.info;
  put(place, "level", info.name);
  put(place, "rung", to_text(info.rung));
  put(place, "doc", info.doc);
  put(place, "parent", info.parent);
  put(place, "approximation", info.approximation);
  put(place, "small_parameter", info.small_parameter);
  put(place, "expected_order", info.expected_order);
  put(place, "source", info.source);
  put(place, "sampled", info.sampled);
  put(place, "grain", info.grain);
  put(place, "is_reference", result.is_reference);
  put(place, "samples", result.samples);
  put(place, "why", result.answer.why);
  for (const auto& [name, value] : result.options) put(place, "options." + name, value);
  write_parameter_infos(place, "options", info.options);
  for (const Estimate& estimate : result.answer.estimates) {
    std::string doc;
    for (const ObservableInfo& observable : results.observables)
      if (observable.name == estimate.observable) doc = observable.doc;
    write_estimate(place, estimate, doc, whose);
  }
  TableWriter flags;
  for (const Flag& flag : result.answer.flags)
    flags.row({{"kind", flag.kind}, {"observable", flag.observable}, {"where", where_text(flag.where)}, {"text", flag.text}, {"fatal", flag.fatal}});
  flags.write(place, "flags");
  if (!result.answer.steady_states.empty()) {
    const Id states = group(place, "steady_states");
    std::size_t n = 0;
    for (const SteadyState& state : result.answer.steady_states) {
      const Id at = group(states, fmt::format("{:03}", n++));
      put(at, "reached", state.reached);
      put(at, "stable", state.stable);
      put(at, "physical", state.physical);
      for (const auto& [name, value] : state.value) put(at, "value." + name, value);
      if (!state.eigenvalues.empty()) {
        const Id type = complex_type();  // std::complex<double> is laid out as two doubles
        (void)dataset(at, "eigenvalues", type, type, {state.eigenvalues.size()}, state.eigenvalues.data());
      }
    }
  }
  write_paths(place, result.answer.paths, whose);
  write_portraits(place, result.answer.portraits, whose);
}

void write_all(hid_t file, const Results& results) {
  put(file, "format", format_name);
  put(file, "format_version", std::int64_t{results_format_version});
  put(file, "study", results.study);
  put(file, "title", results.title);
  put(file, "system", results.system);
  put(file, "system_title", results.system_title);
  put(file, "time_unit", results.time_unit);
  put(file, "kind", results.kind);
  put(file, "seed", results.seed);
  put(file, "confidence", results.confidence);
  put(file, "sweep", results.sweep);
  put(file, "notes", results.notes);
  write_parameter_infos(file, "parameters", results.parameters);
  TableWriter observables;
  for (const ObservableInfo& info : results.observables)
    observables.row({{"name", info.name}, {"unit", info.unit}, {"doc", info.doc}, {"scale", std::string(to_text(info.scale.kind))},
                     {"scale_of", lines(info.scale.of)}, {"scale_power", info.scale.power}, {"by_default", info.by_default}});
  observables.write(file, "observables");
  {
    const Id points = group(file, "points");
    std::size_t n = 0;
    for (const PointResult& point : results.points) {
      const Id place = group(points, fmt::format("{:04}", n));
      for (const auto& [name, value] : point.parameters) put(place, name, value);
      try {
        for (const LevelResult& level : point.levels) write_level(place, level, results);
      } catch (const Failure& failure) {
        throw Failure{fmt::format("point {}: {}", n, failure.text)};
      }
      ++n;
    }
  }
  TableWriter verdicts;
  for (const Verdict& v : results.verdicts)
    verdicts.row({{"point", static_cast<std::int64_t>(v.point)}, {"level", v.level}, {"label", v.label}, {"observable", v.observable},
                  {"outcome", std::string(to_text(v.outcome))}, {"low", v.low}, {"high", v.high}, {"where", where_text(v.where)}, {"margin", v.margin},
                  {"scale", v.scale}, {"confidence", v.confidence}, {"quantile", v.quantile}, {"quantile_disagree", v.quantile_disagree},
                  {"look", static_cast<std::int64_t>(v.look)}, {"needed", v.needed.value_or(std::numeric_limits<double>::quiet_NaN())},
                  {"reason", v.reason}, {"remarks", lines(v.remarks)}, {"order_check", v.order_check.value_or("")}});
  verdicts.write(file, "verdicts");
  if (!results.orders.empty()) {
    const Id orders = group(file, "orders");
    std::size_t n = 0;
    for (const OrderFit& fit : results.orders) {
      const Id place = group(orders, fmt::format("{:04}", n++));
      put(place, "label", fit.label);
      put(place, "observable", fit.observable);
      put(place, "parameter", fit.parameter);
      put(place, "order", fit.order);
      put(place, "std_error", fit.std_error);
      put(place, "expected", fit.expected);
      put(place, "text", fit.text);
      (void)numbers(place, "x", {fit.x.size()}, fit.x);
      (void)numbers(place, "difference", {fit.difference.size()}, fit.difference);
      (void)numbers(place, "difference_se", {fit.difference_se.size()}, fit.difference_se);
    }
  }
  TableWriter edges;
  for (const Edge& edge : results.edges) {
    std::map<std::string, double> low, high;
    for (const auto& [name, means] : edge.reference) std::tie(low[name], high[name]) = means;
    edges.row({{"label", edge.label}, {"observable", edge.observable}, {"parameter", edge.parameter}, {"others", where_text(edge.others)}, {"low", edge.low}, {"high", edge.high},
               {"below", std::string(to_text(edge.below))}, {"above", std::string(to_text(edge.above))}, {"refined", edge.refined}, {"reference_low", where_text(low)}, {"reference_high", where_text(high)}});
  }
  edges.write(file, "edges");
  write_diagrams(file, results.diagrams);
  // Last, so that nothing else moves in the file when it changes.
  const Id provenance = group(file, "provenance");
  const Provenance& p = results.provenance;
  put(provenance, "version", p.version);
  put(provenance, "git", p.git);
  put(provenance, "compiler", p.compiler);
  put(provenance, "host", p.host);
  put(provenance, "started", p.started);
  put(provenance, "threads", std::uint64_t{p.threads});
  put(provenance, "ranks", std::uint64_t{p.ranks});
  put(provenance, "seconds", p.seconds);
  TableWriter seconds;
  for (std::size_t n = 0; n < results.points.size(); ++n)
    for (const LevelResult& level : results.points[n].levels)
      seconds.row({{"point", static_cast<std::int64_t>(n)}, {"label", level.label}, {"seconds", level.seconds}});
  seconds.write(provenance, "levels");
}

/// Jenkins' lookup3 over the 44 bytes of a superblock, as HDF5 computes it. Source: http://burtleburtle.net/bob/c/lookup3.c (public domain).
std::uint32_t superblock_checksum(const std::string& bytes) {
  constexpr std::size_t size = 44;
  const auto word = [&](std::size_t at) {
    std::uint32_t w = 0;
    for (std::size_t i = 0; i < 4; ++i) w |= std::uint32_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
    return w;
  };
  std::uint32_t a = 0xdeadbeef + size, b = a, c = a;
  for (std::size_t at = 0; at < 36; at += 12) {  // mix
    a += word(at), b += word(at + 4), c += word(at + 8);
    a -= c, a ^= std::rotl(c, 4), c += b;
    b -= a, b ^= std::rotl(a, 6), a += c;
    c -= b, c ^= std::rotl(b, 8), b += a;
    a -= c, a ^= std::rotl(c, 16), c += b;
    b -= a, b ^= std::rotl(a, 19), a += c;
    c -= b, c ^= std::rotl(b, 4), b += a;
  }
  a += word(36), b += word(40);
  c ^= b, c -= std::rotl(b, 14);  // final
  a ^= c, a -= std::rotl(c, 11);
  b ^= a, b -= std::rotl(a, 25);
  c ^= b, c -= std::rotl(b, 16);
  a ^= c, a -= std::rotl(c, 4);
  b ^= a, b -= std::rotl(a, 14);
  c ^= b, c -= std::rotl(b, 24);
  return c;
}

/// The file as bytes: built in memory, so that a full disk is met in one place, by write_file_atomically.
std::string image_of(const Results& results) {
  const Id access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "file"), how(H5Pcreate(H5P_FILE_CREATE), H5Pclose, "file");
  check(H5Pset_fapl_core(access, std::size_t{1} << 20, false), "file");
  check(H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18), "file");  // new-style headers: checksums, large attributes; read by anything since 2008
  check(H5Pset_link_creation_order(how, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED), "file");
  check(H5Pset_obj_track_times(how, false), "file");
  const Id file(H5Fcreate("results.h5", H5F_ACC_TRUNC, how, access), H5Fclose, "file");
  write_all(file, results);
  check(H5Fflush(file, H5F_SCOPE_GLOBAL), "flush");
  std::string bytes(static_cast<std::size_t>(check(H5Fget_file_image(file, nullptr, 0), "file image")), '\0');
  check(H5Fget_file_image(file, bytes.data(), bytes.size()), "file image");
  // HDF5 clears the mark "open for writing" in an image, but leaves the checksum that was made with it (seen in 1.10.8).
  const std::uint32_t sum = superblock_checksum(bytes);
  for (std::size_t i = 0; i < 4; ++i) bytes[44 + i] = static_cast<char>(sum >> (8 * i));
  return bytes;
}

// ---- reading ----------------------------------------------------------------------------------------------------

Id open_group(hid_t parent, const std::string& name) { return {H5Gopen2(parent, name.c_str(), H5P_DEFAULT), H5Gclose, "group " + name}; }
Id open_dataset(hid_t parent, const std::string& name) { return {H5Dopen2(parent, name.c_str(), H5P_DEFAULT), H5Dclose, "dataset " + name}; }
bool has(hid_t parent, const std::string& name) { return check(H5Lexists(parent, name.c_str(), H5P_DEFAULT), name) > 0; }
bool has_attribute(hid_t at, const std::string& name) { return check(H5Aexists(at, name.c_str()), name) > 0; }

/// Names of the links of a group, in the order of their making.
std::vector<std::string> links(hid_t place) {
  H5G_info_t info;
  check(H5Gget_info(place, &info), "group");
  std::vector<std::string> names;
  for (hsize_t i = 0; i < info.nlinks; ++i) {
    const auto length = check(H5Lget_name_by_idx(place, ".", H5_INDEX_CRT_ORDER, H5_ITER_INC, i, nullptr, 0, H5P_DEFAULT), "link");
    std::string name(static_cast<std::size_t>(length), '\0');
    check(H5Lget_name_by_idx(place, ".", H5_INDEX_CRT_ORDER, H5_ITER_INC, i, name.data(), name.size() + 1, H5P_DEFAULT), "link");
    names.push_back(std::move(name));
  }
  return names;
}

std::vector<std::string> attribute_names(hid_t place) {
  std::vector<std::string> names;
  check(H5Aiterate2(
            place, H5_INDEX_NAME, H5_ITER_INC, nullptr,
            [](hid_t, const char* name, const H5A_info_t*, void* out) -> herr_t {
              static_cast<std::vector<std::string>*>(out)->emplace_back(name);
              return 0;
            },
            &names),
        "attributes");
  return names;
}

std::size_t count_of(hid_t space, const std::string& what) { return static_cast<std::size_t>(check(H5Sget_simple_extent_npoints(space), what)); }

/// Variable strings that HDF5 allocated, as ours.
std::vector<std::string> take_strings(std::vector<char*>& raw, hid_t type, hid_t space) {
  std::vector<std::string> texts;
  for (const char* text : raw) texts.emplace_back(text ? text : "");
  H5Dvlen_reclaim(type, space, H5P_DEFAULT, raw.data());
  return texts;
}

struct Attribute {
  Attribute(hid_t at, const std::string& name)
      : name(name), id(H5Aopen(at, name.c_str(), H5P_DEFAULT), H5Aclose, "attribute " + name), type(H5Aget_type(id), H5Tclose, name),
        space(H5Aget_space(id), H5Sclose, name) {}
  template <class T>
  std::vector<T> read(hid_t memory_type) const {
    std::vector<T> data(count_of(space, name));
    if (!data.empty()) check(H5Aread(id, memory_type, data.data()), "attribute " + name);
    return data;
  }
  std::vector<std::string> texts() const {
    const Id memory = string_type();
    std::vector<char*> raw = read<char*>(memory);
    return take_strings(raw, memory, space);
  }
  template <class T>
  T one(hid_t memory_type) const {
    return only(read<T>(memory_type));
  }
  template <class T>
  T only(std::vector<T> list) const {
    if (list.size() != 1) throw Failure{fmt::format("attribute {} has {} values instead of one", name, list.size())};
    return list[0];
  }
  std::string name;
  Id id, type, space;
};

std::string get_text(hid_t at, const std::string& name) {
  const Attribute a(at, name);
  return a.only(a.texts());
}
double get_number(hid_t at, const std::string& name) { return Attribute(at, name).one<double>(H5T_NATIVE_DOUBLE); }
std::uint64_t get_unsigned(hid_t at, const std::string& name) { return Attribute(at, name).one<std::uint64_t>(H5T_NATIVE_UINT64); }
bool get_bool(hid_t at, const std::string& name) {
  const Id type = bool_type();
  return Attribute(at, name).one<signed char>(type) != 0;
}

Value get_value(hid_t at, const std::string& name) {
  const Attribute a(at, name);
  const bool scalar = H5Sget_simple_extent_type(a.space) == H5S_SCALAR;
  switch (H5Tget_class(a.type)) {
    case H5T_INTEGER: return a.one<std::int64_t>(H5T_NATIVE_INT64);
    case H5T_ENUM: return get_bool(at, name);
    case H5T_STRING: return get_text(at, name);
    case H5T_FLOAT:
      if (scalar) return a.one<double>(H5T_NATIVE_DOUBLE);
      return a.read<double>(H5T_NATIVE_DOUBLE);
    default: throw Failure{fmt::format("attribute {} is no number, text, boolean or list", name)};
  }
}

struct Numbers {
  std::vector<hsize_t> dims;
  std::vector<double> data;
};

Numbers get_numbers(hid_t parent, const std::string& name) {
  const Id id = open_dataset(parent, name), space(H5Dget_space(id), H5Sclose, name);
  Numbers out;
  out.dims.resize(static_cast<std::size_t>(check(H5Sget_simple_extent_ndims(space), name)));
  if (!out.dims.empty()) check(H5Sget_simple_extent_dims(space, out.dims.data(), nullptr), name);
  out.data.resize(count_of(space, name));
  if (!out.data.empty()) check(H5Dread(id, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, out.data.data()), "dataset " + name);
  return out;
}

/// Columns of a compound table; none if the table is not there.
class TableReader {
 public:
  TableReader(hid_t parent, std::string name) : name_(std::move(name)) {
    if (!has(parent, name_)) return;
    id_.emplace(open_dataset(parent, name_));
    type_.emplace(H5Dget_type(*id_), H5Tclose, name_);
    space_.emplace(H5Dget_space(*id_), H5Sclose, name_);
    if (H5Tget_class(*type_) != H5T_COMPOUND) throw Failure{"dataset " + name_ + " is no table"};
    rows_ = count_of(*space_, name_);
  }
  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::vector<double> numbers(const char* column) const { return read<double>(column, H5T_NATIVE_DOUBLE); }
  [[nodiscard]] std::vector<std::int64_t> integers(const char* column) const { return read<std::int64_t>(column, H5T_NATIVE_INT64); }
  [[nodiscard]] std::vector<signed char> booleans(const char* column) const {
    const Id type = bool_type();
    return read<signed char>(column, type);
  }
  [[nodiscard]] std::vector<std::string> texts(const char* column) const {
    if (rows_ == 0) return {};
    const Id text = string_type();
    std::vector<char*> raw = read<char*>(column, text);
    return take_strings(raw, text, *space_);
  }

 private:
  template <class T>
  std::vector<T> read(const char* column, hid_t type) const {
    std::vector<T> data(rows_);
    if (rows_ == 0) return data;
    if (H5Tget_member_index(*type_, column) < 0) throw Failure{fmt::format("table {} has no column {}", name_, column)};
    const Id memory(H5Tcreate(H5T_COMPOUND, sizeof(T)), H5Tclose, name_);
    check(H5Tinsert(memory, column, 0, type), name_);
    check(H5Dread(*id_, memory, H5S_ALL, H5S_ALL, transfer(), data.data()), fmt::format("column {} of {}", column, name_));
    return data;
  }
  std::string name_;
  std::optional<Id> id_, type_, space_;
  std::size_t rows_ = 0;
};

std::vector<ParameterInfo> read_parameter_infos(hid_t parent, const std::string& name) {
  const TableReader table(parent, name);
  const auto names = table.texts("name"), units = table.texts("unit"), docs = table.texts("doc"), types = table.texts("type"), defaults = table.texts("default"),
             default_types = table.texts("default_type"), allowed = table.texts("allowed");
  const auto min = table.numbers("min"), max = table.numbers("max");
  const auto excluded = table.booleans("min_excluded");
  std::vector<ParameterInfo> infos(table.rows());
  for (std::size_t i = 0; i < infos.size(); ++i) {
    ParameterInfo& info = infos[i];
    info.name = names[i];
    info.unit = units[i];
    info.doc = docs[i];
    info.type = parameter_type(types[i]);
    info.fallback = value_of(default_types[i], defaults[i]);
    info.min = min[i];
    info.max = max[i];
    info.min_excluded = excluded[i] != 0;
    info.allowed = from_lines(allowed[i]);
  }
  return infos;
}

Estimate read_estimate(hid_t level, const std::string& link) {
  const Id place = open_group(level, link);
  Estimate estimate;
  estimate.observable = name_of_link(link);
  estimate.bound_kind = from_text(get_text(place, "bound_kind"), {BoundKind::certified, BoundKind::estimated}, [](BoundKind k) { return to_text(k); });
  estimate.samples = get_unsigned(place, "samples");
  estimate.dof = get_number(place, "dof");
  estimate.stream = get_text(place, "stream");
  estimate.is_distribution = get_bool(place, "is_distribution");
  Numbers value = get_numbers(place, "value");
  estimate.unit = get_text(open_dataset(place, "value"), "unit");
  estimate.value = std::move(value.data);
  const std::string what = "'" + estimate.observable + "'";
  if (has(place, "axes")) {
    const Id axes = open_group(place, "axes");
    for (const std::string& name : links(axes)) {
      const std::size_t end = name.find_last_not_of('%');
      Axis axis;
      axis.name = name_of_link(end == std::string::npos ? "%" : name.substr(0, end + 1));
      axis.unit = get_text(open_dataset(axes, name), "unit");
      axis.points = get_numbers(axes, name).data;
      estimate.axes.push_back(std::move(axis));
    }
  }
  std::vector<hsize_t> dims;
  for (const Axis& axis : estimate.axes) dims.push_back(axis.points.size());
  if (dims != value.dims) throw Failure{what + ": the axes do not fit the values"};
  const std::pair<const char*, std::vector<double>*> arrays[] = {{"std_error", &estimate.std_error},       {"error_bound", &estimate.error_bound},
                                                                 {"skewness", &estimate.skewness},         {"no_variation", &estimate.no_variation},
                                                                 {"signal_range", &estimate.signal_range}, {"exact", &estimate.exact}};
  for (const auto& [name, array] : arrays) {
    if (!has(place, name)) continue;
    *array = get_numbers(place, name).data;
    if (array->size() != estimate.value.size()) throw Failure{fmt::format("{}: {} does not fit the values", what, name)};
  }
  if (has(place, "batches")) {
    const Id from = open_group(place, "batches");
    estimate.batches = Batches{get_numbers(from, "weight").data, get_numbers(from, "replicate").data};
    if (estimate.batches->replicate.size() != estimate.batches->count() * estimate.value.size()) throw Failure{what + ": the batches do not fit the values"};
  }
  return estimate;
}

std::vector<std::complex<double>> get_complex(hid_t parent, const std::string& name) {
  const Id data = open_dataset(parent, name), space(H5Dget_space(data), H5Sclose, name), type = complex_type();
  std::vector<std::complex<double>> values(count_of(space, name));
  if (!values.empty()) check(H5Dread(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), name);
  return values;
}

std::vector<Portrait> read_portraits(hid_t level) {
  std::vector<Portrait> portraits;
  if (!has(level, "portraits")) return portraits;
  const Id all = open_group(level, "portraits");
  for (const std::string& link : links(all)) {
    const Id place = open_group(all, link);
    Portrait portrait;
    portrait.name = name_of_link(link);
    portrait.value = get_numbers(place, "value").data;
    const Id value = open_dataset(place, "value");
    portrait.title = get_text(value, "title");
    portrait.unit = get_text(value, "unit");
    portrait.categories = Attribute(value, "categories").texts();
    std::size_t size = 1;
    for (const char* name : {"rows", "columns"}) {
      const Id axis = open_dataset(place, name);
      portrait.axes.push_back({get_text(axis, "name"), get_text(axis, "unit"), get_numbers(place, name).data});
      size *= portrait.axes.back().points.size();
    }
    if (size != portrait.value.size()) throw Failure{fmt::format("the portrait '{}' does not fit its axes", portrait.name)};
    portraits.push_back(std::move(portrait));
  }
  return portraits;
}

std::vector<Diagram> read_diagrams(hid_t file) {
  std::vector<Diagram> diagrams;
  if (!has(file, "diagrams")) return diagrams;
  const Id all = open_group(file, "diagrams");
  for (const std::string& link : links(all)) {
    const Id place = open_group(all, link);
    Diagram diagram;
    diagram.label = get_text(place, "label");
    diagram.parameter = get_text(place, "parameter");
    diagram.from = get_number(place, "from");
    diagram.to = get_number(place, "to");
    diagram.log = get_bool(place, "log");
    const Id branches = open_group(place, "branches");
    for (const std::string& name : links(branches)) {
      const Id at = open_group(branches, name);
      Branch branch;
      branch.text = get_text(at, "text");
      const auto parameter = get_numbers(at, "parameter").data, stable = get_numbers(at, "stable").data, physical = get_numbers(at, "physical").data;
      const auto leading = get_complex(at, "leading");
      if (stable.size() != parameter.size() || physical.size() != parameter.size() || leading.size() != parameter.size()) throw Failure{"the arrays of a branch do not fit"};
      for (std::size_t i = 0; i < parameter.size(); ++i) branch.points.push_back({parameter[i], {}, stable[i] != 0, physical[i] != 0, leading[i]});
      const Id of = open_group(at, "values");
      for (const std::string& observable : links(of)) {
        const auto values = get_numbers(of, observable).data;
        if (values.size() != parameter.size()) throw Failure{"the values of a branch do not fit"};
        for (std::size_t i = 0; i < values.size(); ++i) branch.points[i].value[name_of_link(observable)] = values[i];
      }
      const TableReader table(at, "special");
      const auto kind = table.texts("kind"), values = table.texts("values"), text = table.texts("text");
      const auto where = table.numbers("parameter"), error = table.numbers("error"), frequency = table.numbers("frequency");
      for (std::size_t i = 0; i < table.rows(); ++i) branch.special.push_back({kind[i], where[i], error[i], where_from_text(values[i]), frequency[i], text[i]});
      diagram.branches.push_back(std::move(branch));
    }
    diagrams.push_back(std::move(diagram));
  }
  return diagrams;
}

std::vector<Path> read_paths(hid_t level) {
  if (!has(level, "trajectories")) return {};
  const Id place = open_group(level, "trajectories");
  std::map<std::uint64_t, Path> ordered;
  for (const std::string& link : links(place)) {
    const Numbers values = get_numbers(place, link);
    const Id id = open_dataset(place, link);
    const auto ids = Attribute(id, "ids").read<std::uint64_t>(H5T_NATIVE_UINT64), order = Attribute(id, "order").read<std::uint64_t>(H5T_NATIVE_UINT64);
    if (values.dims.size() != 2 || ids.size() != values.dims[0] || order.size() != ids.size()) throw Failure{fmt::format("the paths of '{}' do not fit their ids", link)};
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const auto first = values.data.begin() + static_cast<std::ptrdiff_t>(i * values.dims[1]);
      ordered[order[i]] = {ids[i], name_of_link(link), {first, first + static_cast<std::ptrdiff_t>(values.dims[1])}};
    }
  }
  std::vector<Path> paths;
  for (auto& [at, path] : ordered) paths.push_back(std::move(path));
  return paths;
}

LevelResult read_level(hid_t point, const std::string& link) {
  const Id place = open_group(point, link);
  LevelResult result;
  result.label = name_of_link(link);
  LevelInfo& info = result.info;
  info.name = get_text(place, "level");
  info.rung = from_text(get_text(place, "rung"), {Rung::micro, Rung::master, Rung::moments, Rung::mean_field, Rung::surrogate}, [](Rung r) { return to_text(r); });
  info.doc = get_text(place, "doc");
  info.parent = get_text(place, "parent");
  info.approximation = get_text(place, "approximation");
  info.small_parameter = get_text(place, "small_parameter");
  info.expected_order = get_number(place, "expected_order");
  info.source = get_text(place, "source");
  info.sampled = get_bool(place, "sampled");
  info.grain = get_unsigned(place, "grain");
  info.options = read_parameter_infos(place, "options");
  result.is_reference = get_bool(place, "is_reference");
  result.samples = get_unsigned(place, "samples");
  result.answer.why = get_text(place, "why");
  for (const std::string& name : attribute_names(place))
    if (name.starts_with("options.")) result.options[name.substr(8)] = get_value(place, name);
  for (const std::string& name : links(place))
    if (!level_members.count(name)) result.answer.estimates.push_back(read_estimate(place, name));
  const TableReader flags(place, "flags");
  const auto kinds = flags.texts("kind"), observables = flags.texts("observable"), where = flags.texts("where"), texts = flags.texts("text");
  const auto fatal = flags.booleans("fatal");
  for (std::size_t i = 0; i < flags.rows(); ++i) result.answer.flags.push_back({kinds[i], observables[i], where_from_text(where[i]), texts[i], fatal[i] != 0});
  if (has(place, "steady_states")) {
    const Id states = open_group(place, "steady_states");
    for (const std::string& name : links(states)) {
      const Id at = open_group(states, name);
      SteadyState state;
      state.reached = get_bool(at, "reached");
      state.stable = get_bool(at, "stable");
      state.physical = get_bool(at, "physical");
      for (const std::string& attribute : attribute_names(at))
        if (attribute.starts_with("value.")) state.value[attribute.substr(6)] = get_number(at, attribute);
      if (has(at, "eigenvalues")) state.eigenvalues = get_complex(at, "eigenvalues");
      result.answer.steady_states.push_back(std::move(state));
    }
  }
  result.answer.paths = read_paths(place);
  result.answer.portraits = read_portraits(place);
  return result;
}

Results read_all(hid_t file) {
  Results results;
  results.study = get_text(file, "study");
  results.title = get_text(file, "title");
  results.system = get_text(file, "system");
  results.system_title = get_text(file, "system_title");
  results.time_unit = get_text(file, "time_unit");
  results.kind = get_text(file, "kind");
  results.seed = get_unsigned(file, "seed");
  results.confidence = get_number(file, "confidence");
  results.sweep = Attribute(file, "sweep").texts();
  results.notes = Attribute(file, "notes").texts();
  results.parameters = read_parameter_infos(file, "parameters");
  {
    const TableReader table(file, "observables");
    const auto names = table.texts("name"), units = table.texts("unit"), docs = table.texts("doc"), scales = table.texts("scale"), of = table.texts("scale_of");
    const auto power = table.numbers("scale_power");
    const auto by_default = table.booleans("by_default");
    for (std::size_t i = 0; i < table.rows(); ++i) {
      const auto kind = from_text(scales[i], {Scale::Kind::peak, Scale::Kind::sqrt_product, Scale::Kind::power}, [](Scale::Kind k) { return to_text(k); });
      results.observables.push_back({names[i], units[i], docs[i], {kind, from_lines(of[i]), power[i]}, by_default[i] != 0});
    }
  }
  const Id points = open_group(file, "points");
  for (const std::string& name : links(points)) {
    try {
      const Id place = open_group(points, name);
      PointResult point;
      for (const std::string& parameter : attribute_names(place)) point.parameters[parameter] = get_value(place, parameter);
      for (const std::string& label : links(place)) point.levels.push_back(read_level(place, label));
      results.points.push_back(std::move(point));
    } catch (const Failure& failure) {
      throw Failure{fmt::format("in /points/{}: {}", name, failure.text)};
    }
  }
  {
    const TableReader t(file, "verdicts");
    const auto point = t.integers("point"), look = t.integers("look");
    const auto level = t.texts("level"), label = t.texts("label"), observable = t.texts("observable"), outcome = t.texts("outcome"), where = t.texts("where"),
               reason = t.texts("reason"), remarks = t.texts("remarks"), order_check = t.texts("order_check");
    const auto low = t.numbers("low"), high = t.numbers("high"), margin = t.numbers("margin"), scale = t.numbers("scale"), confidence = t.numbers("confidence"),
               quantile = t.numbers("quantile"), quantile_disagree = t.numbers("quantile_disagree"), needed = t.numbers("needed");
    for (std::size_t i = 0; i < t.rows(); ++i) {
      Verdict v;
      v.point = static_cast<std::size_t>(point[i]);
      if (v.point >= results.points.size()) throw Failure{fmt::format("verdict {} is of point {}, there are {}", i, point[i], results.points.size())};
      v.level = level[i];
      v.label = label[i];
      v.observable = observable[i];
      v.outcome = outcome_from_text(outcome[i]);
      v.low = low[i];
      v.high = high[i];
      v.where = where_from_text(where[i]);
      v.margin = margin[i];
      v.scale = scale[i];
      v.confidence = confidence[i];
      v.quantile = quantile[i];
      v.quantile_disagree = quantile_disagree[i];
      v.look = static_cast<int>(look[i]);
      if (needed[i] == needed[i]) v.needed = needed[i];
      v.reason = reason[i];
      v.remarks = from_lines(remarks[i]);
      if (!order_check[i].empty()) v.order_check = order_check[i];
      results.verdicts.push_back(std::move(v));
    }
  }
  if (has(file, "orders")) {
    const Id orders = open_group(file, "orders");
    for (const std::string& name : links(orders)) {
      const Id place = open_group(orders, name);
      OrderFit fit;
      fit.label = get_text(place, "label");
      fit.observable = get_text(place, "observable");
      fit.parameter = get_text(place, "parameter");
      fit.order = get_number(place, "order");
      fit.std_error = get_number(place, "std_error");
      fit.expected = get_number(place, "expected");
      fit.text = get_text(place, "text");
      fit.x = get_numbers(place, "x").data;
      fit.difference = get_numbers(place, "difference").data;
      fit.difference_se = get_numbers(place, "difference_se").data;
      results.orders.push_back(std::move(fit));
    }
  }
  {
    const TableReader table(file, "edges");
    const auto label = table.texts("label"), observable = table.texts("observable"), parameter = table.texts("parameter"), others = table.texts("others"), below = table.texts("below"),
               above = table.texts("above"), reference_low = table.texts("reference_low"), reference_high = table.texts("reference_high");
    const auto low = table.numbers("low"), high = table.numbers("high");
    const auto refined = table.booleans("refined");
    for (std::size_t i = 0; i < table.rows(); ++i) {
      Edge edge{label[i], observable[i], parameter[i], where_from_text(others[i]), low[i], high[i], outcome_from_text(below[i]), outcome_from_text(above[i]), refined[i] != 0, {}};
      const auto first = where_from_text(reference_low[i]), last = where_from_text(reference_high[i]);
      for (const auto& [name, value] : first) edge.reference[name] = {value, last.contains(name) ? last.at(name) : std::numeric_limits<double>::quiet_NaN()};
      results.edges.push_back(std::move(edge));
    }
  }
  results.diagrams = read_diagrams(file);
  if (has(file, "provenance")) {
    const Id place = open_group(file, "provenance");
    Provenance& p = results.provenance;
    p.version = get_text(place, "version");
    p.git = get_text(place, "git");
    p.compiler = get_text(place, "compiler");
    p.host = get_text(place, "host");
    p.started = get_text(place, "started");
    p.threads = static_cast<unsigned>(get_unsigned(place, "threads"));
    p.ranks = static_cast<unsigned>(get_unsigned(place, "ranks"));
    p.seconds = get_number(place, "seconds");
    const TableReader table(place, "levels");
    const auto point = table.integers("point");
    const auto label = table.texts("label");
    const auto seconds = table.numbers("seconds");
    for (std::size_t i = 0; i < table.rows(); ++i) {
      if (static_cast<std::size_t>(point[i]) >= results.points.size()) continue;
      for (LevelResult& level : results.points[static_cast<std::size_t>(point[i])].levels)
        if (level.label == label[i]) level.seconds = seconds[i];
    }
  }
  return results;
}

}  // namespace

void write_results(const fs::path& path, const Results& results) {
  std::string bytes;
  try {
    const Hdf5 quiet;
    bytes = image_of(results);
  } catch (const Failure& failure) {
    throw RunError(fmt::format("{}: the results cannot be written: {}", path.string(), failure.text));
  } catch (const std::bad_alloc&) {
    throw RunError(fmt::format("{}: the results cannot be written: out of memory", path.string()));
  }
  write_file_atomically(path, bytes);
}

Results read_results(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) throw InputError(fmt::format("{}: is a folder; the results of a study are in its file results.h5", path.string()));
  // Read whole into memory: one consistent file even if a running study replaces it, and no file locks.
  std::string bytes = read_file(path);
  const auto refuse = [&](const std::string& text) { return InputError(path.string() + ": " + text); };
  if (bytes.empty()) throw refuse("is empty, not a Mesoscope results file");
  if (!bytes.starts_with("\x89HDF\r\n\x1a\n")) throw refuse("is not a Mesoscope results file (not HDF5)");
  try {
    const Hdf5 quiet;
    const Id access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "file");
    check(H5Pset_fapl_core(access, std::size_t{1} << 20, false), "file");
    check(H5Pset_file_image(access, bytes.data(), bytes.size()), "file");
    bytes = {};
    const Id file(H5Fopen("results.h5", H5F_ACC_RDONLY, access), H5Fclose, "it cannot be opened");
    if (!has_attribute(file, "format") || H5Tget_class(Attribute(file, "format").type) != H5T_STRING || get_text(file, "format") != format_name)
      throw refuse(fmt::format("is HDF5, but not a Mesoscope results file (attribute 'format' is not '{}')", format_name));
    const auto found = has_attribute(file, "format_version") ? Attribute(file, "format_version").one<std::int64_t>(H5T_NATIVE_INT64) : 0;
    if (found != results_format_version)
      throw refuse(fmt::format("has format version {}; Mesoscope {} understands version {}", found, version, results_format_version));
    return read_all(file);
  } catch (const Failure& failure) {
    throw refuse("is truncated or damaged: " + failure.text);
  } catch (const std::bad_alloc&) {
    throw refuse("is damaged, or larger than this machine's memory");
  } catch (const std::length_error&) {
    throw refuse("is damaged: a length in it is impossible");
  }
}

bool RollingResults::point_done(const Results& so_far) {
  const auto start = std::chrono::steady_clock::now();
  if (start < next_) return false;
  write_results(path_, so_far);
  const auto end = std::chrono::steady_clock::now();
  next_ = end + 9 * (end - start);
  return true;
}

void RollingResults::finish(const Results& results) { write_results(path_, results); }

}  // namespace meso
