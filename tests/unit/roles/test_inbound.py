"""Channels run in a group, and what ends a group is a group: the fault in it is what people see."""

from engine.core.fault import Category, FaultError, refuse
from engine.roles.inbound import first_fault


def test_the_first_fault_is_found_at_any_depth() -> None:
    fault = refuse(Category.BUSY, "deep", "a fault")
    flat: BaseExceptionGroup[FaultError] = BaseExceptionGroup("", [fault])
    assert first_fault(flat) is fault
    assert first_fault(BaseExceptionGroup("", [flat])) is fault
