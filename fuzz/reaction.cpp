// Reaction networks as text: read, checked, bound, their propensities evaluated.
//
// Input: the species in the first line, separated by blanks; then a line each: "name = number" is a constant, anything else a reaction.
#include <string>
#include <vector>

#include "base/text.h"
#include "fuzz/fuzz.h"
#include "kits/kinetics/network.h"

using meso::kinetics::Network;
using meso::kinetics::NetworkSpec;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  NetworkSpec spec;
  bool first = true;
  for (const std::string& line : meso::split(std::string(reinterpret_cast<const char*>(data), size), '\n')) {
    if (first) {
      for (const std::string& word : meso::split(line, ' '))
        if (!word.empty()) spec.species.push_back(word);
      first = false;
      continue;
    }
    const std::size_t equals = line.find('=');
    double number = 0;
    if (equals != std::string::npos && meso::parse_number(line.substr(equals + 1), number)) spec.constants[std::string(meso::trim(line.substr(0, equals)))] = number;
    else spec.reactions.push_back(line);
  }
  meso::fuzz::accepted([&] {
    spec.check();
    (void)spec.parameters();
    const Network network = spec.bind({}, false);
    (void)network.conservation_laws();
    (void)network.stoichiometry();
    const meso::kinetics::Propensities propensities(network);
    const std::vector<double> counts(network.species.size(), 3.0);
    for (std::size_t r = 0; r < propensities.size(); ++r) (void)propensities(r, counts, 1.0);
  });
  return 0;
}
