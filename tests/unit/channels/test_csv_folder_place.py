"""A drop folder: what is listed, claimed once, finished without overwriting, and full disks."""

import asyncio
import errno
from pathlib import Path

import pytest

from channels.csv_sftp.folder import Folder
from channels.csv_sftp.place import free_name, is_plain
from engine.core.fault import Category, FaultError


@pytest.fixture
def place(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path)
    asyncio.run(folder.waiting())  # makes the folders
    return folder


def test_a_file_is_claimed_once(place: Folder, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x")
    assert [seen.name for seen in asyncio.run(place.waiting())] == ["a.csv"]
    assert asyncio.run(place.claim("a.csv"))
    assert not asyncio.run(place.claim("a.csv"))
    assert [seen.name for seen in asyncio.run(place.claimed())] == ["a.csv"]


def test_a_file_that_vanished_is_no_failure(place: Folder) -> None:
    assert not asyncio.run(place.claim("gone.csv"))


def test_a_second_file_of_a_name_waits_for_the_first(place: Folder, tmp_path: Path) -> None:
    for text in ("first", "second"):
        (tmp_path / "a.csv").write_text(text)
        asyncio.run(place.claim("a.csv"))
    assert (tmp_path / "processing" / "a.csv").read_text() == "first"
    assert (tmp_path / "a.csv").read_text() == "second"


def test_papers_are_there_before_the_file_moves(place: Folder, tmp_path: Path) -> None:
    paper = tmp_path / "processing" / ".paper"
    paper.write_text("record")
    for text in ("first", "second"):
        (tmp_path / "a.csv").write_text(text)
        asyncio.run(place.claim("a.csv"))
        asyncio.run(place.finish("a.csv", "done", {".run.json": paper}))
    done = tmp_path / "done"
    assert sorted(path.name for path in done.iterdir()) == [
        *("a.2.csv", "a.2.csv.run.json", "a.csv", "a.csv.run.json")
    ]
    assert (done / "a.csv").read_text() == "first"


def test_a_full_disk_is_a_reason_to_wait(
    place: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv").write_text("x")
    asyncio.run(place.claim("a.csv"))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr("os.fsync", full)
    paper = tmp_path / "processing" / ".paper"
    paper.write_text("record")
    with pytest.raises(FaultError) as caught:
        asyncio.run(place.finish("a.csv", "done", {".run.json": paper}))
    assert (caught.value.fault.category, caught.value.fault.code) == (
        Category.UNAVAILABLE,
        "folder-full",
    )
    assert (tmp_path / "processing" / "a.csv").exists()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert Folder(tmp_path / "nowhere").check() == "the drop folder does not exist"
    assert Folder(tmp_path).check() is None
    with pytest.raises(FaultError) as caught:
        asyncio.run(Folder(tmp_path / "nowhere").waiting())
    assert caught.value.fault.code == "folder-unreachable"


def test_notes_are_kept_at_the_place(place: Folder) -> None:
    assert asyncio.run(place.recall("last")) == b""
    asyncio.run(place.remember("last", b"x"))
    assert asyncio.run(place.recall("last")) == b"x"
    assert asyncio.run(place.claimed()) == []


@pytest.mark.parametrize("name", [".hidden", "a\nb.csv", "a\x00.csv", "../a.csv", "a\\b.csv", ""])
def test_odd_names_are_not_handled(name: str) -> None:
    assert not is_plain(name)


def test_free_names_keep_their_suffix() -> None:
    assert free_name("a.csv", set()) == "a.csv"
    assert free_name("a.csv", {"a.csv", "a.2.csv"}) == "a.3.csv"
    assert free_name("a", {"a"}) == "a.2"
