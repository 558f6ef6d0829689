"""A csv document as a draft: columns with their types guessed, and who its rows are about."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from engine.core.fault import Category, refuse
from engine.survey.draft.guess import ColumnGuess

_WORD = re.compile(r"[A-Za-z0-9]+")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9 _./#()-]{0,59}")
_KEY = re.compile(
    r"\b(mrn|acct|account|chart|patient.?(id|no|num\w*)|medical record)\b", re.IGNORECASE
)
_KNOWN = (
    ("family", re.compile(r"\b(last|family|sur)[ _]?name\b", re.IGNORECASE)),
    ("given", re.compile(r"\b(first|given)[ _]?name\b", re.IGNORECASE)),
    ("birthDate", re.compile(r"\b(dob|birth|birth[ _]?date|date of birth|born)\b", re.IGNORECASE)),
    ("gender", re.compile(r"\b(sex|gender)\b", re.IGNORECASE)),
)
SEXES = "administrative-sex"  # a code table of the base
_RESERVED = frozenset({"and", "or", "not", "in", "is", "valued", "null", "received", "matches"})


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it will be declared."""

    name: str  # a word, for expressions
    header: str
    kinds: list[str]  # that fit, the likeliest first
    optional: bool
    unique: bool


def columns(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[Column]:
    """Guess the columns of a file. FaultError `no-header` when the first row is no header."""
    if not header or not all(_HEADER.fullmatch(cell.strip()) for cell in header):
        message = "the first row does not look like names of columns"
        raise refuse(Category.INVALID, "no-header", message)
    guesses = [ColumnGuess(cell.strip()) for cell in header]
    for row in rows:
        for guess, cell in zip(guesses, row, strict=False):
            guess.add(cell)
    names = _names([guess.header for guess in guesses])
    return [
        Column(name, guess.header, _kinds(guess), guess.filled < guess.rows, guess.unique)
        for name, guess in zip(names, guesses, strict=True)
    ]


def _kinds(guess: ColumnGuess) -> list[str]:
    return ["id"] if _KEY.search(guess.header.replace("_", " ")) else guess.kinds()


def _names(headers: list[str]) -> list[str]:
    found: dict[str, None] = {}
    for number, header in enumerate(headers, 1):
        words = _WORD.findall(header)
        name = words[0] if len(words) == 1 else "".join(w[0].upper() + w[1:] for w in words)
        if not name[:1].isalpha() or name.casefold() in _RESERVED or name in found:
            name = f"Column{number}"
        found[name] = None
    return list(found)


@dataclass(frozen=True, slots=True)
class Below:
    """What the layers below have: the label of the patient's key, and whether words for sex."""

    label: str
    sexes: bool


def document(site: str, feed: str, found: list[Column], below: Below) -> str:
    """Return the text of the document."""
    label = below.label
    key = next((one for one in found if one.kinds == ["id"]), None)
    key = key or next((one for one in found if one.unique), found[0])
    lines = [
        f"# {site}: the file {feed}, drafted from a sample. `decide:` marks a guess.",
        "map: v1",
        "kind: csv",
        f"feed: {feed}",
        f'files: "*{feed}*.csv"',
        "dialect: {encoding: [utf-8-sig, cp1252], delimiter: auto}",
        "columns:",
        *(_column(one, key) for one in found),
        f"patient: {{{label}: {key.name}}}   # decide: the number that messages have as {label}",
        "to: Patient   # decide: rows about something else make that, and a Patient beside it",
        f"key: [{key.name}]",
        "Patient:",
        f'  identifier: [{{set: {{system: "=urn:id:{site}:{feed}", value: {key.name}}}}}]',
        *_body(found, below),
    ]
    return "\n".join(lines) + "\n"


def _column(one: Column, key: Column) -> str:
    kind = json.dumps(one.kinds[0]) if " " in one.kinds[0] else one.kinds[0]
    optional = ", optional: true" if one.optional and one is not key else ""
    other = [kind for kind in one.kinds[1:] if "(" in kind]
    remark = f"   # decide: or {', '.join(other)}" if other else ""
    return f"  {one.name}: {{header: {json.dumps(one.header)}, type: {kind}{optional}}}{remark}"


def _body(found: list[Column], below: Below) -> Iterator[str]:
    known: dict[str, str] = {}
    for element, pattern in _KNOWN:
        for one in found:
            dated = one.kinds[0].startswith("date")
            fits = pattern.search(one.header.replace("_", " ")) and dated == (
                element == "birthDate"
            )
            if fits and element not in known:
                known[element] = one.name
    names = [f"{n}: {known[n]}" for n in ("family", "given") if n in known]
    if names:
        yield f"  name: [{{set: {{{', '.join(names)}}}}}]"
    if "gender" in known and below.sexes:
        yield f"  gender: {{from: {known['gender']}, map: {SEXES}}}"
    if "birthDate" in known:
        yield f"  birthDate: {known['birthDate']}"
