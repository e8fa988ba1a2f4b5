#include "stat/multi_index.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace meso {

int degree(const MultiIndex& i) { return std::accumulate(i.begin(), i.end(), 0); }

double binomial(int n, int k) {
  if (k < 0 || k > n) return 0;
  double value = 1;
  for (int j = 1; j <= std::min(k, n - k); ++j) value = std::round(value * (n - std::min(k, n - k) + j) / j);
  return value;
}

double binomial(const MultiIndex& i, const MultiIndex& j) {
  double value = 1;
  for (std::size_t s = 0; s < i.size(); ++s) value *= binomial(i[s], j[s]);
  return value;
}

double factorial(const MultiIndex& i) {
  double value = 1;
  for (const int entry : i)
    for (int k = 2; k <= entry; ++k) value *= k;
  return value;
}

MultiIndex raised(MultiIndex i, std::size_t s) {
  ++i[s];
  return i;
}

void for_each_below(const MultiIndex& i, const std::function<void(const MultiIndex&)>& f) {
  MultiIndex j(i.size(), 0);
  while (true) {
    f(j);
    std::size_t s = i.size();
    while (s > 0 && j[s - 1] == i[s - 1]) j[--s] = 0;
    if (s == 0) return;
    ++j[s - 1];
  }
}

MultiIndexSet::MultiIndexSet(std::size_t components, int order) : components_(components), order_(order) {
  MultiIndex current(components, 0);
  const std::function<void(std::size_t, int)> fill = [&](std::size_t s, int left) {
    if (s + 1 == components) {
      current[s] = left;
      position_[current] = index_.size();
      index_.push_back(current);
      degree_.push_back(meso::degree(current));
      return;
    }
    for (int k = left; k >= 0; --k) {
      current[s] = k;
      fill(s + 1, left - k);
    }
  };
  if (components > 0)
    for (int d = 1; d <= order; ++d) fill(0, d);
  next_.resize(index_.size() * components_);
  for (std::size_t p = 0; p < index_.size(); ++p)
    for (std::size_t s = 0; s < components_; ++s) next_[p * components_ + s] = degree_[p] == order ? npos : find(raised(index_[p], s));
}

double MultiIndexSet::count(std::size_t components, int order) {
  double value = 1;
  for (int j = 1; j <= order; ++j) value = std::round(value * (static_cast<double>(components) + j) / j);
  return value - 1;
}

std::size_t MultiIndexSet::find(const MultiIndex& i) const {
  const auto found = position_.find(i);
  return found == position_.end() ? npos : found->second;
}

std::size_t MultiIndexSet::size_up_to(int lower_order) const {
  return static_cast<std::size_t>(std::upper_bound(degree_.begin(), degree_.end(), lower_order) - degree_.begin());
}

}  // namespace meso
