#include "rng/stream.h"

namespace meso {
namespace detail {

Ziggurat::Ziggurat() {
  // 256 layers of equal area; r and area from Marsaglia and Tsang (2000), table for n = 256.
  constexpr double r = 3.6541528853610088, area = 0.00492867323399;
  const auto f = [](double t) { return std::exp(-0.5 * t * t); };
  x[0] = area / f(r);
  x[1] = r;
  y[0] = 0;
  y[1] = f(r);
  for (std::size_t i = 2; i < 256; ++i) {
    y[i] = y[i - 1] + area / x[i - 1];
    x[i] = std::sqrt(-2.0 * std::log(y[i]));
  }
  x[256] = 0;
  y[256] = 1;
}

const Ziggurat& ziggurat() {
  static const Ziggurat tables;
  return tables;
}

}  // namespace detail

Stream Stream::load(const std::array<std::uint64_t, 5>& state) {
  Stream stream(state[0], state[1], static_cast<std::uint32_t>(state[2]), Raw{});
  stream.block_ = state[3];
  if (state[4] > 0) {  // the words of the last block are recomputed
    --stream.block_;
    stream.refill();
    stream.have_ = state[4];
  }
  return stream;
}

}  // namespace meso
