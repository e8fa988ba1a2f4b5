#include "kits/neuron/coupling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "kits/neuron/product.h"

namespace meso::neuron {

Couplings draw_couplings(const CouplingLaw& law, std::size_t n, Stream stream) {
  if (!(std::abs(law.symmetry) <= 1)) throw ParameterError(fmt::format("symmetry = {}: the correlation of J_ij with J_ji lies in [-1, 1]", exact(law.symmetry)));
  if (law.symmetry != 0 && law.kind != CouplingLaw::Kind::gaussian) throw ParameterError(fmt::format("symmetry = {}: only Gaussian couplings are drawn with a symmetric part; use couplings = gaussian or symmetry = 0", exact(law.symmetry)));
  if (!(law.connectivity > 0 && law.connectivity <= 1)) throw ParameterError(fmt::format("connectivity = {}: a fraction of couplings above 0 and at most 1", exact(law.connectivity)));
  Couplings out{.n = n, .entry = std::vector<double>(n * n), .g = law.g};
  FastStream random = stream.fast();
  const double size = law.g / std::sqrt(static_cast<double>(n));
  switch (law.kind) {
    case CouplingLaw::Kind::gaussian:
      for (double& x : out.entry) x = size * random.normal();
      if (law.symmetry != 0) {
        const double other = std::sqrt(1 - law.symmetry * law.symmetry);
        for (std::size_t j = 0; j < n; ++j)
          for (std::size_t i = 0; i < j; ++i) out.entry[j + n * i] = law.symmetry * out.entry[i + n * j] + other * out.entry[j + n * i];
      }
      break;
    case CouplingLaw::Kind::signs:
      for (double& x : out.entry) x = random.bernoulli(0.5) ? size : -size;
      break;
    case CouplingLaw::Kind::sparse: {
      const double strong = size / std::sqrt(law.connectivity);
      for (double& x : out.entry) x = random.bernoulli(law.connectivity) ? strong * random.normal() : 0.0;
    }
  }
  if (!law.self)
    for (std::size_t i = 0; i < n; ++i) out.entry[i + n * i] = 0;
  for (double& x : out.entry) x = static_cast<double>(static_cast<float>(x));
  return out;
}

Couplings couplings_of(const std::vector<std::vector<double>>& rows, const std::string& where) {
  const std::size_t n = rows.size();
  if (n == 0) throw ModelError(where + ": the coupling matrix has no rows");
  Couplings out{.n = n, .entry = std::vector<double>(n * n), .own = true};
  double square = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (rows[i].size() != rows[0].size()) throw ModelError(fmt::format("{}: row {} of the coupling matrix has {} entries, row 1 has {}", where, i + 1, rows[i].size(), rows[0].size()));
    if (rows[i].size() != n) throw ModelError(fmt::format("{}: the coupling matrix is not square: {} rows of {} entries. Row i holds the inputs of unit i, one from each unit", where, n, rows[i].size()));
    for (std::size_t j = 0; j < n; ++j) {
      const double x = rows[i][j];
      if (!std::isfinite(x) || std::abs(x) > 1e30) throw ModelError(fmt::format("{}: row {}, column {} of the coupling matrix is {}; a finite number is needed", where, i + 1, j + 1, brief(x)));
      out.entry[i + n * j] = static_cast<double>(static_cast<float>(x));
      square += out.entry[i + n * j] * out.entry[i + n * j];
    }
  }
  out.g = std::sqrt(square / static_cast<double>(n));
  return out;
}

Couplings parse_couplings(std::string_view text, const std::string& where) {
  std::vector<std::vector<double>> rows;
  std::size_t line_number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    ++line_number;
    line = trim(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    std::vector<double> row;
    std::string word;
    const auto take = [&](bool must) {
      if (word.empty() && !must) return;
      double value = 0;
      if (!parse_number(word, value)) throw ModelError(fmt::format("{}:{}: entry {} of the row, '{}', is no number", where, line_number, row.size() + 1, word));
      row.push_back(value);
      word.clear();
    };
    bool comma = false;  // a comma asks for a number behind it, blanks do not
    for (const char c : line) {
      if (c == ',' || c == ';') {
        take(comma || word.empty() == row.empty());
        comma = true;
      } else if (c == ' ' || c == '\t' || c == '\r') {
        if (!word.empty()) {
          take(false);
          comma = false;
        }
      } else {
        word += c;
      }
    }
    take(comma);
    rows.push_back(std::move(row));
  }
  return couplings_of(rows, where);
}

Structure structure(const Couplings& j) {
  Structure out;
  const std::size_t n = j.n;
  if (n < 2 || !(j.g > 0)) return out;
  double cross = 0, own = 0;
  std::vector<double> row(n, 0.0);
  for (std::size_t c = 0; c < n; ++c)
    for (std::size_t r = 0; r < n; ++r) {
      const double x = j(r, c);
      row[r] += x * x;
      if (r == c) continue;
      own += x * x;
      cross += x * j(c, r);
    }
  const double size = static_cast<double>(n);
  out.symmetry = own > 0 ? cross / own : 0;
  double mean = 0, square = 0;
  for (const double x : row) mean += x / size, square += x * x / size;
  out.heterogeneity = (square - mean * mean) / (mean * mean) * size / 2;
  // Largest singular value by power iteration on J^T J; it is bounded from below at every step.
  std::vector<double> v(n), u(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = std::cos(1.0 + 2.3 * static_cast<double>(i * i % 1009));
  double length = 0;
  for (int step = 0; step < 60; ++step) {
    double norm = 0;
    for (const double x : v) norm += x * x;
    norm = std::sqrt(norm);
    if (!(norm > 0)) break;
    for (double& x : v) x /= norm;
    std::fill(u.begin(), u.end(), 0.0);
    for (std::size_t c = 0; c < n; ++c)
      for (std::size_t r = 0; r < n; ++r) u[r] += j(r, c) * v[c];
    length = 0;
    for (const double x : u) length += x * x;
    length = std::sqrt(length);
    for (std::size_t c = 0; c < n; ++c) {
      double sum = 0;
      for (std::size_t r = 0; r < n; ++r) sum += j(r, c) * u[r];
      v[c] = sum;
    }
  }
  out.leading = length / (2 * j.g);
  // Chance: symmetry has deviation (2/n^2)^(1/2); the edge moves by n^(-2/3); heterogeneity by (8/n)^(1/2), and sparse couplings have more of it.
  std::vector<std::string> found;
  if (std::abs(out.symmetry) > 6 * std::sqrt(2.0) / size) found.push_back(fmt::format("J_ij and J_ji are correlated ({})", brief(out.symmetry, 3)));
  if (out.leading > 1 + 4 * std::pow(size, -2.0 / 3)) found.push_back(fmt::format("the largest singular value is {} times that of independent entries: a part of low rank", brief(out.leading, 3)));
  if (out.heterogeneity > 2 + 12 * std::sqrt(8 / size)) found.push_back(fmt::format("units differ in the strength of their inputs ({} times the variance of Gaussian rows)", brief(out.heterogeneity, 3)));
  out.text = join(found, "; ");
  out.structured = !found.empty();
  return out;
}

double spectral_radius(const Couplings& j) {
  const std::size_t n = j.n;
  std::vector<double> a = j.entry, b(n * n);
  double log_scale = 0, power = 1;  // J^power = e^log_scale a, |a| = 1
  for (int k = 0; k <= 17; ++k) {
    double square = 0;
    for (const double x : a) square += x * x;
    const double norm = std::sqrt(square);
    if (!(norm > 0)) return 0;  // nilpotent
    for (double& x : a) x /= norm;
    log_scale += std::log(norm);
    if (k == 17) break;
    PackedMatrix<double>(n, n, a.data()).multiply(a.data(), b.data(), n);
    std::swap(a, b);
    log_scale *= 2;
    power *= 2;
  }
  return std::exp(log_scale / power);
}

}  // namespace meso::neuron
