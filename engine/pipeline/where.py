"""Which messages a person means: `site=mercy and type=ORU^R01 and since=2026-11-01`.

    terms joined by `and`: NAME = VALUE or NAME != VALUE, or the word `quarantined`
    a value is bare, or in single or double quotes; `*` at its end stands for anything

Knows the accounts of messages, and nothing of what is in them. Mistakes are shown as those of files
are, with a caret.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.core.problem import Place, Problem, suggestion
from engine.pipeline.ledger import QUARANTINED, Account

FIELDS = ("site", "type", "channel", "state", "code", "plan", "control_id", "position")
TIMES = ("since", "until")
NAMES = (*FIELDS, *TIMES)
STATES = ("written", "filtered", "duplicate", "quarantined")
CURRENT = "current"
_TERM = re.compile(r"""\s*([A-Za-z_]+)\s*(!=|=)\s*("[^"]*"|'[^']*'|[^\s"']+)""")
_WORD = re.compile(r"\s*(\S+)")
_AND = re.compile(r"\s+and(?=\s)", re.IGNORECASE)
_FLAG = re.compile(r"\s*quarantined(?=\s|$)")


@dataclass(frozen=True, slots=True)
class Term:
    """One condition, and where its value stands in the text, from 0."""

    name: str
    equal: bool
    value: str
    at: int
    width: int


@dataclass(frozen=True, slots=True)
class Where:
    """A filter as it was written, taken apart."""

    text: str
    terms: tuple[Term, ...]

    def sites(self, known: Iterable[str]) -> list[str]:
        """Return those of the sites whose messages may be meant."""
        asked = [term for term in self.terms if term.name == "site"]
        return [name for name in known if all(_matches(term, name) for term in asked)]

    def means(self, plans: Mapping[str, str]) -> Callable[[Account], bool]:
        """Return what tells whether a message is meant; `plans` are those that hold, by site."""
        return lambda account: all(_holds(term, account, plans) for term in self.terms)


class WhereError(Exception):
    """A filter that cannot be read."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def read_where(text: str) -> Where:
    """Take a filter apart. WhereError with its place."""
    terms: list[Term] = []
    at = 0
    while True:
        term, at = _term(text, at)
        terms.append(term)
        if not text[at:].strip():
            return Where(text, tuple(terms))
        joined = _AND.match(text, at)
        if joined is None:
            raise _wrong(text, at, "expected 'and'", "terms are joined by 'and'; quote spaces")
        at = joined.end()


def _term(text: str, at: int) -> tuple[Term, int]:
    if flag := _FLAG.match(text, at):
        return Term("state", True, QUARANTINED, at, len(QUARANTINED)), flag.end()
    found = _TERM.match(text, at)
    if found is None:
        hint = "write NAME=VALUE, as in type=ORU^R01; `quarantined` stands alone"
        raise _wrong(text, at, "expected a term", hint)
    name, operator, value = found.groups()
    if name not in NAMES:
        known = f"names: {', '.join(NAMES)}"
        raise _wrong(text, at, f"unknown name '{name}'", suggestion(name, NAMES) or known)
    term = Term(name, operator == "=", _bare(value), found.start(3), len(value))
    _require_value(text, term)
    return term, found.end()


def _bare(value: str) -> str:
    return value[1:-1] if value[0] in "\"'" else value


def _require_value(text: str, term: Term) -> None:
    if term.name in TIMES:
        if not term.equal:
            raise _wrong(text, term.at, f"'{term.name}' takes '='")
        if moment_us(term.value) is None:
            hint = "write 2026-11-01 or 2026-11-01T08:30:00Z; without an offset it is UTC"
            raise _wrong(text, term.at, "this is no time", hint)
    if term.name == "state" and term.value not in STATES:
        known = f"states: {', '.join(STATES)}"
        raise _wrong(text, term.at, "unknown state", suggestion(term.value, STATES) or known)
    if term.name == "position" and not (term.value.isascii() and term.value.isdigit()):
        raise _wrong(text, term.at, "a position is a number", "`concord messages` prints it first")


def moment_us(text: str) -> int | None:
    """Read a date or a moment as microseconds since 1970, None when it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    return int(aware.timestamp()) * 1_000_000 + aware.microsecond


def _holds(term: Term, account: Account, plans: Mapping[str, str]) -> bool:
    if term.name in TIMES:
        limit_us = moment_us(term.value) or 0
        since = term.name == "since"
        return account.received_us >= limit_us if since else account.received_us < limit_us
    if term.name == "plan" and term.value == CURRENT:
        return (account.plan == plans.get(account.site)) == term.equal
    return _matches(term, _told(account, term.name))


def _told(account: Account, name: str) -> str:
    return str(getattr(account, "kind" if name == "type" else name))


def _matches(term: Term, told: str) -> bool:
    if term.value.endswith("*"):
        return told.startswith(term.value[:-1]) == term.equal
    return (told == term.value) == term.equal


def _wrong(text: str, at: int, message: str, hint: str = "") -> WhereError:
    start = at + len(text[at:]) - len(text[at:].lstrip())
    word = _WORD.match(text, at)
    width = len(word.group(1)) if word else 1
    place = Place("--where", 1, start + 1, width, text)
    return WhereError(Problem("where-unreadable", message, place, hint))
