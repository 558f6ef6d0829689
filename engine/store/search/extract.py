"""From a body to its index rows. Pure: the same body always gives the same rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from engine.store.codes import code_of
from engine.store.search.dates import MISSING
from engine.store.search.params import CLINICAL, parameters
from engine.store.search.visit import Visit, compile_visit


class Rows(NamedTuple):
    """What the index holds of one resource, without its row id."""

    terms: frozenset[tuple[int, str]] = frozenset()  # param, value
    dates: frozenset[tuple[int, int, int]] = frozenset()  # param, low, high
    clinical: frozenset[tuple[str, int, str, int]] = frozenset()  # record, type, code, low


NONE = Rows()


@dataclass(frozen=True, slots=True)
class _Reading:
    """How a type is read: the pass over its bodies, and which parameters need more."""

    type: int
    visit: Visit
    dates: tuple[int, ...]
    code: int  # parameter of the clinical table, -1 for none
    date: int


@cache
def _reading(type_name: str) -> _Reading:
    known = parameters(type_name)
    code, date = (known[name].code if name else -1 for name in CLINICAL.get(type_name, ("", "")))
    dates = tuple(parameter.code for parameter in known.values() if parameter.kind == "date")
    return _Reading(code_of(type_name), compile_visit(known.values()), dates, code, date)


def extract(type_name: str, record: str, body: Mapping[str, Any]) -> Rows:
    """Return the index rows of a resource about `record` (empty: about no patient)."""
    reading = _reading(type_name)
    terms: set[tuple[int, str]] = set()
    spans: dict[int, tuple[int, int]] = {}
    reading.visit(body, terms, spans)
    dates = frozenset([(code, *spans.get(code, MISSING)) for code in reading.dates])
    if type_name == "Patient" or not record:
        return Rows(frozenset(terms), dates)
    low = spans.get(reading.date, MISSING)[0]
    codes = ["", *[value for param, value in terms if param == reading.code]]
    clinical = frozenset([(record, reading.type, value, low) for value in codes])
    return Rows(frozenset(terms), dates, clinical)
