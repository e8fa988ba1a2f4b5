#include "exec/ranks.h"

#include <new>

namespace meso {
namespace {

enum class Kind : std::uint8_t { input, parameter, study, model, numerical, run, cancelled, memory, other };

template <class E>
std::exception_ptr made(const std::string& text) { return std::make_exception_ptr(E(text)); }

}  // namespace

ArchiveWriter say(Word word) {
  ArchiveWriter out;
  out.put(word);
  return out;
}

std::optional<Heard> hear(Ranks& ranks) {
  auto message = ranks.receive();
  if (!message) return std::nullopt;
  ArchiveReader in(std::move(message->bytes));
  const Word word = in.get<Word>();
  return Heard{message->from, word, std::move(in)};
}

void save_failure(ArchiveWriter& out, const std::exception_ptr& error) {
  const auto put = [&](Kind kind, const std::string& text) {
    out.put(kind);
    out.put(text);
  };
  try {
    std::rethrow_exception(error);
  } catch (const Cancelled& e) {
    put(Kind::cancelled, e.what());
  } catch (const ParameterError& e) {
    put(Kind::parameter, e.what());
  } catch (const StudyError& e) {
    put(Kind::study, e.what());
  } catch (const ModelError& e) {
    put(Kind::model, e.what());
  } catch (const InputError& e) {
    put(Kind::input, e.what());
  } catch (const NumericalBreakdown& e) {
    put(Kind::numerical, e.what());
  } catch (const RunError& e) {
    put(Kind::run, e.what());
  } catch (const std::bad_alloc&) {
    put(Kind::memory, "out of memory");
  } catch (const std::exception& e) {
    put(Kind::other, e.what());
  }
}

std::exception_ptr load_failure(ArchiveReader& in, unsigned from) {
  const Kind kind = in.get<Kind>();
  std::string text;
  in.get(text);
  text = "rank " + std::to_string(from) + ": " + text;
  switch (kind) {
    case Kind::cancelled: return std::make_exception_ptr(Cancelled());
    case Kind::parameter: return made<ParameterError>(text);
    case Kind::study: return made<StudyError>(text);
    case Kind::model: return made<ModelError>(text);
    case Kind::input: return made<InputError>(text);
    case Kind::numerical: return made<NumericalBreakdown>(text);
    case Kind::run:
    case Kind::memory: return made<RunError>(text);
    case Kind::other: break;
  }
  return made<Error>(text);
}

}  // namespace meso
