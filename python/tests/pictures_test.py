"""Pictures, tables and progress bars."""

import io
import sys
import types

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")
import mesoscope as meso  # noqa: E402
from mesoscope import _core, _progress  # noqa: E402

STUDY = dict(against="fsp", trajectories=500, relative=0.1)
TIMES = "0:2:5"


@pytest.fixture(scope="module")
def point():
    return meso.system("dimer")().compare("fsp", "ssa", "lna", times=TIMES, trajectories=500, relative=0.1)


@pytest.fixture(scope="module")
def sweep():
    return meso.system("dimer").study(["lna", "rate-equation"], over={"volume": "log:1:100:4"}, stationary=True, **STUDY).run()


def test_curves_have_bands(point):
    figure = point.plot()
    assert [ax.get_ylabel() for ax in figure.axes] == ["X.mean (molecules)", "X.variance (molecules^2)"]
    ax = figure.axes[0]
    assert [text.get_text().split(":")[0] for text in ax.get_legend().get_texts()] == ["fsp", "ssa", "lna"]
    assert f"ssa: {point.verdict('ssa', 'X.mean').outcome}" in [text.get_text() for text in ax.get_legend().get_texts()]
    e = point["ssa"]["X.mean"]
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), e.value)
    band = ax.collections[1].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx((e.value + 2 * e.std_error).max())
    assert len(point.plot(observables="X.mean").axes) == 1


def test_the_map_shows_every_verdict(sweep):
    figure = sweep.plot()
    cells = figure.axes[0].images[0].get_array()
    words = list(_core.looks)
    rows = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert rows == ["lna  X.mean", "lna  X.variance", "rate-equation  X.mean", "rate-equation  X.variance"]
    for r, row in enumerate(rows):
        for p in range(4):
            assert words[int(cells[r, p])] == sweep.verdict(*row.split(), p).outcome
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == [w for w in words if any(v.outcome == w for v in sweep.verdicts)]
    curves = sweep.plot("curves", observables=["X.mean"]).axes[0]
    np.testing.assert_allclose(curves.lines[0].get_xdata(), np.geomspace(1, 100, 4))
    np.testing.assert_array_equal(curves.lines[0].get_ydata(), [float(p["fsp"]["X.mean"]) for p in sweep.points])
    assert curves.get_xscale() == "log"


def test_a_map_over_two_parameters():
    results = meso.system("dimer").study("lna", over={"volume": [2.0, 20.0], "k1": [0.5, 1.0, 2.0]}, stationary=True, **STUDY).run()
    figure = results.plot()
    cells = figure.axes[0].images[0].get_array()
    assert cells.shape == (3, 2)
    words = list(_core.looks)
    for i, p in enumerate(results.points):
        at = cells[[0.5, 1.0, 2.0].index(p.parameters["k1"]), [2.0, 20.0].index(p.parameters["volume"])]
        assert words[int(at)] == results.verdict("lna", "X.mean", i).outcome


def test_what_cannot_be_drawn(point):
    with pytest.raises(meso.StudyError, match="unknown kind of picture 'pie'"):
        point.plot("pie")
    with pytest.raises(meso.StudyError, match="these results have no 'Y.mean'"):
        point.plot(observables="Y.mean")
    with pytest.raises(meso.StudyError, match="there are 1 points, not 4"):
        point.plot("curves", point=4)
    alone = meso.system("dimer").study("lna", times=TIMES).run()
    with pytest.raises(meso.StudyError, match="no verdicts to map"):
        alone.plot("map")
    assert alone.plot().axes


def test_pandas(point, sweep):
    verdicts = sweep.to_pandas()
    assert len(verdicts) == len(sweep.verdicts) and list(verdicts["outcome"]) == [v.outcome for v in sweep.verdicts]
    assert list(verdicts["volume"]) == [sweep[v.point].parameters["volume"] for v in sweep.verdicts]
    values = point.to_pandas("values")
    chosen = values[(values.level == "ssa") & (values.observable == "X.mean")]
    np.testing.assert_array_equal(chosen["value"], point["ssa"]["X.mean"].value)
    np.testing.assert_array_equal(chosen["t"], point["ssa"].times)
    assert set(values.columns) >= {"point", "level", "observable", "t", "value", "std_error", "error_bound"}
    assert len(point["ssa"].to_pandas()) == 10
    with pytest.raises(meso.StudyError, match="unknown table 'all'"):
        point.to_pandas("all")


def test_xarray(point, sweep):
    data = point["ssa"].to_xarray()
    assert data["X.mean"].dims == ("t",) and data["X.mean"].attrs["units"] == "molecules" and data.attrs["level"] == "ssa"
    np.testing.assert_array_equal(data["X.mean.std_error"], point["ssa"]["X.mean"].std_error)
    whole = sweep.to_xarray()
    assert whole["X.mean"].dims == ("volume", "level") and list(whole.level.values) == ["fsp", "lna", "rate-equation"]
    assert float(whole["X.mean"].sel(volume=100, level="lna")) == float(sweep[3]["lna"]["X.mean"])
    assert whole["outcome"].sel(volume=1, level="lna", observable="X.mean") == sweep.verdict("lna", "X.mean", 0).outcome
    assert np.isnan(whole["X.variance"].sel(volume=100, level="rate-equation"))  # absent there
    assert point.to_xarray()["X.mean"].sel(point=0, level="lna").shape == (5,)


def progress(fraction, seconds, remaining=-1.0, what="ssa"):
    return types.SimpleNamespace(fraction=fraction, seconds=seconds, remaining=remaining, what=what)


def test_the_bar_of_a_terminal(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    bar = _progress.TerminalBar()
    bar(progress(0.1, 0.2))
    bar.close()
    assert screen.getvalue() == ""  # nothing is shown of what is over at once
    bar(progress(0.5, 3, 185.0))
    assert " 50 % [###############...............] about 3 min 05 s left  ssa" in screen.getvalue()
    bar.close()
    assert screen.getvalue().endswith("\r\033[K")
    assert _progress.sink_of(None) is None  # no terminal: silence
    screen.isatty = lambda: True
    assert isinstance(_progress.sink_of(None), _progress.TerminalBar)
    assert _progress.sink_of(False) is None and _progress.sink_of("none") is None and isinstance(_progress.sink_of("bar"), _progress.TerminalBar)


def test_the_bar_of_a_notebook(monkeypatch):
    shown = []

    class Handle:
        def update(self, data, raw):
            shown.append(data)

    class ZMQInteractiveShell:
        pass

    display = types.ModuleType("IPython.display")
    display.display = lambda data, raw, display_id: (shown.append(data), Handle())[1]
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = ZMQInteractiveShell
    ipython.display = display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    bar = _progress.sink_of(None)
    assert isinstance(bar, _progress.NotebookBar)
    bar(progress(0.25, 1))
    bar(progress(0.75, 2, 7200.0))
    bar.close()
    assert '<progress value="0.2500"' in shown[0]["text/html"] and "about 2 h 00 min left" in shown[1]["text/plain"] and shown[2]["text/plain"] == ""


def test_progress_reaches_a_callback():
    seen = []
    meso.system("schlogl")(volume=20).run("ssa", times=[0, 20.0], trajectories=6_000, threads=1, progress=seen.append)
    assert seen and all(isinstance(p, meso.Progress) and 0 <= p.fraction <= 1 and p.what == "ssa" for p in seen)
    assert [p.fraction for p in seen] == sorted(p.fraction for p in seen)
