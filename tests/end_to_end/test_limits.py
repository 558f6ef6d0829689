"""Processes that get no more memory, or no more descriptors, and files larger than either."""

import shutil
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.chaos.day import senders, wait_for
from tests.chaos.memory import no_more_memory, peak_kib
from tests.chaos.message import Person, control_id, mercy_adt
from tests.chaos.place import Daemon, wait_until
from tests.chaos.reckoning import assert_all_there, reckon, settled
from tests.chaos.wire import Journal, Line
from tests.end_to_end.test_csv import COLUMNS, ROW, Inbox
from tests.end_to_end.test_feed import FEED, feed_of, patient, with_feed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

DESCRIPTORS = 96
MIB = 1024 * 1024


def test_a_worker_without_memory_is_replaced_and_nothing_is_lost(
    region: Path, daemon_of: Callable[..., Daemon]
) -> None:
    daemon, journal = daemon_of(region), Journal()
    daemon.start()
    before = daemon.pid("worker-1")
    with no_more_memory(before, MIB):
        sending = senders(daemon, 41, 120, journal)

        def is_replaced() -> bool:
            notice = daemon.notices().get("worker-1")
            return notice is not None and notice.pid != before

        wait_until(is_replaced, "another worker")
        wait_for(sending)
    assert_all_there(journal.lines, region)
    crashes = [text for text in daemon.told().splitlines() if '"role-crashed"' in text]
    assert any('"role":"worker-1"' in text and '"exit_code":-9' in text for text in crashes)
    assert daemon.stop() == 0


def test_connected_senders_go_on_without_descriptors(
    tmp_path: Path, daemon_of: Callable[..., Daemon]
) -> None:
    """More connections than descriptors, to a channel and to the endpoint at once."""
    if shutil.which("prlimit") is None:
        pytest.skip("limiting descriptors needs prlimit")
    region = with_feed(tmp_path)
    daemon = daemon_of(region, prefix=("prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}"))
    daemon.start()
    daemon.wait_ready("api")
    journal, person = Journal(), Person("960000001")
    lines = [Line(lambda: daemon.address("mercy-hl7")) for _ in range(5)]
    pids = {name: notice.pid for name, notice in daemon.notices().items()}
    for line in lines:
        journal.send("mercy", line, mercy_adt(person, control_id()))
    with ExitStack() as stack:
        for channel in ("mercy-hl7", "api"):
            address = daemon.address(channel) or ("", 0)
            for _ in range(2 * DESCRIPTORS):
                with suppress(OSError):
                    idle = socket.create_connection(address, timeout=10)
                    stack.enter_context(idle)
        for line in lines * 3:
            journal.send("mercy", line, mercy_adt(person, control_id()))
        reply = feed_of(daemon).until_answered("POST", f"{FEED}/Patient", patient(7_000))
        assert reply.status == 202
        named = ('"peer-dropped"', '"stray-record"', '"channel-failed"')
        wait_until(lambda: any(one in daemon.told() for one in named), "a line in the log", 20.0)
        assert '"client-cut-off"' in daemon.told()
    late = Line(lambda: daemon.address("mercy-hl7"))
    journal.send("mercy", late, mercy_adt(person, control_id()))
    for line in (*lines, late):
        line.close()
    assert {one.answer.code for one in journal.lines} == {"AA"}
    assert {one.tries for one in journal.lines[:-1]} == {1}, "a connected sender was cut off"
    assert {name: notice.pid for name, notice in daemon.notices().items()} == pids
    reckoning = reckon(journal.lines, settled(region))
    assert (reckoning.lost, reckoning.doubled, reckoning.strangers) == ((), (), 1)
    assert daemon.stop() == 0


def test_a_larger_file_takes_no_more_memory(
    tmp_path: Path, daemon_of: Callable[..., Daemon]
) -> None:
    """60 MB in long rows, after 20 MB: they must not pile up on their way to the disk."""
    inbox, most_kib = Inbox(tmp_path), 20 * 1024
    daemon = daemon_of(inbox.region)
    daemon.start()
    peaks_kib = []
    for rows in (200, 600):
        name = f"patients_{rows}.csv"
        path = inbox.folder / f".{name}"
        filler = ",".join(["x" * 20_000] * 5)
        with path.open("w") as out:
            out.write(f"{COLUMNS},N1,N2,N3,N4,N5\n")
            for n in range(1_000, 1_000 + rows):
                out.write(f"{ROW.format(n=n, family=f'Family{n}', at='')},{filler}\n")
        assert path.stat().st_size > rows * 100_000
        path.rename(inbox.folder / name)
        run = inbox.finished(name)
        assert (run["rows"], run["submitted"], run["rejected"]) == (rows, rows, 0)
        peaks_kib.append(peak_kib(daemon.pid("intake")))
    assert peaks_kib[1] - peaks_kib[0] < most_kib
    assert len(settled(inbox.region).accounts) == 800
    assert '"file-finished"' in daemon.told()
    assert daemon.stop() == 0
