"""A bad network between a site and us: what was not answered is sent again, and counts once."""

import json
import time
from collections.abc import Iterator

import pytest

from tests.chaos.message import Person, control_id, mercy_adt
from tests.chaos.place import Daemon, wait_until
from tests.chaos.proxy import Proxy, Toxic
from tests.chaos.reckoning import read, settled
from tests.chaos.wire import END, START, Line

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PATIENCE_S = 5.0  # a sender's, before it takes an answer for lost


@pytest.fixture
def proxy(steady: Daemon) -> Iterator[Proxy]:
    with Proxy(lambda: steady.address("mercy-hl7")) as made:
        yield made


@pytest.fixture
def spoiled(proxy: Proxy) -> Iterator[Line]:
    line = Line(proxy.address, PATIENCE_S)
    yield line
    line.close()


def is_answered(line: Line, body: bytes) -> bool:
    """Send once on a connection of its own; say whether anything came back."""
    try:
        return line.exchange(body).code != ""
    except OSError:
        return False
    finally:
        line.close()


def events(daemon: Daemon, name: str, code: str) -> int:
    """Return how often the log names an event with a code, left out ones included."""
    lines = [json.loads(text) for text in daemon.told().splitlines() if f'"{name}"' in text]
    return sum(1 + int(one.get("omitted", 0)) for one in lines if one.get("code") == code)


def test_a_lost_answer_is_given_again_and_counts_once(
    steady: Daemon, proxy: Proxy, spoiled: Line
) -> None:
    people = [Person(f"9500000{n:02d}") for n in range(10)]
    bodies = [mercy_adt(person, control_id(), "A04") for person in people]
    for body in bodies:
        proxy.toxic, before = Toxic(keeps_answers=True), proxy.spoiled
        assert not is_answered(spoiled, body)
        assert proxy.spoiled == before + 1, "there was an answer, and it was lost"
        proxy.toxic = Toxic()
        answer = spoiled.exchange(body)
        spoiled.close()  # the next one begins anew
        assert (answer.code, answer.control_id) == ("AA", body.split(b"|")[9].decode())
    found = settled(steady.region)
    for body in bodies:
        first, again = found.of(body)
        assert (first.state, again.state, again.of) == ("written", "duplicate", first.position)
        assert (first.changed > 0, again.changed) == (True, 0)


def test_a_frame_cut_anywhere_is_never_taken(steady: Daemon, proxy: Proxy, spoiled: Line) -> None:
    body = mercy_adt(Person("950000100"), control_id())
    whole = len(START + body + END)
    before = len(read(steady.region).entries)
    cuts = [1, 2, 40, whole // 2, whole - len(END), whole - 1]
    for cut in cuts:
        proxy.toxic = Toxic(cuts_after=cut)
        assert not is_answered(spoiled, body)
    wait_until(lambda: proxy.spoiled == len(cuts), "the cuts")
    time.sleep(0.3)  # whatever were taken would be in the journal by now
    taken = read(steady.region).entries[before:]
    assert [entry.envelope.body for entry in taken] in ([], [body])  # FS may end it, without CR
    proxy.toxic = Toxic()
    assert spoiled.exchange(body).code == "AA"
    states = [account.state for account in settled(steady.region).of(body)]
    assert states[0] == "written"
    assert set(states[1:]) <= {"duplicate"}
    wait_until(lambda: events(steady, "partial-dropped", "connection-lost") > 0, "a log line")


def test_a_line_that_flaps_is_told_and_does_not_flood_the_log(
    steady: Daemon, proxy: Proxy, spoiled: Line
) -> None:
    person = Person("950000200")
    for number in range(200):
        proxy.toxic = Toxic(cuts_after=60)
        assert not is_answered(spoiled, mercy_adt(person, f"FLAP{number}"))
    lines = [text for text in steady.told().splitlines() if '"connection-lost"' in text]
    assert 0 < len(lines) <= 3 * 20  # a burst a minute, of three minutes at most
    proxy.toxic = Toxic()
    body = mercy_adt(person, control_id())
    assert spoiled.exchange(body).code == "AA"
    assert [one.state for one in settled(steady.region).of(body)] == ["written"]
