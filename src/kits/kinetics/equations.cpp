#include "kits/kinetics/equations.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "kits/kinetics/linear_mapping.h"
#include "kits/kinetics/linear_noise.h"
#include "kits/kinetics/rate_equation.h"

namespace meso::kinetics {
namespace {

std::string latex_species(const std::string& name) {
  std::string escaped;
  for (const char c : name) escaped += c == '_' ? "\\_" : std::string(1, c);
  return name.size() == 1 ? name : "\\mathrm{" + escaped + "}";
}

std::string number(double value, bool latex) {
  const std::string text = brief(value, 10);
  const std::size_t e = text.find('e');
  if (!latex || e == std::string::npos) return text;
  return text.substr(0, e) + " \\cdot 10^{" + std::to_string(std::stoi(text.substr(e + 1))) + "}";
}

// Name of a law symbol: a1, da1/dX, d2a1/dX dY.
std::string law_name(const LawTable& laws, const LawTable::Entry& entry, bool latex) {
  const int order = degree(entry.k);
  std::string index = std::to_string(entry.law + 1), below;
  const std::string a = latex ? "a_{" + index + "}" : "a" + index;
  if (order == 0) return a;
  for (std::size_t s = 0; s < entry.k.size(); ++s) {
    if (entry.k[s] == 0) continue;
    const std::string species = latex ? latex_species(laws.species()[s]) : laws.species()[s];
    if (!below.empty()) below += latex ? "\\," : " ";
    below += (latex ? "\\partial " : "d") + species + (entry.k[s] > 1 ? "^" + std::to_string(entry.k[s]) : "");
  }
  const std::string power = order > 1 ? "^" + std::to_string(order) : "";
  return latex ? "\\frac{\\partial" + power + " " + a + "}{" + below + "}" : "(d" + power + " " + a + "/" + below + ")";
}

std::string sum_text(const MomentEquations& equations, const Polynomial& p, bool latex) {
  std::string text;
  for (const auto& [monomial, coefficient] : p.terms) {
    std::string factors;
    for (std::size_t f = 0; f < monomial.size();) {
      const auto repeats = static_cast<std::size_t>(std::count(monomial.begin(), monomial.end(), monomial[f]));
      const std::uint32_t id = monomial[f];
      const std::string number = std::to_string(id - extra_symbols + 1);
      const std::string name = id >= extra_symbols && id < law_symbols ? (latex ? "s_{" + number + "}" : "s" + number) : id >= law_symbols ? law_name(equations.laws, equations.laws[id - law_symbols], latex)
                                                 : cumulant_name(equations.laws.species(), equations.set[id], latex);
      if (!factors.empty()) factors += latex ? "\\," : " ";
      const bool braces = latex && repeats > 1 && name.find('^') != std::string::npos;
      factors += (braces ? "{" + name + "}" : name) + (repeats > 1 ? "^" + std::to_string(repeats) : "");
      f += repeats;
    }
    const double size = std::abs(coefficient);
    text += text.empty() ? (coefficient < 0 ? "-" : "") : (coefficient < 0 ? " - " : " + ");
    if (factors.empty() || size != 1) text += number(size, latex) + (factors.empty() ? "" : (latex ? "\\," : " "));
    text += factors;
  }
  return text.empty() ? "0" : text;
}

void append_laws(const MomentEquations& equations, bool latex, std::string& text) {
  for (std::size_t i = 0; i < equations.laws.size(); ++i) {
    const LawTable::Entry& entry = equations.laws[i];
    if (degree(entry.k) > 0) continue;
    text += (latex ? "% " : "  with ") + law_name(equations.laws, entry, false) + " = " + entry.formula.text(false) + ", taken at the means\n";
  }
}

std::string header(const std::string& title, const ReducedNetwork& network, bool latex) {
  std::string text = (latex ? "% " : "") + title + "\n";
  for (const std::string& line : network.eliminated()) text += (latex ? "% " : "  ") + ("conserved: " + line) + "\n";
  return text;
}

}  // namespace

std::string cumulant_name(const std::vector<std::string>& species, const MultiIndex& i, bool latex) {
  std::vector<std::string> names;
  for (std::size_t s = 0; s < i.size(); ++s)
    for (int k = 0; k < i[s]; ++k) names.push_back(latex ? latex_species(species[s]) : species[s]);
  if (names.size() == 1) return latex ? "\\langle " + names[0] + "\\rangle" : "<" + names[0] + ">";
  if (latex) return "\\kappa_{" + join(names, names[0].size() == 1 ? "" : ",") + "}";
  if (names.size() == 2) return names[0] == names[1] ? "Var(" + names[0] + ")" : "Cov(" + names[0] + "," + names[1] + ")";
  return "K(" + join(names, ",") + ")";
}

std::string equations_text(const MomentEquations& equations, bool latex) {
  std::string text;
  if (latex) text += "\\begin{align}\n";
  for (std::size_t row = 0; row < equations.equations.size(); ++row) {
    const std::string name = cumulant_name(equations.laws.species(), equations.set[row], latex), sum = sum_text(equations, equations.equations[row], latex);
    if (latex) text += "\\frac{d}{dt} " + name + " &= " + sum + (row + 1 < equations.equations.size() ? " \\\\\n" : "\n");
    else text += "  d" + name + "/dt = " + sum + "\n";
  }
  if (latex) text += "\\end{align}\n";
  append_laws(equations, latex, text);
  return text;
}

std::string closure_text(const ReducedNetwork& network, const ClosureFamily& family, int order, int taylor, bool latex) {
  const int q = taylor > 0 ? taylor : default_taylor(order);
  const MomentEquations exact_form = cumulant_equations(network, order, 0, q);
  std::string text = header(fmt::format("Moment equations of order {}, amounts in molecules; K is a joint cumulant{}", order,
                                        network.polynomial() ? "" : fmt::format("; rates that are no polynomials are expanded to order {} about the means", q)),
                            network, latex);
  text += latex ? "% exact:\n" : "\nexact:\n";
  text += equations_text(exact_form, latex);
  // Only the cumulants that occur.
  std::vector<bool> occurs(exact_form.set.size(), false);
  for (const Polynomial& p : exact_form.equations)
    for (const auto& [monomial, coefficient] : p.terms)
      for (const std::uint32_t id : monomial)
        if (id < law_symbols) occurs[id] = true;
  std::vector<std::string> closed;
  for (std::size_t p = exact_form.equations.size(); p < exact_form.set.size(); ++p)
    if (occurs[p]) closed.push_back(cumulant_name(network.species, exact_form.set[p], latex));
  if (closed.empty()) return text + (latex ? "% closed by themselves: every closure is exact\n" : "\nclosed by themselves: every closure of this order is exact\n");
  const ClosedEquations closure = closed_equations(network, family, order, taylor);
  const bool none = family.name == "normal";  // cumulants above the order are zero
  const std::string what = join(closed, latex ? " = " : " = ") + (none ? " = 0" : (latex ? " = f(\\ldots)" : ": " + family.doc));
  if (latex) text += "% closure " + family.name + "-" + std::to_string(order) + ": " + family.doc + "\n\\begin{equation}\n" + what + "\n\\end{equation}\n";
  else text += fmt::format("\nclosure {}-{}: {}\n", family.name, order, what);
  if (closure.close && closure.equations.n_extra == 0) return text;
  text += latex ? "% closed:\n" : "\nclosed:\n";
  text += equations_text(closure.equations, latex);
  if (closure.equations.n_extra > 0) {
    const LinearMapping mapping(network, order);
    for (std::size_t e = 0; e < mapping.mapped().size(); ++e) {
      const auto& mapped = mapping.mapped()[e];
      const std::string top = sum_text(exact_form, mapped.top, latex), given = sum_text(exact_form, mapped.given, latex), name = std::to_string(e + 1);
      text += latex ? "\\begin{equation}\ns_{" + name + "} = \\frac{" + top + "}{" + given + "}\n\\end{equation}\n" : "  with s" + name + " = (" + top + ")/(" + given + ")\n";
    }
  }
  return text;
}

std::string rate_equation_text(const ReducedNetwork& macroscopic, bool latex) {
  return header("Rate equation, amounts in molecules (concentration times volume)", macroscopic, latex) + equations_text(rate_equations(macroscopic), latex);
}

std::string linear_noise_text(const ReducedNetwork& macroscopic, bool latex) {
  return header("Linear noise: the rate equation and the covariance about it, amounts in molecules", macroscopic, latex) +
         equations_text(linear_noise_equations(macroscopic), latex);
}

}  // namespace meso::kinetics
