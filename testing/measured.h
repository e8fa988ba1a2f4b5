// The record of numbers that tests measured beside the numbers they should be.
//
// `make truth` sets MESO_MEASURED to a folder; each call then leaves one small JSON file there, and collect_measured
// gathers them into systems/<family>/<name>/reference/measured.json with the commit. Without MESO_MEASURED a call does
// nothing, so that an ordinary test run changes no file of the source tree.
#pragma once

#include <string>

namespace meso {

/// Records one number of a system's acceptance checks.
/// @param system     name of the system's folder, e.g. "dimer", or of a kit's
/// @param check      what was measured, unique within the system: "X.mean at volume 10"
/// @param value      what was measured, with its error (standard error or error bound; 0 if exact)
/// @param reference  where the right number comes from and what it is: "0.6311 (Table 2 of doi:...)"
/// @throws std::runtime_error if MESO_MEASURED is set and the file cannot be written
void measured(const std::string& system, const std::string& check, double value, double error, const std::string& reference);
/// The same with the right number as a number.
void measured(const std::string& system, const std::string& check, double value, double error, double reference, const std::string& source);

}  // namespace meso
