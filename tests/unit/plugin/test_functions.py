import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

from engine.core.fault import FaultError
from engine.plugin.functions import GROUP, FunctionSpec, functions_of, installed_functions

ONE = FunctionSpec("one_fn", 1, 1, "1", "", lambda args: args[0][0], pure=True)
TWO = (FunctionSpec("two_fn", 1, 1, "1", "", lambda args: args[0][0], pure=True), ONE)
WRONG = "text"


def point(name: str) -> EntryPoint:
    return EntryPoint(name, f"{__name__}:{name}", GROUP)


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let entry points name this file, which is no module of the import path."""
    found = ModuleType(__name__)
    found.__dict__.update(ONE=ONE, TWO=TWO, WRONG=WRONG)
    monkeypatch.setitem(sys.modules, __name__, found)


def test_functions_come_from_entry_points() -> None:
    assert [one.name for one in functions_of([point("TWO")]).specs] == ["one_fn", "two_fn"]
    assert functions_of([point("ONE")]).find("one_fn") is ONE


@pytest.mark.parametrize("name", ["WRONG", "MISSING"])
def test_what_is_none_is_refused(name: str) -> None:
    with pytest.raises(FaultError, match="function-refused") as caught:
        functions_of([point(name)])
    assert caught.value.fault.where == f"entry point {name}"


def test_two_packages_with_one_name_are_refused() -> None:
    with pytest.raises(FaultError, match="another function"):
        functions_of([point("ONE"), point("TWO")])


def test_without_plug_ins_there_are_none() -> None:
    assert installed_functions().specs == ()
