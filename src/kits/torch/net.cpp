#include "kits/torch/net.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "base/error.h"
#include "base/text.h"
#include "kits/torch/evaluator.h"
#include "rng/stream.h"

namespace meso::learned {

const char* to_text(Activation activation) {
  switch (activation) {
    case Activation::softplus: return "softplus";
    case Activation::tanh: return "tanh";
    case Activation::silu: return "silu";
    case Activation::relu: return "relu";
  }
  return "";
}

Activation activation_of(const std::string& name, const std::string& where) {
  std::vector<std::string> known;
  for (const Activation a : {Activation::softplus, Activation::tanh, Activation::silu, Activation::relu}) {
    if (name == to_text(a)) return a;
    known.emplace_back(to_text(a));
  }
  throw ParameterError(fmt::format("{}: unknown activation '{}'.{}\n  known: {}", where, name, did_you_mean(name, known), join(known)));
}

double value_of(TimeFeature feature, double t) {
  switch (feature) {
    case TimeFeature::t: return t;
    case TimeFeature::decay: return std::exp(-t);
    case TimeFeature::centred: return 2 * t - 1;
  }
  return 0;
}

std::vector<std::size_t> NetShape::sizes() const {
  std::vector<std::size_t> all{inputs()};
  all.insert(all.end(), widths.begin(), widths.end());
  all.push_back(outputs);
  return all;
}

std::size_t NetShape::parameters() const {
  const auto all = sizes();
  std::size_t count = 0;
  for (std::size_t l = 0; l + 1 < all.size(); ++l) count += (all[l] + 1) * all[l + 1];
  return count;
}

std::string NetShape::text() const {
  std::string said = fmt::format("mlp {}:", dimension);
  for (const TimeFeature f : time) said += fmt::format(" t{}", static_cast<int>(f));
  said += fmt::format(" x/{}", exact(state_scale));
  for (const std::size_t w : widths) said += fmt::format(" {}", w);
  return said + fmt::format(" -> {} {}({}) baseline {} {}", outputs, to_text(activation), exact(beta), exact(baseline), precision == Precision::single ? "float" : "double");
}

void NetShape::validate(const std::string& where) const {
  if (dimension < 1) throw ParameterError(fmt::format("{}: a net needs a state of at least one coordinate", where));
  if (widths.empty()) throw ParameterError(fmt::format("{}: a net needs at least one hidden layer", where));
  for (const std::size_t w : widths)
    if (w < 1 || w > 4096) throw ParameterError(fmt::format("{}: a hidden layer of {} units; 1 to 4096 are possible", where, w));
  if (outputs != 1 && outputs != dimension) throw ParameterError(fmt::format("{}: {} outputs; a net of {} coordinates is a scalar (1) or a field ({})", where, outputs, dimension, dimension));
  if (!(state_scale > 0) || !std::isfinite(state_scale)) throw ParameterError(fmt::format("{}: the state's scale is {}; it must be positive", where, brief(state_scale)));
  if (!(beta > 0) || !std::isfinite(beta)) throw ParameterError(fmt::format("{}: softplus with beta = {}; it must be positive", where, brief(beta)));
  if (baseline != 0 && outputs != 1) throw ParameterError(fmt::format("{}: the baseline -{} |x|^2 belongs to a scalar net; this one has {} outputs", where, brief(baseline), outputs));
}

Net Net::initialised(const NetShape& shape, std::uint64_t seed, std::string_view purpose) {
  Net net{shape, {}};
  net.weights.reserve(shape.parameters());
  Stream rng(seed, 0, purpose);
  const auto sizes = shape.sizes();
  for (std::size_t l = 0; l + 1 < sizes.size(); ++l) {
    const double bound = 1 / std::sqrt(static_cast<double>(sizes[l]));
    for (std::size_t i = 0; i < (sizes[l] + 1) * sizes[l + 1]; ++i) {
      const double w = bound * (2 * rng.uniform() - 1);
      net.weights.push_back(shape.precision == Precision::single ? static_cast<double>(static_cast<float>(w)) : w);
    }
  }
  return net;
}

namespace detail {
namespace {

constexpr std::size_t padded(std::size_t rows) { return (rows + 3) / 4 * 4; }

/// Packs entry(row, column).
template <class T, class F>
PackedLayer<T> packed(std::size_t rows, std::size_t columns, F entry) {
  PackedLayer<T> layer{padded(rows), columns, std::vector<T>(padded(rows) * columns, T{0})};
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c) layer.weights[(r / 4 * columns + c) * 4 + r % 4] = static_cast<T>(entry(r, c));
  return layer;
}

template <class T>
PackedNet<T> packed(const Net& net) {
  PackedNet<T> out;
  const auto sizes = net.shape.sizes();
  const std::size_t times = net.shape.time.size(), layers = sizes.size() - 1;
  const double* w = net.weights.data();
  for (std::size_t l = 0; l < layers; ++l) {
    const std::size_t rows = sizes[l + 1], columns = sizes[l], skipped = l == 0 ? times : 0;
    const auto entry = [=](std::size_t r, std::size_t c) { return w[r * columns + c + skipped]; };
    auto forward = packed<T>(rows, columns - skipped, entry);
    if (l + 1 < layers) {
      out.backward.insert(out.backward.begin(), packed<T>(columns - skipped, rows, [&](std::size_t r, std::size_t c) { return entry(c, r); }));
      out.forward.push_back(std::move(forward));
    } else {
      out.last = std::move(forward);
    }
    if (l == 0)
      for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < times; ++c) out.time_columns.push_back(static_cast<T>(w[r * columns + c]));
    w += rows * columns;
    out.bias.emplace_back(padded(rows), T{0});
    std::transform(w, w + rows, out.bias.back().begin(), [](double b) { return static_cast<T>(b); });
    w += rows;
  }
  return out;
}

/// Room for one block, kept by each thread.
template <class T>
T* scratch(std::size_t count) {
  thread_local std::vector<T> room;
  if (room.size() < count + 64) room.resize(count + 64);
  return reinterpret_cast<T*>((reinterpret_cast<std::uintptr_t>(room.data()) + 63) / 64 * 64);
}

template <class T>
void run(const NetShape& shape, const PackedNet<T>& net, double t, std::span<const double> points, std::span<double> values, std::span<double> gradients) {
  const std::size_t d = shape.dimension, outputs = shape.outputs, hidden = net.forward.size(), n = points.size() / d;
  std::size_t widest = padded(std::max(d, outputs));
  for (const auto& layer : net.forward) widest = std::max(widest, layer.rows);
  const bool back = !gradients.empty();
  // Scratch: activations (two in turn), slopes of each hidden layer, the first layer's bias at this time.
  T* const bias = scratch<T>((2 + hidden) * widest * block + widest);
  T *a = bias + (widest + 15) / 16 * 16, *b = a + widest * block;
  T* const slopes = b + widest * block;
  std::copy(net.bias[0].begin(), net.bias[0].end(), bias);
  const std::size_t first_rows = shape.widths[0];
  for (std::size_t c = 0; c < shape.time.size(); ++c) {
    const T value = static_cast<T>(value_of(shape.time[c], t));
    for (std::size_t r = 0; r < first_rows; ++r) bias[r] += net.time_columns[r * shape.time.size() + c] * value;
  }
  const double scale = 1 / shape.state_scale;
  for (std::size_t first = 0; first < n; first += block) {
    const std::size_t count = std::min(block, n - first);
    for (std::size_t i = 0; i < d; ++i)
      for (std::size_t p = 0; p < block; ++p) a[i * block + p] = p < count ? static_cast<T>(points[(first + p) * d + i] * scale) : T{0};
    for (std::size_t l = 0; l < hidden; ++l) {
      layer(net.forward[l], l == 0 ? bias : net.bias[l].data(), a, shape.activation, shape.beta, b, back ? slopes + l * widest * block : nullptr);
      std::swap(a, b);
    }
    if (!values.empty()) {
      affine(net.last, net.bias.back().data(), a, static_cast<const T*>(nullptr), b);
      for (std::size_t p = 0; p < count; ++p)
        for (std::size_t o = 0; o < outputs; ++o) {
          double value = static_cast<double>(b[o * block + p]);
          if (shape.baseline != 0)
            for (std::size_t i = 0; i < d; ++i) value -= shape.baseline * points[(first + p) * d + i] * points[(first + p) * d + i];
          values[(first + p) * outputs + o] = value;
        }
    }
    if (back) {
      // The scalar's derivative by the last hidden layer is the row of output weights times the slope.
      const T* slope = slopes + (hidden - 1) * widest * block;
      for (std::size_t r = 0; r < net.forward.back().rows; ++r) {
        const T w = r < net.last.columns ? net.last.weights[r * 4] : T{0};
        for (std::size_t p = 0; p < block; ++p) a[r * block + p] = w * slope[r * block + p];
      }
      for (std::size_t l = hidden; l-- > 0;) {
        affine(net.backward[hidden - 1 - l], static_cast<const T*>(nullptr), a, l > 0 ? slopes + (l - 1) * widest * block : nullptr, b);
        std::swap(a, b);
      }
      for (std::size_t p = 0; p < count; ++p)
        for (std::size_t i = 0; i < d; ++i) {
          const std::size_t at = (first + p) * d + i;
          gradients[at] = static_cast<double>(a[i * block + p]) * scale - 2 * shape.baseline * points[at];
        }
    }
  }
}

}  // namespace

Evaluator::Evaluator(Net net) : net_(std::move(net)) {
  if (net_.weights.size() != net_.shape.parameters()) throw Error(fmt::format("a net of {} parameters was given {} weights", net_.shape.parameters(), net_.weights.size()));
  if (net_.shape.precision == Precision::single) single_ = packed<float>(net_);
  else real_ = packed<double>(net_);
}

void Evaluator::evaluate(double t, std::span<const double> points, std::span<double> values, std::span<double> gradients) const {
  if (net_.shape.precision == Precision::single) run(net_.shape, single_, t, points, values, gradients);
  else run(net_.shape, real_, t, points, values, gradients);
}

}  // namespace detail

NetField::NetField(Net net) : evaluator_(std::make_unique<detail::Evaluator>(std::move(net))) {
  const NetShape& s = evaluator_->net().shape;
  if (s.outputs != s.dimension) throw ParameterError(fmt::format("a net of {} outputs is no field on {} coordinates", s.outputs, s.dimension));
}
NetField::~NetField() = default;
std::size_t NetField::dimension() const { return evaluator_->net().shape.dimension; }
void NetField::at(double t, std::span<const double> points, std::span<double> values) const { evaluator_->evaluate(t, points, values, {}); }

GradientField::GradientField(Net net) : evaluator_(std::make_unique<detail::Evaluator>(std::move(net))) {
  const NetShape& s = evaluator_->net().shape;
  if (s.outputs != 1) throw ParameterError(fmt::format("a net of {} outputs has no gradient field: its curl need not vanish, and no log-density stands behind it", s.outputs));
}
GradientField::~GradientField() = default;
std::size_t GradientField::dimension() const { return evaluator_->net().shape.dimension; }
void GradientField::at(double t, std::span<const double> points, std::span<double> values) const { evaluator_->evaluate(t, points, {}, values); }
void GradientField::potential(double t, std::span<const double> points, std::span<double> values) const { evaluator_->evaluate(t, points, values, {}); }

}  // namespace meso::learned
