#include "num/shift_invert.h"

#include <Eigen/Dense>
#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "num/pade.h"

namespace meso::num {
namespace {

constexpr int halvings = 5;  // the small exponential is found at h, h/2, ..., h/32

/// First columns of exp(s B), s = h 2^-k for k = 0..halvings, with B = (I - H^-1) / gamma. The rational approximant is L-stable, so h / 32 need not resolve
/// the fast modes, and with five squarings the rounding stays near 1e-12 (residues of a few hundred).
std::array<Eigen::VectorXd, halvings + 1> courses(const Eigen::MatrixXd& h, double step_over_gamma) {
  const double c = step_over_gamma / (1 << halvings);
  const Eigen::Index m = h.rows();
  Eigen::MatrixXd e = Eigen::MatrixXd::Zero(m, m);
  for (const PadeTerm& term : pade45()) {  // residue (c (I - H^-1) - pole)^-1 = residue ((c - pole) H - c)^-1 H
    if (std::abs(term.pole.imag()) < 1e-12) {
      const Eigen::MatrixXd a = (c - term.pole.real()) * h - c * Eigen::MatrixXd::Identity(m, m);
      e += term.residue.real() * a.partialPivLu().solve(h);
    } else {
      const Eigen::MatrixXcd a = (c - term.pole) * h.cast<std::complex<double>>() - c * Eigen::MatrixXcd::Identity(m, m);
      e += 2 * (term.residue * a.partialPivLu().solve(h.cast<std::complex<double>>())).real();
    }
  }
  std::array<Eigen::VectorXd, halvings + 1> y;
  for (int k = halvings;; --k) {
    y[static_cast<std::size_t>(k)] = e.col(0);
    if (k == 0) return y;
    e = (e * e).eval();
  }
}

}  // namespace

ShiftInvert::Step ShiftInvert::advance(std::span<double> p, double t, double tolerance, double& step, const std::function<void()>& progress) {
  const std::size_t n = p.size();
  using Map = Eigen::Map<Eigen::VectorXd>;
  Map law(p.data(), static_cast<Eigen::Index>(n));
  const double size = law.norm();
  if (t <= 0 || !(size > 0)) return {std::max(t, 0.0), 0};
  if (!(step > 0)) step = t;
  constexpr double floor = 1e-13, rounding = 1e-12;
  const auto vector = [&](std::size_t k) {
    if (k == basis_.size()) basis_.emplace_back(n);
    return Map(basis_[k].data(), static_cast<Eigen::Index>(n));
  };
  while (true) {
    double h = std::min(step, t);
    if (t - h < 1e-3 * h) h = t;
    // One pole serves steps within a factor of two of ten times it.
    if (!factors_ || h < 5 * gamma_ || h > 20 * gamma_) {
      gamma_ = std::exp2(std::round(std::log2(0.1 * h)));
      factors_.reset();
      factors_.emplace(*generator_, *order_, 1 / gamma_, Elimination::Leaks::counted, true, [&](double) { if (progress) progress(); });
      ++eliminations_;
    }
    vector(0) = law / size;
    Eigen::MatrixXd hessenberg = Eigen::MatrixXd::Zero(most_vectors + 1, most_vectors);
    std::array<Eigen::VectorXd, halvings + 1> before;
    std::size_t m = 0;
    int halved = -1;  // the accepted step is h 2^-halved
    double change = 0;
    Eigen::VectorXd y, moved;
    while (halved < 0 && m < most_vectors) {
      if (progress) progress();
      Map w = vector(m + 1);
      w = vector(m);
      factors_->solve(std::span(basis_[m + 1]));
      ++solutions_;
      w /= gamma_;
      for (int pass = 0; pass < 2; ++pass)  // Gram and Schmidt, twice for orthogonality to rounding
        for (std::size_t k = 0; k <= m; ++k) {
          const double c = vector(k).dot(w);
          w -= c * vector(k);
          hessenberg(static_cast<Eigen::Index>(k), static_cast<Eigen::Index>(m)) += c;
        }
      const double rest = w.norm();
      const bool complete = rest < 1e-15 || m + 1 == n;  // the space is closed under A
      hessenberg(static_cast<Eigen::Index>(m + 1), static_cast<Eigen::Index>(m)) = rest;
      if (!complete) w /= rest;
      ++m;
      if (!complete && m % 4 != 0) continue;
      const auto at = static_cast<Eigen::Index>(m);
      auto now = courses(hessenberg.topLeftCorner(at, at), h / gamma_);
      if (!now[0].allFinite()) throw NumericalBreakdown("the Krylov solver of the master equation met a number that is not finite");
      const int last = m == most_vectors ? halvings : 0;
      for (int k = 0; k <= last && halved < 0; ++k) {
        if (complete) {
          halved = k;
        } else if (before[0].size() > 0) {
          Eigen::VectorXd difference = now[static_cast<std::size_t>(k)];
          difference.head(before[0].size()) -= before[static_cast<std::size_t>(k)];
          moved.setZero(static_cast<Eigen::Index>(n));
          for (std::size_t i = 0; i < m; ++i) moved += difference[static_cast<Eigen::Index>(i)] * vector(i);
          change = size * moved.lpNorm<1>();
          if (change <= std::max(floor, tolerance * std::ldexp(h, -k))) halved = k;
        }
      }
      if (halved >= 0) y = now[static_cast<std::size_t>(halved)];
      before = std::move(now);
    }
    if (halved < 0) {
      step = std::ldexp(h, -halvings - 1);
      if (step < 1e-14 * t) throw NumericalBreakdown("the Krylov solver of the master equation needs steps that are too small");
      continue;
    }
    law.setZero();
    for (std::size_t i = 0; i < m; ++i) law += size * y[static_cast<Eigen::Index>(i)] * vector(i);
    const double taken = halved == 0 ? h : std::ldexp(h, -halved);
    if (halved > 0) step = taken;
    else if (h >= step || m > 24) step = m <= 24 ? 2 * h : h;
    return {taken, change + rounding};
  }
}

}  // namespace meso::num
