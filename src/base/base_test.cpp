#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/text.h"

namespace meso {
namespace {

TEST(Text, NearestNameFindsTyposAndRefusesStrangers) {
  const std::vector<std::string> known{"volume", "k1", "k2", "X0"};
  EXPECT_EQ(nearest_name("volum", known), "volume");
  EXPECT_EQ(nearest_name("K1", known), "k1");
  EXPECT_EQ(nearest_name("temperature", known), "");
  EXPECT_EQ(did_you_mean("volum", known), " Did you mean 'volume'?");
}

TEST(Text, ExactNumbersReadBackToTheSameBits) {
  for (const double x : {0.1, 1.0 / 3, 1e-300, -2.5e17, 5e-324, std::numeric_limits<double>::max()}) {
    double back = 0;
    ASSERT_TRUE(parse_number(exact(x), back));
    EXPECT_EQ(back, x);
  }
  double v;
  EXPECT_FALSE(parse_number("1.0x", v));
  EXPECT_FALSE(parse_number("", v));
}

TEST(Text, IdentifiersSplitAndDurations) {
  EXPECT_TRUE(is_identifier("mu_0"));
  EXPECT_FALSE(is_identifier("0mu"));
  EXPECT_FALSE(is_identifier("a-b"));
  EXPECT_EQ(split(" a : b ", ':'), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(duration(125), "2 min 05 s");
  EXPECT_EQ(with_commas(1234567), "1,234,567");
  EXPECT_EQ(with_commas(999), "999");
}

TEST(Hash, Fnv1aGivesThePublishedValues) {  // http://www.isthe.com/chongo/tech/comp/fnv, test vectors
  EXPECT_EQ(fnv1a(""), 0xcbf29ce484222325ULL);
  EXPECT_EQ(fnv1a("a"), 0xaf63dc4c8601ec8cULL);
  EXPECT_EQ(fnv1a("foobar"), 0x85944171f73967e8ULL);
}

TEST(Files, AreReplacedWholeAndErrorsNameThePath) {
  const auto folder = std::filesystem::temp_directory_path() / "mesoscope-base-test";
  std::filesystem::remove_all(folder);
  require_writable_folder(folder);
  write_file_atomically(folder / "a.txt", "one");
  write_file_atomically(folder / "a.txt", "two");
  EXPECT_EQ(read_file(folder / "a.txt"), "two");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1) << "no temporary file is left behind";
  try {
    (void)read_file(folder / "none.txt");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("none.txt"), std::string::npos);
  }
  EXPECT_THROW(require_writable_folder(folder / "a.txt"), InputError);
  if (std::filesystem::exists("/dev/full")) EXPECT_THROW(write_file_atomically("/proc/x", "y"), RunError);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace meso
