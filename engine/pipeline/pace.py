"""How many messages a batch takes: as many as can be written while others wait their turn.

Pure. What counts is the time for which the lock is held at work. Waiting for the lock costs nobody
anything; a machine with more to do than cores is slow for everyone, and batches that shrank for
that would add to it. A large batch is cheap: what many messages touch is written to the disk once.
So it is large, and written a piece at a time: behind each it may end for somebody in a hurry.
"""

from dataclasses import dataclass, replace

LOCK_GOAL_US = 60_000
"""Longest time a batch should work under the store's lock: others queue behind it."""
PIECE_GOAL_US = 12_000
"""Longest time until it looks whether somebody who goes first waits."""
FEWEST = 8
"""A batch does not get smaller by itself: its fixed costs would outweigh what it frees."""
_NEWS = 0.5  # weight of the last batch in the mean


@dataclass(frozen=True, slots=True)
class Pace:
    """The size of the next batch, at most `most`, and what a message took of late."""

    size: int
    most: int
    each_us: float = 0.0  # under the lock; 0 when not known

    @property
    def piece(self) -> int:
        """Return how many messages are written before looking up."""
        return max(2, int(PIECE_GOAL_US / self.each_us)) if self.each_us else FEWEST

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
