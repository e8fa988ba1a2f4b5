#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/models/own_models.h"
#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/text.h"
#include "kits/graph/own_graph.h"
#include "num/formula.h"

namespace meso {

namespace {

/// model = { kind = "spatial", nodes, mean-degree, dimension, side, kernel, range, shape, long-range }: kernel a name, or a formula of the distance r.
void spatial_graph(const Section& model, graph::OwnGraph& own) {
  model.allow({"kind", "nodes", "mean-degree", "dimension", "side", "kernel", "range", "shape", "long-range"});
  using Kind = graph::Kernel::Kind;
  static const std::vector<std::pair<std::string, Kind>> named{{"gaussian", Kind::gaussian}, {"laplace", Kind::laplace}, {"stretched", Kind::stretched}, {"power", Kind::power}, {"uniform", Kind::uniform}};
  const auto positive = [&](const std::string& key, double value) {
    if (!(value > 0) || !std::isfinite(value)) throw model.error(key, fmt::format("{} is {}; it must be positive", key, brief(value)));
    return value;
  };
  own.ensemble = graph::OwnGraph::Ensemble::spatial;
  own.mean_degree = positive("mean-degree", model.require<double>("mean-degree"));
  const std::int64_t dimension = model.optional<std::int64_t>("dimension").value_or(2);
  if (dimension != 1 && dimension != 2) throw model.error("dimension", fmt::format("dimension is {}; spatial graphs live in 1 or 2 dimensions", dimension));
  const double side = positive("side", model.require<double>("side")), far = model.optional<double>("long-range").value_or(0);
  if (!(far >= 0 && far <= 1)) throw model.error("long-range", fmt::format("long-range is {}; it is the share of edges that ignore distance, from 0 to 1", brief(far)));
  const std::string kernel = model.require<std::string>("kernel");
  graph::Kernel::Part part;
  const auto known = std::find_if(named.begin(), named.end(), [&](const auto& n) { return n.first == kernel; });
  if (known != named.end()) {
    part.kind = known->second;
    if (part.kind != Kind::uniform) part.range = positive("range", model.require<double>("range"));
    if (part.kind == Kind::power || part.kind == Kind::stretched) part.shape = positive("shape", model.require<double>("shape"));
    else if (model.has("shape")) throw model.error("shape", fmt::format("the kernel '{}' has no shape; stretched and power have", kernel));
    if (part.kind == Kind::uniform && model.has("range")) throw model.error("range", "the kernel 'uniform' has no range");
  } else {
    for (const char* key : {"range", "shape"})
      if (model.has(key)) throw model.error(key, fmt::format("{} belongs to a kernel with a name; a formula of r holds its own numbers", key));
    std::vector<std::string> words{"r"};
    for (const auto& [name, kind] : named) words.push_back(name);
    try {
      const num::Formula formula = num::Formula::parse(kernel);
      for (const std::string& name : formula.variables())
        if (name != "r") throw ModelError(fmt::format("'{}' is neither a kernel nor the distance r.{} A kernel is one of gaussian, laplace, stretched, power, uniform, or a decreasing formula of r such as \"exp(-r)/(1 + r)\"", name, did_you_mean(name, words)));
      const std::vector<std::string> slots{"r"};
      part.kind = Kind::profile;
      part.profile = [program = num::Program(formula, slots)](double r) { return program.run(&r); };
    } catch (const InputError& error) {
      throw model.error("kernel", fmt::format("kernel = \"{}\": {}", kernel, error.what()));
    }
  }
  std::vector<graph::Kernel::Part> parts;
  if (far < 1) parts.push_back(part), parts.back().weight = part.kind == Kind::uniform ? 1 : 1 - far;
  if (far > 0 && (parts.empty() || part.kind != Kind::uniform)) parts.push_back({far, Kind::uniform, 1, 0});
  try {
    const auto d = static_cast<int>(dimension);
    own.spatial = graph::SpatialSpec{d, side, static_cast<double>(own.nodes) / std::pow(side, d), {own.mean_degree}, {1}, graph::Kernel(d, parts)};
  } catch (const InputError& error) {
    throw model.error("kernel", fmt::format("kernel = \"{}\": {}", kernel, error.what()));
  }
}

}  // namespace

/// [graph]: edges = "file" (with nodes, changes) or model = { kind, nodes, mean-degree | degree | degrees | side, kernel, ... }; compartments, transitions, initial
/// (numbers of random nodes), initial-nodes, constants.
System own_graph(const ModelRequest& request) {
  const TomlNode& node = *request.model;
  const Section section(node, "[graph]");
  section.allow({"edges", "nodes", "changes", "edges-hash", "changes-hash", "model", "compartments", "transitions", "initial", "initial-nodes", "constants"});
  graph::OwnGraph own;
  own.title = request.title;
  if (section.has("edges") == section.has("model")) throw section.error(section.has("edges") ? "model" : "", "[graph] needs either edges = \"file\" or model = { kind = ... }, and not both");
  const auto whole = [&](const Section& from, const std::string& key, std::int64_t least) {
    const auto value = from.require<std::int64_t>(key);
    if (value < least || value > 100000000) throw from.error(key, fmt::format("{} is {}; it must be between {} and 1e8", key, value, least));
    return static_cast<std::size_t>(value);
  };
  // A file beside the study: the resolved study names it by its whole path and keeps the hash of what was read.
  const auto file = [&](const std::string& key, const auto& read) {
    const std::filesystem::path path = request.folder / section.require<std::string>(key);
    const std::string hash_key = key + "-hash";
    try {
      const std::string hash = hex(fnv1a(read_file(path)));
      const auto expected = section.optional<std::string>(hash_key);
      if (expected && *expected != hash) throw InputError(fmt::format("{} is not what it was when this study was resolved (hash {}, then {}); take {} out to use it as it is now", path.string(), hash, *expected, hash_key));
      read(path);
      if (request.stored) {
        request.stored->set(key, std::filesystem::absolute(path).lexically_normal().string());
        request.stored->set(hash_key, hash);
      }
    } catch (const InputError& error) {
      throw section.error(key, error.what());
    }
  };
  for (const std::string& key : {std::string("edges"), std::string("changes")})
    if (section.has(key + "-hash") && !section.has(key)) throw section.error(key + "-hash", fmt::format("{}-hash belongs to a file: {} = \"file\"", key, key));
  if (section.has("edges")) {
    const std::size_t nodes = section.has("nodes") ? whole(section, "nodes", 2) : 0;
    file("edges", [&](const std::filesystem::path& path) { own.given = graph::read_edge_list(path, nodes); });
    if (section.has("changes")) file("changes", [&](const std::filesystem::path& path) { own.changes = graph::read_edge_changes(path, own.given); });
  } else {
    if (section.has("changes")) throw section.error("changes", "changes need a given graph: edges = \"file\"");
    if (section.has("nodes")) throw section.error("nodes", "nodes belongs into model = { ... }");
    const Section model = section.section("model");
    const std::string kind = model.require<std::string>("kind");
    static const std::vector<std::string> kinds{"erdos-renyi", "erdos-renyi-edges", "regular", "configuration", "spatial"};
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
    } else if (kind == kinds[4]) {
      spatial_graph(model, own);
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
