"""What a person's name says: surname parts, suffix, nicknames, names that are none.

Knows nothing of scoring. Nicknames come from the table of the `nicknames` package, read once on
first use (this is its only owner); the table is data, so the result is the same in every process.
"""

import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from itertools import permutations
from types import MappingProxyType

from mpi.names_variants import COGNATES, SHORT_FORMS
from mpi.normalise import tokens, vocabulary

_SUFFIXES = {
    "JR": "JR",
    "JUNIOR": "JR",
    "SR": "SR",
    "SENIOR": "SR",
    "II": "II",
    "2ND": "II",
    "III": "III",
    "3RD": "III",
    "IV": "IV",
    "4TH": "IV",
}
_PARTICLES = vocabulary(
    "DE DEL LA LAS LOS EL VAN DER DEN VON DU DA DAS DO DOS DI Y E AL BIN BINT IBN TER TEN ZU"
)
_GLUED = frozenset({"MC", "MAC", "O", "ST", "SAINT", "FITZ"})

_GENERIC = re.compile(
    r"(?:BABY|NEWBORN|NEW BORN|INFANT|TWIN|TRIPLET)(?: ?(?:BABY|BOY|GIRL|MALE|FEMALE|TWIN))*"
    r"(?: ?([A-H1-8]))?(?: .*)?$"
    r"|(?:BOY|GIRL|BB|BG)(?: ([A-H1-8]))?(?: .*)?$"
    r"|(?:MALE|FEMALE|BABYBOY|BABYGIRL)([A-H1-8])?$"
    r"|[A-Z]{2,}S(?:BOY|GIRL)([A-H1-8])?$"
)
_NO_NAME = vocabulary(
    "UNKNOWN UNKN UNK TEST ZZTEST TESTPATIENT TESTING NONAME NFN NLN FNU LNU NA NONE UNIDENTIFIED "
    "ANONYMOUS TRAUMA DUMMY XXX XXXX XX ZZZ"
)


def surname_tokens(family: str) -> tuple[tuple[str, ...], str]:
    """The parts of a surname that tell people apart, and the generation suffix inside it.

    `de la Cruz-Núñez Jr` gives `(("CRUZ", "NUNEZ"), "JR")`. Particles go unless nothing else is
    left; `MC DONALD` and `MCDONALD` are one.
    """
    words = list(tokens(family))
    suffix = ""
    while len(words) > 1 and (found := suffix_of(words[-1])):
        suffix = suffix or found
        words.pop()
    glued: list[str] = []
    for word in words:
        if glued and glued[-1] in _GLUED:
            glued[-1] += word
        else:
            glued.append(word)
    return tuple(w for w in glued if w not in _PARTICLES) or tuple(glued), suffix


def suffix_of(word: str) -> str:
    """The generation a folded word names: JR, SR, II, III or IV; otherwise `""`."""
    return _SUFFIXES.get(word, "")


def newborn_order(given: tuple[str, ...]) -> int | None:
    """Birth order in a name given because there is none yet, 0 without one; None for a real name.

    `BABYBOY A` gives 1, `GIRL LINDA` 0, `LINDA` None.
    """
    if not given:
        return None
    found = _GENERIC.match(" ".join(given))
    if not found:
        return None
    mark = next((g for g in found.groups() if g), "")
    if not mark:
        return 0
    return int(mark) if mark.isdigit() else ord(mark) - ord("A") + 1


def is_placeholder(first: str, surnames: tuple[str, ...]) -> bool:
    """Whether a name stands for "we do not know": JOHN DOE, UNKNOWN, TEST."""
    if first in _NO_NAME or any(s in _NO_NAME for s in surnames):
        return True
    return surnames == ("DOE",) and first in {"JOHN", "JANE", "BABY", "JON", ""}


@cache
def _formal() -> Mapping[str, frozenset[str]]:
    """The names that each short form may stand for."""
    from nicknames import name_triplets  # noqa: PLC0415 - reads a file: not at import

    formal: dict[str, set[str]] = {}
    for row in name_triplets():
        formal.setdefault(row.name2.upper(), set()).add(row.name1.upper())
    for short, longs in SHORT_FORMS.items():
        formal.setdefault(short, set()).update(longs)
    return MappingProxyType({short: frozenset(longs) for short, longs in formal.items()})


@cache
def _relations() -> frozenset[tuple[str, str]]:
    """The ordered pairs of names that may be one person's."""
    pairs = {pair for group in COGNATES for pair in permutations(group, 2)}
    translated: dict[str, set[str]] = {}
    for a, b in pairs:
        translated.setdefault(a, {a}).add(b)
    for short, longs in _formal().items():
        # MAGGIE is short for MARGARET, so for MARGUERITE too.
        names = {name for long in longs for name in translated.get(long, {long})} - {short}
        pairs.update((short, name) for name in names)
        pairs.update((name, short) for name in names)
    return frozenset(pairs)


@cache
def _roots() -> Mapping[str, str]:
    """For every name in a relation the one that most others relate to.

    The table is noisy and goes both ways (PEGGY for MARGARET, MARGARET for PEGGY), so the direction
    says little; the name with the most short forms is the formal one.
    """
    shorts = Counter(long for longs in _formal().values() for long in longs)
    near: dict[str, set[str]] = {}
    for short, longs in _formal().items():
        near.setdefault(short, {short}).update(longs)
        for long in longs:
            near.setdefault(long, {long})
    hubs = {name: min(names, key=lambda n: (-shorts[n], n)) for name, names in near.items()}
    spoken = {name: min(group) for group in COGNATES for name in group}
    found = {name: spoken.get(hub, hub) for name, hub in hubs.items()}
    return MappingProxyType(found | spoken)


def name_root(first: str) -> str:
    """The formal name a short one usually stands for; itself when it is no known nickname."""
    return _roots().get(first, first)


def may_be_nickname(a: str, b: str) -> bool:
    """Whether one may be short for the other, or its translation.

    Sharing a root is not enough: the table has BILL for Robert as well as for William.
    """
    return (a, b) in _relations()


def is_known(first: str) -> bool:
    """Whether a given name is in the table of names, so that it is hardly a misspelling."""
    return first in _roots()
