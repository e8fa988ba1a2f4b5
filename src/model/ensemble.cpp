#include "model/ensemble.h"

namespace meso {

Tape::Tape(const Plan& plan, std::span<double> data) : data_(data) {
  for (const Signal& signal : plan.signals) {
    offset_.push_back(stride_);
    stride_ += signal.width;
  }
}

BatchSample one_by_one(Sample sample) {
  return [sample = std::move(sample)](std::uint64_t first, std::span<Tape> tapes) {
    for (std::size_t i = 0; i < tapes.size(); ++i) sample(first + i, tapes[i]);
  };
}

}  // namespace meso
