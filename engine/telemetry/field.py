"""The allow-list: which fields of an event may leave the process, and what they have to look like.

Rule 1: a field that is not listed does not get out; neither its value nor a part of it.
Rule 2: a text gets out only if it has the shape of what the field is for. Names of sites, channels
and roles are a closed set, the configuration's own. So a patient's name put into the wrong field by
mistake is withheld as well.
"""

import re
from collections.abc import Collection
from dataclasses import fields
from typing import Any

WITHHELD = "withheld"

NAMES = frozenset({"site", "channel", "role"})
NUMBERS = frozenset(
    {
        "count", "exit_code", "partition", "pid", "port", "position", "seconds", "size_bytes",
        "step_s", "wait_s",
    }
)  # fmt: skip
SHAPES = {
    "code": re.compile(r"[a-z]+(?:-[a-z0-9]+)+"),  # of a Fault: constant, two words at least
    "kind": re.compile(r"[A-Z][A-Z0-9]{2}\^[A-Z][A-Z0-9]{2}"),  # MSH-9
    "plan": re.compile(r"[0-9a-f]{8,64}"),
    "error": re.compile(
        r"[A-Z][A-Za-z]*(?:Error|Exception|Group|Interrupt|Iteration|Exit|Warning)"
    ),
    "logger": re.compile(r"asyncio|concurrent\.futures|fastapi|starlette|uvicorn(?:\.[a-z]+)?"),
    "known_key": re.compile(r"SHA256:[\w+/]{43}(?:,SHA256:[\w+/]{43}){0,9}", re.ASCII),
    "offered_key": re.compile(r"SHA256:[\w+/]{43}", re.ASCII),
    "address": re.compile(
        r"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9a-f:]*:[0-9a-f]*|localhost):[0-9]{1,5}"
    ),
    "place": re.compile(r"(?:engine|channels|mpi)/[a-z0-9_/]+\.py:[0-9]+"),
}
LABELS = ("site", "channel", "role", "code")  # of metrics: few values each


def released(event: Any, names: Collection[str]) -> dict[str, str | int | float]:
    """Return the fields of an event that may get out; others appear as `withheld`."""
    every = (field.name for field in fields(event))
    return {name: _released(name, getattr(event, name), names) for name in every}


def _released(name: str, value: object, names: Collection[str]) -> str | int | float:
    if name in NUMBERS and isinstance(value, int | float):
        return value
    if not isinstance(value, str):
        return WITHHELD
    if not value and (name in NAMES or name in SHAPES):
        return value
    if name in NAMES:
        return value if value in names else WITHHELD
    shape = SHAPES.get(name)
    return value if shape is not None and shape.fullmatch(value) else WITHHELD
