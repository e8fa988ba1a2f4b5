"""Pictures of the report with matplotlib: curves with bands, the verdict map."""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from . import _core


def plot(self: _core.Results, kind: str | None = None, *, observables: str | Sequence[str] | None = None, point: int | None = None) -> Any:
    """Draws the results and returns the matplotlib figure.

    kind         "curves": every observable over its axis (over the swept parameter in a stationary sweep), a band of two standard errors and the numerical
                 bound around it; "map": verdicts of levels and observables over the sweep; None: the map of a sweep with verdicts, else curves
    observables  some of those asked
    point        of a sweep over time: whose curves; default the first
    """
    if kind is None:
        kind = "map" if self.verdicts and len(self) > 1 else "curves"
    if kind not in ("curves", "map"):
        raise _core.StudyError(f"unknown kind of picture '{kind}'.\n  known: curves, map")
    asked = [o.name for o in self.observables]
    names = asked if observables is None else [observables] if isinstance(observables, str) else list(observables)
    for name in names:
        if name not in asked:
            raise _core.StudyError(f"these results have no '{name}'; asked were: {', '.join(asked)}")
    if kind == "map" and not self.verdicts:
        raise _core.StudyError("there are no verdicts to map: nothing was judged")
    if point is not None and not -len(self) <= point < len(self):
        raise _core.StudyError(f"there are {len(self)} points, not {point}")
    return _map(self, names) if kind == "map" else _curves(self, names, point)


def _unit(name: str, unit: str) -> str:
    return name if unit in ("", "1") else f"{name} ({unit})"


def _swept(results: _core.Results) -> tuple[str, str, np.ndarray]:
    """Name, unit and values of the one swept parameter; of several, the number of the point."""
    if len(results.sweep) == 1:
        name = results.sweep[0]
        unit = next((p.unit for p in results.parameters if p.name == name), "1")
        return name, unit, np.array([p.parameters[name] for p in results.points], dtype=float)
    return "point", "1", np.arange(len(results), dtype=float)


def _even_in_log(x: np.ndarray) -> bool:
    if len(x) < 3 or (x <= 0).any():
        return False
    return float(np.std(np.diff(np.sort(np.log(x))))) < 1e-6 * np.log(x.max() / x.min()) or x.max() / x.min() > 100


def _band(ax: Any, x: Any, value: Any, spread: Any, label: str, reference: bool) -> None:
    (line,) = ax.plot(x, value, label=label, color="black" if reference else None, linestyle="--" if reference else "-", zorder=3 if reference else 2, marker="o" if np.size(x) < 3 else None)
    ax.fill_between(x, value - spread, value + spread, color=line.get_color(), alpha=0.2, linewidth=0)


def _word(results: _core.Results, label: str, name: str, point: int) -> str:
    for v in results.verdicts:
        if v.point == point and v.label == label and v.observable == name:
            return f"{label}: {v.outcome}"
    return label


def _curves(results: _core.Results, names: Sequence[str], point: int | None) -> Any:
    import matplotlib.pyplot as plt

    scalar = all(e.shape == () for p in results.points for a in p.values() for name, e in a.items() if name in names)
    figure, axes = plt.subplots(len(names), 1, figsize=(7, 1 + 2.6 * len(names)), squeeze=False, layout="constrained")
    for ax, name in zip(axes[:, 0], names):
        info = next(o for o in results.observables if o.name == name)
        ax.set_ylabel(_unit(name, info.unit))
        if scalar and len(results) > 1:
            parameter, unit, x = _swept(results)
            order = np.argsort(x, kind="stable")
            for label in results[0].keys():
                found = [p[label][name] if label in p and name in p[label] else None for p in results.points]
                if not any(found):
                    continue
                value = np.array([np.nan if e is None else float(e.value) for e in found])
                spread = np.array([np.nan if e is None else 2 * float(e.std_error) + float(e.error_bound) for e in found])
                _band(ax, x[order], value[order], spread[order], label, results[0][label].is_reference)
            ax.set_xlabel(_unit(parameter, unit))
            if _even_in_log(x):
                ax.set_xscale("log")
        else:
            chosen = results[point or 0]
            for answer in chosen.values():
                if name not in answer:
                    continue
                e = answer[name]
                text = _word(results, answer.label, name, chosen.index)
                if e.shape == ():
                    ax.errorbar([answer.label], [float(e.value)], yerr=[2 * float(e.std_error) + float(e.error_bound)], fmt="o", capsize=4, label=text)
                    continue
                # Of an observable with further axes (a distribution over time) the last time is drawn.
                axis = list(e.axes)[-1]
                last = (-1,) * (len(e.shape) - 1)
                _band(ax, e.axes[axis], e.value[last], 2 * e.std_error[last] + e.error_bound[last], text, answer.is_reference)
                ax.set_xlabel(_unit(axis, e.axis_units[axis]))
        if ax.get_legend_handles_labels()[0]:
            ax.legend(fontsize="small")
    where = ", ".join(f"{name} = {results[point or 0].parameters[name]:g}" for name in results.sweep) if not (scalar and len(results) > 1) else ""
    figure.suptitle(results.title + (f" ({where})" if where else ""))
    return figure


def _map(results: _core.Results, names: Sequence[str]) -> Any:
    import matplotlib.pyplot as plt
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    words = list(_core.looks)
    fill = [_core.looks[word][0] for word in words]
    colours = ListedColormap(fill)
    labels = list(dict.fromkeys(v.label for v in results.verdicts))
    rows = [(label, name) for label in labels for name in names if any(v.label == label and v.observable == name for v in results.verdicts)]
    by_place = {(v.point, v.label, v.observable): v for v in results.verdicts}
    if len(results.sweep) == 2:
        first, second = results.sweep
        xs = sorted({p.parameters[first] for p in results.points})
        ys = sorted({p.parameters[second] for p in results.points})
        grids = len(xs) * len(ys) <= 2 * len(results)  # a list of pairs has no grid
    else:
        grids = False
    if grids:
        figure, axes = plt.subplots(len(labels), len(names), figsize=(1 + 3.2 * len(names), 1 + 2.6 * len(labels)), squeeze=False, layout="constrained")
        for r, label in enumerate(labels):
            for c, name in enumerate(names):
                ax = axes[r, c]
                cells = np.full((len(ys), len(xs)), np.nan)
                for i, p in enumerate(results.points):
                    v = by_place.get((i, label, name))
                    if v is not None:
                        cells[ys.index(p.parameters[second]), xs.index(p.parameters[first])] = words.index(v.outcome)
                ax.imshow(cells, cmap=colours, vmin=-0.5, vmax=len(words) - 0.5, origin="lower", aspect="auto", interpolation="nearest")
                ax.set_xticks(*_ticks(xs))
                ax.set_yticks(*_ticks(ys))
                ax.set(title=f"{label}: {name}", xlabel=first, ylabel=second)
    else:
        parameter, unit, x = _swept(results)
        order = np.argsort(x, kind="stable")
        figure, axes = plt.subplots(1, 1, figsize=(8, 1.4 + 0.32 * len(rows)), squeeze=False, layout="constrained")
        ax = axes[0, 0]
        cells = np.full((len(rows), len(results)), np.nan)
        for r, (label, name) in enumerate(rows):
            for i, at in enumerate(order):
                v = by_place.get((int(at), label, name))
                if v is None:
                    continue
                cells[r, i] = words.index(v.outcome)
                if len(results) <= 60:
                    ax.text(i, r, _core.looks[v.outcome][2], color=_core.looks[v.outcome][1], ha="center", va="center", fontsize=8)
        ax.imshow(cells, cmap=colours, vmin=-0.5, vmax=len(words) - 0.5, aspect="auto", interpolation="nearest")
        ax.set_yticks(range(len(rows)), [f"{label}  {name}" for label, name in rows])
        ax.set_xticks(*_ticks(list(x[order])))
        ax.set_xlabel(_unit(parameter, unit))
    present = [word for word in words if any(v.outcome == word for v in results.verdicts)]
    axes[0, -1].legend(handles=[Patch(facecolor=_core.looks[w][0], edgecolor="grey", label=w) for w in present], loc="upper left", bbox_to_anchor=(1.01, 1), fontsize="small")
    figure.suptitle(results.title)
    return figure


def _ticks(values: Sequence[float], most: int = 9) -> tuple[list[int], list[str]]:
    step = max(1, -(-len(values) // most))
    places = list(range(0, len(values), step))
    return places, [f"{values[i]:.3g}" for i in places]
