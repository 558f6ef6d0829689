"""Who may connect, and how many: without a socket."""

from dataclasses import dataclass, field

import pytest

from channels.mllp.lobby import Lobby
from channels.mllp.settings import MllpIn
from engine.plugin.event import ChannelEvent
from engine.plugin.memory import MemoryIntake, surroundings


@dataclass(eq=False)
class Visitor:
    peer: str
    held_bytes: int = 0
    deeds: list[str] = field(default_factory=list)

    def tick(self, now: float) -> None:
        self.deeds.append("tick")

    def pump(self) -> None:
        self.deeds.append("pump")

    def finish(self) -> None:
        self.deeds.append("finish")

    def drop(self, code: str) -> None:
        self.deeds.append(code)


def lobby(intake: MemoryIntake | None = None, **settings: object) -> Lobby:
    limits = MllpIn.model_validate({"port": 0, **settings})
    events: list[ChannelEvent] = []
    return Lobby(limits, surroundings(events=events), intake or MemoryIntake())


@pytest.mark.parametrize(
    ("peer", "welcome"),
    [
        ("10.20.3.4", True),
        ("::ffff:10.20.3.4", True),
        ("10.21.3.4", False),
        ("fd00::5", True),
        ("fe80::1%eth0", False),
        ("::1", False),
    ],
)
def test_only_listed_networks(peer: str, welcome: bool) -> None:
    assert lobby(allow=["10.20.0.0/16", "fd00::/8"]).enter(Visitor(peer)) is welcome


def test_places_are_free_again_after_leaving() -> None:
    hall = lobby(max_connections=2, max_connections_per_peer=1)
    one, two = Visitor("10.0.0.1"), Visitor("10.0.0.2")
    assert hall.enter(one)
    assert not hall.enter(Visitor("10.0.0.1"))
    assert hall.enter(two)
    assert not hall.enter(Visitor("10.0.0.3"))
    hall.leave(one)
    hall.leave(one)
    assert hall.enter(Visitor("10.0.0.1"))
    tally = hall.surroundings.tally
    assert (tally.connections, tally.connections_total, tally.connections_refused) == (2, 3, 2)


def test_who_holds_most_has_to_go() -> None:
    hall = lobby(max_held_bytes=2000)
    small, large = Visitor("10.0.0.1"), Visitor("10.0.0.2")
    hall.enter(small)
    hall.enter(large)
    hall.hold(large, 1500)
    hall.hold(small, 400)
    assert large.deeds == []
    hall.hold(small, 600)
    assert (large.deeds, small.deeds) == (["too-many-bytes-held"], [])
    hall.leave(large)
    hall.hold(small, 1900)
    assert small.deeds == []


def test_all_who_wait_are_woken_once_in_the_order_of_arrival() -> None:
    intake = MemoryIntake(is_full=True)
    hall = lobby(intake)
    order: list[str] = []
    one, two, gone = Visitor("a", deeds=order), Visitor("b", deeds=order), Visitor("c")
    for visitor in (one, gone, two, one):
        hall.enter(visitor)
        hall.wait_for_room(visitor)
    hall.leave(gone)
    intake.make_room()
    intake.make_room()
    assert order == ["pump", "pump"]
    assert gone.deeds == []
