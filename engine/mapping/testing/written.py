"""Values as tests write them, on one line of YAML: `Doe`, `"=absent"`, `[a, b]`, `{family: Doe}`.

Reading what is written here gives the value back: so it can be shown, and accepted into a file.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

ABSENT = "absent"
_LITERAL = "="
# Nothing that YAML or the language of tests would read in another way.
_BARE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./+-]*(?: [A-Za-z0-9_./+-]+)*")


def text(value: Any) -> str:
    """Return a primitive value of JSON as text: booleans and numbers as JSON writes them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def scalar(value: str, *, meant: bool = True) -> str:
    """Write a text; `meant` when it is a value, which may look like one of the words of tests."""
    if meant and (value == ABSENT or value.startswith(_LITERAL)):
        value = _LITERAL + value
    return value if _BARE.fullmatch(value) else _quoted(value)


def _quoted(value: str) -> str:
    """Quote as JSON and YAML both read it; some of what JSON leaves as it is ends lines in YAML."""
    shown = json.dumps(value, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in shown)


def literal(value: str) -> str:
    """Return the value that a text of a test stands for."""
    return value.removeprefix(_LITERAL)


def value(given: Any) -> str:
    """Write one value."""
    if isinstance(given, dict):
        members = (f"{scalar(name, meant=False)}: {value(one)}" for name, one in given.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(given, list):
        return "[" + ", ".join(value(one) for one in given) + "]"
    return scalar(text(given))


def values(found: Sequence[Any]) -> str:
    """Write what a path gave: nothing, the one value, or all of them."""
    if not found:
        return ABSENT
    return value(found[0]) if len(found) == 1 else value(list(found))
