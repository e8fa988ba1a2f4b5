// Arithmetic without denormal numbers, for as long as a scope lasts.
#pragma once

#ifdef __SSE2__
#include <xmmintrin.h>
#endif

namespace meso::num {

/// Numbers below 1e-308 become 0 while this lives: probabilities that small add nothing to a law, and each would cost a hundred
/// ordinary operations.
class NoTinyNumbers {
 public:
#ifdef __SSE2__
  NoTinyNumbers() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040u); }
  ~NoTinyNumbers() { _mm_setcsr(before_); }
  NoTinyNumbers(const NoTinyNumbers&) = delete;
  NoTinyNumbers& operator=(const NoTinyNumbers&) = delete;

 private:
  unsigned before_;
#else
  NoTinyNumbers() {}
#endif
};

}  // namespace meso::num
