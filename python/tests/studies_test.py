"""Studies from files, dicts and keywords; sweeps; folders that go on after Ctrl-C; results that reopen."""

import signal
import subprocess
import sys

import numpy as np
import pytest
from conftest import SOURCE, same_bits

import mesoscope as meso

KEYWORDS = dict(against="fsp", times="0:2:5", relative=0.1, confidence=0.95, seed=3, title="Dimer")
DOCUMENT = {
    "study": {"title": "Dimer", "system": "dimer", "seed": 3},
    "parameters": {"k1": 2},
    "times": {"from": 0.0, "to": 2, "count": 5},
    "reference": {"level": "fsp"},
    "candidate": [{"level": "lna"}, {"level": "closure", "kind": "normal", "order": 2}],
    "compare": {"relative": 0.1, "confidence": 0.95},
    "sweep": {"volume": {"log": [1, 10], "count": 3}},
}


def by_keywords():
    return meso.system("dimer").study(["lna", "closure:kind=normal,order=2"], parameters={"k1": 2}, over={"volume": "log:1:10:3"}, **KEYWORDS)


def test_one_road(tmp_path, program):
    """Keywords, a dict, a file and the program's flags build the same study."""
    study = by_keywords()
    text = study.to_toml()
    assert meso.Study.from_dict(DOCUMENT).to_toml() == text
    assert meso.Study.from_toml(text).to_toml() == text
    study.save(tmp_path / "study.toml")
    assert meso.Study.load(tmp_path / "study.toml").to_toml() == text
    flags = ["sweep", "dimer", "--set", "k1=2", "--over", "volume=log:1:10:3", "--against", "fsp", "--level", "lna", "--level", "closure:kind=normal,order=2", "--times", "0:2:5"]
    flags += ["--margin", "10%", "--confidence", "0.95", "--seed", 3, "--dry-run", "--write-study", "flags.toml"]
    status, out, err = program(*flags)
    assert status == 0, err
    told = meso.Study.load(tmp_path / "flags.toml")
    assert told.replace(seed=3).to_toml().replace(told.title, "Dimer", 1) == text
    assert study.describe().splitlines()[1:] == out.splitlines()[1:]
    assert (study.kind, study.system, study.reference, study.levels, study.seed) == ("sweep", "dimer", "fsp", ["lna", "normal-2"], 3)
    np.testing.assert_allclose([p["volume"] for p in study.points], [1, np.sqrt(10), 10])


def test_levels_are_said_in_any_way():
    system = meso.system("dimer")
    options = {"kind": "log-normal", "order": 3}
    ways = ["closure:kind=log-normal,order=3", ("closure", options), {"level": "closure", **options}]
    texts = {system.study(way, times=[0, 1]).to_toml() for way in ways} | {system.study([way], times=[0, 1]).to_toml() for way in ways}
    assert len(texts) == 1
    labelled = system.study([{"level": "closure", "label": "a", **options}, ("rate_equation", {})], times=[0, 1])
    assert labelled.levels == ["a", "rate-equation"]


def test_replace_keeps_the_rest():
    study = by_keywords()
    other = study.replace(seed=5, times=[0, 1], over={"volume": [2.0, 3.0]}, levels="lna", relative=0.2)
    assert (other.seed, other.levels, other.reference, [p["volume"] for p in other.points]) == (5, ["lna"], "fsp", [2.0, 3.0])
    assert "confidence = 0.95" in other.to_toml() and study.seed == 3


def test_a_sweep_and_its_verdicts(tmp_path):
    results = by_keywords().run(threads=2)
    assert len(results) == 3 and results.sweep == ["volume"] and results.kind == "sweep" and len(results.verdicts) == 3 * 2 * 2
    v = results.verdict("lna", "X.mean", 2)
    assert (v.point, v.level, v.outcome in ("agrees", "disagrees")) == (2, "lna", True) and v.margin == pytest.approx(0.1 * v.scale)
    assert results[-1].parameters["volume"] == 10 and results[0].reference.label == "fsp" and results[0].keys() == ["fsp", "lna", "normal-2"]
    assert results[1]["lna"].parameters["volume"] == pytest.approx(np.sqrt(10))
    with pytest.raises(KeyError, match=r"there is no level 'ln' in these results. Did you mean 'lna'\?"):
        results[0]["ln"]
    with pytest.raises(KeyError, match="has 3 points: take one first"):
        results["lna"]
    with pytest.raises(IndexError, match="there are 3 points, not 3"):
        results[3]
    assert "lna" in results.summary() and "volume" in str(results)
    # The study that is stored with the results runs again to the same bits.
    same_bits(results, meso.Study.from_toml(results.study).run(threads=1))


def test_results_reopen(tmp_path):
    results = by_keywords().run(tmp_path / "out")
    for path in (tmp_path / "out", tmp_path / "out/results.h5"):
        same_bits(results, meso.Results.load(path))
    same_bits(results, meso.resume(tmp_path / "out"))  # finished: read
    results.save(tmp_path / "copy.h5")
    same_bits(results, meso.load(tmp_path / "copy.h5"))
    results.save(tmp_path / "folder")
    for name in ("study.toml", "results.h5", "verdicts.csv", "report/index.html"):
        assert (tmp_path / "out" / name).exists() and (tmp_path / "folder" / name).exists()
    page = results.report(tmp_path / "page")
    assert page == tmp_path / "page/report/index.html" and "Dimer" in page.read_text()
    assert '"format": "mesoscope-answers"' in results.to_json() or '"format":"mesoscope-answers"' in results.to_json()
    assert results.verdict_map_svg().startswith(("<svg", "<?xml"))
    import h5py  # without Mesoscope

    with h5py.File(tmp_path / "out/results.h5") as f:
        np.testing.assert_array_equal(f["points/0002/lna/X.mean/value"][:], results[2]["lna"]["X.mean"].value)


def test_boundary_sweep_has_edges_and_branches():
    study = meso.system("schlogl").study("closure:kind=normal,order=2", against="fsp", stationary=True, over={"volume": "log:0.5:50:4"}, mode="boundary", max_points=10, tolerance=0.3, observables="X.mean")
    results = study.run()
    assert 4 < len(results) <= 10 and results.edges and all(e.low < e.high for e in results.edges)
    assert [e.parameter for e in results.edges] == ["volume"] * len(results.edges)
    diagram = results.diagrams[0]
    assert diagram["label"] == "normal-2" and diagram["branches"] and diagram["branches"][0]["points"][0]["value"]["X.mean"] > 0


def test_own_network_from_text_list_dict_and_file(tmp_path):
    """One network said in four ways gives the same bits; it is a birth-death process, so that the truth is known."""
    text = """
        0 -> X, 3      # birth
        X -> 0, mu
    """
    ways = [
        meso.network(text, initial={"X": 4}, constants={"mu": 0.5}, volume=2),
        meso.network(["0 -> X, 3", "X -> 0, mu"], species=["X"], initial={"X": 4}, constants={"mu": 0.5}, volume=2.0),
        meso.network({"species": ["X"], "reactions": ["0 -> X, 3", "X -> 0, mu"], "initial": {"X": 4}, "constants": {"mu": 0.5}, "volume": 2}),
    ]
    study = ways[0]().study(["ssa"], against="fsp", times="0:4:5", trajectories=512, observables="X.mean")
    study.save(tmp_path / "own.toml")  # a study brings its network with it
    ways.append(meso.system(tmp_path / "own.toml"))
    t = np.linspace(0, 4, 5)
    exact = 12 + (4 - 12) * np.exp(-0.5 * t)
    first = None
    for system in ways:
        answer = system().run("fsp", times=t)
        np.testing.assert_allclose(answer["X.mean"].value, exact, rtol=1e-5)
        first = answer if first is None else first
        np.testing.assert_array_equal(answer["X.mean"].value, first["X.mean"].value)
        assert {p.name for p in system.parameters} >= {"mu", "volume", "X0"}
    np.testing.assert_allclose(ways[0](mu=1.0, X0=6).run("fsp", times=t)["X.mean"].value, 6.0, rtol=1e-6)
    assert meso.network("2 A + B2 <-> 3C_, 1; 0.5").info().count("C_.mean") >= 1
    same_bits(study.run(), meso.Study.load(tmp_path / "own.toml").run())


def test_sbml_and_other_models():
    own = meso.system(SOURCE / "docs/own-model.xml")
    answer = own().run("rate-equation", times=[0, 1.0])
    assert len(answer) and own.parameters
    assert meso.system(SOURCE / "docs/own-sde.toml")().levels  # the model of a study


def test_ctrl_c_is_resumable(tmp_path):
    """SIGINT ends a run cleanly with KeyboardInterrupt; going on gives the bits of a run that never stopped."""
    script = """
import sys, mesoscope as meso
study = meso.system("schlogl").study(["ssa"], against="fsp", times="0:20:11", over={"volume": [10.0, 12.0, 14.0]}, trajectories=6000, seed=4, observables="X.mean", relative=0.1)
print("start", flush=True)
try:
    study.run(sys.argv[1], threads=1, progress=lambda p: print("at", p.fraction, flush=True))
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.exit(3)
"""
    out = tmp_path / "out"
    process = subprocess.Popen([sys.executable, "-c", script, str(out)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.startswith("at") and float(line.split()[1]) > 0.05:
            process.send_signal(signal.SIGINT)
            break
    said, err = process.communicate(timeout=60)
    assert process.returncode == 3 and "interrupted" in said and "Traceback" not in err, err
    assert (out / "checkpoint/study.toml").exists()
    gone_on = meso.resume(out, threads=2)
    assert not (out / "checkpoint").exists()
    same_bits(gone_on, meso.Study.from_toml(gone_on.study).run(threads=2))


def test_a_failing_progress_callback_ends_the_run_with_its_error(dimer):
    def progress(p):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        meso.system("schlogl")(volume=50).run("ssa", times=[0, 50.0], trajectories=10**6, progress=progress, threads=2)


def test_a_pause_is_no_interrupt(tmp_path):
    study = meso.Study.from_dict({"study": {"system": "schlogl"}, "times": {"points": [0, 50]}, "level": [{"level": "ssa"}], "budget": {"trajectories": 10**6, "pause-after": "0.2 s"}})
    with pytest.raises(meso.Paused, match="run it again in the same folder"):
        study.run(tmp_path / "out", threads=1)
    assert (tmp_path / "out/checkpoint/study.toml").exists()


def test_a_run_in_a_thread():
    import threading

    case, got = meso.system("dimer")(), []
    threads = [threading.Thread(target=lambda s=s: got.append((s, case.run("ssa", times=[0, 1], trajectories=500, seed=s, threads=1)["X.mean"].value[1]))) for s in (1, 2, 3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for s, value in got:
        assert value == case.run("ssa", times=[0, 1], trajectories=500, seed=s)["X.mean"].value[1]
    assert len(got) == 3


def test_measured_values_as_the_reference():
    cells = meso.network("0 -> X, k\nX -> 0, d", constants={"k": 20, "d": 0.5})
    results = cells.study("rate-equation", against=SOURCE / "docs/own-data.csv", over={"k": [14.0, 20.0]}, relative=0.1).run()
    assert [v.outcome for v in results.verdicts] == ["disagrees", "agrees"] and results[0].reference.label == "data"
    np.testing.assert_allclose(results[1]["rate-equation"].times[:2], [0.5, 1])
