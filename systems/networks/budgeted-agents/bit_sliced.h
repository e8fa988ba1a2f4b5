// 64 independent yes/no worlds in one word: bit j belongs to world j, 1 is the vote +1.
//
// Majority by carry-save adders (bit-sliced counting, e.g. Warren, Hacker's Delight, 2nd ed., ch. 5): five votes cost two full
// adders and four more operations for all 64 worlds together. Random bits of probability p by comparing the binary digits of p with random words.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <span>

#include "rng/stream.h"

namespace meso::systems::budgeted_agents {

/// Words whose 64 bits are independent and each 1 with probability p.
///
/// Lane j compares a uniform binary fraction u_j with p, digit by digit from the most significant: the first digit in which they
/// differ decides u_j < p. Digits are drawn only until every lane has decided, about 7.3 words on average for any p. p enters
/// as a 64-digit fraction, so its error is below 2^-64 (p = 0 and p = 1 are exact and draw nothing).
class BernoulliWord {
 public:
  explicit BernoulliWord(double p) : certain_(p >= 1), digits_(p > 0 && p < 1 ? static_cast<std::uint64_t>(std::ldexp(p, 64)) : 0) {}

  template <class Rng>
  [[nodiscard]] std::uint64_t operator()(Rng& rng) const {
    if (certain_) return ~std::uint64_t{0};
    std::uint64_t undecided = ~std::uint64_t{0}, below = 0;
    for (std::uint64_t digits = digits_; digits != 0 && undecided != 0; digits <<= 1) {  // no digits left: u >= p
      const std::uint64_t word = rng.bits();
      const std::uint64_t digit = 0 - (digits >> 63);  // all ones if this digit of p is 1
      below |= undecided & ~word & digit;
      undecided &= word ^ ~digit;
    }
    return below;
  }

 private:
  bool certain_;
  std::uint64_t digits_;
};

namespace detail {
struct FullAdder {
  std::uint64_t sum, carry;
  FullAdder(std::uint64_t a, std::uint64_t b, std::uint64_t c) : sum(a ^ b ^ c), carry((a & b) | (c & (a ^ b))) {}
};

/// Majority of an odd number of words. Overwrites them.
inline std::uint64_t odd_majority(std::span<std::uint64_t> votes) {
  if (votes.size() == 1) return votes[0];
  if (votes.size() == 3) return FullAdder(votes[0], votes[1], votes[2]).carry;
  if (votes.size() == 5) {
    const FullAdder first(votes[0], votes[1], votes[2]), second(first.sum, votes[3], votes[4]);
    return (first.carry & second.carry) | ((first.carry ^ second.carry) & second.sum);  // 2 (c1 + c2) + s >= 3
  }
  // Count + (2^k - threshold) reaches 2^k exactly in the lanes with a majority: the answer is digit k of that sum.
  const std::size_t threshold = votes.size() / 2 + 1;
  const int k = std::bit_width(threshold - 1);
  const std::size_t offset = (std::size_t{1} << k) - threshold;
  std::span<std::uint64_t> column = votes;  // words of equal weight; full adders leave one, their carries are the next column
  for (int digit = 0; digit < k; ++digit) {
    const std::uint64_t constant = (offset >> digit & 1) != 0 ? ~std::uint64_t{0} : 0;
    std::size_t carries = 0, i = 1;
    std::uint64_t sum = column.empty() ? 0 : column[0];
    for (; i + 1 < column.size(); i += 2) {
      const FullAdder add(sum, column[i], column[i + 1]);
      sum = add.sum;
      column[carries++] = add.carry;
    }
    const FullAdder last(sum, i < column.size() ? column[i] : 0, constant);
    column[carries++] = last.carry;
    column = column.first(carries);
  }
  std::uint64_t reached = 0;
  for (const std::uint64_t word : column) reached |= word;
  return reached;
}
}  // namespace detail

/// Majority of b words, lane by lane; an even b breaks ties by a fair coin from `rng`: one more vote that decides ties and
/// nothing else. @param votes  b words and room for one more; overwritten
template <class Rng>
[[nodiscard]] std::uint64_t majority_word(std::span<std::uint64_t> votes, int b, Rng& rng) {
  std::size_t voters = static_cast<std::size_t>(b);
  if (b % 2 == 0) votes[voters++] = rng.bits();
  return detail::odd_majority(votes.first(voters));
}

/// Per-lane counts of ones over many words.
class LaneCounter {
 public:
  void add(std::uint64_t word) {
    for (int digit = 0; word != 0; ++digit) {
      const std::uint64_t carry = planes_[digit] & word;
      planes_[digit] ^= word;
      word = carry;
    }
  }
  [[nodiscard]] std::uint64_t count(int lane) const {
    std::uint64_t n = 0;
    for (int digit = 0; digit < 40; ++digit) n |= (planes_[digit] >> lane & 1) << digit;
    return n;
  }

 private:
  std::uint64_t planes_[40] = {};
};

}  // namespace meso::systems::budgeted_agents
