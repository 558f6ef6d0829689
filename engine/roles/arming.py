"""Lets a test choose where a role process dies or falls asleep. Nothing else reads this variable.

`CONCORD_FAILPOINT=name:n` makes the process end as by SIGKILL at its nth pass of the failpoint
`name` (`engine.core.failpoint`), `name:n:stop` makes it sleep there until it gets SIGCONT. A
process that is started again counts anew.
"""

import os
import re
import signal
from collections.abc import Callable, Mapping
from itertools import count

from engine.core.failpoint import arm
from engine.core.fault import Category, refuse

VARIABLE = "CONCORD_FAILPOINT"
_WANTED = re.compile(r"([a-z-]+):([1-9][0-9]*)(:stop)?")


def arm_as_told(environment: Mapping[str, str]) -> None:
    """Arm what the environment asks for, if anything. FaultError `failpoint-unreadable`."""
    wanted = environment.get(VARIABLE)
    if not wanted:
        return
    found = _WANTED.fullmatch(wanted)
    if found is None:
        message = "a failpoint is written as name:n or name:n:stop, n being 1 or more"
        raise refuse(Category.INVALID, "failpoint-unreadable", message, VARIABLE)
    name, passes, stop = found.groups()
    arm(name, _signal_after(int(passes), signal.SIGSTOP if stop else signal.SIGKILL))


def _signal_after(passes: int, number: signal.Signals) -> Callable[[], None]:
    numbers = count(1)

    def act() -> None:
        if next(numbers) == passes:
            os.kill(os.getpid(), number)

    return act
