from collections.abc import Iterator

import pytest

from engine.core.failpoint import arm, disarm, failpoint


@pytest.fixture(autouse=True)
def unarmed() -> Iterator[None]:
    yield
    disarm()


def test_an_armed_point_acts_each_time_and_others_do_not() -> None:
    passed: list[str] = []
    arm("before-ack", lambda: passed.append("before-ack"))
    for name in ("before-ack", "after-commit", "before-ack"):
        failpoint(name)
    assert passed == ["before-ack", "before-ack"]


def test_what_a_point_raises_reaches_the_step() -> None:
    def fail() -> None:
        raise OSError(28, "no space left")

    arm("before-commit", fail)
    with pytest.raises(OSError, match="no space"):
        failpoint("before-commit")


def test_disarmed_points_do_nothing() -> None:
    arm("after-receive", lambda: pytest.fail("it was disarmed"))
    disarm()
    failpoint("after-receive")
    passed: list[int] = []
    arm("after-receive", lambda: passed.append(1))
    failpoint("after-receive")
    assert passed == [1]
