// Study files: TOML, and everything that a study says, down to the parameter points. Nothing is run.
//
// The model behind it is small, so that the time goes into the reading; models of the user's own have targets of their own.
#include "study/study.h"

#include <string>

#include "fuzz/fuzz.h"
#include "io/toml.h"
#include "study/study_file.h"

namespace {

using namespace meso;

struct Params {
  double size = 10, k = 1;
  std::int64_t n = 3;
};
const Schema<Params> schema{{"size", &Params::size, {.doc = "size", .min = 0, .min_excluded = true}}, {"k", &Params::k, {.doc = "rate", .min = 0, .max = 100}}, {"n", &Params::n, {.doc = "number", .min = 0}}};
struct Options {
  std::string kind = "normal";
  std::int64_t order = 2;
};
const Schema<Options> options_schema{{"kind", &Options::kind, {.allowed = {"normal", "zero"}}}, {"order", &Options::order, {.min = 1, .max = 8}}};

System small() {
  const auto solved = [](const Params&) {
    return [](const Ask&, Context&) { return Answer{}; };
  };
  return Define<Params>("small", "A small system", "fuzz", schema)
      .observe({"X.mean", "1", "mean of x"})
      .observe({"X.variance", "1", "variance of x"})
      .level({.name = "exact", .rung = Rung::master}, solved)
      .level({.name = "closure", .rung = Rung::moments, .parent = "exact", .approximation = "large size", .options = options_schema.infos()}, solved);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const ModelSource source([](const ModelRequest&) { return small(); });
  meso::fuzz::accepted([&] {
    const TomlNode document = parse_toml(text, "fuzz.toml");
    const std::string written = write_toml(document);
    TomlNode again;
    if (!meso::fuzz::accepted([&] { again = parse_toml(written, "written.toml"); })) meso::fuzz::wrong("what was written cannot be read", written);
    if (write_toml(again) != written) meso::fuzz::wrong("the document has changed on its way", written);
    const Study study = resolved(read_study(document, source));
    const std::string stored = write_toml(study_document(study));
    Study once_more;
    if (!meso::fuzz::accepted([&] { once_more = resolved(read_study(parse_toml(stored, "study.toml"), source)); })) meso::fuzz::wrong("a resolved study is refused", stored);
    if (write_toml(study_document(once_more)) != stored) meso::fuzz::wrong("a resolved study is not stable", stored);
    (void)describe(study);
  });
  return 0;
}
