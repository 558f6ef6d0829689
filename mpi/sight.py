"""What matching sees of one source Patient, with everything that follows from it alone.

Pure, so it is worked out before the store is locked, and found again when it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from engine.core.lexeme import encode
from mpi.blocking import keys
from mpi.person import READ, Person, from_text, person_of, to_text

_REMEMBERED = 2048  # more than the messages of a batch


@dataclass(frozen=True, slots=True)
class Sight:
    """A person in normal form, as text, and the blocking keys. Equal texts mean equal sights."""

    person: Person
    text: str
    keys: frozenset[int]


_looked: dict[str, Sight] = {}


def sight_of(patient: Mapping[str, Any]) -> Sight:
    """Look at a FHIR R4 Patient. One that says the same as one seen before costs little."""
    # As text it takes what it needs: bytes fresh from the encoder hold a multiple of their length.
    written = encode([patient.get(element) for element in READ]).decode()
    found = _looked.get(written)
    if found is None:
        if len(_looked) >= _REMEMBERED:
            for old in list(islice(_looked, _REMEMBERED // 2)):
                _looked.pop(old, None)  # another thread may be about it, too
        person = person_of(patient)
        found = _looked[written] = Sight(person, to_text(person), keys(person))
    return found


NOTHING = Sight(Person(), "", frozenset())
"""What is seen of a record without content."""


def recalled(text: str) -> Sight:
    """Return the sight that has this text."""
    if not text:
        return NOTHING
    person = from_text(text)
    return Sight(person, text, keys(person))
