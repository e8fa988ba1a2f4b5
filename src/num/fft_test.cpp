#include "num/fft.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/error.h"

namespace meso::num {
namespace {

using Complex = std::complex<double>;

double some(std::size_t j) { return std::sin(0.7 * static_cast<double>(j) + 0.1 * static_cast<double>(j * j % 17)); }

TEST(Fft, RealForwardIsTheDefinition) {
  for (const std::vector<std::size_t>& extent : {std::vector<std::size_t>{15}, {16}, {6, 5}, {3, 4, 6}}) {
    const RealFft fft(extent);
    FftVector<double> f(fft.real_size());
    FftVector<Complex> F(fft.complex_size());
    for (std::size_t j = 0; j < f.size(); ++j) f[j] = some(j);
    const FftVector<double> kept = f;
    fft.forward(f, F);
    EXPECT_EQ(f, kept) << "forward keeps its input";
    const std::size_t last = extent.back(), half = last / 2 + 1;
    for (std::size_t entry = 0; entry < F.size(); ++entry) {
      std::vector<std::size_t> k(extent.size());
      std::size_t rest = entry;
      k.back() = rest % half;
      rest /= half;
      for (std::size_t d = extent.size() - 1; d-- > 0; rest /= extent[d]) k[d] = rest % extent[d];
      Complex sum = 0;
      for (std::size_t j = 0; j < f.size(); ++j) {
        double phase = 0;
        std::size_t at = j;
        for (std::size_t d = extent.size(); d-- > 0; at /= extent[d]) phase += static_cast<double>(k[d] * (at % extent[d])) / static_cast<double>(extent[d]);
        sum += f[j] * std::polar(1.0, -2 * std::numbers::pi * phase);
      }
      EXPECT_NEAR(std::abs(F[entry] - sum), 0, 1e-12);
    }
    FftVector<double> back(f.size());
    fft.backward(F, back);
    for (std::size_t j = 0; j < f.size(); ++j) EXPECT_NEAR(back[j] / static_cast<double>(f.size()), f[j], 1e-14);
  }
}

TEST(Fft, ComplexInPlaceIsOutOfPlace) {
  const ComplexFft fft({12, 7});
  FftVector<Complex> a(fft.size()), b(fft.size());
  for (std::size_t j = 0; j < a.size(); ++j) a[j] = {some(j), some(3 * j + 1)};
  const FftVector<Complex> original = a;
  fft.forward(a, b);
  EXPECT_EQ(a, original);
  double energy = 0, spectral = 0;
  for (std::size_t j = 0; j < a.size(); ++j) {
    energy += std::norm(a[j]);
    spectral += std::norm(b[j]) / static_cast<double>(a.size());
  }
  EXPECT_NEAR(energy, spectral, 1e-12 * energy) << "Parseval";
  fft.forward(a, a);
  for (std::size_t j = 0; j < a.size(); ++j) EXPECT_NEAR(std::abs(a[j] - b[j]), 0, 1e-13);
  fft.backward(a, a);
  for (std::size_t j = 0; j < a.size(); ++j) EXPECT_NEAR(std::abs(a[j] / static_cast<double>(a.size()) - original[j]), 0, 1e-14);
}

TEST(Fft, WavesAreSigned) {
  EXPECT_EQ(wave_index(0, 8), 0);
  EXPECT_EQ(wave_index(4, 8), 4);
  EXPECT_EQ(wave_index(5, 8), -3);
  EXPECT_EQ(wave_index(3, 7), 3);
  EXPECT_EQ(wave_index(4, 7), -3);
}

TEST(Fft, WrongShapesAreRefused) {
  EXPECT_THROW(RealFft({}), ParameterError);
  EXPECT_THROW(RealFft({4, 0}), ParameterError);
  EXPECT_THROW(ComplexFft({2, 2, 2, 2}), ParameterError);
  const RealFft fft({8});
  FftVector<double> f(7);
  FftVector<Complex> F(5);
  EXPECT_THROW(fft.forward(f, F), Error);
}

}  // namespace
}  // namespace meso::num
