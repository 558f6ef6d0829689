"""A file of any size is read in memory that does not grow with it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os, sys
from pathlib import Path
from zoneinfo import ZoneInfo
from channels.csv_sftp.reading import deliveries, survey
from engine.core.fault import FaultError
from engine.formats.delimited.contract import Column, Contract

def peak_kib(pid):  # of this program alone: ru_maxrss begins with that of its parent
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])

contract = Contract(
    "f", "*", (Column("Id", "Id", "id"), Column("Text", "Text", "str")), ("Id",), ZoneInfo("UTC")
)

def rows_of(path):
    *_, found = survey(path, contract, 1 << 40, path.name)
    return sum(len(chunk) for chunk in deliveries(path, contract, found, (0, 0), path.name))

def found(name):
    try:
        return rows_of(Path(name))
    except FaultError as error:
        return error.fault.code

for name in sys.argv[1:]:
    print(found(name), peak_kib(os.getpid()))
"""
TEXT = "x" * 1_000


def made(path: Path, rows: int) -> Path:
    with path.open("w") as out:
        out.write("Id,Text\n")
        for number in range(rows):
            out.write(f'{number},"{TEXT}\n{number}"\n')
    return path


def read_in_turn(*paths: Path, patience_s: float = 100.0) -> list[tuple[int, int]]:
    """Read files in one process; returns rows and the most memory it had held, in KiB, for each."""
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, paths)],
        capture_output=True,
        text=True,
        check=True,
        timeout=patience_s,
    ).stdout.split()
    return list(zip(map(int, told[::2]), map(int, told[1::2]), strict=True))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    small, large = made(tmp_path / "small.csv", 4_000), made(tmp_path / "large.csv", 64_000)
    (few, before_kib), (many, after_kib) = read_in_turn(small, large)
    assert (few, many) == (4_000, 64_000)
    assert after_kib - before_kib < 4_096  # 4 and 64 MB of text


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_nor_with_one_of_five_gigabytes(tmp_path: Path) -> None:
    if shutil.disk_usage(tmp_path).free < 8 << 30:
        pytest.skip("needs 8 GB of room for a file")
    small, large = made(tmp_path / "small.csv", 4_000), made(tmp_path / "large.csv", 5_000_000)
    assert large.stat().st_size > 5_000_000_000
    (_, before_kib), (many, after_kib) = read_in_turn(small, large, patience_s=3_000.0)
    assert many == 5_000_000
    assert after_kib - before_kib < 4_096


@pytest.mark.slow
def test_a_file_of_nothing_but_holes_is_refused_in_little_memory(tmp_path: Path) -> None:
    """It takes no room on the sender's disk, and is 512 MB to whoever reads it."""
    hollow = tmp_path / "hollow.csv"
    hollow.write_text("Id,Text\n")
    os.truncate(hollow, 1 << 29)
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(hollow)],
        capture_output=True,
        text=True,
        check=True,
        timeout=110,
    ).stdout.split()
    assert ended[0] in {"nul-character", "line-too-long"}
    assert int(ended[1]) < 200 * 1_024
