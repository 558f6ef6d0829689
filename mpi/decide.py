"""One person or two: the verdict on a pair of records, with its reasons.

Pure and symmetric; the same in every process. The score ranks, the gates guard: a pair is linked
without a person looking only when it scores above the model's threshold and no gate holds it back.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from mpi.compare import compare
from mpi.gates import HARD, Pair, closed
from mpi.model import Model
from mpi.person import Person
from mpi.score import FieldEvidence, evidence, score, weigh

Outcome = Literal["link", "review", "apart"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision on a pair. `bits` are log2 posterior odds, rounded to 1e-3."""

    outcome: Outcome
    bits: float
    fields: tuple[FieldEvidence, ...]
    gates: tuple[str, ...]

    @property
    def hard(self) -> bool:
        """Whether the records contradict each other so that no chain of links may join them."""
        return not HARD.isdisjoint(self.gates)


class Rating(NamedTuple):
    """A verdict without its reasons."""

    outcome: Outcome
    bits: float


def _outcome(pair: Pair, bits: float, said: set[str], model: Model) -> Outcome:
    if "apart" in said or bits < model.review_bits:
        return "apart"
    enough = model.link_bits if pair.corroborated else model.alone_bits
    return "review" if said or bits < enough else "link"


def judge(a: Person, b: Person, model: Model) -> Verdict:
    """Decide on a pair of records; the order of the two does not matter."""
    levels = compare(a, b)
    weights = weigh(a, b, levels, model)
    bits, rival = score(weights, model)
    pair = Pair(a, b, levels)
    gates = closed(pair)
    outcome = _outcome(pair, bits, set(gates.values()), model)
    return Verdict(outcome, bits, evidence(levels, weights, model, rival), tuple(gates))


def rate(a: Person, b: Person, model: Model) -> Rating:
    """Decide as `judge` does, for half the price: most pairs that share a key are two people."""
    levels = compare(a, b)
    bits, _ = score(weigh(a, b, levels, model), model)
    if bits < model.review_bits:
        return Rating("apart", bits)
    pair = Pair(a, b, levels)
    return Rating(_outcome(pair, bits, set(closed(pair).values()), model), bits)
