#include "report/report.h"

#include <gtest/gtest.h>

#include <filesystem>

TEST(R, r) {}
