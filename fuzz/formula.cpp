// Formulas: parsed, written, parsed again, differentiated, put into numbers.
#include "num/formula.h"

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "fuzz/fuzz.h"

using meso::num::Formula;
using meso::num::Program;

namespace {

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  meso::fuzz::accepted([&] {
    const Formula formula = Formula::parse(text);
    const std::vector<std::string> names = formula.variables();
    const std::string written = formula.text();
    (void)formula.text(true);
    Formula again = Formula::constant(0);
    if (!meso::fuzz::accepted([&] { again = Formula::parse(written); })) meso::fuzz::wrong("what was written cannot be read", written);
    if (again.text() != written) meso::fuzz::wrong("text() is not stable", written + "  then  " + again.text());
    std::map<std::vector<int>, double> terms;
    if (names.size() < 4) (void)formula.polynomial(names, terms);
    std::vector<double> values;
    for (std::size_t i = 0; i < names.size(); ++i) values.push_back(0.5 + 1.25 * static_cast<double>(i));
    std::map<std::string, double> numbers;
    for (std::size_t i = 0; i < names.size(); ++i) numbers[names[i]] = values[i];
    const double value = Program(formula, names)(values);  // may refuse: nested too deep
    if (!same(Program(again, names)(values), value)) meso::fuzz::wrong("what was read again has another value", written);
    double folded = 0;
    if (!formula.substitute(numbers).is_constant(&folded)) meso::fuzz::wrong("numbers for all names leave names", written);
    for (const std::string& name : names) (void)formula.derivative(name).text();
  });
  return 0;
}
