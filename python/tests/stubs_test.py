"""The stub of the compiled part and the module agree, name by name; the package's own functions are annotated and documented."""

import ast
import inspect
import pathlib

import mesoscope as meso
from mesoscope import _core

STUB = ast.parse((pathlib.Path(_core.__file__).parent / "_core.pyi").read_text())
OWN = {"__init__", "__getitem__", "__contains__", "__len__", "__iter__", "__float__", "__array_interface__"}


def members(node):
    return {n.name for n in node.body if isinstance(n, ast.FunctionDef)}


def defined(cls):
    """What the class itself has; of special methods only those that a user calls by syntax."""
    names = set()
    for name, value in vars(cls).items():
        if name == "__init__" and "No constructor defined" in (getattr(value, "__doc__", "") or ""):
            continue
        if name in OWN and not (name == "__init__" and not isinstance(value, type(_core.Flag.__init__))) or not name.startswith("__"):
            names.add(name)
    return names


def test_every_class_and_function_has_its_stub():
    stub = {n.name for n in STUB.body if isinstance(n, (ast.ClassDef, ast.FunctionDef))} | {n.target.id for n in STUB.body if isinstance(n, ast.AnnAssign)}
    assert stub == {name for name in vars(_core) if not name.startswith("__")}


def test_every_member_has_its_stub():
    for node in STUB.body:
        if not isinstance(node, ast.ClassDef) or issubclass(getattr(_core, node.name), Exception):
            continue
        has = defined(getattr(_core, node.name))
        if not any(isinstance(n, ast.FunctionDef) and n.name == "__init__" for n in node.body):
            has.discard("__init__")  # pybind11 gives every class one that refuses
        assert members(node) == has, node.name
        for n in node.body:
            is_property = any(isinstance(d, ast.Name) and d.id == "property" for d in n.decorator_list)
            assert is_property == isinstance(inspect.getattr_static(getattr(_core, node.name), n.name), property), (node.name, n.name)


def test_errors_have_the_bases_of_the_stub():
    for node in STUB.body:
        if isinstance(node, ast.ClassDef) and issubclass(getattr(_core, node.name), Exception):
            assert [b.__name__ for b in getattr(_core, node.name).__bases__] == [b.id for b in node.bases], node.name


def test_signatures_of_package_methods_are_those_of_the_stub():
    classes = {n.name: n for n in STUB.body if isinstance(n, ast.ClassDef)}
    for cls, name in [("Study", "run"), ("Results", "plot"), ("Results", "to_pandas"), ("Results", "to_xarray"), ("Answer", "to_pandas"), ("Answer", "to_xarray")]:
        (node,) = [n for n in classes[cls].body if isinstance(n, ast.FunctionDef) and n.name == name]
        told = [a.arg for a in node.args.args + node.args.kwonlyargs]
        assert told == list(inspect.signature(getattr(getattr(_core, cls), name)).parameters), (cls, name)


def test_the_public_surface_is_named_and_documented():
    assert len(set(meso.__all__)) == len(meso.__all__)
    for name in meso.__all__:
        thing = getattr(meso, name)
        assert inspect.getdoc(thing), name
        if inspect.isclass(thing):
            assert thing.__module__.startswith("mesoscope"), name
    for thing in (meso.System, meso.Case):
        for name, method in inspect.getmembers(thing, inspect.isfunction):
            if not name.startswith("_"):
                assert inspect.getdoc(method), (thing, name)
                annotated = inspect.signature(method)
                assert annotated.return_annotation is not inspect.Signature.empty, (thing, name)
                assert all(p.annotation is not p.empty for p in list(annotated.parameters.values())[1:]), (thing, name)
    assert (pathlib.Path(meso.__file__).parent / "py.typed").exists()
    assert meso.__version__.count(".") == 2
