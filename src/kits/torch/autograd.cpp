#include "kits/torch/autograd.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <link.h>

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.h"
#include "kits/torch/net_potential.h"

namespace meso::learned {

namespace {

/// Calls f with a function of OpenBLAS, if that is what stands behind libtorch. Its symbols are not global where a plugin brought it.
void with_openblas(const char* function, const auto& f) {
  std::vector<std::string> loaded;
  dl_iterate_phdr([](dl_phdr_info* info, std::size_t, void* names) {
    static_cast<std::vector<std::string>*>(names)->emplace_back(info->dlpi_name);
    return 0;
  }, &loaded);
  for (const std::string& name : loaded) {
    if (name.find("blas") == std::string::npos) continue;
    if (void* const library = dlopen(name.c_str(), RTLD_NOW | RTLD_NOLOAD)) {
      if (void* const found = dlsym(library, function)) f(found);
      dlclose(library);
    }
  }
}

}  // namespace

void prepare_torch() {
  static std::once_flag once;
  std::call_once(once, [] {
    at::globalContext().setDeterministicAlgorithms(true, false);
    at::set_num_threads(1);
    // libtorch does not hand its number of threads on to OpenBLAS, which has a pool of its own.
    with_openblas("openblas_set_num_threads", [](void* set) { reinterpret_cast<void (*)(int)>(set)(1); });
  });
}

std::string arithmetic() {
  std::string said = at::show_config();
  with_openblas("openblas_get_corename", [&](void* name) { said += fmt::format("\nOpenBLAS kernels {}", reinterpret_cast<const char* (*)()>(name)()); });
  return said;
}

Module::Module(const Net& net) : shape_(net.shape) {
  prepare_torch();
  const auto sizes = shape_.sizes();
  const auto options = at::TensorOptions().dtype(type());
  for (std::size_t l = 0; l + 1 < sizes.size(); ++l) {
    const auto rows = static_cast<std::int64_t>(sizes[l + 1]), columns = static_cast<std::int64_t>(sizes[l]);
    leaves_.push_back(at::zeros({rows, columns}, options));
    leaves_.push_back(at::zeros({rows}, options));
  }
  set_weights(net.weights);
  for (at::Tensor& leaf : leaves_) leaf.requires_grad_(true);
}

void Module::set_weights(std::span<const double> weights) {
  const at::NoGradGuard constant;
  if (weights.size() != shape_.parameters()) throw Error("a net was given another net's weights");
  for (at::Tensor& leaf : leaves_) {
    const auto count = static_cast<std::size_t>(leaf.numel());
    leaf.copy_(at::from_blob(const_cast<double*>(weights.data()), leaf.sizes(), at::kDouble));
    weights = weights.subspan(count);
  }
}

std::vector<double> Module::weights() const {
  const at::NoGradGuard constant;
  std::vector<double> all;
  all.reserve(shape_.parameters());
  for (const at::Tensor& leaf : leaves_) {
    const at::Tensor plain = leaf.to(at::kDouble).contiguous();
    all.insert(all.end(), plain.data_ptr<double>(), plain.data_ptr<double>() + plain.numel());
  }
  return all;
}

at::Tensor Module::operator()(const at::Tensor& t, const at::Tensor& x) const {
  std::vector<at::Tensor> inputs;
  for (const TimeFeature feature : shape_.time) {
    switch (feature) {
      case TimeFeature::t: inputs.push_back(t); break;
      case TimeFeature::decay: inputs.push_back(at::exp(-t)); break;
      case TimeFeature::centred: inputs.push_back(2 * t - 1); break;
    }
  }
  inputs.push_back(shape_.state_scale == 1 ? x : x / shape_.state_scale);
  at::Tensor h = at::cat(inputs, 1);
  for (std::size_t l = 0; l < leaves_.size(); l += 2) {
    h = at::addmm(leaves_[l + 1], h, leaves_[l].t());
    if (l + 2 == leaves_.size()) break;
    switch (shape_.activation) {
      case Activation::softplus: h = at::softplus(h, shape_.beta, 50); break;  // linear beyond beta z = 50 only: exp(-50) is nothing in double too
      case Activation::tanh: h = at::tanh(h); break;
      case Activation::silu: h = h * at::sigmoid(h); break;  // at::silu cannot be differentiated twice in this version
      case Activation::relu: h = at::relu(h); break;
    }
  }
  return shape_.baseline == 0 ? h : h - shape_.baseline * (x * x).sum(1, true);
}

DerivativesOf Module::derivatives(const at::Tensor& t, const at::Tensor& x, bool second) const {
  const std::int64_t n = x.size(0), d = x.size(1), times = static_cast<std::int64_t>(shape_.time.size());
  std::vector<at::Tensor> features, rates;
  for (const TimeFeature feature : shape_.time) {
    switch (feature) {
      case TimeFeature::t: features.push_back(t), rates.push_back(at::ones_like(t)); break;
      case TimeFeature::decay: features.push_back(at::exp(-t)), rates.push_back(-features.back()); break;
      case TimeFeature::centred: features.push_back(2 * t - 1), rates.push_back(at::full_like(t, 2)); break;
    }
  }
  features.push_back(x / shape_.state_scale);
  const at::Tensor& first = leaves_[0];
  at::Tensor z = at::addmm(leaves_[1], at::cat(features, 1), first.t());
  // Derivatives of z by each coordinate, by time, and its Laplacian; after the first layer they are plain rows of its matrix.
  std::vector<at::Tensor> by_x;
  for (std::int64_t i = 0; i < d; ++i) by_x.push_back(first.select(1, times + i).unsqueeze(0) / shape_.state_scale);
  at::Tensor by_t = second ? at::mm(at::cat(rates, 1), first.narrow(1, 0, times).t()) : at::Tensor(), laplacian;
  for (std::size_t l = 2; l < leaves_.size(); l += 2) {
    at::Tensor value, slope, bend;  // the activation and its derivatives at z
    switch (shape_.activation) {
      case Activation::tanh:
        value = at::tanh(z);
        slope = 1 - value * value;
        if (second) bend = -2 * value * slope;
        break;
      case Activation::softplus:
        value = at::softplus(z, shape_.beta, 50);
        slope = at::sigmoid(shape_.beta * z);
        if (second) bend = shape_.beta * slope * (1 - slope);
        break;
      case Activation::silu: {
        const at::Tensor s = at::sigmoid(z);
        value = z * s;
        slope = s + value * (1 - s);
        if (second) bend = s * (1 - s) * (2 + z * (1 - 2 * s));
        break;
      }
      case Activation::relu:
        value = at::relu(z);
        slope = (z > 0).to(z.scalar_type());
        if (second) bend = at::zeros_like(z);
        break;
    }
    std::vector<at::Tensor> rows{value};
    for (const at::Tensor& zx : by_x) rows.push_back(slope * zx);
    if (second) {
      at::Tensor squares = by_x[0] * by_x[0];
      for (std::size_t i = 1; i < by_x.size(); ++i) squares = squares + by_x[i] * by_x[i];
      rows.push_back(slope * by_t);
      rows.push_back(laplacian.defined() ? bend * squares + slope * laplacian : bend * squares);
    }
    const auto parts = at::mm(at::cat(rows, 0), leaves_[l].t()).split(n, 0);
    z = parts[0] + leaves_[l + 1];
    for (std::size_t i = 0; i < by_x.size(); ++i) by_x[i] = parts[1 + i];
    if (second) {
      by_t = parts[1 + by_x.size()];
      laplacian = parts[2 + by_x.size()];
    }
  }
  DerivativesOf of{z, by_t, by_x.size() == 1 ? by_x[0] : at::cat(by_x, 1), laplacian};
  if (shape_.baseline != 0) {
    of.value = of.value - shape_.baseline * (x * x).sum(1, true);
    of.gradient = of.gradient - 2 * shape_.baseline * x;
    if (second) of.laplacian = of.laplacian - 2 * shape_.baseline * static_cast<double>(d);
  }
  return of;
}

at::Tensor gradient(const at::Tensor& u, const at::Tensor& x) { return torch::autograd::grad({u.sum()}, {x}, {}, true, true)[0]; }

DerivativesOf derivatives_of(const ScalarOf& u, const at::Tensor& t, const at::Tensor& x) {
  const at::Tensor time = t.detach().requires_grad_(true), place = x.detach().requires_grad_(true);
  const at::Tensor value = u(time, place);
  const auto first = torch::autograd::grad({value.sum()}, {time, place}, {}, true, true);
  at::Tensor laplacian;
  for (std::int64_t i = 0; i < place.size(1); ++i) {
    const at::Tensor curvature = torch::autograd::grad({first[1].select(1, i).sum()}, {place}, {}, true, true)[0].narrow(1, i, 1);
    laplacian = i == 0 ? curvature : laplacian + curvature;
  }
  return {value, first[0], first[1], laplacian};
}

at::Tensor fokker_planck_residual(const ScalarOf& u, const at::Tensor& t, const at::Tensor& x, double g) {
  return fokker_planck_residual(derivatives_of(u, t, x), x.detach(), g);
}

at::Tensor fokker_planck_residual(const DerivativesOf& of, const at::Tensor& x, double g) {
  return of.in_time - static_cast<double>(x.size(1)) - (x * of.gradient).sum(1, true) - 0.5 * g * g * ((of.gradient * of.gradient).sum(1, true) + of.laplacian);
}

at::Tensor tensor_of(std::span<const double> values, std::size_t columns, at::ScalarType type) {
  const auto rows = static_cast<std::int64_t>(values.size() / columns);
  return at::from_blob(const_cast<double*>(values.data()), {rows, static_cast<std::int64_t>(columns)}, at::kDouble).to(type, false, true);
}

struct NetPotential::Graph {
  Module module;
};

NetPotential::NetPotential(Net net) : field_(net) {
  net.shape.precision = Precision::real;
  graph_ = std::make_unique<const Graph>(Graph{Module(net)});
}
NetPotential::~NetPotential() = default;

generative::Potential::Derivatives NetPotential::derivatives(double t, std::span<const double> points) const {
  const at::NoGradGuard constant;
  const std::size_t d = dimension(), n = points.size() / d, most = 4096;  // points together: memory
  Derivatives all;
  const auto append = [](std::vector<double>& to, const at::Tensor& from) {
    const at::Tensor plain = from.detach().contiguous();
    to.insert(to.end(), plain.data_ptr<double>(), plain.data_ptr<double>() + plain.numel());
  };
  for (std::size_t first = 0; first < n; first += most) {
    const std::size_t count = std::min(most, n - first);
    const DerivativesOf of = graph_->module.derivatives(at::full({static_cast<std::int64_t>(count), 1}, t, at::kDouble), tensor_of(points.subspan(first * d, count * d), d, at::kDouble), true);
    append(all.value, of.value);
    append(all.in_time, of.in_time);
    append(all.gradient, of.gradient);
    append(all.laplacian, of.laplacian);
  }
  return all;
}

}  // namespace meso::learned
