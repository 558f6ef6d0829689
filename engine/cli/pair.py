"""A pair of records in words: what holds and why first, then what was said, then the evidence.

Knows no store: it puts into words what `mpi.explain` gathered.
"""

from collections.abc import Sequence

from mpi.explain import Explanation, SaidOf
from mpi.gates import WORDS
from mpi.score import FieldEvidence

_JOINING = frozenset({"link", "merge"})
_LITTLE_BITS = 1.0  # less than a coin toss tells
_RIVALS = {
    "stranger": "an unrelated person",
    "household": "a member of the household",
    "twin": "a twin",
}


def in_words(found: Explanation) -> str:
    """Return the explanation as lines for a terminal."""
    people = "one person" if found.one_person else "two people"
    lines = [
        f"{people}: {_why(found)}",
        f"  {found.a.site}|{found.a.local_id}  person {found.a.person}",
        f"  {found.b.site}|{found.b.local_id}  person {found.b.person}",
        *(_act(said) for said in sorted(found.said, key=lambda said: -said.position)),
        *_evidence(found),
    ]
    return "\n".join(lines)


def _why(found: Explanation) -> str:
    # A steward outweighs a source; among equals the newest holds, as in `mpi.cluster`.
    ranked = sorted(found.said, key=lambda said: (said.origin != "steward", -said.position))
    for said in ranked:
        if not said.withdrawn and (said.kind in _JOINING) == found.one_person:
            return f"{said.kind} stated by {said.actor} ({said.origin}), act {said.position}"
    verdict = found.verdict
    if found.one_person:
        linked = verdict is not None and verdict.outcome == "link"
        return "by the evidence" if linked else "through other records that belong to both"
    if verdict is None:
        return "nothing says otherwise"
    return {
        "apart": "the evidence is not enough" if not verdict.gates else "by the evidence",
        "review": "the evidence leaves it open until somebody decides",
        "link": "the evidence would link them, but another record or statement keeps them apart",
    }[verdict.outcome]


def _act(said: SaidOf) -> str:
    undone = ", undone" if said.withdrawn else ""
    reason = f": {said.reason}" if said.reason else ""
    return f"act {said.position}: {said.kind} by {said.actor} ({said.origin}){undone}{reason}"


def _evidence(found: Explanation) -> Sequence[str]:
    verdict = found.verdict
    if verdict is None:
        return ["nothing to compare: one of them is known by its number only"]
    *fields, prior = verdict.fields
    rival = _RIVALS[prior.level]
    fields.sort(key=lambda field: -abs(field.bits))
    odds = f"{_odds(prior.bits)} for one person and against {rival}, the likeliest other case"
    return [
        f"evidence {verdict.bits:+.1f} bits, by itself: {verdict.outcome}",
        *(f"  {one.bits:+7.1f}  {one.field}: {one.words}{_remark(one, rival)}" for one in fields),
        f"  {prior.bits:+7.1f}  before looking: {odds}",
        *(f"  held back by {gate}: {WORDS[gate]}" for gate in verdict.gates),
    ]


def _remark(field: FieldEvidence, rival: str) -> str:
    """Explain a figure that its words alone would not lead one to expect."""
    differs = "different" in field.level
    if abs(field.bits) < _LITTLE_BITS:
        return f" (counts little: {'usual' if differs else 'also true'} of {rival})"
    if field.bits > 0 and differs:
        return f" (unusual of {rival})"
    if field.bits < 0 and not differs:
        return f" (more usual of {rival})"
    return ""


def _odds(bits: float) -> str:
    often = f"{2 ** abs(bits):,.0f}"
    return f"1 to {often}" if bits < 0 else f"{often} to 1"
