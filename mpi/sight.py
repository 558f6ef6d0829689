"""What matching sees of one source Patient, with everything that follows from it alone.

Pure, so it can be worked out before the store is locked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mpi.blocking import keys
from mpi.person import Person, from_text, person_of, to_text


@dataclass(frozen=True, slots=True)
class Sight:
    """A person in normal form, as text, and the blocking keys. Equal texts mean equal sights."""

    person: Person
    text: str
    keys: frozenset[int]


def sight_of(patient: Mapping[str, Any]) -> Sight:
    """Look at a FHIR R4 Patient."""
    person = person_of(patient)
    return Sight(person, to_text(person), frozenset(keys(person)))


def recalled(text: str) -> Sight:
    """Return the sight that has this text; of an empty text nobody's."""
    if not text:
        return Sight(Person(), "", frozenset())
    person = from_text(text)
    return Sight(person, text, frozenset(keys(person)))
