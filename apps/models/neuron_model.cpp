#include <fmt/format.h>

#include <limits>

#include "apps/models/own_models.h"
#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/text.h"
#include "kits/neuron/own_couplings.h"

namespace meso {

/// [neuron]: couplings = "file" (rows of numbers, row i the inputs of unit i) or matrix = [[...], ...]; time, gain, scale, sigma, start, dt (src/kits/neuron/README.md).
System own_neuron(const ModelRequest& request) {
  const TomlNode& node = *request.model;
  const Section section(node, "[neuron]");
  section.allow({"couplings", "couplings-hash", "matrix", "time", "gain", "scale", "sigma", "start", "dt"});
  neuron::OwnCouplings own;
  own.title = request.title;
  if (section.has("couplings") == section.has("matrix"))
    throw section.error(section.has("matrix") ? "matrix" : "", "[neuron] needs either couplings = \"file\" or matrix = [[...], ...], and not both");
  if (section.has("couplings-hash") && !section.has("couplings")) throw section.error("couplings-hash", "couplings-hash belongs to a file: couplings = \"file\"");
  if (section.has("couplings")) {
    // A file beside the study: the resolved study names it by its whole path and keeps the hash of what was read.
    const std::filesystem::path path = request.folder / section.require<std::string>("couplings");
    try {
      const std::string text = read_file(path), hash = hex(fnv1a(text));
      const auto expected = section.optional<std::string>("couplings-hash");
      if (expected && *expected != hash)
        throw InputError(fmt::format("{} is not what it was when this study was resolved (hash {}, then {}); take couplings-hash out to use it as it is now", path.string(), hash, *expected));
      own.couplings = neuron::parse_couplings(text, path.filename().string());
      if (request.stored) {
        request.stored->set("couplings", std::filesystem::absolute(path).lexically_normal().string());
        request.stored->set("couplings-hash", hash);
      }
    } catch (const InputError& error) {
      throw section.error("couplings", error.what());
    }
  } else {
    const TomlNode& rows = *node.find("matrix");
    const std::string expected = "; expected rows of numbers, e.g. [[0, 1.2], [-0.5, 0]]";
    if (!rows.is_array()) throw section.error("matrix", "matrix is " + rows.description() + expected);
    std::vector<std::vector<double>> matrix;
    for (const TomlNode& row : rows.items()) {
      if (!row.is_array()) throw section.error("matrix", fmt::format("row {} of matrix is {}{}", matrix.size() + 1, row.description(), expected));
      std::vector<double> numbers;
      for (const TomlNode& entry : row.items()) {
        const double* real = std::get_if<double>(&entry.data);
        const std::int64_t* whole = std::get_if<std::int64_t>(&entry.data);
        if (!real && !whole) throw section.error("matrix", fmt::format("row {}, entry {} of matrix is {}{}", matrix.size() + 1, numbers.size() + 1, entry.description(), expected));
        numbers.push_back(real ? *real : static_cast<double>(*whole));
      }
      matrix.push_back(std::move(numbers));
    }
    own.couplings = neuron::couplings_of(matrix, section.where("matrix"));
  }
  const std::string time = section.optional<std::string>("time").value_or("continuous");
  const std::vector<std::string> times{"continuous", "discrete"};
  if (time != times[0] && time != times[1]) throw section.error("time", fmt::format("'time' is '{}'; allowed are continuous and discrete.{}", time, did_you_mean(time, times)));
  own.clock = time == times[0] ? neuron::Clock::continuous : neuron::Clock::discrete;
  if (own.clock == neuron::Clock::discrete && section.has("dt")) throw section.error("dt", "dt is a step of continuous time; discrete time has steps of 1");
  own.gain = section.optional<std::string>("gain").value_or("tanh");
  const auto number = [&](const char* key, double fallback, double least, double most, bool above) {
    const double value = section.optional<double>(key).value_or(fallback);
    if (value < least || value > most || (above && value == least))
      throw section.error(key, fmt::format("{} is {}; it must be {} {} and at most {}", key, exact(value), above ? "above" : "at least", brief(least), brief(most)));
    return value;
  };
  own.scale = number("scale", 1, -1e6, 1e6, false);
  own.sigma = number("sigma", 0, 0, 100, false);
  own.start = number("start", 1, 0, 1e6, false);
  own.dt = number("dt", 0.05, 0, neuron::largest_step, true);
  try {
    return neuron::own_couplings_system(own);
  } catch (const ModelError& error) {
    throw section.error("gain", error.what());
  } catch (const ParameterError& error) {
    throw section.error(section.has("matrix") ? "matrix" : "couplings", error.what());
  }
}

}  // namespace meso
