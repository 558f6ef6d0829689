"""What fetching channels remember, on every engine: all of it or none, one host at a time."""

from collections.abc import Callable

import pytest

from engine.core.fault import FaultError
from engine.core.values import Entry, Envelope, Mapped
from engine.database.protocol import Database
from engine.pipeline import recollection
from engine.pipeline.asks import note_asks
from engine.pipeline.prepare import Prepared
from engine.pipeline.recollection import LEASE_US, Recollection
from engine.plugin.recall import Ask, Deed, Held

WHOSE = ("lakeside-pull", "lakeside")
LONG = "Patient/" + "x" * 256


class Ticks:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now_us = 1

    def __call__(self) -> int:
        self.now_us += 1
        return self.now_us


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> Ticks:
    made = Ticks()
    monkeypatch.setattr(recollection, "ticks_us", made)
    return made


@pytest.fixture
def store(new_store: Callable[[], Database]) -> Database:
    return new_store()


@pytest.fixture
def memory(store: Database, ticks: Ticks) -> Recollection:
    made = Recollection(lambda: store, WHOSE, "one")
    assert made.take_turn()
    return made


def event(position: int, *names: str, site: str = "lakeside") -> Prepared:
    envelope = Envelope("lakeside-fhir", site, "", b"", 0)
    return Prepared(Entry(position, 0, envelope), Mapped("", "fhir:Event", 0, "p", named=names))


def named(store: Database, *events: Prepared) -> None:
    with store.write() as tx:
        note_asks(tx, events)


def test_it_comes_back_as_it_was_kept(memory: Recollection) -> None:
    held = Held(LONG, "d" * 32, "unknown-resource", "Patient 1", 1_800_000_000_000_000)
    memory.keep(Deed(notes={"Patient 1": "{}"}, held=[held, Held("Patient/2", "e")]))
    assert memory.notes() == {"Patient 1": "{}"}
    assert memory.held([LONG, "Patient/2", "Patient/3"]) == {
        LONG: held,
        "Patient/2": Held("Patient/2", "e"),
    }
    memory.keep(Deed(notes={"Patient 1": "later"}, held=[Held("Patient/2", "f")]))
    assert memory.notes() == {"Patient 1": "later"}
    assert memory.held(["Patient/2"])["Patient/2"].digest == "f"
    assert memory.held([]) == {}


def test_channels_do_not_see_each_other(store: Database, memory: Recollection) -> None:
    memory.keep(Deed(notes={"a": "1"}, held=[Held("Patient/2", "e")]))
    other = Recollection(lambda: store, ("mercy-pull", "mercy"), "one")
    assert other.take_turn()
    assert (other.notes(), other.held(["Patient/2"])) == ({}, {})
    named(store, event(1, "Patient/1"))
    assert (other.asks(9, 0), other.waiting()) == ([], 0)


def test_named_once_however_often(store: Database, memory: Recollection) -> None:
    named(store, event(4, "Patient/1", "Patient/2"), event(5, "Patient/1"), event(6))
    assert memory.waiting() == 2
    assert memory.asks(9, 0) == [Ask("Patient/2", 4), Ask("Patient/1", 5)]
    assert memory.asks(1, 0) == [Ask("Patient/2", 4)]


def test_a_newer_event_is_not_settled_by_an_older_answer(
    store: Database, memory: Recollection
) -> None:
    named(store, event(4, "Patient/1"))
    (before,) = memory.asks(9, 0)
    named(store, event(7, "Patient/1"))
    memory.keep(Deed(settled=[before]))
    (again,) = memory.asks(9, 0)
    assert again == Ask("Patient/1", 7)
    memory.keep(Deed(settled=[again]))
    assert memory.waiting() == 0


def test_later_is_later(store: Database, memory: Recollection) -> None:
    named(store, event(4, "Patient/1"))
    (ask,) = memory.asks(9, 0)
    memory.keep(Deed(later=[(ask, 1000)]))
    assert (memory.asks(9, 999), memory.waiting()) == ([], 1)
    assert memory.asks(9, 1000) == [Ask("Patient/1", 4, tries=1)]
    named(store, event(8, "Patient/1"))
    assert memory.asks(9, 0) == [Ask("Patient/1", 8)], "a new event asks at once"


def test_what_a_comparison_did_not_see_is_forgotten(memory: Recollection) -> None:
    rows = [Held(f"Patient/{n}", "d", search="Patient 1", sweep_us=n) for n in range(4)]
    memory.keep(Deed(held=[*rows, Held("Observation/1", "d", search="Observation 1")]))
    assert memory.forget_unseen("Patient 1", 2) == 2
    assert memory.forget_unseen("Patient 1", 2) == 0
    left = memory.held([*(one.name for one in rows), "Observation/1"])
    assert set(left) == {"Patient/2", "Patient/3", "Observation/1"}


def test_one_host_at_a_time(store: Database, memory: Recollection, ticks: Ticks) -> None:
    other = Recollection(lambda: store, WHOSE, "two")
    for _ in range(6):
        ticks.now_us += LEASE_US // 4
        assert not other.take_turn(), "the first shows that it lives"
        assert memory.take_turn()
    assert not other.take_turn()
    for _ in range(6):
        ticks.now_us += LEASE_US // 4
        if other.take_turn():
            break
    else:
        pytest.fail("the silent one was never overtaken")
    with pytest.raises(FaultError) as caught:
        memory.keep(Deed(notes={"Patient 1": "late"}, held=[Held("Patient/1", "d")]))
    assert caught.value.fault.code == "fenced-off"
    assert (other.notes(), other.held(["Patient/1"])) == ({}, {}), "nothing of it was kept"
    with pytest.raises(FaultError):
        memory.forget_unseen("Patient 1", 9)
    assert not memory.take_turn()


def test_who_is_alone_waits_for_nobody(store: Database, memory: Recollection) -> None:
    after_a_crash = Recollection(lambda: store, WHOSE, "two", alone=True)
    assert after_a_crash.take_turn()
    after_a_crash.keep(Deed(notes={"a": "1"}))


def test_a_turn_given_back_is_free(store: Database, memory: Recollection) -> None:
    other = Recollection(lambda: store, WHOSE, "two")
    assert not other.take_turn()
    with store.write() as tx:
        memory.give_back(tx)
    assert other.take_turn()
