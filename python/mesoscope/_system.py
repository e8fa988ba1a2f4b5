"""Systems and cases: names, documents and keywords around the core's values."""

from __future__ import annotations

import inspect
import keyword
import os
import re
from typing import Any, Callable, Mapping, Sequence, TypeVar, Union

from . import _core, _levels
from ._progress import ProgressLike

LevelLike = Union[str, "tuple[str, Mapping[str, Any]]", Mapping[str, Any]]
F = TypeVar("F", bound=Callable[..., Mapping[str, Any]])

def _range(p: _core.Parameter) -> str:
    if p.allowed:
        return " | ".join(p.allowed)
    low = "" if p.min == float("-inf") else f"{'>' if p.min_excluded else '>='} {p.min:g}"
    high = "" if p.max == float("inf") else f"<= {p.max:g}"
    return ", ".join(part for part in (low, high) if part)


def _signature(core: _core.System) -> inspect.Signature:
    kinds = inspect.Parameter
    names = [p for p in core.parameters if p.name.isidentifier() and not keyword.iskeyword(p.name)]
    return inspect.Signature([kinds("_", kinds.POSITIONAL_ONLY), *(kinds(p.name, kinds.KEYWORD_ONLY, default=p.default, annotation=p.type) for p in names)])


def _document(core: _core.System) -> str:
    lines = []
    for p in core.parameters:
        unit = "" if p.unit in ("1", "") else f" {p.unit}"
        limits = _range(p)
        lines.append(f"    {p.name} = {p.default}{unit}{f'  ({limits})' if limits else ''}: {p.doc}")
    return "A case of this system. Parameters (default, unit, range):\n\n" + "\n".join(lines)


class System:
    """A named, documented thing to study. Called with parameters it gives a case: `system("schlogl")(volume=4.0)`."""

    def __init__(self, core: _core.System):
        self._core = core
        self._adapters: dict[str, _levels.Adapter] = {}

    @property
    def name(self) -> str:
        return self._core.name

    @property
    def title(self) -> str:
        return self._core.title

    @property
    def family(self) -> str:
        return self._core.family

    @property
    def needs(self) -> str:
        """What the system needs beyond the program: "torch" for one of the plugin, else empty."""
        return self._core.needs

    @property
    def doc(self) -> str:
        """A paragraph of physics."""
        return self._core.doc

    @property
    def paper(self) -> dict[str, str]:
        """Where it comes from: slug, title, date."""
        return self._core.paper

    @property
    def has_time(self) -> bool:
        """False: one number per trajectory, no times are asked."""
        return self._core.has_time

    @property
    def parameters(self) -> list[_core.Parameter]:
        return self._core.parameters

    @property
    def levels(self) -> list[_core.Level]:
        return self._core.bind({}).levels

    @property
    def observables(self) -> list[_core.Observable]:
        return self._core.bind({}).observables

    def info(self, level: str = "", *, markdown: bool = False) -> str:
        """What `meso info` prints: parameters, levels, observables; or one level and its options."""
        return self._core.info(level, markdown)

    def __call__(self, /, **parameters: Any) -> Case:
        return Case(self._core, parameters, self._adapters)

    def study(
        self,
        levels: LevelLike | Sequence[LevelLike] = (),
        *,
        against: LevelLike | None = None,
        title: str = "",
        **keywords: Any,
    ) -> _core.Study:
        """A study of this system; nothing is run.

        levels            "lna", "closure:kind=normal,order=2", ("closure", {"kind": "normal"}) or {"level": "closure", "kind": "normal", "label": "n2"}; or several
        against           the reference level, or measured values ("data.csv"): the others are judged; without it they are only run
        parameters        {name: value}
        times             increasing numbers, or "from:to:count" (both ends), "log:from:to:count"
        stationary        True, or (burn-in, window)
        over              sweep: {parameter: numbers, or "log:from:to:count"}; mode "grid", "list" or "boundary" (with max_points, tolerance)
        observables       names; default: means and variances
        margin            "5%" of the scale, or a number (absolute); or relative=, absolute=; margins = {observable: margin}
        relative_to       "scale", "value" or "sd"
        bounds            "any", or "certified": estimated numerical bounds decide nothing
        confidence        simultaneous over the study, 0.99
        trajectories      of sampled levels; they double up to max_trajectories until all is decided
        seed              64 bits, 1
        """
        given = dict(keywords)
        if not isinstance(levels, (tuple, list)) or len(levels):
            given["levels"] = list(levels) if isinstance(levels, list) else levels
        if against is not None:
            given["against"] = against
        return self._core.study("run" if against is None else "compare", given, title)

    def level(self, *, name: str = "", parent: str = "", approximation: str = "", rung: str = "moments", small_parameter: str = "", expected_order: float = 0.0, source: str = "") -> Callable[[F], F]:
        """Decorator: a level written in Python, for every case of this system that is made from now on. See Case.level."""

        def add(function: F) -> F:
            self._core, adapter = _with_level(self._core, function, name, parent, approximation, rung, small_parameter, expected_order, source)
            self._adapters = {**self._adapters, adapter.name: adapter}
            return function

        return add

    def __repr__(self) -> str:
        return f"<System {self.name}: {self.title}>"

    def __str__(self) -> str:
        return self.info()


def _with_level(core: _core.System, function: Any, name: str, parent: str, approximation: str, rung: str, small_parameter: str, expected_order: float, source: str) -> tuple[_core.System, _levels.Adapter]:
    if not callable(function):
        raise _core.StudyError(f"a level is a function of (params, ask), not {function!r}")
    name = name or getattr(function, "__name__", "").replace("_", "-")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", name):
        raise _core.StudyError(f"'{name}' cannot name a level: letters, digits and hyphens, e.g. 'my-closure'")
    if rung != "micro" and not (parent and approximation):
        raise _core.StudyError(f"level '{name}' needs a parent (the level above it) and the approximation made on that step")
    options = _levels.options_of(function, name)
    doc = (inspect.getdoc(function) or "").split("\n\n")[0].replace("\n", " ")
    info = _core.Level(name, rung=rung, doc=doc, parent=parent, approximation=approximation, small_parameter=small_parameter, expected_order=float(expected_order), source=source, options=options)
    adapter = _levels.Adapter(function, name, core.bind)
    return core.with_level(info, adapter), adapter


class Case:
    """A system bound to parameter values."""

    def __init__(self, core: _core.System, parameters: Mapping[str, Any], adapters: Mapping[str, _levels.Adapter]):
        self._system = core
        self._given = dict(parameters)
        self._adapters = adapters
        self._core = core.bind(self._given)

    @property
    def system(self) -> str:
        """Name of its system."""
        return self._system.name

    @property
    def parameters(self) -> dict[str, Any]:
        return self._core.parameters

    @property
    def levels(self) -> list[_core.Level]:
        return self._core.levels

    @property
    def observables(self) -> list[_core.Observable]:
        return self._core.observables

    @property
    def time_unit(self) -> str:
        return self._core.time_unit

    @property
    def notes(self) -> list[str]:
        """What must be said of it: rounded initial counts, conservation laws."""
        return self._core.notes

    def run(
        self,
        level: str,
        *,
        times: Any = None,
        stationary: Any = None,
        trajectories: int | None = None,
        seed: int | None = None,
        threads: int = 0,
        observables: Sequence[str] | None = None,
        label: str = "",
        progress: ProgressLike = None,
        folder: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> _core.Answer:
        """Asks one level; keywords that are not named here are its options (`kind="normal", order=2`).

        times         increasing numbers, or "from:to:count"; or stationary=True, or (burn-in, window)
        trajectories  of a sampled level, 2048
        """
        study = self._study("run", [self._request(level, options, label)], times=times, stationary=stationary, trajectories=trajectories, seed=seed, observables=observables)
        results = study.run(folder, threads=threads, progress=progress)
        answer = results[0].values()[0]
        if any(flag.kind == "python-error" for flag in answer.flags):
            failure = self._adapters[answer.level.name].failure
            assert failure is not None
            raise failure
        return answer

    def trajectory(self, level: str, id: int, *, times: Any = None, stationary: Any = None, seed: int | None = None, observables: Sequence[str] | None = None, **options: Any) -> _core.Answer:
        """One trajectory of a sampled level once more, alone, by its number: its signals are the `paths` of the answer."""
        return self._study("run", [self._request(level, options, "")], times=times, stationary=stationary, seed=seed, observables=observables)._trajectory(id)

    def study(self, levels: LevelLike | Sequence[LevelLike] = (), *, against: LevelLike | None = None, title: str = "", **keywords: Any) -> _core.Study:
        """A study of this case: see System.study. A parameter in `over` is swept and not set."""
        over = keywords.get("over") or {}
        parameters = {name: value for name, value in self._given.items() if name not in over}
        return System(self._system).study(levels, against=against, title=title, parameters={**parameters, **keywords.pop("parameters", {})}, **keywords)

    def compare(
        self,
        against: LevelLike,
        *levels: LevelLike,
        threads: int = 0,
        progress: ProgressLike = None,
        folder: str | os.PathLike[str] | None = None,
        **keywords: Any,
    ) -> _core.Results:
        """Runs and judges levels against a reference: `case.compare("fsp", "lna", "rate-equation", times="0:10:21")`. Keywords as in System.study."""
        return self.study(list(levels), against=against, **keywords).run(folder, threads=threads, progress=progress)

    def equations(self, level: str, *, latex: bool = False, **options: Any) -> str:
        """The closed equations of a level as text or LaTeX."""
        return self._core.equations(level, options, latex)

    def export_sbml(self, path: str | os.PathLike[str] | None = None) -> str | None:
        """Writes the reaction network of this case, at its parameters, as SBML (Level 3) to a file, or gives the text. `system(path)` reads it back.

        What SBML has no words for (bursts, delays, noise, initial counts that are drawn) is refused by name.
        """
        return self._system.export_sbml(self._given, path)

    def level(self, *, name: str = "", parent: str = "", approximation: str = "", rung: str = "moments", small_parameter: str = "", expected_order: float = 0.0, source: str = "") -> Callable[[F], F]:
        """Decorator: a level written in Python, judged like a built-in one.

            @case.level(name="my-closure", parent="ssa", approximation="skewness slaved to variance")
            def my_closure(params, ask):
                return {"X.mean": ..., "X.variance": ...}        # arrays over ask.times; one number each if ask.stationary

        The function is called once a point, with the parameters and the question; keyword-only arguments with defaults are the level's options. It may return
        `estimate(value, std_error=, error_bound=, ...)` for an observable. What it raises breaks this level only, and says where.
        """

        def add(function: F) -> F:
            self._system, adapter = _with_level(self._system, function, name, parent, approximation, rung, small_parameter, expected_order, source)
            self._core = self._system.bind(self._given)
            self._adapters = {**self._adapters, adapter.name: adapter}
            return function

        return add

    def _request(self, level: Any, options: Mapping[str, Any], label: str) -> dict[str, Any]:
        if not isinstance(level, str):
            raise _core.StudyError(f"the level must be a name, not {level!r}")
        request = {"level": level, **options}
        if label:
            request["label"] = label
        return request

    def _study(self, kind: str, levels: list[Any], **keywords: Any) -> _core.Study:
        return self._system.study(kind, {"levels": levels, "parameters": self._given, **{k: v for k, v in keywords.items() if v is not None}}, "")

    def __repr__(self) -> str:
        return f"<Case of {self.system}: {', '.join(f'{name}={value}' for name, value in self.parameters.items())}>"


def systems(family: str = "") -> list[str]:
    """Names of the built-in systems (of one family)."""
    return [name for name in _core.systems() if not family or family in _core.system(name).family]


def _made(core: _core.System) -> System:
    """A class of its own, so that help(), completion and tooltips show this system's parameters."""
    def call(self: System, /, **parameters: Any) -> Case:
        return Case(self._core, parameters, self._adapters)

    call.__name__, call.__qualname__ = "__call__", f"{core.name}.__call__"
    call.__doc__ = _document(core)
    call.__signature__ = _signature(core)  # type: ignore[attr-defined]
    made = type(re.sub(r"\W", "_", core.name), (System,), {"__doc__": core.info("", False), "__call__": call, "__module__": "mesoscope"})
    return made(core)


def system(name: str | os.PathLike[str]) -> System:
    """A built-in system by its name, or the model of a file: a study (.toml), SBML (.xml, .sbml) or BioNetGen (.net)."""
    if not isinstance(name, (str, os.PathLike)):
        raise _core.InputError(f"a system is a name or a path, not {name!r}; network(...) makes one from a dict or reactions")
    return _made(_core.system(os.fspath(name)))


def network(
    reactions: str | Sequence[str] | Mapping[str, Any],
    *,
    species: Sequence[str] | None = None,
    initial: Mapping[str, float] | None = None,
    constants: Mapping[str, float] | None = None,
    volume: float | None = None,
    title: str = "",
    **more: Any,
) -> System:
    """A reaction network of your own, with every level of the kinetics kit.

    reactions  lines of text, a list of them, or the whole table as a dict (the [network] of a study file):
               "2X + Y -> 3X, c1" (a number, name or formula: macroscopic mass-action constant), "0 -> X, 3" (0 is nothing), "X <-> Y, 1; 0.5" (both ways),
               "X -> 0, = vmax*X/(K + X)" (a leading '=': the whole propensity)
    species    default: as they appear in the reactions
    initial    molecules, {"X": 10}; what is not named is 0
    constants  {"c1": 0.9}: parameters of the system, as are volume and <species>0
    more       further keys of the table: initial_concentration, initial_law, combinatoric
    """
    if isinstance(reactions, Mapping):
        table = {**reactions, **more}
    else:
        lines = [line.split("#")[0].strip() for line in reactions.splitlines()] if isinstance(reactions, str) else list(reactions)
        lines = [line for line in lines if line]
        table = {"reactions": lines, **more}
        table["species"] = list(species) if species is not None else _species(lines)
    for key, value in (("species", species), ("initial", initial), ("constants", constants), ("volume", volume)):
        if value is not None:
            table[key] = list(value) if key == "species" else dict(value) if isinstance(value, Mapping) else value
    return own("network", table, title=title)


def own(kind: str, table: Mapping[str, Any], *, title: str = "", folder: str | os.PathLike[str] = ".") -> System:
    """A model of your own as the table of a study file: network, sde, field, graph, lattice, neuron."""
    return _made(_core.own_system(kind, dict(table), title, os.fspath(folder)))


def _without_bursts(reaction: str) -> str:
    """"M -> M + burst(b*(c + 1)) P" has the terms M, M and P."""
    while begin := re.search(r"\bburst\s*\(", reaction):
        depth, end = 1, begin.end()
        while end < len(reaction) and depth > 0:
            depth += {"(": 1, ")": -1}.get(reaction[end], 0)
            end += 1
        reaction = reaction[: begin.start()] + reaction[end:]
    return reaction


def _species(reactions: Sequence[str]) -> list[str]:
    found: dict[str, None] = {}
    for reaction in reactions:
        if not isinstance(reaction, str):
            raise _core.ModelError(f"a reaction is text such as 'X -> 0, 1', not {reaction!r}")
        for side in re.split(r"<->|->", _without_bursts(reaction).split(",")[0]):
            for term in side.split("+"):
                name = re.sub(r"^\d+\s*\*?\s*", "", term.strip())
                if name:
                    found[name] = None
    return list(found)


def resume(folder: str | os.PathLike[str], *, threads: int = 0, progress: ProgressLike = None) -> _core.Results:
    """Goes on with an interrupted run of a folder, to the bits of one that never stopped; a finished one is read. A study with levels written in Python goes
    on by running it again in the same folder."""
    study = _core.unfinished(os.fspath(folder))
    if study is None:
        return _core.load_results(os.fspath(folder))
    return study.run(folder, threads=threads, progress=progress)
