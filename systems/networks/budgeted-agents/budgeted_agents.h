// Majority trees of noisy agents under a compute budget: parameters, what follows from them, the system.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/system.h"
#include "systems/networks/budgeted-agents/theory.h"

namespace meso::systems::budgeted_agents {

struct Params {
  std::int64_t b = 5, depth = 4, N = 0;
  double rho = 0.2;
  std::string channel = "gamma";
  double gamma = 0.9, m = 8, m0 = 8;
  std::vector<double> m_table, gamma_table;
  double W = 4096;
  std::string leaf = "bias";
  double mu0 = 0.05, x = 1, B = 1e4, mu_ref = 0.02, beta = 0.35;
  bool free_messages = false;
  double sigma2 = 1, tau2 = 0.05;
};

/// A validated case: everything that follows from the parameters.
struct Tree {
  Node node;
  int depth = 0;
  double leaves = 1, edges = 0;
  double mu0 = 0;                 ///< leaf bias
  double x = 0, budget = 0;       ///< compute per leaf and in all, tokens
  double message_cost = 0;        ///< part of the budget that messages take; 0 if they are free
  double beta = 0;
  double mu_single = 0;           ///< bias of one agent with the whole budget
  double sigma2 = 1, tau2 = 0.05, m = 8, window = 4096;
};

/// @throws ParameterError  fan-in beyond the window, N no power of b, fidelity table that decreases, budget below the message cost
[[nodiscard]] Tree build(const Params& params);

[[nodiscard]] System system();

}  // namespace meso::systems::budgeted_agents
