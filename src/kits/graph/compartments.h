// Compartment models on graphs: what a node can be, and the transitions that change it.
//
//   "I -> R, gamma"            spontaneous: each node in I becomes R at rate gamma
//   "S + I -> I + I, beta"     contact: on each edge between an S and an I, at rate beta; the first node becomes the first product
// A contact between equals, "A + A -> B + A", happens at its rate per edge, either node taking the first part with probability 1/2.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace meso::graph {

using State = std::uint8_t;

struct Spontaneous {
  State from = 0, to = 0;
  double rate = 0;
};
struct Contact {
  State a = 0, b = 0, to_a = 0, to_b = 0;  ///< written so that b is the unchanged one, if there is one
  double rate = 0;                          ///< per edge
};

struct Compartments {
  std::vector<std::string> names;
  std::vector<Spontaneous> spontaneous;
  std::vector<Contact> contacts;
  [[nodiscard]] std::size_t size() const { return names.size(); }
  /// @throws ModelError with the nearest name
  [[nodiscard]] State state(const std::string& name) const;
};

/// S, I, R; S, I; S, E, I, R: presets of the same description.
[[nodiscard]] Compartments sir(double beta, double gamma);
[[nodiscard]] Compartments sis(double beta, double gamma);
[[nodiscard]] Compartments seir(double beta, double sigma, double gamma);

/// Reads compartments and transitions; rates are formulas of `constants`.
/// @param where  place of each transition for messages; may be empty
/// @throws ModelError  unknown compartment or constant (nearest name), no arrow, wrong number of nodes, a negative or infinite rate, a transition
///                     that changes nothing, two names alike
[[nodiscard]] Compartments read_compartments(const std::vector<std::string>& names, const std::vector<std::string>& transitions,
                                             const std::map<std::string, double>& constants, const std::vector<std::string>& where = {});

/// A model in which a node leaves its one susceptible compartment by contact only, once, and never returns: SIR, SEIR, several
/// infectious stages or types. Such models need no bookkeeping of rates: every node's course can be drawn when it is infected.
struct SingleInfection {
  State susceptible = 0;
  std::vector<double> infectivity;            ///< rate per edge of a neighbour in this compartment
  std::vector<State> entry;                   ///< compartment of a node that one in this compartment infected
  std::vector<double> exit;                   ///< total spontaneous rate
  std::vector<std::vector<Spontaneous>> next; ///< ways out
};
/// Nothing if the model is not of that kind.
[[nodiscard]] std::optional<SingleInfection> single_infection(const Compartments& model);

}  // namespace meso::graph
