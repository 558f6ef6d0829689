"""From `name:modifier=value` to a query: what is asked, checked and typed; knows no SQL.

Follows R4, search.html. A comma means or, a repeated parameter means and. What is not supported is
refused, never ignored, because an ignored criterion answers more than was asked. Faults name the
parameter and never its value.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.core.fault import Category, FaultError, refuse
from engine.store.search.criterion import Criterion
from engine.store.search.params import Parameter, parameters, patient_parameters
from engine.store.search.rank import WIDE, rank_of
from engine.store.search.values import During, bad_value, tests_of

DEFAULT_COUNT = 50
MOST_COUNT = 1000
_MOST_CRITERIA = 30
_RESULT = ("_count", "_total", "_sort", "_cursor", "_summary", "_format", "_pretty", "_totalMethod")
"""They select nothing. `_totalMethod` is what fhirpy sends when it counts."""
_MODIFIERS = {
    "token": {"", "not", "missing"},
    "string": {"", "exact", "contains", "missing"},
    "date": {"", "missing"},
    "reference": {"", "missing"},
    "uri": {"", "missing"},
}
_LINKED = ("_include", "_revinclude", "_has")
_TOTALS = ("", "none", "estimate", "accurate")


@dataclass(frozen=True, slots=True)
class Sort:
    """In which order: `row` (of arrival), `id`, `updated`, or `date` by a parameter."""

    by: str = "row"
    descending: bool = False
    parameter: Parameter | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A search as asked."""

    type: str
    criteria: tuple[Criterion, ...] = ()
    sort: Sort = Sort()
    count: int = DEFAULT_COUNT
    total: str = ""  # none, estimate, accurate; empty: when it is cheap
    only_count: bool = False
    cursor: str = ""
    ignored: tuple[str, ...] = ()  # parameters left out because the caller allowed it


def parse(type_name: str, pairs: Iterable[tuple[str, str]], *, lenient: bool = False) -> Query:
    """Check the parameters of a search on one type.

    Raises FaultError with `where` = the parameter: `search-parameter-unknown`,
    `search-modifier-unknown`, `search-value-invalid`, `search-chained-unsupported`,
    `search-include-unsupported`. With `lenient`, what is unsupported is listed instead.
    """
    criteria: list[Criterion] = []
    ignored: dict[str, None] = {}
    given: dict[str, str] = {}
    for name, value in pairs:
        try:
            if name in _RESULT:
                given |= {name: value} if value else {}
            else:
                criteria.append(_criterion(type_name, name, value))
        except FaultError as error:
            if not lenient or error.fault.category is not Category.UNSUPPORTED:
                raise
            ignored[name] = None
    if len(criteria) > _MOST_CRITERIA:
        raise refuse(Category.INVALID, "search-too-complex", "too many search parameters")
    return _query(type_name, tuple(criteria), given, tuple(ignored))


def searchable(type_name: str) -> Mapping[str, Parameter]:
    """Return every parameter that selects resources of a type, by name."""
    return {**_COMMON, **parameters(type_name), **patient_parameters(type_name)}


def sort_names(type_name: str) -> list[str]:
    """Return what `_sort` accepts for a type."""
    dates = [p.name for p in parameters(type_name).values() if p.kind == "date"]
    return ["_id", "_lastUpdated", *dates]


_COMMON = {
    "_id": Parameter("_id", "id", -1),
    "_lastUpdated": Parameter("_lastUpdated", "updated", -1),
}


def _criterion(type_name: str, full_name: str, value: str) -> Criterion:
    name, _, modifier = full_name.partition(":")
    if name in _LINKED:
        raise refuse(Category.UNSUPPORTED, "search-include-unsupported", "not supported here", name)
    if "." in full_name:
        raise refuse(
            Category.UNSUPPORTED,
            "search-chained-unsupported",
            "chained parameters are not supported",
            name.partition(".")[0],
        )
    parameter = searchable(type_name).get(name)
    if parameter is None:
        raise refuse(
            Category.UNSUPPORTED,
            "search-parameter-unknown",
            "this parameter is not supported for this resource type",
            _plain(name),
        )
    if modifier not in _MODIFIERS.get(parameter.kind, {""}):
        raise refuse(Category.UNSUPPORTED, "search-modifier-unknown", "unsupported modifier", name)
    if not value:  # left out, it would turn the search for one into a list of all
        raise refuse(Category.INVALID, "search-value-missing", "the parameter has no value", name)
    return Criterion(parameter, tests_of(parameter, modifier, value), modifier == "not")


def _plain(name: str) -> str:
    """A parameter's name is the caller's text: it is repeated only if it looks like a name."""
    return name if name.replace("-", "").replace("_", "").isalpha() and len(name) < 40 else ""


def _query(
    type_name: str,
    criteria: tuple[Criterion, ...],
    given: Mapping[str, str],
    ignored: tuple[str, ...],
) -> Query:
    total, summary = given.get("_total", ""), given.get("_summary", "false")
    if total not in _TOTALS:
        raise bad_value("_total", "total")
    if summary not in {"count", "false"}:
        raise refuse(
            Category.UNSUPPORTED,
            "search-summary-unsupported",
            "only `count` or `false`",
            "_summary",
        )
    count = _count(given.get("_count"))
    return Query(
        type=type_name,
        criteria=criteria,
        sort=_sort(type_name, given["_sort"]) if "_sort" in given else _natural(criteria),
        count=count,
        total=total,
        only_count=summary == "count" or count == 0,
        cursor=given.get("_cursor", ""),
        ignored=ignored,
    )


def _count(text: str | None) -> int:
    if text is None:
        return DEFAULT_COUNT
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise bad_value("_count", "number")
    return min(int(text), MOST_COUNT)


def _sort(type_name: str, text: str) -> Sort:
    name, descending = text.removeprefix("-"), text.startswith("-")
    if name == "_id":
        return Sort("id", descending)
    if name == "_lastUpdated":
        return Sort("updated", descending)
    parameter = parameters(type_name).get(name)
    if parameter is None or parameter.kind != "date":
        raise refuse(Category.UNSUPPORTED, "search-sort-unknown", "unsupported order", "_sort")
    return Sort("date", descending, parameter)


def _natural(criteria: tuple[Criterion, ...]) -> Sort:
    """Order of arrival; but a search that nothing narrows as much as a date follows that date.

    From the end that matches first: newest first when asked for what is after a moment.
    """
    dates = [c for c in criteria if c.parameter.kind in {"date", "updated"}]
    if not dates or any(rank_of(c) < WIDE for c in criteria):
        return Sort()
    first = dates[0]
    test = first.tests[0]
    if not isinstance(test, During) or len(first.tests) > 1:
        return Sort()
    if first.parameter.kind == "updated":
        return Sort("updated")
    return Sort("date", test.prefix in {"gt", "ge", "sa", "ne"}, first.parameter)
