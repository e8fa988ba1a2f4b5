// Products of a square or rectangular matrix with one or many columns, in single or double precision.
//
// Every entry of the result is one sum in the order of the inner index, additions and multiplications rounded apart: the same bits with any width of
// the registers and for any number of columns at once. That is what lets trajectories be computed together: a column does not know its company.
// One column reads the matrix once and is bound by memory; several share each read.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "num/fft.h"

namespace meso::neuron {

/// A matrix in panels of 256 bytes of rows, aligned, for products from the left. T is float or double.
template <class T>
class PackedMatrix {
 public:
  static constexpr std::size_t panel = 256 / sizeof(T);  ///< rows of a panel

  PackedMatrix() = default;
  /// @param column_major  rows x columns
  PackedMatrix(std::size_t rows, std::size_t columns, const T* column_major);

  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t columns() const { return columns_; }
  /// Y = A X; X is columns() x n, Y is rows() x n, both column-major and dense.
  void multiply(const T* x, T* y, std::size_t n) const;
  [[nodiscard]] const T* data() const { return data_.data(); }
  [[nodiscard]] std::size_t bytes() const { return data_.size() * sizeof(T); }

 private:
  std::size_t rows_ = 0, columns_ = 0;
  num::FftVector<T> data_;  // panel, column, row within the panel
};

extern template class PackedMatrix<float>;
extern template class PackedMatrix<double>;

/// Which registers the kernels use here: "AVX3", "AVX2", "SSE2", ...
[[nodiscard]] const char* product_registers();

}  // namespace meso::neuron
