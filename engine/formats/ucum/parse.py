"""What a UCUM code is made of, or that a text is none.

The grammar of "The Unified Code for Units of Measure", version 2.2, sections 2.1 - 2.4, in its case
sensitive form (`c/s`), which FHIR uses. As UCUM's own table of examples has it and its grammar has
not, an annotation may also follow a number or a parenthesis (`/100{WBCs}`, `(8.h){shift}`). Knows
nothing of magnitudes: whether two codes measure the same it cannot say.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.formats.ucum.atoms import METRIC, PLAIN, PREFIXES

MAX_LENGTH = 200
_DEEPEST = 20  # parentheses within one another
# A symbol is an atom with or without a prefix; what brackets hold belongs to it, digits and all.
_SYMBOL = re.compile(r"(10[*^]|(?:[^\s\d+\-./(){}\[\]=\"]|\[[^\s\[\]{}]*\])+)([+-]?\d+)?")
_FACTOR = re.compile(r"\d+")
_ANNOTATION = re.compile(r"\{[!-z|~]*\}")
_SPLITS = (1, 2)  # lengths of prefixes


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit within a code: its prefix, if any, and its atom."""

    prefix: str
    atom: str


class _NotUcumError(Exception):
    pass


@dataclass(slots=True)
class _Reader:
    text: str
    at: int = 0
    depth: int = 0
    units: list[Unit] = field(default_factory=list)

    def take(self, character: str) -> bool:
        if self.text[self.at : self.at + 1] != character:
            return False
        self.at += 1
        return True

    def matched(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def whole(self) -> None:
        """Read `/ term` or `term`, to the end of the text."""
        self.take("/")
        self.term()
        if self.at != len(self.text):
            raise _NotUcumError

    def term(self) -> None:
        self.component()
        while self.take(".") or self.take("/"):
            self.component()

    def component(self) -> None:
        if self.take("("):
            self.depth += 1
            if self.depth > _DEEPEST:
                raise _NotUcumError
            self.take("/")
            self.term()
            self.depth -= 1
            said = self.take(")")
        elif symbol := self.matched(_SYMBOL):
            said = True
            self.units.append(_unit(symbol.group(1)))
        else:
            said = self.matched(_FACTOR) is not None
        noted = self.matched(_ANNOTATION) is not None
        if not (said or noted):
            raise _NotUcumError


def _unit(symbol: str) -> Unit:
    if symbol in METRIC or symbol in PLAIN:
        return Unit("", symbol)
    for length in _SPLITS:
        prefix, atom = symbol[:length], symbol[length:]
        if prefix in PREFIXES and atom in METRIC:
            return Unit(prefix, atom)
    raise _NotUcumError


def units_of(text: str) -> tuple[Unit, ...] | None:
    """Return the units a code is made of, None for what is no code.

    A number or an annotation alone (`1`, `{score}`) is a code without units.
    """
    if not text or len(text) > MAX_LENGTH:
        return None
    reader = _Reader(text)
    try:
        reader.whole()
    except _NotUcumError:
        return None
    return tuple(reader.units)


def is_valid(text: str) -> bool:
    """Whether a text is a UCUM code."""
    return units_of(text) is not None


def atoms() -> Iterator[str]:
    """Return every atom of UCUM."""
    yield from METRIC
    yield from PLAIN
