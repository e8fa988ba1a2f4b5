// What a user asks becomes a Study: one road for the program's flags and for Python's keywords.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "study/own_data.h"

namespace meso::app {

/// What is asked on top of a base study. What is not given stays as the base has it.
struct Request {
  /// A margin as given: either part alone means that the other is 0.
  struct Margin {
    std::string observable;                                            ///< "": of the study
    std::optional<double> relative, absolute;
  };
  Table parameters;                                                    ///< set on top of the base's
  std::optional<std::variant<Times, Stationary>> when;
  std::optional<LevelRequest> reference;
  std::optional<OwnData> data;                                         ///< measured values in place of a reference level
  std::vector<LevelRequest> levels;                                    ///< in place of the base's
  std::vector<std::string> observables;                                ///< in place of the base's
  std::vector<Margin> margins;
  std::optional<Criterion::RelativeTo> relative_to;
  std::optional<bool> certified_only;
  std::vector<SweepAxis> sweep;                                        ///< each in place of the base's axis of that name
  std::optional<SweepMode> mode;
  std::optional<std::uint64_t> max_points, trajectories, max_trajectories, seed;
  std::optional<double> tolerance, confidence;
  bool flags = true;                                                   ///< how messages name what is asked: --max-points, or max_points
};

/// "5%" is relative, "0.01" absolute. @returns false if it is neither
[[nodiscard]] bool parse_margin(std::string_view text, Request::Margin& margin);

/// A system's name, a study (.toml), a model in SBML (.xml, .sbml) or BioNetGen's format (.net): as a study, of which a system has only its system.
/// @throws InputError and its kin
[[nodiscard]] Study base_study(const std::string& target);

/// @throws InputError, StudyError
[[nodiscard]] Study build_study(Study base, const Request& request, Study::Kind kind);

/// The reaction network of a study, at its parameters, as an SBML document.
/// @throws InputError  it is none; ModelError  what SBML has no words for
[[nodiscard]] std::string sbml_of(const Study& study);
/// The same in a file. @throws InputError  a name that does not end in .xml or .sbml
void export_sbml(const Study& study, const std::filesystem::path& file);

}  // namespace meso::app
