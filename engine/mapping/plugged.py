"""Functions that a mapping may call by name beside those of the language: what plug-ins bring.

A function takes its arguments as lists of text (a path gives all its repetitions) and returns text.
It has to be pure: what it returns depends on its arguments alone, now and in years, since messages
are mapped again and results are remembered. Its name and version are part of the plan of every
mapping that calls it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from engine.core.fault import Category, Fault, FaultError, refuse
from engine.mapping import functions

NAME = re.compile(r"[a-z][a-z0-9_]{2,40}")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,40}")
MOST_ARGUMENTS = 20

Texts = list[list[str]]


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """What a plug-in says of a function.

    `least` and `most` count the arguments. `version` changes with what it returns. `pure` states
    that it is, in the sense above: without it the function is refused. With `strict` it is not
    called while its first argument is empty, and gives nothing then.
    """

    name: str
    least: int
    most: int
    version: str
    summary: str
    call: Callable[[Texts], str] = field(compare=False)
    pure: bool = False
    strict: bool = True


@dataclass(frozen=True, slots=True)
class Functions:
    """The functions of plug-ins that a mapping may call."""

    specs: tuple[FunctionSpec, ...] = ()

    def find(self, name: str) -> FunctionSpec | None:
        """Return a plug-in's function."""
        return next((one for one in self.specs if one.name == name), None)

    def names(self) -> list[str]:
        """Return the names of all functions, those of the language included."""
        return sorted([*functions.known(), *(one.name for one in self.specs)])

    def arity(self, name: str) -> tuple[int, int] | None:
        """Return how many arguments a function takes, at least and at most; None for none."""
        if name in functions.SPECIAL:
            return functions.SPECIAL[name]
        found = functions.TABLE.get(name) or self.find(name)
        return (found.least, found.most) if found else None

    def call(self, name: str, place: str, text: str) -> tuple[Callable[[Texts], str], bool]:
        """Return what a name calls, and whether an empty first argument gives nothing.

        The call stands at a place, `text` begins with it.
        """
        plugged = self.find(name)
        if plugged is None:
            return functions.TABLE[name].call, name in functions.STRICT
        call = guarded(plugged, f"{place.rpartition(':')[0]}, {called(text)}")
        if not plugged.strict:
            return call, False
        return lambda args: call(args) if any(args[0]) else "", True

    def called_in(self, texts: Sequence[str]) -> list[str]:
        """Return name and version of the functions that may be called in mapping files."""
        return [
            f"{one.name} {one.version}"
            for one in self.specs
            if any(_calls(one.name).search(text) for text in texts)
        ]


NO_FUNCTIONS = Functions()


def _calls(name: str) -> re.Pattern[str]:
    return re.compile(rf"\b{name}\s*\(")


def registered(specs: Sequence[FunctionSpec]) -> Functions:
    """Return a registry. FaultError `function-refused` for the first that cannot be one."""
    known = set(functions.known())
    for one in specs:
        if why := _wrong(one, known):
            raise refuse(Category.INVALID, "function-refused", why, f"function {one.name}")
        known.add(one.name)
    return Functions(tuple(sorted(specs, key=lambda one: one.name)))


def _wrong(one: FunctionSpec, known: set[str]) -> str:
    if not NAME.fullmatch(one.name):
        return "a name is 3 to 41 small letters, digits and underscores"
    if one.name in known:
        return "another function has this name"
    if not 1 <= one.least <= one.most <= MOST_ARGUMENTS:
        return f"a function takes 1 to {MOST_ARGUMENTS} arguments"
    if not VERSION.fullmatch(one.version):
        return "a version is letters, digits, dots, plus and hyphens"
    return "" if one.pure else "a function has to state that it is pure"


def called(text: str) -> str:
    """Return the call that a piece of an expression begins with, to its closing parenthesis."""
    depth = 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == ")" and not depth:
            return text[: at + 1]
    return text


def guarded(one: FunctionSpec, rule: str) -> Callable[[Texts], str]:
    """Return the call of a function whose failure costs the message only.

    `rule` is the place and the text of the call. FaultError `function-failed` and
    `function-result`; neither says what the function was given.
    """

    def call(args: Texts) -> str:
        try:
            found = one.call(args)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - whatever a plug-in raises; its text may hold patient data
            raise FaultError(_fault("failed", "a plug-in's function failed", rule)) from None
        if not isinstance(found, str):
            raise FaultError(_fault("result", "a plug-in's function gave no text", rule))
        return found

    return call


def _fault(what: str, message: str, rule: str) -> Fault:
    return Fault(Category.INVALID, f"function-{what}", message, rule)
