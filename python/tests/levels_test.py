"""Levels written in Python are judged like built-in ones."""

import threading

import numpy as np
import pytest

import mesoscope as meso

TIMES = np.linspace(0, 2, 9)


@pytest.fixture
def judged(dimer):
    """Adds a level that gives `factor` times the exact mean and variance (by a master equation of its own) and judges it against SSA."""

    def exact(params, ask):
        # The dimer's master equation on 0..80 by a matrix exponential (eigenvectors), not by the library.
        size, V = 81, params.volume
        n = np.arange(size)
        up, down = np.full(size, params.k1 * V), params.k2 / V * n * (n - 1)
        up[-1] = 0
        Q = np.zeros((size, size))
        Q[n, n] -= up + down
        Q[n[1:], n[:-1]] += up[:-1]
        Q[n[:-2], n[2:]] += down[2:]
        w, U = np.linalg.eig(Q)
        start = np.zeros(size)
        start[int(params.X0)] = 1
        c = np.linalg.solve(U, start)
        p = np.real(np.array([U @ (c * np.exp(w * t)) for t in ask.times]))
        mean = p @ n
        return {"X.mean": mean, "X.variance": p @ n**2 - mean**2}

    def judge(factor, **keywords):
        @dimer.level(name="own", parent="ssa", approximation="master equation on 81 states")
        def own(params, ask):
            return {name: factor * value for name, value in exact(params, ask).items()}

        return dimer.compare("ssa", "own", times=TIMES, trajectories=60_000, seed=11, relative=0.05, **keywords)

    return judge


def test_a_right_level_agrees(judged):
    results = judged(1.0)
    assert [v.outcome for v in results.verdicts] == ["agrees", "agrees"], str(results)


def test_a_level_wrong_by_ten_percent_disagrees(judged):
    results = judged(1.1)
    assert results.verdict("own", "X.mean").outcome == "disagrees", str(results)
    v = results.verdict("own", "X.mean")
    assert v.low > 1 and 1.5 < (v.low + v.high) / 2 < 2.5  # 10 % is two margins of 5 %
    assert "own" in str(results) and "disagrees" in str(results)


def test_case_study_and_separate_runs_say_the_same(judged, dimer):
    study = judged(1.1)
    micro = dimer.run("ssa", times=TIMES, trajectories=60_000, seed=11)
    own = dimer.run("own", times=TIMES)
    apart = meso.compare(micro, own, relative=0.05)
    assert [(v.outcome, v.low, v.high) for v in apart.verdicts] == [(v.outcome, v.low, v.high) for v in study.verdicts]


def test_options_are_keyword_only_arguments(dimer):
    @dimer.level(name="line", parent="ssa", approximation="a straight line")
    def line(params, ask, *, slope_per_time=2.0, start=1, how="up"):
        """X grows without end.

        And more."""
        return {"X.mean": (start + slope_per_time * ask.times) * (1 if how == "up" else -1)}

    np.testing.assert_array_equal(dimer.run("line", times=[0, 1])["X.mean"].value, [1, 3])
    np.testing.assert_array_equal(dimer.run("line", times=[0, 1], slope_per_time=3, how="down", start=2)["X.mean"].value, [-2, -5])
    with pytest.raises(meso.ParameterError, match=r"slope-per-time of level 'line' must be a number, not 'steep'"):
        dimer.run("line", times=[0, 1], slope_per_time="steep")
    with pytest.raises(meso.ParameterError, match=r"unknown option 'slop' of level 'line'"):
        dimer.run("line", times=[0, 1], slop=3)
    (info,) = [level for level in dimer.levels if level.name == "line"]
    assert info.doc == "X grows without end." and [o.name for o in info.options] == ["slope-per-time", "start", "how"] and info.approximation == "a straight line"
    assert line(type("P", (), {}), type("A", (), {"times": np.array([0.0])}))["X.mean"] == [1.0]  # the function stays a function


def test_the_question_and_the_parameters(dimer):
    seen = []

    @dimer.level(name="look", parent="ssa", approximation="none")
    def look(params, ask):
        seen.append((params, ask))
        return {"X.mean": np.ones(len(ask.times)) if ask.times is not None else 1.0}

    dimer.run("look", times=[0, 0.5], seed=9, observables=["X.mean"])
    dimer.run("look", stationary=(3, 7))
    (p, a), (_, s) = seen
    assert p.volume == p["volume"] == 10.0 and dict(p) == dimer.parameters
    with pytest.raises(AttributeError, match="no parameter 'volum'"):
        p.volum
    assert list(a.times) == [0, 0.5] and not a.stationary and a.observables == ["X.mean"] and a.seed == 9 and not a.times.flags.writeable
    assert s.stationary and s.times is None and (s.burn_in, s.window) == (3.0, 7.0)


def test_an_estimate_with_errors_and_further_axes(dimer):
    @dimer.level(name="rich", parent="ssa", approximation="none")
    def rich(params, ask):
        p = np.tile([0.25, 0.75], (len(ask.times), 1))
        return {
            "X.mean": meso.estimate(np.full(len(ask.times), 2.0), std_error=0.1, samples=100, error_bound=np.full(len(ask.times), 0.01), certified=True, unit="molecules"),
            "X.distribution": meso.estimate(p, axes={"n": [0, 1]}, distribution=True),
        }

    answer = dimer.run("rich", times=[0, 1, 2], observables=["X.mean", "X.distribution"])
    e = answer["X.mean"]
    assert (e.std_error == 0.1).all() and (e.error_bound == 0.01).all() and e.bound_kind == "certified" and e.samples == 100 and e.dof == 99
    d = answer["X.distribution"]
    assert d.is_distribution and d.shape == (3, 2) and list(d.axes) == ["t", "n"]


@pytest.mark.parametrize(
    "given, message",
    [
        (lambda ask: [1, 2], r"it must return a dict from observables to values, not list"),
        (lambda ask: {"X.mena": ask.times}, r"unknown observable 'X.mena'. Did you mean 'X.mean'\?"),
        (lambda ask: {"X.mean": ask.times[:-1]}, r"value of X.mean has shape \(8,\), asked were 9 values of t"),
        (lambda ask: {"X.mean": np.ones((9, 2))}, r"value of X.mean has shape \(9, 2\), asked were 9 values of t"),
        (lambda ask: {"X.mean": 1.0}, r"value of X.mean has shape \(\), asked were 9 values of t"),
        (lambda ask: {"X.mean": ["a"] * 9}, r"value of X.mean must be numbers, not \['a'"),
        (lambda ask: {"X.mean": 1j * ask.times}, r"value of X.mean must be real numbers, not complex ones"),
        (lambda ask: {"X.mean": None}, r"value of X.mean must be numbers, not None"),
        (lambda ask: {"X.mean": meso.estimate(ask.times, unit="nM")}, r"X.mean is given in 'nM', the observable is in 'molecules'"),
        (lambda ask: {"X.mean": meso.estimate(ask.times, std_error=0.1)}, r"X.mean has a std_error: say samples="),
        (lambda ask: {"X.mean": meso.estimate(ask.times, error_bound=-ask.times)}, r"error_bound of X.mean is negative"),
        (lambda ask: {"X.mean": meso.estimate(ask.times, std_error=[1, 2], samples=9)}, r"std_error of X.mean has shape \(2,\), asked were 9 values of t"),
    ],
)
def test_what_is_no_answer_is_refused(dimer, given, message):
    @dimer.level(name="odd", parent="ssa", approximation="none")
    def odd(params, ask):
        return given(ask)

    with pytest.raises(meso.LevelError, match=message) as error:
        dimer.run("odd", times=TIMES, observables=["X.mean"])
    assert "level 'odd' failed at X0 = 0, combinatoric = False, k1 = 1, k2 = 1, volume = 10; t = 0 to 2: " in str(error.value)
    assert isinstance(error.value, meso.StudyError) and error.value.__cause__ is not None


def test_an_exception_names_level_point_and_time_and_spares_the_others():
    system = meso.system("dimer")

    @system.level(name="fragile", parent="ssa", approximation="none")
    def fragile(params, ask):
        values = []
        for t in ask.times:
            values.append(1 / (float(t) - 1.5) if params.volume == 20 else 3.0)
        return {"X.mean": np.array(values)}

    keywords = dict(against="fsp", times=TIMES[TIMES != 0.5], over={"volume": [10.0, 20.0]}, observables=["X.mean"], relative=0.5)
    results = system.study(["rate-equation", "fragile"], **keywords).run(threads=2)
    alone = system.study(["rate-equation"], **keywords).run(threads=2)
    broken = [v for v in results.verdicts if v.outcome == "broken"]
    assert [(v.label, v.point) for v in broken] == [("fragile", 1)]
    assert broken[0].where == {"t": 1.5}
    for part in ("level 'fragile' failed at ", "volume = 20", "t = 1.5", "ZeroDivisionError", "levels_test.py, line "):
        assert part in broken[0].reason, broken[0].reason
    for p, q in zip(results.points, alone.points):  # the others are whole
        for label in ("fsp", "rate-equation"):
            np.testing.assert_array_equal(p[label]["X.mean"].value, q[label]["X.mean"].value)
    assert [v.outcome for v in results.verdicts if v.label == "rate-equation"] == [v.outcome for v in alone.verdicts]
    with pytest.raises(meso.LevelError, match="ZeroDivisionError") as error:
        system(volume=20).run("fragile", times=TIMES)
    assert isinstance(error.value.__cause__, ZeroDivisionError)


def test_ctrl_c_inside_a_level(dimer):
    @dimer.level(name="asked", parent="ssa", approximation="none")
    def asked(params, ask):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dimer.run("asked", times=TIMES)
    dimer.run("rate-equation", times=TIMES)  # and nothing is left of it


def test_the_lock_is_free_while_a_study_runs(dimer):
    """Another thread of Python works on while trajectories are drawn."""
    stop, count = threading.Event(), [0]

    def work():
        while not stop.is_set():
            count[0] += 1

    other = threading.Thread(target=work)
    other.start()
    before = count[0]
    try:
        answer = dimer.run("ssa", times=[0, 20.0], trajectories=60_000, threads=1)
    finally:
        during = count[0] - before
        stop.set()
        other.join()
    # With the lock held the other thread would not have moved at all; it gets at least a tenth of what a free processor would count.
    assert answer.seconds > 0.02 and during > 1000, (answer.seconds, during)


def test_levels_of_a_sweep_run_side_by_side():
    system, seen = meso.system("dimer"), []

    @system.level(name="who", parent="ssa", approximation="none")
    def who(params, ask):
        seen.append((params.volume, threading.get_ident()))
        return {"X.mean": params.volume * ask.times}

    results = system.study("who", times=[0, 1], over={"volume": np.arange(1.0, 9.0)}, observables=["X.mean"]).run(threads=2)
    assert sorted(v for v, _ in seen) == list(range(1, 9))
    for p in results.points:
        np.testing.assert_array_equal(p["who"]["X.mean"].value, [0, p.parameters["volume"]])


@pytest.mark.parametrize(
    "keywords, message",
    [
        (dict(name="lna", parent="ssa", approximation="x"), "there is a level 'lna' already"),
        (dict(name="mine", parent="sssa", approximation="x"), r"the parent 'sssa' of level 'mine' is no level. Did you mean 'ssa'\?"),
        (dict(name="mine", parent="ssa"), "level 'mine' needs a parent .* and the approximation"),
        (dict(name="my level", parent="ssa", approximation="x"), "'my level' cannot name a level"),
        (dict(name="mine", parent="ssa", approximation="x", rung="macro"), r"unknown rung 'macro' of level 'mine'.*\n  known: micro, master"),
    ],
)
def test_a_level_that_cannot_be(dimer, keywords, message):
    with pytest.raises(meso.StudyError, match=message):
        dimer.level(**keywords)(lambda params, ask: {})
    with pytest.raises(meso.StudyError, match="must take two arguments"):
        dimer.level(name="mine", parent="ssa", approximation="x")(lambda params: {})
    with pytest.raises(meso.StudyError, match="the option 'gain' needs a default"):

        @dimer.level(name="mine", parent="ssa", approximation="x")
        def mine(params, ask, *, gain):
            return {}
