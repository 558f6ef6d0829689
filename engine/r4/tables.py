"""Reads the committed tables of R4 4.0.1 the first time somebody asks; knows nothing of their use.

`engine.r4.extract` writes them. A row of a type is a list, short at the end where nothing is said:
path below the type, min, max (null for `*`), type names, reference targets, binding strength, value
set, profile of Quantity, content reference. A row of the search table is: code, type, bases,
expression, targets, components.
"""

import gzip
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

_UNSAID: list[Any] = ["", 0, None, [], [], "", "", "", ""]

Row = tuple[str, int, int | None, list[str], list[str], str, str, str, str]


def _load(name: str) -> Any:
    return orjson.loads(gzip.decompress((files("engine.r4") / "data" / name).read_bytes()))


@cache
def _elements() -> Any:
    return _load("elements.json.gz")


@cache
def kinds() -> dict[str, tuple[str, bool]]:
    """Type name -> (`resource`, `complex-type` or `primitive-type`; whether it is abstract)."""
    return {name: (d["kind"], d["abstract"]) for name, d in _elements()["types"].items()}


def rows(type_name: str) -> list[Row]:
    """All element rows of a type in the order of its definition. KeyError for an unknown type."""
    return [(*row, *_UNSAID[len(row) :]) for row in _elements()["types"][type_name]["rows"]]


def value_set(url: str) -> dict[str, list[str]] | None:
    """The codes of a required value set by code system; None when they cannot be enumerated."""
    found: dict[str, list[str]] | None = _elements()["value_sets"].get(url)
    return found


@cache
def search_rows() -> list[list[Any]]:
    """All search parameters, one row each."""
    found: list[list[Any]] = _load("search.json.gz")["parameters"]
    return found
