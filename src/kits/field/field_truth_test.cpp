#include <gtest/gtest.h>
#include "kits/field/wave.h"
namespace meso::field { namespace {
TEST(Placeholder, X) {}
} }
