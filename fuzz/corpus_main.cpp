// Runs every file of a corpus through a target, and a fixed number of mutations of each: the regression test of past findings, and the short
// fuzz run of `make test`, under whatever compiler builds the tests. The mutations are blind but always the same; `make fuzz` has libFuzzer's.
//
//   fuzz_formula CORPUS-FOLDER [mutations of each file = 200]
#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "base/files.h"
#include "fuzz/fuzz.h"

namespace {

std::size_t below(std::mt19937_64& random, std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(random() % n); }

/// One to four small changes.
std::string mutated(const std::vector<std::string>& corpus, std::string text, std::mt19937_64& random) {
  static const std::array<const char*, 24> pieces{"(", ")", "-", "+", "*", "^", "/", ",", ";", "->", "<->", "=", "[", "]", "{", "}", "\"", "#", "\n", "0", "1e308", "-1e-320", "99999999999999999999", "\xff\xfe"};
  for (std::size_t changes = 1 + below(random, 4); changes > 0; --changes) {
    const std::size_t at = below(random, text.size() + 1), length = std::min(below(random, 12), text.size() - at);
    switch (below(random, 6)) {
      case 0: text.erase(at, length); break;
      case 1: text.insert(at, text.substr(below(random, text.size() + 1), 12)); break;
      case 2: text.insert(at, pieces[below(random, pieces.size())]); break;
      case 3: text.replace(at, length, pieces[below(random, pieces.size())]); break;
      case 4:
        if (at < text.size()) text[at] = static_cast<char>(random());
        break;
      default: {
        const std::string& other = corpus[below(random, corpus.size())];
        text.replace(at, std::string::npos, other.substr(below(random, other.size() + 1)));
      }
    }
  }
  text.resize(std::min<std::size_t>(text.size(), 16384));
  return text;
}

void run(const std::string& text) {
  const auto begin = std::chrono::steady_clock::now();
  (void)LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  if (std::chrono::steady_clock::now() - begin > std::chrono::seconds(60)) meso::fuzz::wrong("took more than a minute", text);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s CORPUS-FOLDER [mutations of each file]\n", argv[0]);
    return 2;
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1]))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<std::string> corpus;
  for (const auto& file : files) corpus.push_back(meso::read_file(file));
  if (corpus.empty()) {
    std::fprintf(stderr, "%s: no corpus\n", argv[1]);
    return 2;
  }
  const long mutations = argc > 2 ? std::atol(argv[2]) : 200;
  for (std::size_t i = 0; i < corpus.size(); ++i) {
    std::fprintf(stderr, "%s\n", files[i].filename().c_str());
    run(corpus[i]);
    std::mt19937_64 random(i);
    for (long k = 0; k < mutations; ++k) run(mutated(corpus, corpus[i], random));
  }
  std::printf("%zu files, %ld mutations of each\n", corpus.size(), mutations);
  return 0;
}
