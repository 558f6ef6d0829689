"""A daemon is told to stop while every kind of channel is busy: soon, and without a loss."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.chaos.day import senders, wait_for
from tests.chaos.place import Daemon, wait_until
from tests.chaos.post import Reply
from tests.chaos.reckoning import reckon, settled
from tests.chaos.wire import Journal
from tests.end_to_end.test_csv import Inbox, extract, rows_of
from tests.end_to_end.test_feed import TOKEN, feed_of, patient, posted

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

STOP_S = 10.0  # what the supervisor gives its roles; what remains then is killed
ROWS, POSTS, MESSAGES = 1_200, 60, 150
NAME = "patients_20260915.csv"


def with_every_channel(folder: Path) -> Inbox:
    """Return the drop folder of a region that takes messages and FHIR as well."""
    inbox = Inbox(folder)
    secret = folder / "lakeside.token"
    secret.touch(mode=0o600)
    secret.write_text(TOKEN)
    region = yaml.safe_load(inbox.region.read_text("utf-8"))
    door = {"type": "fhir_rest", "site": "lakeside", "direction": "in"}
    region["channels"]["lakeside-fhir"] = door | {"token": {"file": "lakeside.token"}}
    inbox.region.write_text(yaml.safe_dump(region), "utf-8")
    return inbox


def test_a_stop_under_load_of_every_channel(
    tmp_path: Path, daemon_of: Callable[..., Daemon]
) -> None:
    inbox = with_every_channel(tmp_path)
    daemon, journal = daemon_of(inbox.region), Journal()
    daemon.start()
    daemon.wait_ready("api")
    replies: list[Reply] = []

    def post() -> None:
        feed = feed_of(daemon)
        replies.extend(posted(feed, number) for number in range(POSTS))

    posting = threading.Thread(target=post, daemon=True)
    posting.start()
    sending = senders(daemon, 61, MESSAGES, journal)
    inbox.put(NAME, extract(*((n, f"Family{n}", "") for n in range(ROWS))))
    wait_until((inbox.folder / "processing" / NAME).exists, "the claim")
    wait_until(lambda: len(journal.lines) > 10, "messages")
    began_s = time.monotonic()
    assert daemon.stop(60.0) == 0
    took_s = time.monotonic() - began_s
    before = len(journal.lines), len(replies)
    assert took_s < STOP_S + 2.0
    assert '"exit_code":-9' not in daemon.told(), "a role had to be killed"
    assert daemon.told().count('"role-stopped"') >= 4
    assert before != (MESSAGES, POSTS), "all was over before the stop"
    daemon.start()
    run = inbox.finished(NAME)
    wait_for(sending)
    posting.join(120)
    found = settled(inbox.region)
    reckoning = reckon(journal.lines, found)
    assert (reckoning.lost, reckoning.doubled) == ((), ())
    assert len(journal.lines) == MESSAGES
    assert [one.status for one in replies] == [202] * POSTS
    for number in range(POSTS):
        first, *again = found.of(json.dumps(patient(number)).encode())
        assert first.state == "written"
        assert {one.state for one in again} <= {"duplicate"}
    assert (run["rows"], run["submitted"], run["rejected"]) == (ROWS, ROWS, 0)
    states = rows_of(found, run)
    assert states.count("written") == ROWS
    assert set(states) <= {"written", "duplicate"}
    assert daemon.stop() == 0
