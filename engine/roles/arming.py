"""Lets a test choose where a role process dies. Nothing else reads this variable.

`CONCORD_FAILPOINT=name:n` makes the process end as by SIGKILL at its nth pass of the failpoint
`name` (`engine.core.failpoint`). A process that is started again counts anew.
"""

import os
import signal
from collections.abc import Callable, Mapping
from itertools import count

from engine.core.failpoint import arm
from engine.core.fault import Category, refuse

VARIABLE = "CONCORD_FAILPOINT"


def arm_as_told(environment: Mapping[str, str]) -> None:
    """Arm what the environment asks for, if anything. FaultError `failpoint-unreadable`."""
    wanted = environment.get(VARIABLE)
    if not wanted:
        return
    name, _, number = wanted.partition(":")
    if not name or not number.isdecimal() or int(number) < 1:
        message = "a failpoint is written as name:n, n being 1 or more"
        raise refuse(Category.INVALID, "failpoint-unreadable", message, VARIABLE)
    arm(name, _death_after(int(number)))


def _death_after(passes: int) -> Callable[[], None]:
    numbers = count(1)

    def act() -> None:
        if next(numbers) == passes:
            os.kill(os.getpid(), signal.SIGKILL)

    return act
