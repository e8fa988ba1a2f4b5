// SBML (Systems Biology Markup Language), Level 2 and Level 3 core: reading into a process, writing a network.
//
// What is read: compartments (also of varying size), species (amounts, concentrations, hasOnlySubstanceUnits, boundary conditions,
// conversion factors), parameters, local parameters, function definitions, initial assignments, assignment and rate rules,
// reactions (also with stoichiometries that vary), events (triggers, delays, priorities, persistence). What is not supported
// - algebraic rules, fast reactions, delay(), rateOf(), constraints, required packages - is refused by name, never dropped.
//
// Convention: a quantity named like a species is its amount, in molecules where the model counts items; a kinetic law is the
// propensity as it stands, so k*X*(X - 1)/2 counts pairs. Reversible laws are split at their signs for exact simulation.
#pragma once

#include <filesystem>
#include <string>

#include "kits/kinetics/network.h"
#include "kits/kinetics/process.h"
#include "model/system.h"

namespace meso::exchange {

/// @throws ModelError  "model.xml:12: ..." - not XML, not SBML, inconsistent, or using what is not supported
/// Source: Hucka et al., SBML Level 3 Version 2 Core (2019), doi:10.1515/jib-2019-0021.
[[nodiscard]] kinetics::ProcessSpec read_sbml(const std::filesystem::path& file);
/// @param name  stands for the file in messages
[[nodiscard]] kinetics::ProcessSpec read_sbml_text(const std::string& text, const std::string& name);

/// The network as an SBML Level 3 Version 1 document: one compartment of size `volume`, amounts in items, every propensity written out as a
/// kinetic law, numbers put in (to the library's 15 digits). Mass action with several molecules of a kind bears an annotation, by which reading gives
/// its rate equation back too (powers for falling factorials). Events are written; passages are questions and are not.
/// @throws ModelError  what SBML core has no words for, by name: bursts, delayed products, noise, initial counts that are drawn
[[nodiscard]] std::string write_sbml(const kinetics::Network& network, const std::string& title);
/// The same of a model file, with its rules, events and varying stoichiometries.
[[nodiscard]] std::string write_sbml(const kinetics::Process& process, const std::string& title);
/// What a case was made of.
/// @param system  its name, for messages
/// @throws InputError  it is no network
[[nodiscard]] std::string write_sbml(const Case& bound, const std::string& system, const std::string& title);

}  // namespace meso::exchange
