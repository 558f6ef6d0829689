"""The score of one comparison: bits of evidence that two records are of one person.

The score is the least of three: against an unrelated person, a household member and a twin. What
makes a match certain against a stranger (address, phone, surname) says little against a brother.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log2

from mpi.compare import WORDS
from mpi.model import RIVALS, Bits, Model
from mpi.person import Person


@dataclass(frozen=True, slots=True)
class FieldEvidence:
    """What one field adds, in bits against the most likely rival.

    The last one of a verdict has the field `prior` and that rival as its level.
    """

    field: str
    level: str
    words: str
    bits: float


_PRIOR_WORDS = {
    "stranger": "most likely otherwise: an unrelated person",
    "household": "most likely otherwise: a member of the household",
    "twin": "most likely otherwise: a twin",
}


def _rarity(a: Person, b: Person, field: str, level: str, model: Model) -> float | None:
    """What replaces the weight against a stranger where a shared name tells more than its level.

    Two people called Smith say less than two called Ocampo-Lindqvist. Of two spellings the more
    common one counts.
    """
    if field == "first" and level == "exact":
        rare = min(model.given.bits(a.first), model.given.bits(b.first))
    elif field == "last" and level == "exact":
        rare = max(model.surnames.bits(s) for s in a.surnames)
    elif field == "last" and level == "part":
        shared = set(a.surnames) & set(b.surnames)
        rare = max(model.surnames.bits(s) for s in shared) - 1  # either part would have done
    else:
        return None
    return rare + log2(model.levels[field][level].match)


def weigh(a: Person, b: Person, levels: Mapping[str, str], model: Model) -> list[Bits]:
    """The bits of every level against each rival, in the order of `levels`."""
    weights = model.weights
    found = []
    for field, level in levels.items():
        bits = weights[field][level]
        if field in {"first", "last"}:
            rare = _rarity(a, b, field, level, model)
            if rare is not None:
                bits = (rare, bits[1], bits[2])
        found.append(bits)
    return found


def score(weights: Sequence[Bits], model: Model) -> tuple[float, int]:
    """Bits rounded to 1e-3, and the index of the rival that explains the agreement best."""
    stranger, household, twin = model.prior
    for one, two, three in weights:
        stranger += one
        household += two
        twin += three
    totals = (round(stranger, 3), round(household, 3), round(twin, 3))
    least = min(totals)
    return least, totals.index(least)


@lru_cache(maxsize=8192)
def _part(field: str, level: str, bits: float) -> FieldEvidence:
    return FieldEvidence(field, level, WORDS[field][level], round(bits, 3))


def evidence(
    levels: Mapping[str, str], weights: Sequence[Bits], model: Model, rival: int
) -> tuple[FieldEvidence, ...]:
    """The score taken apart, field by field; the prior comes last."""
    parts = [
        _part(field, level, bits[rival])
        for (field, level), bits in zip(levels.items(), weights, strict=True)
    ]
    name = RIVALS[rival]
    parts.append(FieldEvidence("prior", name, _PRIOR_WORDS[name], model.prior[rival]))
    return tuple(parts)
