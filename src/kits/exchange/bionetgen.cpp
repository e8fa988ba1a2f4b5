#include "kits/exchange/bionetgen.h"

#include <fmt/format.h>

#include <map>
#include <numbers>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"

namespace meso::exchange {
namespace {

using kinetics::ProcessSpec;
using num::Formula;

struct Line {
  unsigned number = 0;
  std::vector<std::string> words;
  std::string text;
};

/// A name made of a pattern: what is no letter or digit becomes one underscore.
std::string name_of(const std::string& pattern) {
  std::string name;
  for (const char c : pattern) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (plain) name += c;
    else if (!name.empty() && name.back() != '_') name += '_';
  }
  while (!name.empty() && name.back() == '_') name.pop_back();
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) name = "S_" + name;
  return name;
}

std::vector<std::string> listed(const std::set<std::string>& names) { return {names.begin(), names.end()}; }

class NetReader {
 public:
  NetReader(const std::string& text, std::string file) : file_(std::move(file)) {
    std::istringstream in(text);
    std::string block, raw;
    static const std::set<std::string> known{"parameters", "functions", "species", "reactions", "groups", "molecule types", "observables", "reaction rules", "compartments", "energy patterns"};
    for (unsigned number = 1; std::getline(in, raw); ++number) {
      Line line{number, {}, std::string(trim(std::string_view(raw).substr(0, raw.find('#'))))};
      std::istringstream words(line.text);
      for (std::string word; words >> word;) line.words.push_back(word);
      if (line.words.empty()) continue;  // of a form feed too
      if (line.words[0] == "begin" || line.words[0] == "end") {
        const std::string what(trim(std::string_view(line.text).substr(line.words[0].size())));
        if (line.words[0] == "end") {
          if (what != block) fail(number, fmt::format("'end {}' where '{}' is open", what, block.empty() ? "no block" : block));
          block.clear();
          continue;
        }
        if (!block.empty()) fail(number, fmt::format("'begin {}' inside the block '{}'", what, block));
        if (!known.contains(what)) fail(number, fmt::format("unknown block '{}'.{}\n  known: {}", what, did_you_mean(what, listed(known)), join(listed(known))));
        block = what;
        continue;
      }
      if (block.empty()) {
        if (line.words[0].starts_with("substanceUnits") || line.words[0].starts_with("setOption")) continue;
        fail(number, fmt::format("'{}' stands outside of any block (begin ... end)", line.text));
      }
      blocks_[block].push_back(std::move(line));
    }
    if (!block.empty()) fail(0, fmt::format("the block '{}' is not closed", block));
    for (const char* other : {"compartments", "energy patterns"})
      if (const auto found = blocks_.find(other); found != blocks_.end()) fail(found->second.front().number, fmt::format("the block '{}' is not supported", other));
  }

  ProcessSpec read() {
    parameters();
    species();
    groups();
    functions();
    reactions();
    return std::move(spec_);
  }

 private:
  [[noreturn]] void fail(unsigned line, const std::string& text) const { throw ModelError(fmt::format("{}{}: {}", file_, line > 0 ? fmt::format(":{}", line) : "", text)); }

  /// A formula of known names; BioNetGen writes ln, _pi, _e and calls functions as f().
  Formula formula(std::string text, unsigned line) const {
    for (std::size_t at = 0; (at = text.find("()", at)) != std::string::npos;) text.erase(at, 2);
    for (std::size_t at = 0; (at = text.find("ln(", at)) != std::string::npos; at += 4)
      if (at == 0 || !(std::isalnum(static_cast<unsigned char>(text[at - 1])) || text[at - 1] == '_')) text.replace(at, 2, "log");
    try {
      Formula result = Formula::parse(text).substitute(std::map<std::string, double>{{"_pi", std::numbers::pi}, {"_e", std::numbers::e}});
      if (!rename_.empty()) {
        std::map<std::string, Formula> names;
        for (const auto& [from, to] : rename_) names.emplace(from, Formula::variable(to));
        result = result.substitute(names);
      }
      for (const std::string& name : result.variables())
        if (!names_.contains(name) && name != kinetics::time_name)
          fail(line, fmt::format("'{}' is not known.{}\n  known: {}", name, did_you_mean(name, listed(names_)), join(listed(names_))));
      return result;
    } catch (const ModelError& error) {
      const std::string what = error.what();
      if (what.starts_with(file_)) throw;
      fail(line, what);
    }
  }
  void add_name(const std::string& name, unsigned line, const char* what) {
    if (!names_.insert(name).second) fail(line, fmt::format("{} '{}': this name is taken already; names are unique", what, name));
  }
  const std::vector<Line>& block(const std::string& name) const {
    static const std::vector<Line> none;
    const auto found = blocks_.find(name);
    return found == blocks_.end() ? none : found->second;
  }
  static std::string rest(const Line& line, std::size_t first) {
    std::string text;
    for (std::size_t i = first; i < line.words.size(); ++i) text += (text.empty() ? "" : " ") + line.words[i];
    return text;
  }
  /// Index of the first word behind an optional running number.
  static std::size_t start(const Line& line) {
    double value = 0;
    return parse_number(line.words[0], value) ? 1 : 0;
  }

  void parameters() {
    for (const Line& line : block("parameters")) {
      const std::size_t at = start(line);
      if (line.words.size() < at + 2) fail(line.number, fmt::format("'{}' is not 'number name value'", line.text));
      std::string name = line.words[at];
      if (!is_identifier(name)) fail(line.number, fmt::format("parameter '{}': a name is one word of letters, digits and '_' that does not begin with a digit", name));
      if (name == kinetics::time_name) {
        rename_[name] = name + "_";
        name += "_";
        spec_.notes.push_back("parameter 't' is called 't_' here (t is the time)");
      }
      const Formula value = formula(rest(line, at + 1), line.number);
      add_name(name, line.number, "parameter");
      ProcessSpec::Quantity q{.name = name, .doc = "parameter of the model", .initial = value};
      double number = 0;
      if (value.is_constant(&number)) {
        q.initial = Formula::constant(number);
        q.parameter = name;
      }
      spec_.quantities.push_back(std::move(q));
    }
  }

  void species() {
    if (block("species").empty()) fail(0, "the file has no species");
    for (const Line& line : block("species")) {
      double index = 0;
      if (line.words.size() < 3 || !parse_number(line.words[0], index)) fail(line.number, fmt::format("'{}' is not 'number pattern amount'", line.text));
      if (index != static_cast<double>(species_.size() + 1)) fail(line.number, fmt::format("species number {} where {} comes next", line.words[0], species_.size() + 1));
      std::string pattern = line.words[1];
      const bool fixed = pattern.starts_with("$");
      if (fixed) pattern.erase(0, 1);
      std::string name = name_of(pattern);
      if (name == kinetics::time_name) name += "_";
      while (names_.contains(name)) name += "_";
      add_name(name, line.number, "species");
      if (name != pattern && name + "()" != pattern) spec_.notes.push_back(fmt::format("species {} is {}", name, pattern));
      ProcessSpec::Quantity q{.name = name, .unit = "molecules", .doc = "initial " + pattern, .initial = formula(rest(line, 2), line.number), .observed = true, .counted = true};
      double amount = 0;
      if (q.initial->is_constant(&amount)) {
        if (!(amount >= 0)) fail(line.number, fmt::format("species {} starts with {}; it must not be negative", pattern, exact(amount)));
        q.initial = Formula::constant(amount);
        if (!names_.contains(name + "0")) q.parameter = name + "0";
      }
      spec_.quantities.push_back(std::move(q));
      species_.push_back({name, fixed});
    }
  }

  std::size_t species_index(std::string_view text, unsigned line) const {
    double index = 0;
    if (!parse_number(trim(text), index) || index < 1 || index > static_cast<double>(species_.size()) || index != static_cast<double>(static_cast<std::size_t>(index)))
      fail(line, fmt::format("'{}' is no species number; there are species 1 to {}", text, species_.size()));
    return static_cast<std::size_t>(index) - 1;
  }

  void groups() {
    for (const Line& line : block("groups")) {
      const std::size_t at = start(line);
      if (line.words.size() < at + 1) fail(line.number, fmt::format("'{}' is not 'number name members'", line.text));
      std::string name = line.words[at];
      if (names_.contains(name)) {  // a group often carries the name of its molecule
        const std::string other = name + "_group";
        spec_.notes.push_back(fmt::format("group {} is called {} here: a species has its name", name, other));
        rename_[name] = other;
        name = other;
      }
      Formula sum = Formula::constant(0);
      const std::string members = rest(line, at + 1);
      for (const std::string& member : split(members, ',')) {
        if (member.empty()) continue;
        const auto star = member.find('*');
        double weight = 1;
        if (star != std::string::npos && !parse_number(member.substr(0, star), weight)) fail(line.number, fmt::format("'{}' is no member of a group: 'weight*number' or 'number'", member));
        sum = sum + Formula::constant(weight) * Formula::variable(species_[species_index(star == std::string::npos ? member : member.substr(star + 1), line.number)].first);
      }
      add_name(name, line.number, "group");
      spec_.quantities.push_back({.name = name, .unit = "molecules", .doc = "group of the model", .observed = true});
      spec_.assignments.push_back({name, sum});
    }
  }

  void functions() {
    // A function may call those below it: names first.
    for (const Line& line : block("functions")) {
      const std::size_t at = start(line);
      if (line.words.size() < at + 2) fail(line.number, fmt::format("'{}' is not 'number name() formula'", line.text));
      const auto open = line.words[at].find('(');
      const std::string name = line.words[at].substr(0, open);
      if (open != std::string::npos && line.words[at].substr(open) != "()") fail(line.number, fmt::format("function '{}' takes arguments (local functions); they are not supported", line.words[at]));
      add_name(name, line.number, "function");
      spec_.quantities.push_back({.name = name, .doc = "function of the model"});
    }
    for (const Line& line : block("functions")) {
      const std::size_t at = start(line);
      std::string body = rest(line, at + 1);
      if (body.starts_with("=")) body.erase(0, 1);
      if (body.find("TFUN") != std::string::npos || body.find("tfun") != std::string::npos) fail(line.number, "table functions (TFUN) are not supported");
      spec_.assignments.push_back({line.words[at].substr(0, line.words[at].find('(')), formula(body, line.number)});
    }
  }

  void reactions() {
    if (block("reactions").empty()) fail(0, "the file has no reactions");
    for (const Line& line : block("reactions")) {
      const std::size_t at = start(line);
      if (line.words.size() < at + 3) fail(line.number, fmt::format("'{}' is not 'number reactants products rate'", line.text));
      const auto side = [&](const std::string& text) {
        std::map<std::size_t, int> counts;
        for (const std::string& part : split(text, ','))
          if (part != "0") ++counts[species_index(part, line.number)];
        return counts;
      };
      const auto reactants = side(line.words[at]), products = side(line.words[at + 1]);
      const std::string& kind = line.words[at + 2];
      for (const char* law : {"Sat", "MM", "Hill", "Arrhenius", "FunctionProduct"})
        if (kind == law) fail(line.number, fmt::format("the rate law '{}' is not supported; write it as a function", law));
      const Formula constant = formula(rest(line, at + 2), line.number);
      Formula stochastic = constant, macroscopic = constant;
      std::map<std::size_t, int> change = products;
      std::string left, right;
      for (const auto& [s, count] : reactants) {
        change[s] -= count;
        const Formula n = Formula::variable(species_[s].first);
        for (int k = 0; k < count; ++k) {
          stochastic = stochastic * (n - Formula::constant(k));
          macroscopic = macroscopic * n;
        }
        left += (left.empty() ? "" : " + ") + (count == 1 ? "" : fmt::format("{} ", count)) + species_[s].first;
      }
      for (const auto& [s, count] : products) right += (right.empty() ? "" : " + ") + (count == 1 ? "" : fmt::format("{} ", count)) + species_[s].first;
      ProcessSpec::Reaction reaction{.text = fmt::format("reaction {} (line {}): {} -> {}", spec_.reactions.size() + 1, line.number, left.empty() ? "0" : left, right.empty() ? "0" : right), .changes = {}, .rate = stochastic};
      if (stochastic.text() != macroscopic.text()) reaction.macroscopic = macroscopic;
      for (const auto& [s, count] : change)
        if (count != 0 && !species_[s].second) reaction.changes.push_back({species_[s].first, Formula::constant(count)});
      spec_.reactions.push_back(std::move(reaction));
    }
  }

  std::string file_;
  std::map<std::string, std::vector<Line>> blocks_;
  std::map<std::string, std::string> rename_;
  std::set<std::string> names_;
  std::vector<std::pair<std::string, bool>> species_;  // name, fixed
  ProcessSpec spec_;
};

}  // namespace

ProcessSpec read_bionetgen_text(const std::string& text, const std::string& name) { return NetReader(text, name).read(); }

ProcessSpec read_bionetgen(const std::filesystem::path& file) {
  if (!std::filesystem::is_regular_file(file)) throw ModelError(fmt::format("{}: there is no such file", file.string()));
  return read_bionetgen_text(read_file(file), file.string());
}

}  // namespace meso::exchange
