"""What matching sees of one source Patient, with everything that follows from it alone.

Pure, so it is worked out before the store is locked, and found again when it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from engine.core.lexeme import decode, encode
from mpi.blocking import keys
from mpi.person import READ, Person, from_text, person_of, to_text

_REMEMBERED = 2048  # more than the messages of a batch


@dataclass(frozen=True, slots=True)
class Sight:
    """A person in normal form, as text, and the blocking keys. Equal texts mean equal sights."""

    person: Person
    text: str
    keys: frozenset[int]


def sight_of(patient: Mapping[str, Any]) -> Sight:
    """Look at a FHIR R4 Patient. One that says the same as one seen before costs little."""
    # As text it takes what it needs: bytes fresh from the encoder hold a multiple of their length.
    return _looked(encode([patient.get(element) for element in READ]).decode())


@lru_cache(maxsize=_REMEMBERED)
def _looked(written: str) -> Sight:
    person = person_of(dict(zip(READ, decode(written.encode()), strict=True)))
    return Sight(person, to_text(person), frozenset(keys(person)))


NOTHING = Sight(Person(), "", frozenset())
"""What is seen of a record without content."""


def recalled(text: str) -> Sight:
    """Return the sight that has this text."""
    if not text:
        return NOTHING
    person = from_text(text)
    return Sight(person, text, frozenset(keys(person)))
