#include "stat/estimate.h"

namespace meso {

Estimate solved_estimate(std::string observable, std::string unit, std::vector<Axis> axes, std::vector<double> value, std::vector<double> error_bound,
                         BoundKind kind) {
  Estimate estimate;
  estimate.observable = std::move(observable);
  estimate.unit = std::move(unit);
  estimate.axes = std::move(axes);
  estimate.value = std::move(value);
  estimate.error_bound = std::move(error_bound);
  estimate.bound_kind = kind;
  return estimate;
}

}  // namespace meso
