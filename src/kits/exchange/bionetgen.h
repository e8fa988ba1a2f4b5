// BioNetGen network files (.net): parameters, functions, species, reactions and groups, as `generate_network` writes them.
//
// Convention: a rate constant times the falling factorials of the reactants (BioNetGen has put the symmetry factors into the constant),
// n (n - 1) -> n^2 in the rate equation. Patterns become names: A(b!1).B(a!1) is called A_b_1_B_a_1, and a note says so.
#pragma once

#include <filesystem>
#include <string>

#include "kits/kinetics/process.h"

namespace meso::exchange {

/// Groups (observables) are observed as sums of species. Refused by name: rate laws Sat, MM, Hill and Arrhenius, table functions, and
/// whatever block is not known.
/// @throws ModelError  "model.net:12: ..."
/// Source: Blinov et al. (2004), doi:10.1093/bioinformatics/bth378; Harris et al. (2016), doi:10.1093/bioinformatics/btw469.
[[nodiscard]] kinetics::ProcessSpec read_bionetgen(const std::filesystem::path& file);
[[nodiscard]] kinetics::ProcessSpec read_bionetgen_text(const std::string& text, const std::string& name);

}  // namespace meso::exchange
