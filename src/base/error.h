// Errors that the library throws. Only the program prints; nothing in the library writes to stdout or aborts.
//
// Every message says where, what was given, what is allowed and, for names, the nearest right one (base/text.h).
// The kind decides the exit status (apps/meso): what the user gave is wrong -> 2, the run failed -> 1, interrupted -> 3.
#pragma once

#include <stdexcept>
#include <string>

namespace meso {

/// Base of everything that Mesoscope throws on purpose.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What the user gave is wrong: a flag, a file, a model, a folder (exit status 2).
class InputError : public Error {
 public:
  using Error::Error;
};

/// A parameter or option of a system or level is unknown, of the wrong type or out of range.
class ParameterError : public InputError {
 public:
  using InputError::InputError;
};

/// A study is inconsistent: unknown keys, no levels, zero margin, ...
class StudyError : public InputError {
 public:
  using InputError::InputError;
};

/// The description of a model is wrong: reaction text, formula, negative propensity, ...
class ModelError : public InputError {
 public:
  using InputError::InputError;
};

/// A numerical method cannot go on (singular matrix, step-size collapse). Levels turn it into a fatal flag.
class NumericalBreakdown : public Error {
 public:
  using Error::Error;
};

/// The run failed for a reason outside the model: disk, memory (exit status 1).
class RunError : public Error {
 public:
  using Error::Error;
};

/// Thrown from Context::progress when the user interrupts (exit status 3).
class Cancelled : public Error {
 public:
  Cancelled() : Error("interrupted") {}
};

}  // namespace meso
