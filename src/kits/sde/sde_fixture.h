// For the kit's tests: equations in one variable; an order that is checked is recorded too, beside the preset `ornstein-uhlenbeck`.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <span>
#include <string>

#include "kits/sde/description.h"
#include "testing/measured.h"
#include "testing/statistics.h"

namespace meso::sde {

inline SdeSpec scalar(const std::string& drift, const std::string& diffusion, double x0, Interpretation interpretation = Interpretation::ito) {
  SdeSpec spec;
  spec.variables = {"x"};
  spec.drift["x"] = drift;
  spec.diffusion["x"] = {diffusion};
  spec.initial["x"] = x0;
  spec.interpretation = interpretation;
  return spec;
}

/// OrderIs, and the least-squares slope of log(error) over log(step) left on record.
inline ::testing::AssertionResult HasOrder(const std::string& what, std::span<const double> steps, std::span<const double> errors, double expected, double tolerance) {
  double x = 0, y = 0, xx = 0, xy = 0;
  const auto n = static_cast<double>(steps.size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const double u = std::log(steps[i]), v = std::log(errors[i]);
    x += u / n;
    y += v / n;
    xx += u * u / n;
    xy += u * v / n;
  }
  measured("ornstein-uhlenbeck", "sde kit, " + what, (xy - x * y) / (xx - x * x), tolerance, expected, "theory (Kloeden and Platen 1992; second-order grid)");
  return OrderIs(steps, errors, expected, tolerance);
}

}  // namespace meso::sde
