"""Rules that no score overrules: pairs that are never linked without a person looking.

A gate says `apart` (these are two people) or `review` (a person has to decide). They guard against
what statistics cannot see: twins, generations under one name, newborns without a name, records that
say too little. Most of the safety of automatic linking comes from them, not from the weights.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from mpi.compare import birth_level, order_level, ssn_level
from mpi.person import Person

GENERATION_YEARS = 15  # parents and children under one name differ by more than this
HARD = frozenset({"birth-order", "ssn-and-birth-date"})

_SURE_FIRST = frozenset({"exact", "nickname", "alias", "initial", "middle", "swapped"})
_CORROBORATING = frozenset(
    {
        ("phone", "shared"),
        ("email", "shared"),
        ("address", "exact"),
        ("address", "house"),
        ("ssn", "last4"),
    }
)
_SAME_BIRTH = frozenset({"exact", "swapped", "near"})


class Pair(NamedTuple):
    """Two people and the levels on which they were found to agree."""

    a: Person
    b: Person
    levels: Mapping[str, str]

    @property
    def numbered(self) -> bool:
        """Whether a number given to one person only agrees in full."""
        return self.levels.get("ssn") == "exact" or "identifier" in self.levels

    @property
    def corroborated(self) -> bool:
        """Whether they share more than name, birth date and sex: a number, a way to be reached."""
        return self.numbered or not _CORROBORATING.isdisjoint(self.levels.items())


Gate = Callable[[Pair], str]

WORDS = {
    "birth-order": "siblings of one birth: the birth order differs",
    "ssn-and-birth-date": "both social security number and birth date differ",
    "generation": "same name in another generation",
    "newborn-name": "a newborn's stand-in name says nothing",
    "multiple-birth": "a multiple birth, and the first names are not the same",
    "first-name": "the first name is missing or another one",
    "birth-date": "the birth date is missing or another one",
    "two-errors": "both first name and birth date differ a little",
    "uncorroborated": "birth dates differ a little and nothing else is shared",
    "too-little": "too little to compare",
    "surname-as-given-name": "a surname of one is a given name of the other",
    "middle-name": "the middle names differ",
    "sex": "sex and first name both differ",
}


def _birth_order(pair: Pair) -> str:
    return "apart" if pair.levels.get("order") == "different" else ""


def _ssn_and_birth(pair: Pair) -> str:
    both = pair.levels.get("ssn") == "different" and pair.levels.get("birth") == "different"
    return "apart" if both else ""


def _generation(pair: Pair) -> str:
    a, b = pair.a, pair.b
    if pair.levels.get("suffix") == "different":
        return "apart"
    if not a.birth or not b.birth or pair.levels.get("first", "") not in {"", *_SURE_FIRST}:
        return ""
    if abs(int(a.birth[:4]) - int(b.birth[:4])) <= GENERATION_YEARS:
        return ""
    # One digit of a year mistyped looks like a generation, unless only one of them is a Junior.
    mistyped = pair.levels.get("birth") != "different" and "suffix" not in pair.levels
    return "review" if pair.numbered or mistyped else "apart"


def contradict(a: Person, b: Person) -> bool:
    """Tell whether a gate of HARD is closed: facts that no evidence outweighs."""
    if order_level(a, b) == "different":
        return True
    return ssn_level(a, b) == "different" and birth_level(a, b) == "different"


def _newborn(pair: Pair) -> str:
    return "review" if pair.a.newborn or pair.b.newborn else ""


def _multiple(pair: Pair) -> str:
    first = pair.levels.get("first")
    if not (pair.a.multiple or pair.b.multiple) or first in {None, "exact", "nickname"}:
        return ""
    return "review" if pair.numbered or first != "different" else "apart"


def _first_name(pair: Pair) -> str:
    if "first" not in pair.levels:
        return "" if pair.numbered and pair.levels.get("birth") == "exact" else "review"
    return "review" if pair.levels["first"] == "different" else ""


def _birth_date(pair: Pair) -> str:
    return "" if pair.levels.get("birth") in _SAME_BIRTH or pair.numbered else "review"


def _two_errors(pair: Pair) -> str:
    """Sisters at one address: one goes by the other's middle name, born a few years apart."""
    first = pair.levels.get("first") in {"exact", "nickname", None}
    return "" if first or pair.levels.get("birth") == "exact" or pair.numbered else "review"


def _uncorroborated(pair: Pair) -> str:
    """A name with almost the same birth date needs something else that is shared."""
    return "" if pair.levels.get("birth") == "exact" or pair.corroborated else "review"


def _too_little(pair: Pair) -> str:
    """Names alone, or a number alone, are not a person."""
    known = len(pair.levels.keys() & {"first", "last", "birth", "ssn", "identifier"})
    return "review" if known < 3 else ""


def _surname_as_given(pair: Pair) -> str:
    a, b = pair.a, pair.b
    if pair.numbered or not (a.middle or b.middle):
        return ""
    crossed = (set(a.middle) & set(b.surnames)) | (set(b.middle) & set(a.surnames))
    return "review" if crossed - (set(a.surnames) & set(b.surnames)) else ""


def _middle_name(pair: Pair) -> str:
    """Brothers and sisters may share a first name and go by the second (María Luz, María Ana)."""
    return "review" if pair.levels.get("middle") == "different" and not pair.numbered else ""


def _sex(pair: Pair) -> str:
    differs = pair.levels.get("sex") == "different" and pair.levels.get("first") != "exact"
    return "review" if differs else ""


GATES: Mapping[str, Gate] = {
    "birth-order": _birth_order,
    "ssn-and-birth-date": _ssn_and_birth,
    "generation": _generation,
    "newborn-name": _newborn,
    "multiple-birth": _multiple,
    "first-name": _first_name,
    "birth-date": _birth_date,
    "two-errors": _two_errors,
    "uncorroborated": _uncorroborated,
    "too-little": _too_little,
    "surname-as-given-name": _surname_as_given,
    "middle-name": _middle_name,
    "sex": _sex,
}


_RULES = tuple(GATES.items())


def closed(pair: Pair) -> dict[str, str]:
    """The gates that hold a pair back, with what they say: `apart` or `review`."""
    found = {}
    for name, gate in _RULES:
        if said := gate(pair):
            found[name] = said
    return found
