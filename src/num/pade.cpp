#include "num/pade.h"

#include <cmath>

#include "base/error.h"

namespace meso::num {

const std::array<PadeTerm, 3>& pade45() {
  static const std::array<PadeTerm, 3> terms = [] {
    using C = std::complex<long double>;
    constexpr int top = 4, bottom = 5;
    const auto factorial = [](int m) { long double f = 1; for (int i = 2; i <= m; ++i) f *= i; return f; };
    std::array<long double, top + 1> numerator{};
    std::array<long double, bottom + 1> denominator{};
    for (int i = 0; i <= top; ++i)
      numerator[i] = factorial(top + bottom - i) * factorial(top) / (factorial(top + bottom) * factorial(i) * factorial(top - i));
    for (int i = 0; i <= bottom; ++i)
      denominator[i] = (i % 2 ? -1 : 1) * factorial(top + bottom - i) * factorial(bottom) / (factorial(top + bottom) * factorial(i) * factorial(bottom - i));
    const auto value = [](const auto& c, C z) { C s = 0; for (std::size_t i = c.size(); i-- > 0;) s = s * z + c[i]; return s; };
    const auto slope = [&](C z) { C s = 0; for (int i = bottom; i >= 1; --i) s = s * z + denominator[i] * static_cast<long double>(i); return s; };
    std::array<C, bottom> roots;  // Durand-Kerner
    for (int i = 0; i < bottom; ++i) roots[i] = C(4, 0) + std::pow(C(0.4L, 2.9L), static_cast<long double>(i) / 1.5L);
    for (int sweep = 0; sweep < 500; ++sweep)
      for (int i = 0; i < bottom; ++i) {
        C product = denominator[bottom];
        for (int j = 0; j < bottom; ++j)
          if (j != i) product *= roots[i] - roots[j];
        roots[i] -= value(denominator, roots[i]) / product;
      }
    std::array<PadeTerm, 3> found{};
    std::size_t count = 0;
    for (C z : roots) {
      for (int polish = 0; polish < 3; ++polish) z -= value(denominator, z) / slope(z);
      if (z.imag() < -1e-8L) continue;
      const C residue = value(numerator, z) / slope(z);
      if (count < found.size()) found[count++] = {std::complex<double>(z), std::complex<double>(residue)};
    }
    if (count != found.size()) throw NumericalBreakdown("the poles of the (4,5) Padé approximant were not found");
    return found;
  }();
  return terms;
}

}  // namespace meso::num
