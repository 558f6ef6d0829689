"""CSV files into a running daemon: every row accounted for, through crashes and repetitions."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.message import Person, control_id, hilltop_adt
from tests.chaos.place import Daemon, wait_until, write_region
from tests.chaos.reckoning import Found, settled
from tests.chaos.wire import Line

COLUMNS = (
    "Patient Acct No,Patient Last Name,Patient First Name,Patient DOB,Patient Gender,"
    "Address Line 1,City,State,Zip,Home Phone,Patient Status,Modified On"
)
ROW = "{n},{family},Ottoline,05/04/1962,Female,1 Mill Lane,Alder Fork,WI,53099,,Active,{at}"


def extract(*rows: tuple[int, str, str]) -> str:
    """Write a file of (account, family name, modified on)."""
    lines = [ROW.format(n=n, family=family, at=at) for n, family, at in rows]
    return "\n".join([COLUMNS, *lines, ""])


class Inbox:
    """A site's drop folder on a region of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "inbox"
        self.folder.mkdir()
        channel: dict[str, str] = {"type": "csv_sftp", "site": "hilltop", "direction": "in"}
        channel |= {"folder": str(self.folder), "every": "50ms"}
        self.region = write_region(folder)
        text = self.region.read_text()
        self.region.write_text(
            text.replace("channels:\n", f"channels:\n  hilltop-csv: {json.dumps(channel)}\n")
        )

    def put(self, name: str, data: str | bytes, when_s: int = 1_790_000_000) -> None:
        path = self.folder / f".{name}"
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        os.utime(path, (when_s, when_s))
        path.rename(self.folder / name)

    def finished(self, name: str, folder: str = "done") -> dict[str, Any]:
        places = [self.folder / end / name for end in ("done", "failed")]
        wait_until(lambda: any(place.exists() for place in places), f"the end of {name}")
        path = self.folder / folder / name
        assert path.exists(), Path(f"{places[1]}.run.json").read_text()
        found: dict[str, Any] = json.loads(Path(f"{path}.run.json").read_text())
        return found

    def play(self, name: str, data: str | bytes, when_s: int = 1_790_000_000) -> dict[str, Any]:
        self.put(name, data, when_s)
        return self.finished(name)

    def family(self, account: str) -> str:
        """Return the family name of a source record."""
        found = settled(self.region)
        _, body = found.resources[found.records["hilltop", account]]
        return str(body["name"][0]["family"])


@pytest.fixture(scope="module")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inbox]:
    """One region for the tests that do it no harm; each speaks of patients of its own."""
    made = Inbox(tmp_path_factory.mktemp("csv"))
    daemon = Daemon(made.region)
    try:
        daemon.start()
        yield made
    finally:
        daemon.end()


def rows_of(found: Found, run: dict[str, Any]) -> list[str]:
    """Return the states of all rows of a file, in the order of their entries."""
    file = f"{run['sha256'][:16]}:"
    entries = [e for e in found.entries if e.envelope.control_id.startswith(file)]
    return [found.accounts[entry.position].state for entry in entries]


def test_the_same_file_twice_changes_nothing(inbox: Inbox) -> None:
    text = extract((101, "Vale", ""), (102, "Moss", ""))
    run = inbox.play("patients_20260915.csv", text)
    before = settled(inbox.region)
    assert rows_of(before, run) == ["written", "written"]
    again = inbox.play("again_patients_20260915.csv", text)
    assert again["same_as"] == "patients_20260915.csv"
    after = settled(inbox.region)
    assert rows_of(after, run) == ["written", "written", "duplicate", "duplicate"]
    assert after.resources == before.resources


def test_a_row_that_goes_a_b_a_ends_at_a(inbox: Inbox) -> None:
    for day, name in enumerate(("Vale", "Moss", "Vale")):
        text = extract((201, name, ""))
        run = inbox.play(f"patients_{day}.csv", text, 1_790_000_000 + day * 86_400)
        assert inbox.family("201") == name
    assert rows_of(settled(inbox.region), run) == ["written", "written"]  # the first and the third


def test_an_older_row_never_overwrites_a_newer_message(inbox: Inbox) -> None:
    daemon = Daemon(inbox.region)
    line = Line(lambda: daemon.address("hilltop-hl7"))
    said = hilltop_adt(Person("77001", family="NEWER"), control_id(), at="20260914083000")
    assert line.exchange(said).code == "AA"
    line.close()
    assert inbox.family("77001") == "NEWER"
    old = extract((77001, "Older", "09/13/2026 11:00:00 PM"))
    inbox.play("patients_20260920.csv", old)  # an extract made later, of what was changed before
    assert inbox.family("77001") == "NEWER"
    inbox.play("patients_20260913.csv", extract((77001, "Oldest", "")))
    assert inbox.family("77001") == "NEWER"
    inbox.play("patients_20260921.csv", extract((77001, "Newest", "09/14/2026 08:31:00 AM")))
    assert inbox.family("77001") == "Newest"


def test_a_deletion_withdraws_the_record_and_nothing_else(inbox: Inbox) -> None:
    inbox.play("patients_20260916.csv", extract((301, "Vale", ""), (302, "Moss", "")))
    inbox.play("patients_20260917_delete.csv", "Patient Acct No\n301\n")
    found = settled(inbox.region)
    bodies = {n: found.resources[found.records["hilltop", n]][1] for n in ("301", "302")}
    assert (bodies["301"]["active"], bodies["302"]["active"]) == (False, True)
    assert bodies["301"]["name"][0]["family"] == "Vale"


def test_rejected_rows_are_told_to_the_sender_and_to_nobody_else(inbox: Inbox) -> None:
    text = extract((401, "Vale", ""), (402, "Moss", "2026-09-14"))
    inbox.put("patients_20260918.csv", text)
    run = inbox.finished("patients_20260918.csv", "failed")
    assert (run["submitted"], run["rejected"]) == (1, 1)
    log = inbox.region.parent / "daemon.log"
    wait_until(lambda: "rows-rejected" in log.read_text(), "the line in the log")
    assert "Moss" not in log.read_text()
    assert "Moss" in (inbox.folder / "failed/patients_20260918.csv.rejected.csv").read_text()


def test_the_sites_own_extract_holds_the_truth(inbox: Inbox) -> None:
    shelf = os.environ.get("CONCORD_TESTDATA", "")
    source = Path(shelf, "sites", "13_ecw_patients_20260915.csv")
    if not shelf or not source.is_file():
        pytest.skip("CONCORD_TESTDATA names no folder with sites/")
    run = inbox.play(source.name, source.read_bytes())
    assert (run["rows"], run["submitted"], run["rejected"]) == (10, 10, 0)
    assert (run["encoding"], run["extra_columns"]) == ("cp1252", [])
    found = settled(inbox.region)
    assert rows_of(found, run) == ["written"] * 10
    people = {local: person for (_, local), person in found.people.items()}
    assert people["20611"] != people["20612"]  # twins
    assert people["20698"] != people["20699"]  # father and son
    assert list(people.values()).count(people["20801"]) == 1  # too little to match on
    assert found.resources[found.records["hilltop", "20801"]][1]["name"][0]["given"] == ["Renée"]


@pytest.mark.slow
def test_a_crash_in_the_middle_of_a_file_loses_and_doubles_nothing(
    tmp_path: Path, daemon_of: Callable[..., Daemon]
) -> None:
    inbox = Inbox(tmp_path)
    daemon = daemon_of(inbox.region)
    daemon.start()
    name, count = "patients_20260915.csv", 1_500
    inbox.put(name, extract(*((n, f"Family{n}", "") for n in range(count))))
    for _ in range(2):
        wait_until((inbox.folder / "processing" / name).exists, "the claim")
        time.sleep(0.1)
        past = daemon.signal("intake", signal.SIGKILL)
        wait_until(lambda past=past: _renewed(daemon, past), "a new intake")  # type: ignore[misc]
        if not (inbox.folder / "processing" / name).exists():
            break
    run = inbox.finished(name)
    assert (run["rows"], run["submitted"], run["rejected"]) == (count, count, 0)
    found = settled(inbox.region)
    states = rows_of(found, run)
    assert states.count("written") == count
    assert set(states) <= {"written", "duplicate"}
    assert len({key for key in found.records if key[0] == "hilltop"}) == count


def _renewed(daemon: Daemon, past: int) -> bool:
    notice = daemon.notices().get("intake")
    return notice is not None and notice.pid != past
