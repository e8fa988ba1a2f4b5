"""Systems, cases, levels, answers: what a notebook begins with."""

import gc
import inspect
import json
import pydoc

import numpy as np
import pytest

import mesoscope as meso


def test_systems_are_those_of_the_program(program):
    _, out, _ = program("list", "--json")
    listed = [s["name"] for s in json.loads(out)["systems"]]
    assert meso.systems() == listed
    assert "dimer" in meso.systems("reactions") and "ising" not in meso.systems("reactions")
    for name in listed:
        system = meso.system(name)
        assert system.name == name and system.title and repr(system)
    assert meso.system("gene_switch").name == "gene-switch"  # hyphens may be underscores


def test_help_explains_the_parameters():
    text = pydoc.render_doc(meso.system("gene-switch"), renderer=pydoc.plaintext)
    for p in meso.system("gene-switch").parameters:
        assert f"{p.name} = {p.default}" in text and p.doc in text
    signature = inspect.signature(meso.system("schlogl").__call__)
    assert signature.parameters["volume"].default == 10.0 and signature.parameters["volume"].kind is inspect.Parameter.KEYWORD_ONLY
    assert "conditional-gaussian" in meso.system("schlogl").info("closure")


def test_case_knows_levels_and_observables(dimer):
    levels = {level.name: level for level in dimer.levels}
    assert levels["ssa"].sampled and levels["ssa"].rung == "micro" and levels["ssa"].parent == ""
    assert levels["lna"].parent == "fsp" and levels["lna"].approximation and not levels["lna"].sampled
    assert {o.name: o.unit for o in dimer.observables} == {"X.mean": "molecules", "X.variance": "molecules^2"}
    assert dimer.parameters["volume"] == 10.0 and dimer.system == "dimer" and "volume=10" in repr(dimer)
    assert "d<X>/dt" in dimer.equations("closure", kind="normal", order=2) or "dx" in dimer.equations("closure", kind="normal", order=2).lower()
    assert dimer.equations("closure", kind="normal", order=2, latex=True) != dimer.equations("closure", kind="normal", order=2)


def test_run_gives_what_the_program_gives(dimer, program):
    times = np.linspace(0, 2, 5)
    answer = dimer.run("ssa", times=times, trajectories=1000, seed=7, threads=2)
    status, out, err = program("run", "dimer", "--level", "ssa", "--times", "0:2:5", "-n", 1000, "--seed", 7, "--json")
    assert status == 0, err
    told = json.loads(out)["points"][0]["levels"][0]
    assert answer.samples == told["samples"] == 1000 and answer.seed == 7 and answer.label == "ssa"
    for name in ("X.mean", "X.variance"):
        np.testing.assert_array_equal(answer[name].value, told["observables"][name]["value"])
        np.testing.assert_array_equal(answer[name].std_error, told["observables"][name]["std_error"])
        assert answer[name].unit == told["observables"][name]["unit"]
    np.testing.assert_array_equal(answer.times, times)
    np.testing.assert_array_equal(answer["X.mean"].axes["t"], times)
    np.testing.assert_array_equal(dimer.run("ssa", times="0:2:5", trajectories=1000, seed=7, threads=1)["X.mean"].value, answer["X.mean"].value)


def test_stationary_closure_as_in_the_contract(dimer):
    answer = dimer.run("closure", kind="normal", order=2, stationary=True)
    e = answer["X.mean"]
    assert e.value.shape == () and e.axes == {} and float(e) == float(e.value) and e.unit == "molecules"
    # Normal closure of the dimer, order 2: 0 = k1 V - 2 k2/V <n(n-1)> and the equation of the second moment, solved independently.
    from math import isclose

    V = 10.0
    m, v = float(answer["X.mean"]), float(answer["X.variance"])
    assert isclose(V - 2 / V * (v + m * m - m), 0, abs_tol=1e-6 * V)
    # d<n^2>/dt = V (2m + 1) + <n(n-1)(4 - 4n)>/V with <n^3> of a normal law
    second, third = v + m * m, m**3 + 3 * m * v
    assert isclose(V * (2 * m + 1) + (4 * (second - m) - 4 * (third - second)) / V, 0, abs_tol=1e-5 * V * m)
    assert any(s.reached and s.stable for s in answer.steady_states)
    assert answer.times is None and answer.options == {"kind": "normal", "order": 2} | {k: v for k, v in answer.options.items() if k not in ("kind", "order")}


def test_an_answer_is_a_mapping(dimer):
    answer = dimer.run("rate-equation", times=[0, 1, 2])
    assert list(answer) == answer.keys() and "X.mean" in answer and "Y.mean" not in answer and len(answer) == len(answer.values())
    assert {name: e.observable for name, e in answer.items()} == {name: name for name in answer}
    assert "X.mean" in str(answer) and "rate-equation" in repr(answer)
    with pytest.raises(KeyError, match=r"'rate-equation' does not give 'X.mena'.* Did you mean 'X.mean'\?"):
        answer["X.mena"]
    assert answer.level.parent == "lna" and not answer.is_reference and answer.samples == 0
    assert (answer["X.mean"].std_error == 0).all() and answer["X.mean"].std_error.shape == (3,)


def test_observables_beyond_the_default_and_distributions(dimer):
    answer = dimer.run("fsp", times=[0, 1.0], observables=["X.fano", "X.distribution"])
    p = answer["X.distribution"]
    assert p.is_distribution and p.shape == (2, len(list(p.axes.values())[-1])) and p.value[1].sum() == pytest.approx(1, abs=1e-6)
    n = list(p.axes.values())[-1]
    mean = (n * p.value[1]).sum()
    assert answer["X.fano"].value[1] == pytest.approx(((n - mean) ** 2 * p.value[1]).sum() / mean, rel=1e-6)
    assert p.bound_kind in ("certified", "estimated") and (p.error_bound >= 0).all()


def test_one_trajectory_again_by_its_number(dimer):
    paths = {(p["trajectory"], p["signal"]): p["value"] for p in dimer.run("ssa", times="0:2:5", trajectories=64, seed=3).paths}
    again = {p["signal"]: p["value"] for p in dimer.trajectory("ssa", 2, times="0:2:5", seed=3).paths}
    (signal,) = {s for k, s in paths if k == 2}
    np.testing.assert_array_equal(paths[2, signal], again[signal])


def test_batches_give_the_error_of_anything_derived(dimer):
    answer = dimer.run("ssa", times=[0, 1.0, 2.0], trajectories=4096, seed=5)
    weight, replicate = answer["X.mean"].batches
    assert weight.sum() == 4096 and replicate.shape == (len(weight), 3)
    spread = np.sqrt((len(weight) - 1) / len(weight) * ((replicate - replicate.mean(0)) ** 2).sum(0))
    np.testing.assert_allclose(spread[1:], answer["X.mean"].std_error[1:], rtol=0.5)  # 63 degrees of freedom: within 9 % (1 s.e.)


def test_a_million_values_are_not_copied():
    n = 1_000_000
    case = meso.system("dimer")()

    @case.level(name="ramp", parent="ssa", approximation="none worth the name")
    def ramp(params, ask):
        return {"X.mean": ask.times}

    times = np.linspace(0, 1, n)
    answer = case.run("ramp", times=times, observables=["X.mean"])
    e = answer["X.mean"]
    memory = e.__array_interface__["data"][0]  # where the library has it
    for array in (e.value, answer["X.mean"].value, np.asarray(e), next(iter(answer.values())).value):
        assert array.ctypes.data == memory and not array.flags.owndata and not array.flags.writeable and array.shape == (n,)
    assert e.axes["t"].ctypes.data == answer["X.mean"].axes["t"].ctypes.data == answer.times.ctypes.data
    assert e.std_error.shape == (n,) and e.std_error.strides == (0,)  # one zero, seen from every place
    dataset = answer.to_xarray()
    assert dataset["X.mean"].values.ctypes.data == memory
    with pytest.raises(ValueError, match="read-only"):
        e.value[0] = 1
    # The memory lives as long as an array of it.
    value = e.value
    del e, answer, dataset, array
    gc.collect()
    np.testing.assert_array_equal(value, times)


def test_arrays_of_sampled_levels_are_views_too(dimer):
    answer = dimer.run("ssa", times="0:1:11", trajectories=64)
    assert answer["X.mean"].value.ctypes.data == answer["X.mean"].__array_interface__["data"][0]
    assert answer["X.mean"].std_error.ctypes.data == answer["X.mean"].std_error.ctypes.data and not answer["X.mean"].std_error.flags.owndata
    path = answer.paths[0]["value"]
    assert not path.flags.owndata and not path.flags.writeable


def test_every_system_is_asked_through_the_same_waist():
    """No code of a single system: the cheapest solved level of every system answers or says why not."""
    for name in meso.systems():
        try:
            case = meso.system(name)()
        except meso.InputError as absent:  # a system of the plugin, where that is not built
            assert "needs the plugin" in str(absent), absent
            continue
        assert case.levels and case.observables, name
        for level in case.levels:
            assert level.parent in [""] + [other.name for other in case.levels], (name, level)


def test_a_network_is_written_as_sbml_and_read_back(tmp_path, refused):
    case = meso.system("schlogl")(k3=1.75, volume=4)
    path = tmp_path / "a folder" / "schlögl.xml"
    path.parent.mkdir()
    assert case.export_sbml(path) is None and path.read_text() == case.export_sbml()
    back = meso.system(str(path))()
    for level, observable in (("fsp", "X.variance"), ("rate-equation", "X.mean"), ("lna", "X.variance")):
        np.testing.assert_allclose(back.run(level, times="0:5:6")[observable].value, case.run(level, times="0:5:6")[observable].value, rtol=1e-5, atol=1e-6)
    with pytest.raises(meso.InputError) as error:
        meso.system("ising")().export_sbml()
    assert str(error.value) == "'ising' is no reaction network: only those are written as SBML"
    refused(error, "export", "ising")
    bursts = meso.network("M -> M + burst(b*(1 + 1)) P, 1", constants={"b": 2})()
    assert {o.name for o in bursts.observables} == {"M.mean", "M.variance", "P.mean", "P.variance"}
    with pytest.raises(meso.ModelError, match="a product drawn from a law"):
        bursts.export_sbml(tmp_path / "bursts.xml")
    with pytest.raises(meso.InputError, match="SBML is written to a file that ends in .xml or .sbml"):
        case.export_sbml(tmp_path / "x.txt")
    assert not (tmp_path / "bursts.xml").exists()
