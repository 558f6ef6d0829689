"""One test as an SQL condition. Values are always bound; text is made of our own names only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.store.search.criterion import Criterion
from engine.store.search.dates import MISSING
from engine.store.search.values import Contains, During, Exact, Nothing, Prefix, Test

_TOP = "\U0010ffff"
"""Sorts behind every text that begins alike."""


@dataclass(frozen=True, slots=True)
class Part:
    """SQL text with the values of its question marks."""

    text: str
    values: tuple[Any, ...] = ()


NEVER = Part("1 = 0")


def every(parts: Sequence[Part]) -> Part:
    return Part(
        " AND ".join(part.text for part in parts),
        tuple(value for part in parts for value in part.values),
    )


def either(parts: Sequence[Part]) -> Part:
    if not parts:
        return NEVER
    text = " OR ".join(part.text for part in parts)
    return Part(f"({text})", tuple(value for part in parts for value in part.values))


def text_condition(column: str, tests: Sequence[Test]) -> Part:
    """Any of the tests holds for a text column."""
    exact = [test.value for test in tests if isinstance(test, Exact)]
    parts = [_text(column, test) for test in tests if not isinstance(test, Exact | Nothing)]
    if exact:
        parts.insert(0, among(column, exact))
    return either(parts)


def among(column: str, values: Sequence[Any]) -> Part:
    if len(values) == 1:
        return Part(f"{column} = ?", (values[0],))
    return Part(f"{column} IN ({', '.join('?' * len(values))})", tuple(values))


def _text(column: str, test: Test) -> Part:
    if isinstance(test, Prefix):
        return Part(f"({column} >= ? AND {column} < ?)", (test.start, test.start + _TOP))
    if isinstance(test, Contains):
        pattern = test.text.replace("~", "~~").replace("%", "~%").replace("_", "~_")
        return Part(f"{column} LIKE ? ESCAPE '~'", (f"%{pattern}%",))
    return NEVER


_DURING = {
    "eq": ("{low} >= ? AND {low} < ? AND {high} <= ?", "abb"),
    "ne": ("({low} < ? OR {high} > ?)", "ab"),
    "gt": ("{high} > ?", "b"),
    "lt": ("{low} < ?", "a"),
    "ge": ("({high} > ? OR {low} >= ?)", "ba"),
    "le": ("{low} < ? AND ({low} < ? OR {high} <= ?)", "bab"),
    "sa": ("{low} >= ?", "b"),
    "eb": ("{low} < ? AND {high} <= ?", "aa"),
}
"""R4, search.html#prefix, for a resource's range [low, high) and the value's range [a, b)."""


_INSTANT = {
    "eq": ("{at} >= ? AND {at} < ?", "ab"),
    "ne": ("({at} < ? OR {at} >= ?)", "ab"),
    "gt": ("{at} >= ?", "b"),
    "lt": ("{at} < ?", "a"),
    "ge": ("{at} >= ?", "a"),
    "le": ("{at} < ?", "b"),
    "sa": ("{at} >= ?", "b"),
    "eb": ("{at} < ?", "a"),
}
"""The same for a single microsecond."""


def instant_condition(column: str, tests: Sequence[Test]) -> Part:
    """Any of the tests holds for a moment in one column."""
    return either([_filled(_INSTANT, t, at=column) for t in tests if isinstance(t, During)])


def _filled(forms: Mapping[str, tuple[str, str]], test: During, **columns: str) -> Part:
    text, order = forms[test.prefix]
    values = [test.low_us if sign == "a" else test.high_us for sign in order]
    return Part(f"({text.format(**columns)})", tuple(values))


def during_condition(low: str, high: str, tests: Sequence[Test]) -> Part:
    """Any of the tests holds for a range of time in two columns."""
    parts = [_filled(_DURING, t, low=low, high=high) for t in tests if isinstance(t, During)]
    return every([Part(f"{high} > ?", (MISSING[1],)), either(parts)])


def row_condition(criterion: Criterion, alias: str) -> Part:
    """The rows of a criterion in its index table, `search_term` or `search_date`."""
    code = among(f"{alias}.param", criterion.parameter.codes)
    if criterion.parameter.kind == "date":
        return every(
            [code, during_condition(f"{alias}.low_us", f"{alias}.high_us", criterion.tests)]
        )
    return every([code, text_condition(f"{alias}.value", criterion.tests)])
