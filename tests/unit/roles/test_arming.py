"""What the variable may say; what happens at the point is shown with real processes."""

import pytest

from engine.core.fault import FaultError
from engine.roles.arming import arm_as_told


def test_nothing_is_armed_unless_told() -> None:
    arm_as_told({})
    arm_as_told({"CONCORD_FAILPOINT": ""})


@pytest.mark.parametrize("wanted", ["before-commit", "before-commit:0", "x:1:sleep", ":1", "x:-1"])
def test_what_cannot_be_read_is_refused(wanted: str) -> None:
    with pytest.raises(FaultError, match="failpoint-unreadable"):
        arm_as_told({"CONCORD_FAILPOINT": wanted})
