"""The score of one comparison: bits of evidence that two records are of one person.

The score is the least of three: against an unrelated person, a household member and a twin. What
makes a match certain against a stranger (address, phone, surname) says little against a brother.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mpi.compare import WORDS
from mpi.model import RIVALS, Model


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


def score(levels: Mapping[str, str], model: Model) -> tuple[float, int]:
    """Bits rounded to 1e-3, and the index of the rival that explains the agreement best."""
    stranger, household, twin = model.prior
    weights = model.weights
    for field, level in levels.items():
        one, two, three = weights[field][level]
        stranger += one
        household += two
        twin += three
    totals = (round(stranger, 3), round(household, 3), round(twin, 3))
    least = min(totals)
    return least, totals.index(least)


def evidence(levels: Mapping[str, str], model: Model, rival: int) -> tuple[FieldEvidence, ...]:
    """The score taken apart, field by field; the prior comes last."""
    parts = [
        FieldEvidence(f, n, WORDS[f][n], round(model.weights[f][n][rival], 3))
        for f, n in levels.items()
    ]
    name = RIVALS[rival]
    parts.append(FieldEvidence("prior", name, _PRIOR_WORDS[name], model.prior[rival]))
    return tuple(parts)
