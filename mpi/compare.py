"""How two people agree, field by field, as named levels.

Pure and symmetric: `compare(a, b)` equals `compare(b, a)`. Says nothing about what a level is
worth; that is `mpi.model`. A field that either side does not know is left out: it is no evidence.
"""

from rapidfuzz.distance import OSA, JaroWinkler

from mpi.names import is_known, may_be_nickname
from mpi.normalise_address import Address
from mpi.person import Person

WORDS = {
    "first": {
        "exact": "same first name",
        "nickname": "one first name is short for the other",
        "alias": "first name matches another name on file",
        "initial": "first name matches an initial",
        "near": "first names differ by a typing error",
        "similar": "first names are alike, but may be two names",
        "middle": "goes by the middle name",
        "swapped": "first name and surname in each other's place",
        "different": "first names differ",
    },
    "last": {
        "exact": "same surname",
        "part": "surnames share a part",
        "near": "surnames differ by a typing error",
        "alias": "surname matches another name on file",
        "swapped": "surname and first name in each other's place",
        "different": "surnames differ",
    },
    "birth": {
        "exact": "same birth date",
        "swapped": "day and month of birth in each other's place",
        "near": "birth dates differ in one digit",
        "two-parts": "birth dates differ in year, month or day",
        "partial": "birth dates agree as far as known",
        "different": "birth dates differ",
    },
    "ssn": {
        "exact": "same social security number",
        "last4": "last four digits of the social security number agree",
        "near": "social security numbers differ in one digit",
        "last4-different": "last four digits of the social security number differ",
        "different": "social security numbers differ",
    },
    "phone": {"shared": "share a phone number", "different": "no phone number in common"},
    "email": {"shared": "share an e-mail address", "different": "no e-mail address in common"},
    "address": {
        "exact": "same address",
        "house": "same house, other unit",
        "zip": "same ZIP code",
        "different": "addresses differ",
    },
    "middle": {
        "exact": "same middle name",
        "initial": "middle names agree in the initial",
        "different": "middle names differ",
    },
    "sex": {"same": "same sex", "different": "sex differs"},
    "suffix": {
        "same": "same generation suffix",
        "one": "only one has a generation suffix",
        "different": "generation suffixes differ",
    },
    "order": {"same": "same birth order", "different": "birth order differs"},
    "identifier": {"shared": "share an identifier"},
}


def _joined(person: Person) -> str:
    """First and second given name as one word: MARY ANN is MARYANN."""
    return person.first + person.middle[0] if person.middle else person.first


def _alias_first(a: Person, b: Person) -> bool:
    return (
        a.first in b.other_firsts
        or b.first in a.other_firsts
        or not set(a.other_firsts).isdisjoint(b.other_firsts)
    )


def _near_name(a: str, b: str) -> bool:
    """Same but for one slip of the hand; short names need more to agree."""
    if min(len(a), len(b)) < 3:
        return False
    if OSA.distance(a, b, score_cutoff=1) <= 1:
        return True
    return JaroWinkler.similarity(a, b) >= 0.92


def _loose_first(a: Person, b: Person) -> str:
    one, two = a.first, b.first
    if (len(one) > 1 and one in b.middle) or (len(two) > 1 and two in a.middle):
        return "middle"
    if one in b.surnames and two in a.surnames:
        return "swapped"
    if len(one) == 1 or len(two) == 1:
        return "initial" if one[0] == two[0] else "different"
    return _spelling(one, two) if _near_name(one, two) else "different"


def _spelling(one: str, two: str) -> str:
    """Tell a slip of the hand from two names that are alike, as twins often have them.

    A slip rarely makes one known name of another; between two unknown names it counts as one only
    if it spared the first letter.
    """
    known = is_known(one) + is_known(two)
    if known == 2 or OSA.distance(one, two, score_cutoff=1) > 1:
        return "similar"
    return "near" if known or one[0] == two[0] else "similar"


def first_level(a: Person, b: Person) -> str:
    one, two = a.first, b.first
    if not one or not two:
        return ""
    if one == two or _joined(a) == two or one == _joined(b):
        return "exact"
    if may_be_nickname(one, two):
        # Brian and Bryan are two spellings, not a short form: twins are called so.
        return "similar" if len(one) == len(two) and _near_name(one, two) else "nickname"
    if (a.other_firsts or b.other_firsts) and _alias_first(a, b):
        return "alias"
    return _loose_first(a, b)


def _loose_last(a: Person, b: Person) -> str:
    if a.first in b.surnames and b.first in a.surnames:
        return "swapped"
    if _near_name(a.family, b.family):
        return "near"
    if len(a.surnames) + len(b.surnames) > 2 and any(
        len(x) > 4 and len(y) > 4 and _near_name(x, y) for x in a.surnames for y in b.surnames
    ):
        return "near"
    return "different"


def last_level(a: Person, b: Person) -> str:
    one, two = a.surnames, b.surnames
    if not one or not two:
        return ""
    if one == two or a.family == b.family or set(one) == set(two):
        return "exact"
    if not set(one).isdisjoint(two):
        return "part"
    if a.other_surnames or b.other_surnames:
        mine, yours = {*one, *a.other_surnames}, {*two, *b.other_surnames}
        if not mine.isdisjoint(yours):
            return "alias"
    return _loose_last(a, b)


def birth_level(a: Person, b: Person) -> str:
    one, two = a.birth, b.birth
    if not one or not two:
        return ""
    if one == two:
        return "exact" if len(one) == 10 else "partial"
    if len(one) != 10 or len(two) != 10:
        return "partial" if one.startswith(two) or two.startswith(one) else "different"
    if one[:4] == two[:4] and one[5:7] == two[8:] and one[8:] == two[5:7]:
        return "swapped"
    if OSA.distance(one, two, score_cutoff=1) <= 1:
        return "near"
    same = (one[:4] == two[:4]) + (one[5:7] == two[5:7]) + (one[8:] == two[8:])
    return "two-parts" if same == 2 else "different"


def ssn_level(a: Person, b: Person) -> str:
    if not a.ssn4 or not b.ssn4:
        return ""
    if not a.ssn or not b.ssn:
        return "last4" if a.ssn4 == b.ssn4 else "last4-different"
    if a.ssn == b.ssn:
        return "exact"
    return "near" if OSA.distance(a.ssn, b.ssn, score_cutoff=1) <= 1 else "different"


def _shared(one: tuple[str, ...], two: tuple[str, ...]) -> str:
    if not one or not two:
        return ""
    return "different" if set(one).isdisjoint(two) else "shared"


def _same_street(a: str, b: str) -> bool:
    return a == b or (a[:4] == b[:4] and (a.startswith(b) or b.startswith(a))) or _near_name(a, b)


def _place_level(a: Address, b: Address) -> int:
    """3 same address, 2 same house, 1 same ZIP code, 0 none of these."""
    zips_clash = bool(a.zip and b.zip and a.zip != b.zip)
    if a.number and a.number == b.number and _same_street(a.street, b.street) and not zips_clash:
        return 2 if a.unit and b.unit and a.unit != b.unit else 3
    return 1 if a.zip and a.zip == b.zip else 0


_PLACE = ("different", "zip", "house", "exact")


def address_level(a: Person, b: Person) -> str:
    if not a.addresses or not b.addresses:
        return ""
    return _PLACE[max(_place_level(x, y) for x in a.addresses for y in b.addresses)]


def middle_level(a: Person, b: Person) -> str:
    if not a.middle or not b.middle:
        return ""
    one, two = a.middle[0], b.middle[0]
    if one == two:
        return "exact" if len(one) > 1 else "initial"
    if len(one) == 1 or len(two) == 1:
        return "initial" if one[0] == two[0] else "different"
    return "exact" if _near_name(one, two) else "different"


def suffix_level(a: Person, b: Person) -> str:
    if not a.suffix and not b.suffix:
        return ""
    if not a.suffix or not b.suffix:
        return "one"
    return "same" if {a.suffix, b.suffix} in ({a.suffix}, {"JR", "II"}) else "different"


def phone_level(a: Person, b: Person) -> str:
    return _shared(a.phones, b.phones)


def email_level(a: Person, b: Person) -> str:
    return _shared(a.emails, b.emails)


def identifier_level(a: Person, b: Person) -> str:
    """Other identifiers say nothing: a person has many, and sites differ in which they know."""
    return "" if set(a.identifiers).isdisjoint(b.identifiers) else "shared"


def sex_level(a: Person, b: Person) -> str:
    if not a.sex or not b.sex:
        return ""
    return "same" if a.sex == b.sex else "different"


def order_level(a: Person, b: Person) -> str:
    if not a.birth_order or not b.birth_order:
        return ""
    return "same" if a.birth_order == b.birth_order else "different"


_FIELDS = (
    ("first", first_level),
    ("last", last_level),
    ("birth", birth_level),
    ("ssn", ssn_level),
    ("phone", phone_level),
    ("email", email_level),
    ("address", address_level),
    ("middle", middle_level),
    ("sex", sex_level),
    ("suffix", suffix_level),
    ("order", order_level),
    ("identifier", identifier_level),
)


def compare(a: Person, b: Person) -> dict[str, str]:
    """The level of every field that both know."""
    found = {}
    for field, level_of in _FIELDS:
        if level := level_of(a, b):
            found[field] = level
    return found
