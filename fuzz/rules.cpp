// Rules of the other kits as text: lattices, compartments on graphs, stochastic differential equations.
//
// Input: the kit's letter (l, b: lattice with exclusion, bosonic; g: graph; s: sde, t: in Stratonovich's calculus); names in the second line; then a line each:
// "name = number" is a constant, anything else a rule (of an sde: "x: drift; amplitude").
#include <map>
#include <string>
#include <vector>

#include "base/text.h"
#include "fuzz/fuzz.h"
#include "kits/graph/compartments.h"
#include "kits/lattice/rule_text.h"
#include "kits/sde/description.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::string> lines = meso::split(std::string(reinterpret_cast<const char*>(data), size), '\n');
  if (lines.size() < 2) return 0;
  const char kit = lines[0].empty() ? 'l' : lines[0][0];
  std::vector<std::string> names, rules;
  std::map<std::string, double> constants;
  for (const std::string& word : meso::split(lines[1], ' '))
    if (!word.empty()) names.push_back(word);
  for (std::size_t i = 2; i < lines.size(); ++i) {
    const std::size_t equals = lines[i].find('=');
    double number = 0;
    if (equals != std::string::npos && meso::parse_number(lines[i].substr(equals + 1), number)) constants[std::string(meso::trim(lines[i].substr(0, equals)))] = number;
    else rules.push_back(lines[i]);
  }
  meso::fuzz::accepted([&] {
    if (kit == 'g') {
      (void)meso::graph::single_infection(meso::graph::read_compartments(names, rules, constants));
    } else if (kit == 's' || kit == 't') {
      meso::sde::SdeSpec spec;
      spec.variables = names;
      spec.interpretation = kit == 's' ? meso::sde::Interpretation::ito : meso::sde::Interpretation::stratonovich;
      spec.constants = constants;
      for (const std::string& rule : rules) {
        const std::size_t colon = rule.find(':'), semicolon = rule.find(';');
        if (colon == std::string::npos || semicolon == std::string::npos || semicolon < colon) continue;
        const std::string name(meso::trim(rule.substr(0, colon)));
        spec.drift[name] = rule.substr(colon + 1, semicolon - colon - 1);
        spec.diffusion[name] = {rule.substr(semicolon + 1)};
      }
      spec.check();
      (void)spec.parameters();
    } else {
      meso::lattice::LatticeSpec spec;
      spec.species = names;
      spec.rules = rules;
      spec.constants = constants;
      spec.size = {16, 8};
      spec.occupation = kit == 'b' ? meso::lattice::Occupation::bosonic : meso::lattice::Occupation::exclusion;
      spec.check();
      (void)spec.parameters();
      (void)spec.bind({});
    }
  });
  return 0;
}
