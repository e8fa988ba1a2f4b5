"""Levels written in Python: what the user's function returns becomes estimates; what goes wrong in it becomes a flag that says where."""

from __future__ import annotations

import inspect
import numbers
import traceback
from typing import Any, Callable, Mapping, Sequence

import numpy as np

from . import _core


class LevelError(_core.StudyError):
    """A level written in Python raised, or gave what is no answer. The message names the level, the point and the time; `__cause__` is what was raised."""


class Parameters(dict):
    """Parameters of a case: `params["volume"]` or `params.volume`."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"there is no parameter '{name}'; known: {', '.join(self)}") from None


class Given:
    """What a level gives for one observable (see `estimate`)."""

    def __init__(self, value: Any, std_error: Any, error_bound: Any, samples: int, certified: bool, axes: Mapping[str, Any] | None, unit: str | None, distribution: bool):
        self.value, self.std_error, self.error_bound = value, std_error, error_bound
        self.samples, self.certified, self.axes, self.unit, self.distribution = samples, certified, axes, unit, distribution


def estimate(
    value: Any,
    *,
    std_error: Any = None,
    error_bound: Any = None,
    samples: int = 0,
    certified: bool = False,
    axes: Mapping[str, Any] | None = None,
    unit: str | None = None,
    distribution: bool = False,
) -> Given:
    """What a level written in Python returns for an observable that has more than values.

    value        number or array over the asked times (no axis for a stationary question), then over `axes`
    std_error    sampling error, of the same shape; needs `samples`, the number of independent trajectories behind it
    error_bound  numerical error; `certified` if a theorem stands behind it
    axes         further axes, name -> increasing points; `distribution` says that the last one is the support of probabilities
    unit         refused if it is not that of the observable
    """
    return Given(value, std_error, error_bound, samples, certified, axes, unit, distribution)


def _numbers(what: str, value: Any) -> np.ndarray:
    if hasattr(value, "units") or (hasattr(value, "unit") and hasattr(value, "value")):
        raise _core.StudyError(f"{what} is a quantity in '{getattr(value, 'units', getattr(value, 'unit', ''))}'; give plain numbers and estimate(..., unit=...)")
    if np.iscomplexobj(value):
        raise _core.StudyError(f"{what} must be real numbers, not complex ones")
    if value is None:  # numpy would make it NaN
        raise _core.StudyError(f"{what} must be numbers, not None")
    try:
        return np.ascontiguousarray(value, dtype=float) if np.ndim(value) else np.array(value, dtype=float)
    except (TypeError, ValueError):
        raise _core.StudyError(f"{what} must be numbers, not {repr(value)[:60]}") from None


class Adapter:
    """Stands between the core and a user's function. Called with the interpreter's lock; must not raise but for Ctrl-C."""

    def __init__(self, function: Callable[..., Mapping[str, Any]], name: str, bind: Callable[[dict[str, Any]], _core.Case]):
        self.function, self.name, self.bind = function, name, bind
        self.failure: LevelError | None = None  # of the last call that failed

    def __call__(self, parameters: dict[str, Any], ask: _core.Ask) -> tuple[list[_core.Estimate], list[_core.Flag]]:
        try:
            options = {key.replace("-", "_"): value for key, value in ask.options.items()}
            given = self.function(Parameters(parameters), ask, **options)
            return self.estimates(given, parameters, ask), []
        except Exception as error:
            text, where = self.describe(error, parameters, ask)
            self.failure = LevelError(text)
            self.failure.__cause__ = error
            return [], [_core.Flag("python-error", "", where, text, True)]

    def describe(self, error: Exception, parameters: Mapping[str, Any], ask: _core.Ask) -> tuple[str, dict[str, float]]:
        """Level, point and time: the variable t of the user's code where it has one, else the times that were asked."""
        where: dict[str, float] = {}
        place = ""
        code = getattr(inspect.unwrap(self.function), "__code__", None)
        for frame, line in traceback.walk_tb(error.__traceback__):
            if frame.f_globals.get("__name__") == __name__:
                continue
            t = frame.f_locals.get("t")
            if isinstance(t, numbers.Real) and not isinstance(t, bool):
                where = {"t": float(t)}
            if code is not None and frame.f_code.co_filename == code.co_filename:
                place = f" ({frame.f_code.co_filename.rsplit('/', 1)[-1]}, line {line})"
        point = ", ".join(f"{name} = {value:g}" if isinstance(value, float) else f"{name} = {value}" for name, value in parameters.items())
        if where:
            when = f"t = {where['t']:g}"
        elif ask.times is not None:
            when = f"t = {ask.times[0]:g} to {ask.times[-1]:g}" if len(ask.times) > 1 else f"t = {ask.times[0]:g}"
        else:
            when = "the stationary state"
        what = str(error) if isinstance(error, _core.Error) else f"{type(error).__name__}: {error}"
        return f"level '{self.name}' failed at {point}; {when}: {what}{place}", where

    def estimates(self, given: Any, parameters: Mapping[str, Any], ask: _core.Ask) -> list[_core.Estimate]:
        if not isinstance(given, Mapping):
            raise _core.StudyError(f"it must return a dict from observables to values, not {type(given).__name__}")
        case = self.bind({name: value for name, value in parameters.items() if value == value})  # NaN: derived from others, and stays so
        return [self.one(str(name), item if isinstance(item, Given) else estimate(item), case, ask) for name, item in given.items()]

    def one(self, name: str, item: Given, case: _core.Case, ask: _core.Ask) -> _core.Estimate:
        info = case.observable(name)
        if item.unit is not None and item.unit != info.unit:
            raise _core.StudyError(f"{name} is given in '{item.unit}', the observable is in '{info.unit}'")
        axes: list[tuple[str, str, Sequence[float]]] = []
        if ask.times is not None:
            axes.append(("t", case.time_unit, ask.times))
        for axis, points in (item.axes or {}).items():
            axes.append((axis, info.unit if item.distribution else "1", _numbers(f"axis '{axis}' of {name}", points)))
        shape = tuple(len(points) for _, _, points in axes)
        arrays = {}
        for what, array in (("value", item.value), ("std_error", item.std_error), ("error_bound", item.error_bound)):
            if array is None and what != "value":
                continue
            arrays[what] = _numbers(f"{what} of {name}", array)
            if arrays[what].shape != shape and what != "value" and arrays[what].ndim == 0:
                arrays[what] = np.full(shape, float(arrays[what]))
            if arrays[what].shape != shape:
                wanted = " x ".join(f"{len(points)} values of {axis}" for axis, _, points in axes) or "one number"
                raise _core.StudyError(f"{what} of {name} has shape {arrays[what].shape}, asked were {wanted}")
        if item.std_error is not None and item.samples < 2:
            raise _core.StudyError(f"{name} has a std_error: say samples=, the number of independent trajectories behind it (at least 2)")
        for what in ("std_error", "error_bound"):
            if what in arrays and not (arrays[what] >= 0).all():
                raise _core.StudyError(f"{what} of {name} is negative or not a number")
        return _core.Estimate(name, info.unit, axes, arrays["value"], arrays.get("std_error"), arrays.get("error_bound"), item.certified, item.samples, item.distribution)


def options_of(function: Callable[..., Any], name: str) -> dict[str, Any]:
    """Keyword-only arguments with defaults are the level's options."""
    options = {}
    signature = inspect.signature(function)
    positional = [p for p in signature.parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(positional) != 2 and not any(p.kind == p.VAR_POSITIONAL for p in signature.parameters.values()):
        raise _core.StudyError(f"level '{name}': the function must take two arguments, (params, ask), not ({', '.join(p.name for p in positional)})")
    for parameter in signature.parameters.values():
        if parameter.kind != parameter.KEYWORD_ONLY:
            continue
        if parameter.default is parameter.empty or not isinstance(parameter.default, (bool, int, float, str)):
            raise _core.StudyError(f"level '{name}': the option '{parameter.name}' needs a default that is a number, a word, True or False")
        options[parameter.name] = parameter.default
    return options
