"""A message that ends the process that works on it is put aside; those beside it are written."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.message import Person, control_id, mercy_adt
from tests.chaos.place import Daemon, write_region
from tests.chaos.reckoning import reckon, settled
from tests.chaos.wire import Journal, Line

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def merge(person: Person, gone: str) -> bytes:
    """Write an A40; with the failpoint inside a merge armed, no worker survives it."""
    body = mercy_adt(person, control_id(), "A40").replace(b"ADT^A40^ADT_A01", b"ADT^A40^ADT_A39")
    return body + f"MRG|{gone}^^^EPI^EPI\r".encode()


def test_what_ends_the_process_thrice_is_quarantined(
    tmp_path: Path, daemon_of: Callable[..., Daemon]
) -> None:
    region = write_region(tmp_path, {"storage": {"partitions": 2}})
    daemon = daemon_of(region, {"CONCORD_FAILPOINT": "inside-merge:1"})
    journal, line = Journal(), Line(lambda: daemon.address("mercy-hl7"))
    daemon.start()
    before = [mercy_adt(Person(f"95000{n:04d}"), control_id()) for n in range(5)]
    poison = merge(Person("950000001"), "950000002")
    after = [mercy_adt(Person(f"95001{n:04d}"), control_id()) for n in range(15)]
    for body in (*before, poison, *after):
        assert journal.send("mercy", line, body).code == "AA"
    line.close()
    found = settled(region)
    daemon.wait_ready()
    (account,) = found.of(poison)
    assert (account.state, account.category) == ("quarantined", "bug")
    assert account.code == "killed-the-process"
    assert {found.of(body)[0].state for body in before + after} == {"written"}
    reckoning = reckon(journal.lines, found)
    assert (reckoning.lost, reckoning.doubled, reckoning.strangers) == ((), (), 0)
    told = daemon.told().splitlines()
    assert any('"message-quarantined"' in one and account.code in one for one in told)
    assert sum('"role-crashed"' in one for one in told) >= 3
    assert daemon.stop() == 0
