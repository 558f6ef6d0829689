"""What an intake says of its channels: that they are there, and which of them can take nothing."""

import asyncio
import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.app import (
    compile_plans,
    open_journal,
    open_store,
    places,
    prepare_storage,
    reconciling,
    region_key,
    region_of,
)
from engine.cli.messages import messages
from engine.cli.status import status
from engine.core.clock import SystemClock
from engine.core.fault import Category, Fault
from engine.core.lap import untimed
from engine.core.values import CSV_ROW, FHIR_EVENT, Entry, Envelope
from engine.formats.delimited.delivery import RowDelivery
from engine.pipeline.commit import Writing, commit
from engine.pipeline.interpret import NOT_SENT
from engine.pipeline.prepare import Prepared
from engine.roles.intake import run_intake
from engine.roles.notice import Notice, notices, post
from tests.chaos.place import write_region


def written(folder: Path, channels: dict[str, Any]) -> Path:
    file = write_region(folder)
    content = yaml.safe_load(file.read_text("utf-8"))
    file.write_text(yaml.safe_dump(content | {"channels": channels}), "utf-8")
    return file


def said(file: Path, *wanted: Callable[[Notice], bool]) -> list[Notice]:
    """Run an intake until its notice was as wanted, one after the other; return these notices."""
    region = region_of(file)
    key = region_key(region)
    plans = compile_plans(region, key)
    prepare_storage(region, key, plans)

    async def until(holds: Callable[[Notice], bool]) -> Notice:
        async with asyncio.timeout(60):
            while True:
                found = notices(places(region).run).get("intake")
                if found and holds(found):
                    return found
                await asyncio.sleep(0.01)

    async def run() -> list[Notice]:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(run_intake(region, key, plans, stop))
            try:
                return [await until(one) for one in wanted]
            finally:
                stop.set()

    return asyncio.run(run())


def test_it_is_ready_without_channels(tmp_path: Path) -> None:
    (notice,) = said(written(tmp_path, {}), lambda _: True)
    assert notice.addresses == {}


def test_a_full_disk_keeps_no_channel_from_its_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What troubles one channel cannot be written down then: that must not end them all."""
    channel = {"type": "csv_sftp", "site": "hilltop", "direction": "in", "every": "50ms"}
    file = written(tmp_path, {"hilltop-csv": {**channel, "folder": str(tmp_path / "inbox")}})
    tried: list[Notice] = []

    def full(folder: Path, notice: Notice) -> None:
        tried.append(notice)
        if 1 < len(tried) < 4:
            raise OSError(errno.ENOSPC, "no space")
        post(folder, notice)

    monkeypatch.setattr("engine.roles.intake.post", full)

    def begun(_: Notice) -> bool:
        (tmp_path / "inbox").mkdir(exist_ok=True)
        return True

    said(file, lambda notice: bool(notice.troubles), begun, lambda notice: not notice.troubles)
    assert len(tried) >= 4


def test_a_drop_folder_that_is_missing_is_named_until_it_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inbox = tmp_path / "inbox"
    channel = {"type": "csv_sftp", "site": "hilltop", "direction": "in", "every": "50ms"}
    file = written(tmp_path, {"hilltop-csv": {**channel, "folder": str(inbox)}})

    def missing(notice: Notice) -> bool:
        if notice.troubles != {"hilltop-csv": "place-missing"}:
            return False
        assert status(file) == 0
        inbox.mkdir()
        return True

    said(file, missing, lambda notice: not notice.troubles)
    told = capsys.readouterr().out
    assert "hilltop-csv can take nothing now: place-missing" in told
    assert "hilltop-csv on" not in told


def test_events_that_only_name_a_resource_are_counted_by_their_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, {})
    region = region_of(file)
    key = region_key(region)
    prepare_storage(region, key, {})
    other = Fault(Category.INVALID, "bad-value", "words")
    faults = [NOT_SENT, other, NOT_SENT]
    events = [
        Prepared(Entry(at, 0, Envelope("c", "mercy", FHIR_EVENT, b"{}", at)), fault=fault)
        for at, fault in enumerate(faults, start=1)
    ]
    store = open_store(region, key)
    commit(Writing(store, reconciling(region, key), SystemClock(), untimed), events, (), 0)
    store.close()
    assert status(file) == 0
    assert "quarantined  3: content-not-sent 2, bad-value 1" in capsys.readouterr().out
    assert status(file, as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["quarantined"] == {"content-not-sent": 2, "bad-value": 1}


def test_a_row_is_listed_with_its_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    channel = {"type": "csv_sftp", "site": "hilltop", "direction": "in", "folder": "inbox"}
    file = written(tmp_path, {"hilltop-csv": channel})
    region = region_of(file)
    key = region_key(region)
    prepare_storage(region, key, {})
    row = RowDelivery("patients", "ab" * 32, 7, 1, {"Id": "1"}, line=9, file="patients_1.csv")
    envelope = Envelope("hilltop-csv", "hilltop", CSV_ROW, row.to_bytes(), 1, row.control_id)
    store, journal = open_store(region, key), open_journal(region, key)
    (position,) = journal.append([envelope])
    bad = Prepared(
        Entry(position, 0, envelope), fault=Fault(Category.INVALID, "bad-value", "words")
    )
    commit(Writing(store, reconciling(region, key), SystemClock(), untimed), [bad], (), 0)
    store.close()
    journal.close()
    assert messages(file) == 0
    assert capsys.readouterr().out.rstrip().endswith("bad-value line 9 of patients_1.csv")
    assert messages(file, as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["file"], told["line"]) == ("patients_1.csv", 9)
