#include "model/archive.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace meso {
namespace {

Answer full_answer() {
  Answer answer;
  Estimate e = solved_estimate("X.mean", "molecules", {{"t", "s", {0, 1}}}, {1.0, std::nan("")}, {1e-3, 2e-3}, BoundKind::certified);
  e.batches = Batches{{1, 2}, {0.1, 0.2, 0.3, 0.4}};
  e.exact = {1, 0};
  e.stream = "a/b";
  answer.estimates = {e, solved_estimate("Y", "1", {}, {2.0})};
  answer.flags = {{"negative-variance", "X.variance", {{"t", 3.21}}, "Var(X) < 0", true}};
  answer.steady_states = {{{{"X.mean", 2.0}}, true, true, false, {{-1.0, 2.0}, {-1.0, -2.0}}}};
  answer.paths = {{3, "X", {1, 2}}};
  answer.portraits = {{"phi", "field", "1", {{"t", "s", {0, 1}}, {"x", "m", {0, 1, 2}}}, {1, 2, 3, 4, 5, 6}, {"empty", "A"}}};
  answer.why = "61 states";
  return answer;
}

TEST(Archive, AnswersComeBackToTheBit) {
  ArchiveWriter out;
  save(out, full_answer());
  Verdict verdict;
  verdict.label = "normal-2";
  verdict.needed = 40000;
  verdict.remarks = {"one", "two"};
  verdict.order_check = "consistent";
  save(out, verdict);
  const std::string sealed = out.sealed();
  ArchiveReader in(sealed);
  Answer answer;
  load(in, answer);
  Verdict back;
  load(in, back);
  EXPECT_EQ(back.order_check, "consistent");
  EXPECT_EQ(back.needed, 40000);
  EXPECT_TRUE(std::isnan(back.low));
  EXPECT_EQ(answer.portraits[0].categories[1], "A");
  ArchiveWriter again;  // everything that was written is written again
  save(again, answer);
  save(again, back);
  EXPECT_EQ(again.sealed(), sealed);
}

TEST(Archive, EveryDamageIsSeen) {
  ArchiveWriter out;
  save(out, full_answer());
  const std::string sealed = out.sealed();
  for (std::size_t i = 0; i < sealed.size(); i += 7) {
    std::string damaged = sealed;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_THROW(ArchiveReader{damaged}, RunError) << i;
    EXPECT_THROW(ArchiveReader{sealed.substr(0, i)}, RunError) << i;
  }
  ArchiveReader in(ArchiveWriter().sealed());
  EXPECT_THROW((void)in.get<double>(), RunError) << "nothing is read beyond the end";
}

TEST(Archive, ATruthValueIsZeroOrOne) {
  ArchiveWriter out;
  out.put(true);
  out.put(false);
  out.put(std::uint8_t{2});
  out.put(std::uint8_t{255});
  ArchiveReader in(out.sealed());
  EXPECT_TRUE(in.get<bool>());
  EXPECT_FALSE(in.get<bool>());
  for (const char* value : {"2", "255"}) try {
      (void)in.get<bool>();
      ADD_FAILURE() << value << " was read as a truth value";
    } catch (const RunError& error) {
      EXPECT_STREQ(error.what(), (std::string("the checkpoint is damaged: a truth value in it is neither 0 nor 1 but ") + value).c_str());
    }
}

}  // namespace
}  // namespace meso
