"""The rules of a resource for one combination of fields that are there, beside their memories.

Most rules of a message gave their value before: the memories are asked first, by fields that lie
one after the other, and only what they do not know is run.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from engine.mapping.objects import Step
from engine.mapping.recall import Shelf, picker
from engine.mapping.scope import WIDTH, Scope

Pick = Callable[[list[str]], Hashable]


@dataclass(frozen=True, slots=True)
class Fitted:
    """The steps of a map for one combination of fields that are there."""

    slots: tuple[int, ...]  # whose fields are the keys of the steps' memories
    steps: tuple[tuple[Step, str, Shelf, Pick], ...]  # with the name of what is a plain value

    def fields(self, scope: Scope) -> list[str]:
        """Return the fields of the slots one after the other; none when a row is too wide."""
        rows = scope.rows
        fields: list[str] = []
        for slot in self.slots:
            fields += rows[slot]
        return fields if len(fields) == len(self.slots) * WIDTH else []


_RESTING = Shelf()
_RESTING.rest = 1  # never asked: stands beside steps without a memory


def fitted(steps: list[Step]) -> Fitted:
    """Prepare to ask the memories of steps by fields that lie one after the other."""
    recalls = [step.recall for step in steps if step.recall]
    slots = tuple(sorted({slot for recall in recalls for slot, _ in recall.reads}))
    places = {slot: index * WIDTH for index, slot in enumerate(slots)}
    found = []
    for step in steps:
        name = "" if step.parted or step.chosen else step.name
        if step.recall:
            pick = picker(step.recall.reads, places)
            found.append((step, name, step.recall.shelf, pick))
        else:
            found.append((step, name, _RESTING, _unread))
    return Fitted(slots, tuple(found))


def _unread(_: list[str]) -> Hashable:
    return ""
