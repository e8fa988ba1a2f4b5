"""What the tests share: the program beside the module, so that both can be compared."""

import os
import pathlib
import subprocess

import numpy as np
import pytest

import mesoscope as meso

SOURCE = pathlib.Path(os.environ["MESO_SOURCE_DIR"])


@pytest.fixture
def dimer():
    return meso.system("dimer")(volume=10.0)


@pytest.fixture
def program(tmp_path):
    """Runs the program in an empty folder; returns its exit status, standard output and standard error."""

    def run(*arguments):
        ran = subprocess.run([os.environ["MESO_PROGRAM"], *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True)
        return ran.returncode, ran.stdout, ran.stderr

    return run


@pytest.fixture
def refused(program):
    """The program refuses the arguments with the text that the error has in Python, but for the place that it names."""

    def check(error, *arguments, place=""):
        status, _, err = program(*arguments)
        assert status == 2, err
        assert err == f"meso: {place}{error.value}\n"

    return check


def same_bits(a: meso.Results, b: meso.Results) -> None:
    """Equal in everything that is not provenance."""
    assert a.study == b.study
    assert len(a) == len(b)
    for p, q in zip(a.points, b.points):
        assert p.parameters == q.parameters and p.keys() == q.keys()
        for label in p.keys():
            assert p[label].keys() == q[label].keys() and p[label].samples == q[label].samples
            for name, e in p[label].items():
                for what in ("value", "std_error", "error_bound"):
                    np.testing.assert_array_equal(getattr(e, what), getattr(q[label][name], what))
    told = [[repr((v.outcome, v.low, v.high, v.reason)) for v in results.verdicts] for results in (a, b)]  # NaN is equal to itself as text
    assert told[0] == told[1]
