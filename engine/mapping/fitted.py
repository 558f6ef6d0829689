"""The rules of a resource for one combination of fields that are there, beside their memories.

Most rules of a message gave their value before: the memories are asked first, by fields that lie
one after the other, and only what they do not know is run.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from engine.mapping.footprint import picker
from engine.mapping.objects import Step
from engine.mapping.recall import Asked, Recall
from engine.mapping.scope import WIDTH, Scope
from engine.mapping.shelf import Made, Shelf

Shape = tuple[bytes, ...]  # which fields are there, by slot
Pick = Callable[[list[str]], Hashable]
# A step with the name of what is a plain value; its memory, the row of the key, what picks it.
Asking = tuple[Step, str, Shelf, int, Pick, Asked]
_JOINED = -1  # where the joined rows stand behind the rows


@dataclass(frozen=True, slots=True)
class Fitted:
    """The steps of a map for one combination of fields that are there."""

    slots: tuple[int, ...]  # whose fields are keys of rules that read several segments
    steps: "tuple[Asking, ...]"

    def rows(self, scope: Scope) -> list[list[str]]:
        """Return the rows of the slots, and behind them one of several slots' fields."""
        rows = scope.rows
        joined: list[str] = []
        for slot in self.slots:
            row = rows[slot]
            joined += row if len(row) == WIDTH else row[:WIDTH]
        return [*rows, joined]


_RESTING = Shelf()
_RESTING.rest = 1  # never asked: stands beside steps without a memory


def fitted(steps: list[Step], shape: Shape) -> Fitted:
    """Prepare to ask the memories of steps by fields that lie one after the other."""
    recalls = [step.recall for step in steps if step.recall]
    several = {slot for recall in recalls if not _single(recall) for slot, _ in recall.reads}
    slots = tuple(sorted(several))
    places = {slot: index * WIDTH for index, slot in enumerate(slots)}
    return Fitted(slots, tuple(_asking(step, shape, places) for step in steps))


def _asking(step: Step, shape: Shape, places: dict[int, int]) -> Asking:
    name = "" if step.parted or step.chosen else step.name
    recall = step.recall
    if recall is None or any(shape[slot] for slot in recall.lists):
        return step, name, _RESTING, _JOINED, _unread, _unasked
    if _single(recall):
        at = recall.reads[0][0]
        return step, name, recall.shelf, at, picker(recall.reads, {at: 0}), recall.asked
    return step, name, recall.shelf, _JOINED, picker(recall.reads, places), recall.asked


def _single(recall: Recall) -> bool:
    """Whether all that is read stands in one segment."""
    return len({slot for slot, _ in recall.reads}) == 1


def _unasked(scope: Scope, key: Hashable, made: Made | None) -> None:
    """Stand beside what is never asked."""


def _unread(_: list[str]) -> Hashable:
    return ""
