"""A drop folder from the sender's side: what becomes of good, bad, growing and vanishing files."""

import asyncio
import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from channels.csv_sftp import reading, take
from channels.csv_sftp.submit import MOST_PENDING_BYTES
from engine.core.fault import Category, Fault
from engine.core.values import CSV_ROW
from engine.formats.delimited.delivery import without_name

Drop = Any  # of conftest.py
HEADER = "Id,Name,Born\n"
SHA = 16


def test_each_row_is_one_delivery(drop: Drop) -> None:
    run = drop.play("patients_20260915.csv", f"{HEADER}1,Doe,03/09/1958\n2,Roe,\n")
    assert (run["rows"], run["submitted"], run["rejected"], run["lines"]) == (2, 2, 0, 3)
    assert [one["columns"]["Name"] for one in drop.taken] == ["Doe", "Roe"]
    assert {one.media_type for one in drop.envelopes} == {CSV_ROW}
    assert [one.control_id for one in drop.envelopes] == [
        f"{run['sha256'][:SHA]}:1",
        f"{run['sha256'][:SHA]}:2",
    ]
    assert {one["source_us"] for one in drop.taken} == {1_789_452_000_000_000}  # midnight in Denver
    assert sorted(path.name for path in drop.folder.iterdir()) == ["done", "failed", "processing"]


def test_bad_rows_come_back_with_line_and_reason_and_can_be_sent_again(drop: Drop) -> None:
    name = "patients_20260915.csv"
    text = f'{HEADER}1,Doe,03/09/1958\n2,"Roe\n=cmd()",1958-03-09\n,Poe,\n'
    run = drop.play(name, text, "failed")
    assert (run["rows"], run["submitted"], run["rejected"]) == (3, 1, 2)
    rejected = drop.folder / "failed" / f"{name}.rejected.csv"
    with rejected.open(newline="") as lines:
        rows = list(csv.reader(lines))
    assert rows == [
        ["Id", "Name", "Born", "concord_line", "concord_reason"],
        ["2", "Roe\n=cmd()", "1958-03-09", "3", "bad-date Born"],
        ["", "Poe", "", "5", "key-missing Id"],
    ]
    mended = rejected.read_text().replace("1958-03-09", "03/09/1958").replace("\n,Poe", "\n3,Poe")
    run = drop.play("patients_20260915_mended.csv", mended)
    assert (run["submitted"], run["rejected"], run["extra_columns"]) == (2, 0, [])
    assert [one["columns"]["Id"] for one in drop.taken] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("data", "code", "where"),
    [
        ("Id,Born\n1,\n", "column-missing", "Name"),
        (f'{HEADER}1,Doe,\n2,"Roe,\n', "unclosed-quote", "line 3"),
        (f"{HEADER}1,Doe,\n{HEADER}", "header-twice", "line 3"),
        (f"{HEADER}1,D\x00e,\n", "nul-character", "line 2"),
        (b"PK\x03\x04....", "file-compressed", ""),
        (HEADER.encode() + b"1,\x81,\n", "bad-encoding", ""),
    ],
)
def test_a_doubtful_file_is_refused_whole(
    drop: Drop, data: bytes | str, code: str, where: str
) -> None:
    run = drop.play("patients.csv", data, "failed")
    assert (run["code"], run["where"], run["submitted"]) == (code, where, 0)
    assert drop.taken == []
    assert code in {one.code for one in drop.events if one.level == "warning"}


def test_an_archive_is_turned_away_unread(drop: Drop) -> None:
    assert drop.play("patients.csv.gz", b"\x1f\x8b", "failed")["code"] == "file-compressed"


def test_a_file_over_the_cap_is_refused(drop: Drop) -> None:
    drop.settings["max_file_bytes"] = 64
    run = drop.play("patients.csv", HEADER + "1,Doe,\n" * 20, "failed")
    assert (run["code"], drop.taken) == ("file-too-large", [])


def test_an_empty_file_is_a_table_without_rows(drop: Drop) -> None:
    assert drop.play("patients.csv", b"")["rows"] == 0


def test_rows_of_a_delete_file_say_so(drop: Drop) -> None:
    drop.play("patients_20260915_delete.csv", "Id\n1\n")
    assert [(one["columns"], one["deleted"]) for one in drop.taken] == [({"Id": "1"}, True)]


def test_windows_text_is_read_as_agreed(drop: Drop) -> None:
    run = drop.play("patients.csv", (HEADER + "1,Renée,\r\n").encode("cp1252"))
    assert run["encoding"] == "cp1252"
    assert drop.taken[0]["columns"]["Name"] == "Renée"


def test_the_same_file_again_is_the_same_deliveries_until_another_comes_between(drop: Drop) -> None:
    drop.put("patients.csv", f"{HEADER}1,A,\n", 1_790_000_000)
    bodies = []

    async def day(name: str, text: str, when_s: int) -> dict[str, Any]:
        async with drop.running():
            drop.put(name, text, when_s)
            run: dict[str, Any] = await drop.finished(name)
        last = drop.envelopes[-1]
        bodies.append((last.control_id, without_name(last.body)))
        return run

    async def whole() -> None:
        first = await day("patients-1.csv", f"{HEADER}1,A,\n", 1_790_000_000)
        again = await day("patients-2.csv", f"{HEADER}1,A,\n", 1_790_086_400)
        assert (first["same_as"], again["same_as"]) == ("", "patients-1.csv")
        await day("patients-3.csv", f"{HEADER}1,B,\n", 1_790_172_800)
        back = await day("patients-4.csv", f"{HEADER}1,A,\n", 1_790_259_200)
        assert back["same_as"] == ""

    (drop.folder / "patients.csv").unlink()
    asyncio.run(whole())
    assert bodies[0] == bodies[1]
    assert bodies[3] != bodies[0]  # the row went A, B, A: the last is news, although it looks old


def test_a_row_said_again_on_the_same_day_is_news(drop: Drop) -> None:
    name = "patients_20260915.csv"
    for hour, said in enumerate("ABA"):

        async def send(text: str = f"{HEADER}1,{said},\n", hour: int = hour) -> None:
            before = len(drop.taken)
            async with drop.running():
                drop.put(name, text, 1_789_480_000 + hour * 3_600)
                await drop.until(lambda: len(drop.taken) > before)
                await drop.until(lambda: not (drop.folder / "processing" / name).exists())

        asyncio.run(send())
    bodies = [envelope.body for envelope in drop.envelopes]
    assert len(set(bodies)) == 3
    assert len({one["source_us"] for one in drop.taken}) == 1


def test_a_name_used_twice_keeps_both_files(drop: Drop) -> None:
    drop.play("patients.csv", f"{HEADER}1,A,\n")

    async def second() -> None:
        async with drop.running():
            drop.put("patients.csv", f"{HEADER}1,B,\n")
            await drop.finished("patients.2.csv")

    asyncio.run(second())
    assert (drop.folder / "done" / "patients.csv").read_text() == f"{HEADER}1,A,\n"
    assert (drop.folder / "done" / "patients.2.csv").read_text() == f"{HEADER}1,B,\n"


def test_a_growing_file_is_left_until_it_is_whole(drop: Drop) -> None:
    drop.settings["every"] = "100ms"

    async def whole() -> None:
        async with drop.running():
            with (drop.folder / "patients.csv").open("w") as out:
                out.write(HEADER)
                for number in range(1, 21):
                    out.write(f"{number},Doe,\n")
                    out.flush()
                    assert drop.taken == []
                    await asyncio.sleep(0.02)
            await drop.finished("patients.csv")

    asyncio.run(whole())
    assert len(drop.taken) == 20


def test_a_marker_says_that_a_file_is_whole(drop: Drop) -> None:
    drop.settings["ready"] = "marker"

    async def whole() -> None:
        async with drop.running():
            drop.put("patients.csv", f"{HEADER}1,Doe,\n")
            await asyncio.sleep(0.2)
            assert drop.taken == []
            drop.put("patients.csv.done", b"")
            await drop.finished("patients.csv")

    asyncio.run(whole())
    assert len(drop.taken) == 1
    assert not (drop.folder / "patients.csv.done").exists()


def test_links_hidden_files_and_strangers_are_left_alone(drop: Drop) -> None:
    secret = drop.folder.parent / "secret.csv"
    secret.write_text(f"{HEADER}9,Secret,\n")
    (drop.folder / "patients_link.csv").symlink_to(secret)
    drop.put(".patients.csv", f"{HEADER}8,Hidden,\n")
    drop.put("patients\n.csv", f"{HEADER}7,Newline,\n")
    drop.put("invoices.csv", f"{HEADER}6,Stranger,\n")
    drop.play("patients.csv", f"{HEADER}1,Doe,\n")
    assert [one["columns"]["Id"] for one in drop.taken] == ["1"]
    assert (drop.folder / "invoices.csv").exists()
    assert drop.codes().count("file-unknown") == 1


@pytest.mark.parametrize(
    "break_it",
    [
        lambda intake: setattr(intake, "fault", Fault(Category.BUSY, "intake-full", "full")),
        lambda intake: setattr(intake, "error", RuntimeError("test")),
    ],
)
def test_a_file_is_held_while_nothing_can_be_stored(
    drop: Drop, break_it: Callable[[Any], None]
) -> None:
    break_it(drop.intake)

    async def whole() -> None:
        async with drop.running():
            drop.put("patients.csv", f"{HEADER}1,Doe,\n")
            await drop.until(lambda: len(drop.codes()) > 2)
            assert (drop.folder / "processing" / "patients.csv").exists()
            drop.intake.fault = drop.intake.error = None
            run = await drop.finished("patients.csv")
            assert (run["submitted"], run["rejected"]) == (1, 0)

    asyncio.run(whole())
    assert len(drop.taken) == 1


def test_what_was_claimed_before_a_crash_is_read_again(drop: Drop) -> None:
    drop.intake.hold = True
    name = "patients.csv"

    async def crash() -> None:
        async with drop.running():
            drop.put(name, f"{HEADER}1,Doe,\n2,Roe,\n")
            await drop.until(lambda: drop.intake.held == 2)

    asyncio.run(crash())
    assert (drop.folder / "processing" / name).exists()
    drop.intake.release()
    before = [(one.control_id, one.body) for one in drop.envelopes]

    async def again() -> None:
        async with drop.running():
            await drop.finished(name)

    asyncio.run(again())
    assert [(one.control_id, one.body) for one in drop.envelopes] == before * 2


def test_a_file_that_cannot_be_read_keeps_no_other_waiting(drop: Drop) -> None:
    (drop.folder / "processing").mkdir()
    target = drop.folder / "processing" / "patients_0.csv"
    drop.put("processing/patients_0.csv", f"{HEADER}9,Late,\n")
    real = os.open

    def denied(path: Any, *rest: Any, **named: Any) -> int:
        if path == target and blocked:
            raise PermissionError
        return int(real(path, *rest, **named))

    blocked = [True]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", denied)

        async def whole() -> None:
            async with drop.running():
                drop.put("patients_1.csv", f"{HEADER}1,Doe,\n")
                await drop.finished("patients_1.csv")
                assert "file-unreadable" in drop.codes()
                blocked.clear()
                await drop.finished("patients_0.csv")

        asyncio.run(whole())
    assert [one["columns"]["Id"] for one in drop.taken] == ["1", "9"]


def test_a_mistake_of_ours_ends_one_file_only(drop: Drop) -> None:
    real = reading.survey

    def broken(path: Path, *rest: Any) -> Any:
        if path.name == "patients_0.csv":
            raise RuntimeError("test")
        return real(path, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(take, "survey", broken)
        run = drop.play("patients_0.csv", f"{HEADER}9,Doe,\n", "failed")
        assert (run["code"], run["submitted"]) == ("unexpected-error", 0)
        assert drop.play("patients_1.csv", f"{HEADER}1,Doe,\n")["submitted"] == 1


def test_a_crash_before_the_last_move_leaves_no_second_record(drop: Drop) -> None:
    for folder in ("processing", "done"):
        (drop.folder / folder).mkdir()
    drop.put("processing/patients.csv", f"{HEADER}1,Doe,\n")
    drop.put("done/patients.csv.run.json", "{}")  # the papers came first, then the power went

    async def whole() -> dict[str, Any]:
        async with drop.running():
            run: dict[str, Any] = await drop.finished("patients.csv")
            return run

    assert asyncio.run(whole())["submitted"] == 1
    assert sorted(path.name for path in (drop.folder / "done").iterdir()) == [
        *("patients.csv", "patients.csv.run.json")
    ]


def test_rows_wait_while_the_intake_is_full(drop: Drop) -> None:
    drop.intake.is_full = True

    async def whole() -> None:
        async with drop.running():
            drop.put("patients.csv", HEADER + "".join(f"{n},Doe,\n" for n in range(500)))
            await asyncio.sleep(0.3)
            assert drop.taken == []
            drop.intake.make_room()
            await drop.finished("patients.csv")

    asyncio.run(whole())
    assert len(drop.taken) == 500


def test_long_rows_wait_for_the_disk_in_bounded_memory(drop: Drop) -> None:
    drop.intake.hold = True
    rows, notes = 60, ("," + "x" * 100_000) * 5

    async def whole() -> None:
        async with drop.running():
            drop.put("patients.csv", HEADER[:-1] + ",A,B,C,D,E\n" + f"1,Doe,{notes}\n" * rows)
            await drop.until(lambda: drop.intake.held >= 10)
            await asyncio.sleep(0.3)
            assert drop.intake.held <= MOST_PENDING_BYTES // len(notes) + 1
            drop.intake.release()
            await drop.finished("patients.csv")

    asyncio.run(whole())
    assert len(drop.taken) == rows


def test_a_folder_that_is_missing_is_waited_for(drop: Drop) -> None:
    async def whole() -> None:
        async with drop.running():
            await drop.until(lambda: "place-missing" in drop.codes())
            drop.folder.mkdir()
            drop.put("patients.csv", f"{HEADER}1,Doe,\n")
            await drop.finished("patients.csv")

    drop.folder /= "mounted-late"
    asyncio.run(whole())
    assert len(drop.taken) == 1


def test_a_folder_can_be_made(drop: Drop) -> None:
    async def whole() -> None:
        async with drop.running():
            await drop.until(drop.folder.is_dir)
            drop.put("patients.csv", f"{HEADER}1,Doe,\n")
            await drop.finished("patients.csv")

    drop.folder = drop.folder / "site" / "inbox"
    drop.settings = {"create": True}
    asyncio.run(whole())
    assert len(drop.taken) == 1


def test_a_run_takes_no_longer_for_a_clock_that_is_set(drop: Drop) -> None:
    class SetBack:
        """A clock that somebody sets back by two hours each time it is read."""

        time_us = 1_790_000_000_000_000

        def now_us(self) -> int:
            self.time_us -= 7_200_000_000
            return self.time_us

    drop.clock = SetBack()
    run = drop.play("patients.csv", f"{HEADER}1,Doe,\n")
    assert 0 <= run["seconds"] < 3_600
