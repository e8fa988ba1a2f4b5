#include "io/toml.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "base/files.h"
#include "rng/stream.h"

namespace meso {
namespace {

template <class F>
std::string message_of(F f) {
  try {
    f();
  } catch (const InputError& error) {
    return error.what();
  }
  return "(no error)";
}

std::string parse_error_of(std::string_view text) {
  return message_of([&] { (void)parse_toml(text, "s.toml"); });
}

const char* study = R"(# a study
[study]
title = "Moment closures of the Schlögl model"
system = "schlogl"
seed = 20261123

[times]
from = 0.0
to = 20
count = 41

[[candidate]]
level = "lna"
[[candidate]]
level = "closure"
kind = "normal"
order = 2

[compare]
observables = [
  "X.mean",
  "X.variance" ]
relative = 0.05
[compare.override."X.variance"]
relative = 0.15

[sweep]
volume = { log = [0.5, 50.0], count = 9 }
k4.linear = [6.0, 7.5]
)";

TEST(Toml, KeepsTheOrderOfTheFileAndThePlaceOfEveryKey) {
  const TomlNode document = parse_toml(study, "s.toml");
  std::vector<std::string> keys;
  for (const TomlEntry& entry : document.entries()) keys.push_back(entry.key);
  EXPECT_EQ(keys, (std::vector<std::string>{"study", "times", "candidate", "compare", "sweep"}));
  const Section all(document, "the study");
  EXPECT_EQ(all.section("study").where("seed"), "s.toml:5");
  EXPECT_EQ(all.section("study").require<std::uint64_t>("seed"), 20261123u);
  EXPECT_EQ(all.section("times").require<double>("to"), 20.0) << "an integer is a number";
  const auto candidates = all.sections("candidate");
  ASSERT_EQ(candidates.size(), 2u);
  EXPECT_EQ(candidates[1].where("kind"), "s.toml:16");
  EXPECT_EQ(candidates[1].name(), "[[candidate]] 2");
  const Table options = candidates[1].values({"level", "label"});
  EXPECT_EQ(options, (Table{{"kind", "normal"}, {"order", 2}}));
  EXPECT_EQ(options.at("order").where, "s.toml:17");
  const Section compare = all.section("compare");
  EXPECT_EQ(compare.require<std::vector<std::string>>("observables"), (std::vector<std::string>{"X.mean", "X.variance"}));
  const Section variance = compare.section("override").section("X.variance");
  EXPECT_EQ(variance.name(), "[compare.override.\"X.variance\"]");
  EXPECT_EQ(variance.where("relative"), "s.toml:25");
  EXPECT_EQ(variance.require<double>("relative"), 0.15);
  const Section sweep = all.section("sweep");
  EXPECT_TRUE(sweep.section("volume").node().inline_style);
  EXPECT_EQ(sweep.section("volume").require<std::vector<double>>("log"), (std::vector<double>{0.5, 50}));
  EXPECT_EQ(sweep.section("k4").require<std::vector<double>>("linear"), (std::vector<double>{6, 7.5}));
  EXPECT_FALSE(all.optional_section("budget"));
  EXPECT_FALSE(compare.optional<double>("absolute"));
}

TEST(Toml, RefusesWhatIsUnknownMissingOrOfAnotherTypeByNameAndPlace) {
  const TomlNode document = parse_toml("relativ = 0.05\n[times]\nfrom = \"zero\"\ncount = 4.5\nto = nan\nlist = [1, \"a\"]\nseed = -1\nflag = 1\nwords = [1]\n[candidate]\nlevel = \"lna\"\n", "s.toml");
  const Section all(document, "the study");
  EXPECT_EQ(message_of([&] { all.allow({"relative", "times", "candidate"}); }),
            "s.toml:1: unknown key 'relativ' in the study. Did you mean 'relative'?\n  known: relative, times, candidate");
  const Section times = all.section("times");
  EXPECT_EQ(message_of([&] { (void)times.require<double>("from"); }), "s.toml:3: 'from' in [times] must be a finite number, not the text 'zero'");
  EXPECT_EQ(message_of([&] { (void)times.require<std::int64_t>("count"); }), "s.toml:4: 'count' in [times] must be an integer, not the number 4.5");
  EXPECT_EQ(message_of([&] { (void)times.optional<double>("to"); }), "s.toml:5: 'to' in [times] must be a finite number, not the number nan");
  EXPECT_EQ(message_of([&] { (void)times.require<std::vector<double>>("list"); }),
            "s.toml:6: 'list' in [times] must be an array of finite numbers; it has the text 'a' in it");
  EXPECT_EQ(message_of([&] { (void)times.require<std::uint64_t>("seed"); }), "s.toml:7: 'seed' in [times] must be an integer of at least 0, not the number -1");
  EXPECT_EQ(message_of([&] { (void)times.require<bool>("flag"); }), "s.toml:8: 'flag' in [times] must be true or false, not the number 1");
  EXPECT_EQ(message_of([&] { (void)times.require<std::vector<std::string>>("words"); }), "s.toml:9: 'words' in [times] must be an array of texts; it has the number 1 in it");
  EXPECT_EQ(message_of([&] { (void)times.require<double>("until"); }), "s.toml:2: [times] needs 'until', which is missing");
  EXPECT_EQ(message_of([&] { (void)all.section("relativ"); }), "s.toml:1: [relativ] must be a table, not the number 0.05");
  EXPECT_EQ(message_of([&] { (void)all.sections("candidate"); }), "s.toml:10: 'candidate' in the study must be given as [[candidate]], once for each, not as a table");
  EXPECT_EQ(message_of([&] { (void)times.values(); }), "s.toml:6: a list of numbers has the text 'a' in it\n  ('list' in [times])");
  EXPECT_EQ(message_of([&] { (void)all.require<double>("from"); }), "s.toml:1: the study needs 'from', which is missing");
  EXPECT_EQ(message_of([&] { throw times.error("to", "no end"); }), "s.toml:5: no end");
}

TEST(Toml, SyntaxErrorsNameTheLine) {
  EXPECT_TRUE(parse_error_of("a = 1\nb = \n").starts_with("s.toml:2: not TOML: ")) << parse_error_of("a = 1\nb = \n");
  EXPECT_TRUE(parse_error_of("a = 1\nb 2\n").starts_with("s.toml:2: "));
  EXPECT_TRUE(parse_error_of("[study\nx = 1").starts_with("s.toml:1: "));
  EXPECT_TRUE(parse_error_of("a = \"open\nb = 1\n").starts_with("s.toml:1: "));
  EXPECT_NE(parse_error_of("x = 1\n\nx = 2\n").find("s.toml:3: "), std::string::npos) << parse_error_of("x = 1\n\nx = 2\n");
  EXPECT_NE(parse_error_of("x = 1\n\nx = 2\n").find("'x'"), std::string::npos);
  EXPECT_TRUE(parse_error_of("[a]\nx = 1\n[a]\ny = 1\n").starts_with("s.toml:3: "));
  EXPECT_TRUE(parse_error_of("seed = 99999999999999999999\n").starts_with("s.toml:1: "));
  EXPECT_EQ(parse_error_of("\nwhen = 2026-11-23\n"), "s.toml:2: a date or time, which is not used here; write it as a string, in quotes");
  EXPECT_EQ(parse_error_of("a = 1\nb = \"\xFF\"\n"), "s.toml:2: byte 0xFF is not UTF-8; save the file as UTF-8");
  EXPECT_EQ(parse_error_of(std::string_view("\xFF\xFE[\0s\0", 6)), "s.toml: is UTF-16; save it as UTF-8");
  EXPECT_TRUE(parse_error_of(std::string_view("a = 1\0\n", 7)).starts_with("s.toml:1: "));
}

TEST(Toml, HostileNestingIsRefusedBeforeItOverrunsTheStack) {
  std::string dotted = "[a";
  for (int i = 0; i < 2'000'000; ++i) dotted += ".a";
  EXPECT_EQ(parse_error_of("x = 1\n" + dotted + "]\n"), "s.toml:2: a key of more than 100 parts");
  EXPECT_NE(parse_error_of("x = " + std::string(1'000'000, '[')), "(no error)");
  std::string tables = "x = ";
  for (int i = 0; i < 1'000'000; ++i) tables += "{ a = ";
  EXPECT_NE(parse_error_of(tables), "(no error)");
  // Dots in texts and comments are no keys.
  const std::string dots(1000, '.');
  EXPECT_EQ(parse_error_of("a = \"" + dots + "\" # " + dots + "\nb = '''\n" + dots + "'''\nc = \"\\\"" + dots + "\"\n"), "(no error)");
}

TEST(Toml, ByteOrderMarkAndAnyLineEndsWork) {
  const TomlNode plain = parse_toml("[study]\nseed = 7\ntitle = \"a\"\n", "s.toml");
  EXPECT_EQ(parse_toml("\xEF\xBB\xBF[study]\r\nseed = 7\r\ntitle = \"a\"\r\n", "s.toml"), plain);
  EXPECT_EQ(Section(parse_toml("\r\n\r\n[study]\r\nseed = 7\r\n", "s.toml"), "").section("study").where("seed"), "s.toml:4");
  EXPECT_EQ(parse_toml("", "s.toml"), TomlNode());
}

TEST(Toml, WritesTheFormThatIsRead) {
  TomlNode document;
  TomlNode& head = document.table("study");
  head.set("title", "a \"b\" \\ \n\t\x01 ö");
  head.set("seed", 7);
  head.set("volume", 10.0);
  head.set("tiny", 1e-300);
  document.table("stationary");
  document.append_table("candidate").set("level", "lna");
  document.append_table("candidate").set("level", "closure");
  document.table("compare").table("override").table("X.variance").set("relative", 0.15);
  TomlNode range = TomlNode::inline_table();
  range.set("log", std::vector<double>{0.5, 50});
  range.set("count", 9);
  document.table("sweep").set("volume", range);
  document.set("plain", std::vector<std::string>{"x", "y"});
  const std::string text = write_toml(document);
  EXPECT_EQ(text, R"(plain = ["x", "y"]

[study]
title = "a \"b\" \\ \n\t\u0001 ö"
seed = 7
volume = 10.0
tiny = 1e-300

[stationary]

[[candidate]]
level = "lna"

[[candidate]]
level = "closure"

[compare.override."X.variance"]
relative = 0.15

[sweep]
volume = { log = [0.5, 50.0], count = 9 }
)");
  const TomlNode back = parse_toml(text, "s.toml");
  EXPECT_EQ(write_toml(back), text);
  EXPECT_EQ(*back.find("compare"), *document.find("compare"));
  EXPECT_EQ(*back.find("candidate"), *document.find("candidate"));
  EXPECT_EQ(write_toml(parse_toml(study, "s.toml")), write_toml(parse_toml(write_toml(parse_toml(study, "s.toml")), "t.toml")));
  document.set("plain", "caf\xE9");
  EXPECT_NE(message_of([&] { (void)write_toml(document); }).find("not UTF-8"), std::string::npos);
}

TEST(Toml, EveryDoubleReadsBackToTheSameBits) {
  Stream rng(20261123, 0, "test/toml");
  std::vector<double> numbers{0.0, -0.0, 0.1, 1.0 / 3, 5e-324, 2.2250738585072014e-308, std::numeric_limits<double>::max(), 1e22, 1e23, 123456789012345680.0,
                              std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  for (int i = 0; i < 20000; ++i) {
    const double x = std::bit_cast<double>((static_cast<std::uint64_t>(rng.uniform() * 4294967296.0) << 32) | static_cast<std::uint64_t>(rng.uniform() * 4294967296.0));
    if (std::isfinite(x)) numbers.push_back(x);
  }
  TomlNode document;
  document.set("x", numbers);
  const TomlNode back = parse_toml(write_toml(document), "s.toml");
  const auto& items = back.find("x")->items();
  ASSERT_EQ(items.size(), numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    ASSERT_TRUE(std::holds_alternative<double>(items[i].data)) << toml_value(items[i]);
    ASSERT_EQ(std::bit_cast<std::uint64_t>(std::get<double>(items[i].data)), std::bit_cast<std::uint64_t>(numbers[i])) << toml_value(numbers[i]);
  }
  EXPECT_TRUE(std::isnan(std::get<double>(parse_toml("x = " + toml_value(-std::nan("")), "s").find("x")->data)));
}

/// A random tree: the writer and the reader must be inverse on anything, not only on studies.
TomlNode random_node(Stream& rng, int depth) {
  const auto pick = [&](int n) { return static_cast<int>(rng.uniform() * n); };
  const auto word = [&] {
    const std::vector<std::string> parts{"a", "X.mean", " ", "\"", "'", "\\", "ö", "\n", "#", "=", "[", "日", "\x7f", "\x1f", "-", "9"};
    std::string text;
    for (int i = pick(5); i >= 0; --i) text += parts[static_cast<std::size_t>(pick(static_cast<int>(parts.size())))];
    return text;
  };
  switch (depth > 3 ? pick(4) : pick(6)) {
    case 0: return pick(2) == 0;
    case 1: return static_cast<std::int64_t>(pick(2000000)) - 1000000;
    case 2: return (rng.uniform() - 0.5) * std::pow(10.0, pick(40) - 20);
    case 3: return word();
    case 4: {
      TomlNode::Array items;
      for (int i = pick(4); i > 0; --i) items.push_back(random_node(rng, depth + 1));
      return items;
    }
    default: {
      TomlNode table = pick(2) == 0 ? TomlNode() : TomlNode::inline_table();
      for (int i = pick(5); i > 0; --i) table.set(word(), random_node(rng, depth + 1));
      return table;
    }
  }
}

/// Same content whatever the order of the keys: blocks are written after plain members.
bool same(const TomlNode& a, const TomlNode& b) {
  if (a.is_array() && b.is_array()) {
    if (a.items().size() != b.items().size()) return false;
    for (std::size_t i = 0; i < a.items().size(); ++i)
      if (!same(a.items()[i], b.items()[i])) return false;
    return true;
  }
  if (!a.is_table() || !b.is_table()) return a == b;
  if (a.entries().size() != b.entries().size()) return false;
  for (const TomlEntry& entry : a.entries())
    if (const TomlNode* other = b.find(entry.key); !other || !same(entry.value, *other)) return false;
  return true;
}

TEST(Toml, AnyTreeIsReadBackAsItWasWritten) {
  Stream rng(20261124, 0, "test/toml");
  std::size_t tables = 0;
  for (int i = 0; i < 500; ++i) {
    TomlNode document;
    for (int k = 0; k < 6; ++k) document.set("k" + std::to_string(k), random_node(rng, 0));
    const std::string text = write_toml(document);
    TomlNode back;
    ASSERT_NO_THROW(back = parse_toml(text, "s.toml")) << text;
    ASSERT_TRUE(same(document, back)) << text << "\n---\n" << write_toml(back);
    ASSERT_EQ(write_toml(back), text);
    tables += text.find("\n[") != std::string::npos;
  }
  EXPECT_GT(tables, 100u) << "the trees are not trivial";
}

TEST(Toml, ReadsFilesAndNamesThem) {
  const auto folder = std::filesystem::temp_directory_path() / "mesoscope-toml-test";
  std::filesystem::create_directories(folder);
  const auto path = folder / "a b.toml";
  write_file_atomically(path, study);
  EXPECT_EQ(read_toml(path), parse_toml(study, "s.toml"));
  EXPECT_EQ(read_toml(path).entries()[1].where, path.string() + ":7");
  EXPECT_NE(message_of([&] { (void)read_toml(folder / "none.toml"); }).find("none.toml"), std::string::npos);
  EXPECT_NE(message_of([&] { (void)read_toml(folder); }).find("is a folder"), std::string::npos);
  std::filesystem::resize_file(path, max_toml_bytes + 1);  // sparse: no space is used
  EXPECT_NE(message_of([&] { (void)read_toml(path); }).find("at most 67,108,864"), std::string::npos);
  if (std::filesystem::exists("/dev/zero")) {
    EXPECT_NE(message_of([&] { (void)read_toml("/dev/zero"); }).find("at most"), std::string::npos) << "an endless file ends";
  }
  std::filesystem::remove_all(folder);
}

TEST(Toml, ALargeFileIsReadInReasonableTime) {
  std::string text = "[network]\nreactions = [\n";
  for (int i = 0; i < 20000; ++i) text += "  \"X" + std::to_string(i) + " -> 0, 1.5\",\n";
  text += "]\n";
  EXPECT_EQ(parse_toml(text, "s.toml").find("network")->find("reactions")->items().size(), 20000u);
  EXPECT_EQ(parse_toml(text, "s.toml").find("network")->find("reactions")->items().back().where, "s.toml:20002");
}

}  // namespace
}  // namespace meso
