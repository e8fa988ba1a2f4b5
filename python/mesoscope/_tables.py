"""Results as pandas tables and xarray datasets. Both libraries are optional: they are needed when these functions are called, not before."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _core

_ERRORS = ("value", "std_error", "error_bound")


def _verdict_row(results: _core.Results, v: _core.Verdict) -> dict[str, Any]:
    parameters = results[v.point].parameters
    row: dict[str, Any] = {"point": v.point}
    row.update((name, parameters[name]) for name in results.sweep)
    for name in ("level", "label", "observable", "outcome", "low", "high", "margin", "scale", "confidence", "look", "reason", "order_check"):
        row[name] = getattr(v, name)
    row["needed"] = np.nan if v.needed is None else v.needed
    row.update((f"where.{axis}", value) for axis, value in v.where.items())
    return row


def _frame(answer: _core.Answer) -> Any:
    import pandas as pd

    frames = []
    for name, e in answer.items():
        axes = e.axes
        grid = np.meshgrid(*axes.values(), indexing="ij") if axes else []
        columns: dict[str, Any] = {"level": answer.label, "observable": name}
        columns.update({axis: points.ravel() for axis, points in zip(axes, grid)})
        columns.update({what: np.ravel(getattr(e, what)) for what in _ERRORS})
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["level", "observable", *_ERRORS])


def answer_to_pandas(self: _core.Answer) -> Any:
    """A row per value: level, observable, its axes, value, std_error, error_bound."""
    return _frame(self)


def results_to_pandas(self: _core.Results, what: str | None = None) -> Any:
    """`what` is "verdicts", a row per verdict (the default where there are any), or "values", a row per value."""
    import pandas as pd

    if what is None:
        what = "verdicts" if self.verdicts else "values"
    if what == "verdicts":
        return pd.DataFrame([_verdict_row(self, v) for v in self.verdicts])
    if what != "values":
        raise _core.StudyError(f"unknown table '{what}'.\n  known: verdicts, values")
    frames = []
    for point in self.points:
        for answer in point.values():
            frame = _frame(answer)
            for i, name in enumerate(["point", *self.sweep]):
                frame.insert(i, name, point.index if name == "point" else point.parameters[name])
            frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _arrays(answer: _core.Answer) -> dict[str, Any]:
    import xarray as xr

    arrays = {}
    for name, e in answer.items():
        axes = e.axes
        # An axis that is not the time (a support) belongs to its observable: others have their own.
        dims = [axis if axis == "t" else f"{name}.{axis}" for axis in axes]
        coords = {dim: (dim, points, {"units": e.axis_units[axis]}) for dim, (axis, points) in zip(dims, axes.items())}
        for what in _ERRORS:
            key = name if what == "value" else f"{name}.{what}"
            arrays[key] = xr.DataArray(getattr(e, what), dims=dims, coords=coords, attrs={"units": e.unit})
    return arrays


def answer_to_xarray(self: _core.Answer) -> Any:
    """A Dataset with each observable and its `.std_error` and `.error_bound`, over t (and its own further axes). Values are not copied."""
    import xarray as xr

    return xr.Dataset(_arrays(self), attrs={"system": self.system, "level": self.level.name, "label": self.label, "seed": self.seed, "samples": self.samples, **self.parameters})


def results_to_xarray(self: _core.Results) -> Any:
    """A Dataset over (point, level, ...) with the swept parameters as coordinates of the points; of one swept parameter the points carry its name. What a level does
    not give is NaN. `outcome` (point, level, observable) holds the verdicts."""
    import xarray as xr

    labels = list(dict.fromkeys(label for point in self.points for label in point.keys()))
    dim = self.sweep[0] if len(self.sweep) == 1 else "point"
    cells = {(i, label): _arrays(point[label]) for i, point in enumerate(self.points) for label in point.keys()}

    def along(name: str, parts: list[tuple[Any, Any]], index: list[Any]) -> Any:
        """The parts that there are, NaN in place of the others."""
        joined = xr.concat([part for _, part in parts], dim=name, join="outer", combine_attrs="override")
        return joined.assign_coords({name: [key for key, _ in parts]}).reindex({name: index})

    data = xr.Dataset()
    for key in dict.fromkeys(key for arrays in cells.values() for key in arrays):
        rows = []
        for i in range(len(self)):
            parts = [(label, cells[i, label][key]) for label in labels if key in cells.get((i, label), {})]
            if parts:
                rows.append((i, along("level", parts, labels)))
        data[key] = along(dim, rows, list(range(len(self))))
    for name in self.sweep:
        data = data.assign_coords({name: (dim, [p.parameters[name] for p in self.points])})
    if self.verdicts:
        names = [o.name for o in self.observables]
        outcome = np.full((len(self), len(labels), len(names)), "", dtype=object)
        for v in self.verdicts:
            outcome[v.point, labels.index(v.label), names.index(v.observable)] = v.outcome
        data = data.assign_coords(observable=names)
        data["outcome"] = ((dim, "level", "observable"), outcome)
    data.attrs.update(title=self.title, system=self.system, seed=self.seed)
    return data
