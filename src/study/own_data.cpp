#include "study/own_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/text.h"
#include "io/csv.h"
#include "stat/estimate.h"

namespace meso {
namespace {

const std::string error_suffix = ".std_error";

bool is_error(const std::string& column) { return column.ends_with(error_suffix); }

/// The table with what its columns mean; shared by all cases of the system.
struct Reference {
  OwnData data;

  [[nodiscard]] const std::vector<double>* find(const std::string& column) const {
    const auto found = std::find(data.columns.begin(), data.columns.end(), column);
    return found == data.columns.end() ? nullptr : &data.values[static_cast<std::size_t>(found - data.columns.begin())];
  }
  [[nodiscard]] bool is_observable(const std::string& column) const { return find(column + error_suffix) != nullptr; }
  [[nodiscard]] std::size_t rows() const { return data.where.size(); }
};

bool same(double a, double b) { return std::abs(a - b) <= 1e-9 * std::max(std::abs(a), std::abs(b)); }

/// Rows of one point of the sweep, in order of time. @throws StudyError
std::vector<std::size_t> rows_of(const Reference& reference, const Case& bound) {
  std::vector<std::size_t> rows;
  std::vector<std::string> asked;
  for (std::size_t i = 0; i < reference.rows(); ++i) rows.push_back(i);
  for (const auto& [name, value] : bound.parameters)
    if (const std::vector<double>* column = reference.find(name)) {
      asked.push_back(fmt::format("{} = {}", name, to_text(value)));
      std::erase_if(rows, [&, number = as_number(value)](std::size_t i) { return !same((*column)[i], number); });
    }
  if (rows.empty()) throw StudyError(fmt::format("{}: no row for {}", reference.data.file, join(asked)));
  const std::vector<double>* t = reference.find("t");
  if (!t && rows.size() > 1)
    throw StudyError(fmt::format("{}: a second row{}{}; without a column 't' there is one row for each point", reference.data.where[rows[1]], asked.empty() ? "" : " for ", join(asked)));
  for (std::size_t i = 1; t && i < rows.size(); ++i)
    if (!((*t)[rows[i]] > (*t)[rows[i - 1]]))
      throw StudyError(fmt::format("{}: t = {} does not lie above t = {} of {}", reference.data.where[rows[i]], exact((*t)[rows[i]]), exact((*t)[rows[i - 1]]), reference.data.where[rows[i - 1]]));
  return rows;
}

/// Every column is the time, a parameter, an observable, an error or the number of measurements. @throws StudyError
void check_columns(const Reference& reference, const Case& bound) {
  for (const std::string& column : reference.data.columns) {
    if (column == "t" || column == "samples" || bound.parameters.contains(column)) continue;
    if (reference.is_observable(column)) {
      (void)bound.observable(column);
      continue;
    }
    const bool error = is_error(column);
    const std::string name = error ? column.substr(0, column.size() - error_suffix.size()) : column;
    if (error && reference.find(name) != nullptr) continue;
    std::vector<std::string> known{"t", "samples"};
    for (const auto& [parameter, value] : bound.parameters) known.push_back(parameter);
    for (const ObservableInfo& info : bound.observables) known.push_back(info.name);
    const bool observable = std::find(known.begin(), known.end(), name) != known.end() || (bound.knows && bound.knows(name));
    if (error && observable) throw StudyError(fmt::format("{}: column '{}' has no column '{}' that it is the error of", reference.data.file, column, name));
    if (observable) throw StudyError(fmt::format("{}: column '{}' has no errors: give a column '{}{}' (0 where a value is exact)", reference.data.file, column, column, error_suffix));
    throw StudyError(fmt::format("{}: column '{}' is neither a parameter nor an observable.{}\n  known: {}", reference.data.file, column, did_you_mean(name, known), join(known)));
  }
}

/// Rows that answer a question, in its order of times. @throws StudyError
std::vector<std::size_t> rows_for(const Reference& reference, const Case& bound, const Ask& ask) {
  const std::vector<std::size_t> rows = rows_of(reference, bound);
  const std::vector<double>* t = reference.find("t");
  if (ask.is_stationary()) {
    if (t) throw StudyError(fmt::format("{}: a column 't', but the study asks for the stationary state", reference.data.file));
    return rows;
  }
  if (!t) throw StudyError(fmt::format("{}: the study asks for times, and there is no column 't'", reference.data.file));
  std::vector<std::size_t> taken;
  for (const double time : ask.times()) {
    const auto found = std::find_if(rows.begin(), rows.end(), [&](std::size_t i) { return same((*t)[i], time); });
    if (found == rows.end()) {
      std::vector<std::string> measured;
      for (const std::size_t i : rows) measured.push_back(exact((*t)[i]));
      throw StudyError(fmt::format("{}: no row for t = {}; measured are t = {}", reference.data.file, exact(time), join(measured)));
    }
    taken.push_back(*found);
  }
  return taken;
}

Answer answer_of(const Reference& reference, const Case& bound, const Ask& ask) {
  const std::vector<std::size_t> taken = rows_for(reference, bound, ask);
  std::vector<Axis> axes;
  if (!ask.is_stationary()) axes = {{"t", bound.time_unit, ask.times()}};
  const std::vector<double>* samples = reference.find("samples");
  double fewest = std::numeric_limits<double>::infinity();
  for (const std::size_t i : taken)
    if (samples) fewest = std::min(fewest, (*samples)[i]);
  Answer answer;
  answer.why = fmt::format("{} row{} of {}", taken.size(), taken.size() == 1 ? "" : "s", reference.data.file);
  for (const std::string& column : reference.data.columns) {
    if (!reference.is_observable(column) || !ask.wants(column)) continue;
    const auto picked = [&](const std::vector<double>& from) {
      std::vector<double> values;
      for (const std::size_t i : taken) values.push_back(from[i]);
      return values;
    };
    Estimate estimate = solved_estimate(column, bound.observable(column).unit, axes, picked(*reference.find(column)));
    estimate.std_error = picked(*reference.find(column + error_suffix));
    // The errors count as sampling errors whether or not the number behind them is known; unknown, they are taken as normal.
    estimate.samples = samples ? static_cast<std::uint64_t>(fewest) : 1;
    if (samples) estimate.dof = fewest - 1;
    answer.estimates.push_back(std::move(estimate));
  }
  return answer;
}

std::vector<double> numbers_of(const CsvTable& table, std::size_t column) {
  std::vector<double> values;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    double value = 0;
    if (!parse_number(table.rows[i][column], value) || !std::isfinite(value))
      throw InputError(fmt::format("{}: {} '{}' is no finite number", table.where[i], table.columns[column], table.rows[i][column]));
    values.push_back(value);
  }
  return values;
}

}  // namespace

OwnData read_own_data(const std::filesystem::path& path) {
  CsvTable table = read_csv(path);
  OwnData data{table.name, table.columns, {}, table.where};
  for (std::size_t c = 0; c < table.columns.size(); ++c) data.values.push_back(numbers_of(table, c));
  return data;
}

OwnData own_data(const TomlNode& node) {
  const Section section(node, "[reference.data]");
  section.allow({"file", "columns"});
  OwnData data;
  data.file = section.optional<std::string>("file").value_or("the data");
  const Section columns = section.section("columns");
  for (const TomlEntry& entry : columns.entries()) {
    data.columns.push_back(entry.key);
    data.values.push_back(columns.require<std::vector<double>>(entry.key));
    if (data.values.back().size() != data.values.front().size())
      throw columns.error(entry.key, fmt::format("'{}' has {} values, '{}' has {}", entry.key, data.values.back().size(), data.columns.front(), data.values.front().size()));
  }
  for (std::size_t i = 0; !data.values.empty() && i < data.values.front().size(); ++i) data.where.push_back(fmt::format("{}, row {}", data.file, i + 1));
  return data;
}

TomlNode own_data_node(const OwnData& data) {
  TomlNode node;
  node.set("file", data.file);
  TomlNode& columns = node.table("columns");
  for (std::size_t c = 0; c < data.columns.size(); ++c) columns.set(data.columns[c], data.values[c]);
  return node;
}

void set_reference(Study& study, OwnData data) {
  const auto reference = std::make_shared<const Reference>(Reference{std::move(data)});
  const OwnData& table = reference->data;
  if (table.where.empty()) throw StudyError(fmt::format("{}: the table has no rows", table.file));
  std::vector<std::string> observables;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    if (reference->is_observable(table.columns[c])) observables.push_back(table.columns[c]);
    const bool error = is_error(table.columns[c]), samples = table.columns[c] == "samples";
    for (std::size_t i = 0; i < table.where.size(); ++i) {
      const double value = table.values[c][i];
      if (error && value < 0) throw StudyError(fmt::format("{}: {} = {}: a standard error must not be negative", table.where[i], table.columns[c], exact(value)));
      if (samples && (value < 2 || value != std::floor(value)))
        throw StudyError(fmt::format("{}: samples = {}: a standard error needs at least 2 measurements", table.where[i], exact(value)));
    }
  }
  if (observables.empty())
    throw StudyError(fmt::format("{}: no column is an observable with its error, like 'X.mean' and 'X.mean{}'\n  columns: {}", table.file, error_suffix, join(table.columns)));
  if (study.observables.empty()) study.observables = observables;
  const std::vector<double>* t = reference->find("t");
  if (t && !study.when) {
    std::vector<double> points = *t;
    std::sort(points.begin(), points.end());
    points.erase(std::unique(points.begin(), points.end(), same), points.end());
    study.when = Times{points};
  }
  if (!t && !study.when) study.when = Stationary{};

  const std::string label = study.reference && !study.reference->label.empty() ? study.reference->label : "data";
  study.reference = LevelRequest{"data", label, {}, ""};
  study.data = own_data_node(table);
  study.system.bind = [bind = study.system.bind, reference](const Table& given) {
    Case bound = bind(given);
    check_columns(*reference, bound);
    (void)rows_of(*reference, bound);
    LevelInfo info;
    info.name = "data";
    info.doc = "Measured values with their standard errors, from a table of the user's own.";
    info.source = reference->data.file;
    // A case of its own: the level answers for the point it is bound to.
    const auto here = std::make_shared<const Case>(bound);
    Level level{info, [reference, here](const Ask& ask, Context&) { return answer_of(*reference, *here, ask); }};
    level.plan = [reference, here](const Ask& ask) { return std::vector<std::string>{fmt::format("{} rows", rows_for(*reference, *here, ask).size())}; };
    std::erase_if(bound.levels, [](const Level& other) { return other.info.name == "data"; });  // of a table that this one replaces
    bound.levels.push_back(std::move(level));
    return bound;
  };
}

}  // namespace meso
