#include "apps/models/model_source.h"

#include "apps/models/own_models.h"
#include "base/error.h"
#include "model/registry.h"

namespace meso {

ModelSource model_source() {
  // A kit that reads models from files has one line here and one file <kind>_model.cpp beside this one.
  using Reader = System (*)(const ModelRequest&);
  static const std::vector<std::pair<std::string, Reader>> readers{
      {"network", own_network},
      {"sde", own_sde},
      {"field", own_field},
      {"graph", own_graph},
      {"lattice", own_lattice},
      {"neuron", own_neuron},
  };
  std::vector<std::string> kinds;
  for (const auto& [kind, reader] : readers) kinds.push_back(kind);
  const auto make = [](const ModelRequest& request) {
    for (const auto& [kind, reader] : readers)
      if (request.kind == kind) return reader(request);
    try {
      return builtin_registry().make(request.system);
    } catch (const InputError& error) {
      throw InputError((request.where.empty() ? "" : request.where + ": ") + error.what());
    }
  };
  return {make, kinds};
}

}  // namespace meso
