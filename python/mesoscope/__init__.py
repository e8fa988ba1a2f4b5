"""Mesoscope: where may a reduced description of a stochastic many-body system be believed?

One system, many levels of description, the same observables with honest errors, and for each cheap level a verdict: agrees, disagrees,
undecided, broken (or absent).

    import mesoscope as meso
    case = meso.system("schlogl")(volume=4.0)
    micro = case.run("ssa", times="0:20:41", trajectories=10_000, seed=1)
    micro["X.mean"].value, micro["X.mean"].std_error
    print(meso.compare(micro, case.run("closure", kind="normal", order=2, times=micro.times), relative=0.05))

`systems()` lists what is built in; `system(name)` gives one of them, or the model in a file; `network(...)` makes one of your own. `help()` of a
system explains its parameters, levels and observables. `Study.load("study.toml")` reads a study, `Results.load("out/")` results.

Hyphens of names are underscores in keywords. Arrays are read-only views of the results' own memory.
"""

from . import _core, _levels, _plot, _progress, _tables
from ._core import (
    Answer,
    Ask,
    Edge,
    Error,
    Estimate,
    Flag,
    InputError,
    Level,
    ModelError,
    NumericalBreakdown,
    Observable,
    OrderFit,
    Parameter,
    ParameterError,
    Paused,
    Point,
    Progress,
    Results,
    RunError,
    SteadyState,
    Study,
    StudyError,
    Verdict,
    compare,
)
from ._levels import LevelError, estimate
from ._system import Case, System, network, resume, system, systems

__version__ = _core.version
__revision__ = _core.revision

# The classes of the core speak Python where that is shorter there.
Study.run = _progress.run
Results.plot = _plot.plot
Results.to_pandas = _tables.results_to_pandas
Results.to_xarray = _tables.results_to_xarray
Results.load = staticmethod(_core.load_results)
Answer.to_pandas = _tables.answer_to_pandas
Answer.to_xarray = _tables.answer_to_xarray
load = _core.load_results

_public = (Answer, Ask, Edge, Error, Estimate, Flag, InputError, Level, ModelError, NumericalBreakdown, Observable, OrderFit, Parameter, ParameterError, Paused, Point,
           Progress, Results, RunError, SteadyState, Study, StudyError, Verdict)
for _class in _public:  # found, shown and documented under the package's name
    _class.__module__ = "mesoscope"
del _class, _public

__all__ = [
    "Answer", "Ask", "Case", "Edge", "Error", "Estimate", "Flag", "InputError", "Level", "LevelError", "ModelError", "NumericalBreakdown", "Observable", "OrderFit",
    "Parameter", "ParameterError", "Paused", "Point", "Progress", "Results", "RunError", "SteadyState", "Study", "StudyError", "System", "Verdict",
    "compare", "estimate", "load", "network", "resume", "system", "systems",
]
