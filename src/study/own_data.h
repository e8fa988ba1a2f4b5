// The user's own measurements as a reference: a table of means with standard errors stands where a level stands.
//
//   t, volume, X.mean, X.mean.std_error, samples      `t` where the question has times, swept parameters by name, observables,
//   0, 1,      5,      0.1,              400          their standard errors (0: exact), and how many independent measurements
//   2, 1,      7.3,    0.1,              400          each row rests on, if that is known (then Student's quantile is used)
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "io/toml.h"
#include "study/study.h"

namespace meso {

/// Columns of equal length. The resolved study keeps it, so that it runs again without the file.
struct OwnData {
  std::string file;                 ///< its name, without folders
  std::vector<std::string> columns;
  std::vector<std::vector<double>> values;  ///< by column
  std::vector<std::string> where;   ///< place of each row
};

/// @throws InputError  file and line: as read_csv, or a cell that is no finite number
[[nodiscard]] OwnData read_own_data(const std::filesystem::path& path);
/// From `file = "..."`, `columns = { t = [...], "X.mean" = [...] }`, the form of the resolved study. @throws StudyError
[[nodiscard]] OwnData own_data(const TomlNode& node);
[[nodiscard]] TomlNode own_data_node(const OwnData& data);

/// Makes `data` the reference of a study: gives its system a level `data`, and where the study does not say otherwise asks at the times and
/// for the observables of the table. Columns and rows are checked when the system is bound.
/// @throws StudyError  no row, no observable, an observable without errors, a negative error, times not increasing
void set_reference(Study& study, OwnData data);

}  // namespace meso
