"""The registry of channels is a value."""

import pytest

from channels.mllp.inbound import SPEC
from channels.mllp.settings import MllpIn
from engine.plugin.spec import Registry


def test_adding_makes_a_new_registry() -> None:
    empty = Registry()
    full = empty.with_spec(SPEC)
    assert (empty.names(), full.names()) == ((), ("mllp",))
    assert full.get("mllp", "in") is SPEC
    assert full.get("mllp", "out") is None


def test_a_name_is_taken_once() -> None:
    with pytest.raises(ValueError, match="mllp"):
        Registry().with_spec(SPEC).with_spec(SPEC)


def test_ports_of_a_listener() -> None:
    assert SPEC.ports(MllpIn(port=2575)) == [2575]
    assert SPEC.ports(MllpIn(port=0)) == []
