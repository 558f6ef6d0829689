"""How many messages a batch takes: as many as can be written while others wait their turn.

Pure. What counts is the time for which the lock is held at work. Waiting for the lock costs nobody
anything; a machine with more to do than cores is slow for everyone, and batches that shrank for
that would add to it. A large batch is cheap: what many messages touch is written to the disk once.
So it is large, and where somebody has been in a hurry of late it is written a piece at a time:
behind each it may end for them.
"""

from dataclasses import dataclass, replace

LOCK_GOAL_US = 60_000
"""Longest time a batch should work under the store's lock: others queue behind it."""
PIECE_GOAL_US = 12_000
"""Longest time until it looks whether somebody who goes first waits."""
LINGER = 1000
"""For so many batches somebody who was in a hurry is likely to come again."""
FEWEST = 8
"""A batch does not get smaller by itself: its fixed costs would outweigh what it frees."""
_NEWS = 0.5  # weight of the last batch in the mean


@dataclass(frozen=True, slots=True)
class Pace:
    """The size of the next batch, at most `most`, and what a message took of late."""

    size: int
    most: int
    each_us: float = 0.0  # under the lock; 0 when not known
    goal_us: int = LOCK_GOAL_US
    alert: int = 0  # batches for which somebody in a hurry is expected

    @property
    def piece(self) -> int:
        """Return how many messages are written before looking up, 0 for all of a batch."""
        if not self.alert:
            return 0
        return max(2, int(PIECE_GOAL_US / self.each_us)) if self.each_us else FEWEST

    def after(
        self, count: int, held_us: int, *, strain: float = 1.0, urged: bool = False
    ) -> "Pace":
        """Return the pace after a batch of `count` messages that worked that long.

        `strain`: how much longer everything takes than on a machine that is free. `urged`: somebody
        in a hurry waited for its end.
        """
        last = held_us / strain / count
        each = last if not self.each_us else self.each_us + _NEWS * (last - self.each_us)
        fitting = int(self.goal_us / each) if each else self.most
        grown = min(fitting, 2 * max(count, self.size))
        size = min(self.most, max(FEWEST, grown))
        alert = LINGER if urged else max(0, self.alert - 1)
        return replace(self, size=size, each_us=each, alert=alert)


def first_pace(most: int, goal_us: int = LOCK_GOAL_US) -> Pace:
    """Begin small: nothing is known yet."""
    return Pace(min(32, most), most, goal_us=goal_us)
