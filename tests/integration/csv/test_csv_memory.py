"""A file of any size is read in memory that does not grow with it."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import resource, sys
from pathlib import Path
from zoneinfo import ZoneInfo
from channels.csv_sftp.reading import deliveries, survey
from engine.formats.delimited.contract import Column, Contract

contract = Contract(
    "f", "*", (Column("Id", "Id", "id"), Column("Text", "Text", "str")), ("Id",), ZoneInfo("UTC")
)

def rows_of(path):
    *_, found = survey(path, contract, 1 << 40, path.name)
    return sum(len(chunk) for chunk in deliveries(path, contract, found, (0, 0), path.name))

for name in sys.argv[1:]:
    print(rows_of(Path(name)), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
TEXT = "x" * 1_000


def made(path: Path, rows: int) -> Path:
    with path.open("w") as out:
        out.write("Id,Text\n")
        for number in range(rows):
            out.write(f'{number},"{TEXT}\n{number}"\n')
    return path


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    small, large = made(tmp_path / "small.csv", 4_000), made(tmp_path / "large.csv", 64_000)
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(small), str(large)],
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    ).stdout.split()
    rows, peaks_kib = [int(word) for word in told[::2]], [int(word) for word in told[1::2]]
    assert rows == [4_000, 64_000]
    assert peaks_kib[1] - peaks_kib[0] < 4_096  # 4 and 64 MB of text
