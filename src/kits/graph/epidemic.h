// Exact event-driven simulation of compartment models on a graph.
//
// Two methods, the same law. Models in which a node is infected once (SIR, SEIR, ...: single_infection): first passage times over
// random delays, Dijkstra's algorithm with a bucket queue; a node's whole course is drawn when it is infected. All others (SIS, SIRS, edges that
// change): thinning. Node j in compartment c acts at the rate spontaneous(c) + degree(j) B(c), B the largest rate of a contact that it drives; nodes lie in
// octaves of that rate; a contact picks one of its edges and is accepted with rate/B. No event touches more than the nodes it changes.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "kits/graph/compartments.h"
#include "kits/graph/graph.h"

namespace meso::graph {

/// Numbers of nodes in each compartment at the asked times: at[i * compartments + c].
struct Course {
  std::vector<std::uint32_t> at;
  std::uint64_t events = 0;  ///< transitions that happened
  double end = 0;            ///< time of the last one
};

/// First passage times for single-infection models. Keeps its buffers between runs.
class FirstPassage {
 public:
  explicit FirstPassage(const Compartments& model);
  /// @throws ModelError if the model is not of that kind

  /// @param initial  compartment of each node at time 0
  /// @param times    increasing; counts are taken there (state just after everything up to and including t)
  /// @param until    events after this time do not happen; infinite: until nothing can
  Course run(const Graph& graph, std::span<const State> initial, std::span<const double> times, double until, FastStream& random);
  /// Time at which each node left the susceptible compartment in the last run: 0 for those that began elsewhere, infinite for the spared.
  [[nodiscard]] const std::vector<double>& infected_at() const { return best_; }
  /// Ways of the last run: (node, time it left its infectious time) when `keep_ends` was set; for snapshots of prevalence.
  bool keep_ends = false;
  [[nodiscard]] const std::vector<double>& ended_at() const { return ended_; }

 private:
  struct Event {
    double t;
    Node node;
    State entry;
  };
  Compartments model_;
  SingleInfection rules_;
  std::vector<double> best_, ended_;
  std::vector<std::vector<Event>> buckets_;
};

/// Any compartment model, on a graph whose edges may change at given times.
Course simulate(const Compartments& model, const Graph& graph, std::span<const EdgeChange> changes, std::span<const State> initial, std::span<const double> times,
                double until, FastStream& random);

}  // namespace meso::graph
