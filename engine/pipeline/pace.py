"""How many messages a batch takes: as many as can be written while others wait their turn.

Pure. What counts is the time for which the lock is held at work. Waiting for the lock costs nobody
anything, and the fsync at the end is the same for one message and for a hundred; a machine with
more to do than cores is slow for everyone. Batches that shrank for that would add to it.
"""

from dataclasses import dataclass, replace

LOCK_GOAL_US = 25_000
"""Longest time a batch should work under the store's lock: others queue behind it."""
FEWEST = 8
"""A batch does not get smaller by itself: its fixed costs would outweigh what it frees."""
_NEWS = 0.5  # weight of the last batch in the mean


@dataclass(frozen=True, slots=True)
class Pace:
    """The size of the next batch, at most `most`, and what a message took of late."""

    size: int
    most: int
    each_us: float = 0.0  # under the lock; 0 when not known

    def after(self, count: int, held_us: int, strain: float = 1.0) -> "Pace":
        """Return the pace after a batch of `count` messages that worked that long.

        `strain`: how much longer everything takes than on a machine that is free.
        """
        last = held_us / strain / count
        each = last if not self.each_us else self.each_us + _NEWS * (last - self.each_us)
        fitting = int(LOCK_GOAL_US / each) if each else self.most
        grown = min(fitting, 2 * max(count, self.size))
        return replace(self, size=min(self.most, max(FEWEST, grown)), each_us=each)


def first_pace(most: int) -> Pace:
    """Begin small: nothing is known yet."""
    return Pace(min(32, most), most)
