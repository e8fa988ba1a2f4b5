// Verdicts of the studies.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "systems/learning/kde-high-dim/test_support.h"
#include "testing/study_verdicts.h"

namespace meso::systems::kde_high_dim {
namespace {

std::map<std::string, Outcome> outcomes(const std::string& file, const std::string& swept) { return study_outcomes(system, "learning/kde-high-dim", file, swept); }

TEST(Studies, Regimes) {
  const auto found = outcomes("regimes", "h");
  for (const char* h : {"0.5", "0.7", "1", "1.4", "2", "3"}) EXPECT_EQ(found.at(std::string("distances ln.density ") + h), Outcome::agrees) << h;
  for (const char* h : {"0.5", "0.7", "1"}) {
    EXPECT_EQ(found.at(std::string("distances participation ") + h), Outcome::agrees) << h;
    for (const char* o : {"ln.density", "participation"}) EXPECT_EQ(found.at(std::string("clt ") + o + " " + h), Outcome::disagrees) << o << " " << h;
  }
  for (const char* h : {"2", "3"})
    for (const char* o : {"ln.density", "participation"}) EXPECT_EQ(found.at(std::string("clt ") + o + " " + h), Outcome::agrees) << o << " " << h;
  for (const char* h : {"0.5", "0.7"})
    for (const char* o : {"ln.density", "participation"}) EXPECT_EQ(found.at(std::string("stable ") + o + " " + h), Outcome::agrees) << o << " " << h;
  EXPECT_EQ(found.at("stable participation 3"), Outcome::absent);
  for (const char* h : {"0.7", "1"}) EXPECT_EQ(found.at(std::string("random-energy participation ") + h), Outcome::disagrees) << h;
}

TEST(Studies, Laws) {
  const auto found = outcomes("laws", "h");
  for (const char* h : {"0.5", "0.8", "1.2"}) {
    EXPECT_EQ(found.at(std::string("clt ln.density.distribution ") + h), Outcome::disagrees) << h;
    EXPECT_EQ(found.at(std::string("stable ln.density.distribution ") + h), Outcome::agrees) << h;
  }
  for (const char* h : {"2", "2.8"}) {
    EXPECT_EQ(found.at(std::string("clt ln.density.distribution ") + h), Outcome::agrees) << h;
    EXPECT_EQ(found.at(std::string("stable ln.density.distribution ") + h), Outcome::absent) << h;
  }
}

TEST(Studies, OptimalBandwidth) {
  const auto found = outcomes("optimal-bandwidth", "h");
  // One query a data set: at h = 0.7 the skewness guard asks for about 600 data sets, the study has 1,024.
  EXPECT_EQ(found.at("distances divergence 0.7"), Outcome::agrees);
  EXPECT_EQ(found.at("vectors divergence 0.7"), Outcome::agrees);
  for (const char* level : {"distances", "vectors"})
    for (const char* h : {"0.8", "1"}) EXPECT_EQ(found.at(std::string(level) + " divergence " + h), Outcome::agrees) << level << " " << h;
  for (const char* level : {"clt", "random-energy"}) {
    for (const char* h : {"0.5", "0.6", "0.7"}) EXPECT_EQ(found.at(std::string(level) + " divergence " + h), Outcome::disagrees) << level << " " << h;
    EXPECT_EQ(found.at(std::string(level) + " divergence 1"), Outcome::agrees) << level;
  }
}

TEST(Studies, Approach) {
  const auto found = outcomes("approach", "d");
  for (const char* o : {"participation", "ln.density", "top.share"}) {
    for (const char* d : {"10", "20", "40"}) EXPECT_EQ(found.at(std::string("random-energy ") + o + " " + d), Outcome::disagrees) << o << " " << d;
    for (const char* d : {"80", "160", "320"}) EXPECT_EQ(found.at(std::string("random-energy ") + o + " " + d), Outcome::agrees) << o << " " << d;
    for (const char* d : {"20", "40", "80", "160", "320"}) EXPECT_EQ(found.at(std::string("stable ") + o + " " + d), Outcome::agrees) << o << " " << d;
  }
}

TEST(Studies, Spectrum) {
  const auto found = outcomes("spectrum", "h");
  for (const char* level : {"distances", "finite-n"})
    for (const char* o : {"ln.density", "participation", "nearest.distance"})
      for (const char* h : {"0.5", "0.8", "1.4"}) EXPECT_EQ(found.at(std::string(level) + " " + o + " " + h), Outcome::agrees) << level << " " << o << " " << h;
}

}  // namespace
}  // namespace meso::systems::kde_high_dim
