// Schema<P>: pointer to member + unit + range + doc. The only reflection there is: TOML, --set, Python keywords, sweeps,
// `meso info`, HDF5 attributes and "did you mean" all come from it. Defaults are the default member initialisers of P.
#pragma once

#include <functional>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "model/value.h"

namespace meso {

/// What a parameter or option is, for people and for checks.
struct ParameterInfo {
  enum class Type { real, integer, boolean, text, list };
  std::string name, unit, doc;
  Type type = Type::real;
  Value fallback;                                               ///< the default
  double min = -std::numeric_limits<double>::infinity();        ///< inclusive
  double max = std::numeric_limits<double>::infinity();         ///< inclusive
  bool min_excluded = false;                                    ///< the value must lie strictly above min
  std::vector<std::string> allowed;                             ///< for text: the words that may be given; empty: any
};

/// Fills every parameter of `infos`, from `given` or the default, converted to its type.
/// @param owner  "system 'schlogl'" or "level 'closure'", for messages
/// @throws ParameterError  unknown name (with the nearest), wrong type, not finite, out of range
[[nodiscard]] Table resolve(std::span<const ParameterInfo> infos, const Table& given, const std::string& owner);

/// Facts about one field, written with designated initialisers.
struct Facts {
  std::string unit = "1";
  std::string doc;
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool min_excluded = false;
  std::vector<std::string> allowed = {};
};

template <class P>
class Schema {
 public:
  struct Field {
    ParameterInfo info;
    std::function<void(P&, const Value&)> set;
    template <class T>
    Field(std::string name, T P::*member, Facts facts) {
      const P defaults{};
      info.name = std::move(name);
      info.unit = std::move(facts.unit);
      info.doc = std::move(facts.doc);
      info.min = facts.min;
      info.max = facts.max;
      info.min_excluded = facts.min_excluded;
      info.allowed = std::move(facts.allowed);
      info.fallback = Value(defaults.*member);
      if constexpr (std::is_same_v<T, bool>) info.type = ParameterInfo::Type::boolean;
      else if constexpr (std::is_integral_v<T>) info.type = ParameterInfo::Type::integer;
      else if constexpr (std::is_floating_point_v<T>) info.type = ParameterInfo::Type::real;
      else if constexpr (std::is_same_v<T, std::vector<double>>) info.type = ParameterInfo::Type::list;
      else info.type = ParameterInfo::Type::text;
      set = [member](P& p, const Value& v) {
        using Stored = std::conditional_t<std::is_same_v<T, bool>, bool, std::conditional_t<std::is_integral_v<T>, std::int64_t, T>>;
        p.*member = static_cast<T>(std::get<Stored>(v.data));
      };
    }
  };

  Schema() = default;
  Schema(std::initializer_list<Field> fields) : fields_(fields) {
    for (const Field& field : fields_) infos_.push_back(field.info);
  }

  [[nodiscard]] const std::vector<ParameterInfo>& infos() const { return infos_; }

  /// A validated P from a table; names that are not given keep their default. @throws ParameterError
  [[nodiscard]] P read(const Table& given, const std::string& owner) const {
    const Table full = resolve(infos_, given, owner);
    P p{};
    for (const Field& field : fields_) field.set(p, full.find(field.info.name)->second);
    return p;
  }

 private:
  std::vector<Field> fields_;
  std::vector<ParameterInfo> infos_;
};

}  // namespace meso
