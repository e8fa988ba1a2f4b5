"""Wrong types, shapes, units and names: one clear error, with the program's own text."""

import numpy as np
import pytest
from conftest import SOURCE

import mesoscope as meso


class Quantity:  # as pint and astropy have them
    def __init__(self, magnitude, units):
        self.magnitude, self.units = magnitude, units

    def __float__(self):
        return float(self.magnitude)


def test_the_kinds_of_errors():
    assert issubclass(meso.ParameterError, meso.InputError) and issubclass(meso.StudyError, meso.InputError) and issubclass(meso.ModelError, meso.InputError)
    assert issubclass(meso.InputError, ValueError) and issubclass(meso.InputError, meso.Error) and issubclass(meso.RunError, meso.Error) and not issubclass(meso.RunError, ValueError)
    assert issubclass(meso.LevelError, meso.StudyError)


@pytest.mark.parametrize(
    "given, text",
    [
        ({"volum": 4}, "unknown parameter 'volum' of system 'dimer'. Did you mean 'volume'?"),
        ({"volume": -1}, "volume of system 'dimer' is -1; it must be above 0"),
        ({"volume": "four"}, "volume of system 'dimer' must be a number, not 'four'"),
        ({"X0": 1.5}, "X0 of system 'dimer' must be an integer, not '1.5'"),
        ({"combinatoric": 3}, "combinatoric of system 'dimer' must be true or false, not '3'"),
    ],
)
def test_parameters_as_the_program_says_it(given, text, refused):
    with pytest.raises(meso.ParameterError) as error:
        meso.system("dimer")(**given)
    assert str(error.value).startswith(text)
    ((name, value),) = given.items()
    refused(error, "run", "dimer", "--set", f"{name}={value}", "--level", "ssa", "--times", "0:1:2", place="--set: ")


@pytest.mark.parametrize(
    "value, told",
    [
        (None, "'None'"),
        (True, "'true'"),
        ([1, 2], "'[1, 2]'"),
        (np.ones((2, 2)), "'an array of shape (2, 2)'"),
        ({}, "'{}'"),
        (1 + 2j, "'(1+2j)'"),
    ],
)
def test_wrong_types_of_parameters(value, told):
    with pytest.raises(meso.ParameterError) as error:
        meso.system("dimer")(volume=value)
    assert str(error.value) == f"volume of system 'dimer' must be a number, not {told}"


@pytest.mark.parametrize("value", [4, np.int64(4), np.float32(4), np.float64(4), np.array(4.0)])
def test_every_number_is_a_number(value):
    assert meso.system("dimer")(volume=value).parameters["volume"] == 4.0
    assert meso.system("dimer")(X0=value).parameters["X0"] == 4


def test_values_that_are_no_values():
    for value in (np.nan, np.inf):
        with pytest.raises(meso.ParameterError, match="volume of system 'dimer' is (nan|inf); it must be above 0"):
            meso.system("dimer")(volume=value)
    with pytest.raises(meso.ParameterError, match="volume is a quantity in 'liter'; give a plain number"):
        meso.system("dimer")(volume=Quantity(3, "liter"))
    with pytest.raises(meso.ParameterError, match="times is a quantity in 'min'"):
        meso.system("dimer")().run("ssa", times=Quantity([0, 1], "min"))


@pytest.mark.parametrize(
    "call, arguments, text",
    [
        (lambda: meso.system("dimmer"), ["run", "dimmer", "--level", "ssa"], "unknown system 'dimmer'. Did you mean 'dimer'?"),
        (lambda: meso.system("no/such.toml"), ["run", "no/such.toml"], "no/such.toml"),
        (lambda: meso.system("no/such.xml"), ["run", "no/such.xml"], "no/such.xml"),
        (lambda: meso.system("dimer")().run("ssa"), ["run", "dimer", "--level", "ssa"], "the study asks for no times"),
        (lambda: meso.system("dimer")().run("ssa", times=[0, 1], observables=["X.mena"]), ["run", "dimer", "--level", "ssa", "--times", "0:1:2", "--observable", "X.mena"], "unknown observable 'X.mena'"),
        (lambda: meso.system("dimer")().compare("fsp", "lna", times=[0, 1], relative=0.0), ["compare", "dimer", "--against", "fsp", "--level", "lna", "--times", "0:1:2", "--margin", "0%"], "the margin of 'X.mean' is zero"),
        (lambda: meso.system("dimer")().compare("fsp", "lna", times=[0, 1], confidence=1.5), ["compare", "dimer", "--against", "fsp", "--level", "lna", "--times", "0:1:2", "--confidence", "1.5"], "confidence is 1.5"),
        (lambda: meso.system("dimer")().compare("fsp", "lna", "lna", times=[0, 1]), ["compare", "dimer", "--against", "fsp", "--level", "lna", "--level", "lna", "--times", "0:1:2"], "the label 'lna' is used twice"),
    ],
)
def test_the_program_says_the_same(call, arguments, text, program):
    with pytest.raises(meso.InputError) as error:
        call()
    assert text in str(error.value)
    status, _, err = program(*arguments)
    said = err.removeprefix("meso: ").rstrip("\n")
    for place in ("--level: ", "--against: "):
        said = said.removeprefix(place)
    assert status == 2 and said == str(error.value)


def test_levels_and_options_as_the_program_says_it(refused):
    with pytest.raises(meso.StudyError, match=r"unknown level 'lma'. Did you mean 'lna'\?") as error:
        meso.system("dimer")().run("lma", times=[0, 1])
    refused(error, "run", "dimer", "--level", "lma", "--times", "0:1:2", place="--level: ")
    with pytest.raises(meso.ParameterError, match=r"unknown kind 'norml' of level 'closure'. Did you mean 'normal'\?") as error:
        meso.system("dimer")().run("closure", times=[0, 1], kind="norml")
    refused(error, "run", "dimer", "--level", "closure:kind=norml", "--times", "0:1:2", place="--level: ")


def test_study_files_as_the_program_says_it(tmp_path, refused):
    (tmp_path / "bad.toml").write_text('[study]\nsystem = "dimer"\nsed = 1\n')
    with pytest.raises(meso.StudyError, match="bad.toml:3: ") as error:
        meso.Study.load(tmp_path / "bad.toml")
    refused(error, "run", tmp_path / "bad.toml")
    with pytest.raises(meso.InputError, match="study.toml:1"):
        meso.Study.from_toml("= 3")
    with pytest.raises(meso.StudyError, match="unknown key 'sed'"):
        meso.Study.from_dict({"study": {"system": "dimer", "sed": 1}})
    with pytest.raises(meso.StudyError, match="of type object; a study is made of tables"):
        meso.Study.from_dict({"study": {"system": object()}})
    with pytest.raises(meso.InputError, match="is no study file"):
        meso.Study.load(SOURCE / "docs/own-model.xml")
    with pytest.raises(meso.InputError):
        meso.Results.load(tmp_path / "nothing")
    with pytest.raises(meso.InputError, match="is no folder of a run"):
        meso.resume(tmp_path / "nothing")


@pytest.mark.parametrize(
    "keywords, message",
    [
        (dict(times="0:1"), "times"),
        (dict(times=["a", "b"]), r"times must be numbers"),
        (dict(times=np.ones((2, 3))), r"times must be one-dimensional, not of shape \(2, 3\)"),
        (dict(times=[1, 0]), r"times must increase: 1 is followed by 0"),
        (dict(times=[0, np.nan]), r"time 2 is nan; times must be finite"),
        (dict(times=[]), r"the list of times is empty"),
        (dict(times=[0, 1], stationary=True), r"stationary: times is given too"),
        (dict(stationary=3), r"stationary must be True, \(burn-in, window\)"),
        (dict(stationary=(1, 2, 3)), r"stationary must be True"),
        (dict(times=[0, 1], trajectories=0), r"trajectories must be a whole number of at least 1, not '0'"),
        (dict(times=[0, 1], trajectories=-3), r"trajectories must be a whole number of at least 1, not '-3'"),
        (dict(times=[0, 1], trajectories=1.5), r"trajectories must be a whole number of at least 1, not '1.5'"),
        (dict(times=[0, 1], trajectories="many"), r"trajectories must be a whole number of at least 1, not 'many'"),
        (dict(times=[0, 1], trajectories=True), r"trajectories must be a whole number of at least 1, not 'True'"),
        (dict(times=[0, 1], seed=-1), r"seed must be a whole number of at least 0, not '-1'"),
        (dict(times=[0, 1], seed=2**64), r"seed must be a whole number"),
        (dict(times=[0, 1], threads=-1), r"threads must be a whole number from 0"),
        (dict(times=[0, 1], threads=1.0), r"threads must be a whole number from 0"),
        (dict(times=[0, 1], progress="loud"), r"progress must be True, False, None"),
        (dict(times=[0, 1], observables=[3]), r"observables must be a name or a list of names, not '3'"),
        (dict(times=[0, 1], observables=3), r"'3' is neither a name nor a list"),
    ],
)
def test_wrong_questions(dimer, keywords, message):
    with pytest.raises(meso.InputError, match=message):
        dimer.run("ssa", **keywords)


@pytest.mark.parametrize(
    "keywords, message",
    [
        (dict(relativ=0.1), r"unknown keyword 'relativ'. Did you mean 'relative'\?"),
        (dict(relative="5%"), r"relative must be a number, not '5%'"),
        (dict(relative=-0.1), r"the margin of 'X.mean' must be finite and not negative"),
        (dict(margin="5 per cent"), r'margin must be "5%" \(of the scale\) or 0.01 \(absolute\)'),
        (dict(margin="5%", relative=0.05), r"margin: relative or absolute is given too"),
        (dict(margins={"X.mena": 0.1}), r"the margin of 'X.mena' is overridden, but it is not among the observables. Did you mean 'X.mean'\?"),
        (dict(margins=0.1), r"margins must be \{observable: margin\}"),
        (dict(margins={"X.mean": {"relativ": 0.1}}), r"the margin of 'X.mean': unknown keyword 'relativ'"),
        (dict(relative_to="mean"), r"unknown relative_to 'mean'"),
        (dict(bounds="sure"), r"unknown bounds 'sure'"),
        (dict(over={"volum": [1, 2]}), r"unknown parameter 'volum' in the sweep. Did you mean 'volume'\?"),
        (dict(over={"volume": "lin:1:2"}), r"volume"),
        (dict(over={"volume": []}), r"the sweep over 'volume' has no values"),
        (dict(over=[1, 2]), r"over must be \{parameter: values\}"),
        (dict(max_points=5), r"max_points and tolerance belong to mode boundary"),
        (dict(mode="all"), r"unknown mode 'all'"),
        (dict(trajectories=100, max_trajectories=10), r"budget: first = 100 and max = 10"),
    ],
)
def test_wrong_studies(keywords, message):
    with pytest.raises(meso.InputError, match=message):
        meso.system("dimer").study("lna", against="fsp", times=[0, 1], **keywords)


def test_wrong_levels_of_a_study():
    system = meso.system("dimer")
    with pytest.raises(meso.InputError, match="level LEVEL is missing"):
        system.study(times=[0, 1])
    with pytest.raises(meso.StudyError, match="must be a level's name"):
        system.study([3], times=[0, 1])
    with pytest.raises(meso.StudyError, match="must be a name, not 3"):
        system().run(3)
    with pytest.raises(meso.InputError, match="a system is a name or a path, not 3"):
        meso.system(3)
    with pytest.raises(meso.StudyError, match="has no trajectories: it is solved"):
        system().trajectory("lna", 0, times=[0, 1])
    with pytest.raises(meso.InputError, match="has no closed equations"):
        system().equations("ssa")


def test_wrong_networks():
    for call, message in [
        (lambda: meso.network("X -> , 1"), "X -> , 1"),
        (lambda: meso.network(["X -> 0, k"]), "k"),
        (lambda: meso.network([3]), "a reaction is text"),
        (lambda: meso.network("X -> 0, 1", initial={"Y": 1}), "Y"),
        (lambda: meso.network("X -> 0, 1", volume="big"), "volume"),
        (lambda: meso.network("X -> 0, 1", colour=3), "colour"),
        (lambda: meso.network({"reactions": ["X -> 0, 1"]}), "species"),
    ]:
        with pytest.raises(meso.InputError, match=message):
            call()


def test_answers_that_cannot_be_compared(dimer):
    a = dimer.run("fsp", times=[0, 1])
    with pytest.raises(meso.StudyError, match="needs an answer to judge"):
        meso.compare(a)
    with pytest.raises(meso.StudyError, match="compare judges answers"):
        meso.compare(a, 3)
    with pytest.raises(meso.StudyError, match="the label 'fsp' is used twice"):
        meso.compare(a, dimer.run("fsp", times=[0, 1]))
    with pytest.raises(meso.StudyError, match="'lna' was run at volume = 5, the reference 'fsp' at 10"):
        meso.compare(a, meso.system("dimer")(volume=5.0).run("lna", times=[0, 1]))
    with pytest.raises(meso.StudyError, match="'lna' is of the system 'schlogl', the reference 'fsp' of 'dimer'"):
        meso.compare(a, meso.system("schlogl")().run("lna", times=[0, 1]))
    with pytest.raises(meso.StudyError, match="compare: 'times' belongs to a run"):
        meso.compare(a, dimer.run("lna", times=[0, 1]), times=[0, 1])
    with pytest.raises(meso.StudyError, match=r"was not asked for 'X.fano'"):
        meso.compare(a, dimer.run("lna", times=[0, 1]), observables=["X.fano"])
    other = meso.compare(a, dimer.run("lna", times=[0, 2]))
    assert {v.outcome for v in other.verdicts} == {"undecided"} and "on different points" in other.verdicts[0].reason
    assert dimer.run("lna", times=[0, 1], label="mine").label == "mine"


def test_a_folder_that_cannot_be_written(dimer, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(meso.InputError, match="file"):
        dimer.run("lna", times=[0, 1], folder=tmp_path / "file")


def test_a_wrong_network_without_a_file_has_no_place_in_its_message():
    with pytest.raises(meso.ModelError) as error:
        meso.network("X -> 0, 1", initial={"Y": 3})
    assert str(error.value) == "initial: unknown species 'Y'.\n  species: X"
