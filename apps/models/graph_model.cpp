#include <fmt/format.h>

#include <cmath>

#include "apps/models/own_models.h"
#include "base/error.h"
#include "base/text.h"
#include "kits/graph/own_graph.h"

namespace meso {

/// [graph]: edges = "file" (with nodes, changes) or model = { kind, nodes, mean-degree | degree | degrees }; compartments, transitions, initial
/// (numbers of random nodes), initial-nodes, constants.
System own_graph(const ModelRequest& request) {
  const TomlNode& node = *request.model;
  const Section section(node, "[graph]");
  section.allow({"edges", "nodes", "changes", "model", "compartments", "transitions", "initial", "initial-nodes", "constants"});
  graph::OwnGraph own;
  own.title = request.title;
  if (section.has("edges") == section.has("model")) throw section.error(section.has("edges") ? "model" : "", "[graph] needs either edges = \"file\" or model = { kind = ... }, and not both");
  const auto whole = [&](const Section& from, const std::string& key, std::int64_t least) {
    const auto value = from.require<std::int64_t>(key);
    if (value < least || value > 100000000) throw from.error(key, fmt::format("{} is {}; it must be between {} and 1e8", key, value, least));
    return static_cast<std::size_t>(value);
  };
  if (section.has("edges")) {
    const std::size_t nodes = section.has("nodes") ? whole(section, "nodes", 2) : 0;
    try {
      own.given = graph::read_edge_list(request.folder / section.require<std::string>("edges"), nodes);
    } catch (const InputError& error) {
      throw section.error("edges", error.what());
    }
    if (section.has("changes")) own.changes = graph::read_edge_changes(request.folder / section.require<std::string>("changes"), own.given);
  } else {
    if (section.has("changes")) throw section.error("changes", "changes need a given graph: edges = \"file\"");
    if (section.has("nodes")) throw section.error("nodes", "nodes belongs into model = { ... }");
    const Section model = section.section("model");
    const std::string kind = model.require<std::string>("kind");
    static const std::vector<std::string> kinds{"erdos-renyi", "erdos-renyi-edges", "regular", "configuration"};
    own.nodes = whole(model, "nodes", 2);
    if (kind == kinds[0] || kind == kinds[1]) {
      model.allow({"kind", "nodes", "mean-degree"});
      own.ensemble = kind == kinds[0] ? graph::OwnGraph::Ensemble::erdos_renyi : graph::OwnGraph::Ensemble::erdos_renyi_edges;
      own.mean_degree = model.require<double>("mean-degree");
      if (!(own.mean_degree > 0)) throw model.error("mean-degree", fmt::format("mean-degree is {}; it must be positive", brief(own.mean_degree)));
    } else if (kind == kinds[2]) {
      model.allow({"kind", "nodes", "degree"});
      own.ensemble = graph::OwnGraph::Ensemble::regular;
      own.mean_degree = static_cast<double>(whole(model, "degree", 1));
    } else if (kind == kinds[3]) {
      model.allow({"kind", "nodes", "degrees", "weights"});
      own.ensemble = graph::OwnGraph::Ensemble::configuration;
      const auto degrees = model.require<std::vector<double>>("degrees"), weights = model.require<std::vector<double>>("weights");
      if (degrees.size() != weights.size()) throw model.error("weights", fmt::format("{} degrees have {} weights", degrees.size(), weights.size()));
      double sum = 0;
      for (std::size_t k = 0; k < degrees.size(); ++k) {
        if (!(degrees[k] >= 0) || degrees[k] != std::floor(degrees[k]) || degrees[k] > 1e6) throw model.error("degrees", fmt::format("degree {} is not a whole number from 0 to 1e6", brief(degrees[k])));
        if (!(weights[k] >= 0)) throw model.error("weights", fmt::format("weight {} is negative", brief(weights[k])));
        const auto degree = static_cast<std::size_t>(degrees[k]);
        if (degree >= own.degrees.size()) own.degrees.resize(degree + 1, 0.0);
        own.degrees[degree] += weights[k];
        sum += weights[k];
      }
      if (!(std::abs(sum - 1) < 1e-9)) throw model.error("weights", fmt::format("the weights sum to {} instead of 1", brief(sum, 10)));
    } else {
      throw model.error("kind", fmt::format("unknown kind '{}'.{} known: {}", kind, did_you_mean(kind, kinds), join(kinds)));
    }
  }
  own.compartments = section.require<std::vector<std::string>>("compartments");
  own.transitions = section.require<std::vector<std::string>>("transitions");
  for (const TomlNode& transition : node.find("transitions")->items()) own.where.push_back(transition.where);
  if (const auto constants = section.optional_section("constants"))
    for (const TomlEntry& entry : constants->entries()) own.constants[entry.key] = constants->require<double>(entry.key);
  if (const auto initial = section.optional_section("initial"))
    for (const TomlEntry& entry : initial->entries()) own.initial_counts[entry.key] = static_cast<std::uint32_t>(whole(*initial, entry.key, 0));
  if (const auto initial = section.optional_section("initial-nodes"))
    for (const TomlEntry& entry : initial->entries())
      for (const double i : initial->require<std::vector<double>>(entry.key)) {
        if (!(i >= 0) || i != std::floor(i) || i > 4e9) throw initial->error(entry.key, fmt::format("{} is not a node; nodes are whole numbers from 0", brief(i)));
        own.initial_nodes[entry.key].push_back(static_cast<std::uint32_t>(i));
      }
  try {
    return graph::own_graph_system(std::move(own));
  } catch (const InputError& error) {
    const std::string text = error.what();
    if (text.find(".toml:") != std::string::npos) throw;
    throw ModelError(node.where + ": " + text);
  }
}

}  // namespace meso
