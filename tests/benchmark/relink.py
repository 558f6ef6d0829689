"""A merge that moves 20,000 resources to another person, and how long others wait meanwhile.

    python -m tests.benchmark.relink [--store plain encrypted postgresql] [--resources 20000]

With `--among 10` as many admissions of others come between two reports of the person who moves, so
that what moves lies scattered over the store, as in life.
A worker takes the merge from the journal like any other message. A second process writes to the
same store all the time, a row in a transaction; its longest wait is what nobody should notice.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from engine.app import open_store, region_key, region_of
from engine.demo.hl7 import message, segment
from tests.benchmark.ground import STORES, end_cleanly, load, middle, probe, servers, write_region
from tests.benchmark.traffic import Sent, admission, report_of
from tests.benchmark.worker import fill, work_off

_PAUSE_S = 0.002
_RESULTS = 20
_OTHERS = 1_000_000  # number of the first message about somebody else


def messages(resources: int, among: int = 0) -> tuple[list[Sent], Sent]:
    """Return what makes two people, the second with so many results, and the merge of the two.

    `among`: how many admissions of other people stand before each report.
    """
    made = [admission(0, 0), admission(1, 1)]
    for number in range(resources // (_RESULTS + 1)):
        others = range(2 + number * among, 2 + (number + 1) * among)
        made += [admission(_OTHERS + other, other) for other in others]
        made.append(report_of(2 + number, 1))
    head = {2: "^~\\&", 3: "EPIC", 4: "MERCY", 7: "20261128120000", 9: "ADT^A40^ADT_A39"}
    head |= {10: "MERGE1", 11: "P", 12: "2.5.1"}
    kept, gone = ({3: f"E{100_000 + n}^^^MERCY^MR~{900_000_000 + n}^^^EPI^EPI"} for n in (0, 1))
    body = message(
        segment("MSH", head),
        segment("EVN", {1: "A40", 2: "20261128120000"}),
        segment("PID", kept | {5: "KEPT^KIM^^^^^L"}),
        segment("MRG", {1: gone[3]}),
    )
    return [Sent("mercy", body) for body in made], Sent("mercy", body)


def write_on(region_file: Path) -> None:
    """Write small transactions until standard input ends; prints the longest wait in seconds."""
    region = region_of(region_file)
    store = open_store(region, region_key(region))
    os.set_blocking(sys.stdin.fileno(), False)
    longest = 0.0
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    while sys.stdin.buffer.read(1) is None:
        began = time.perf_counter()
        with store.write() as tx:
            tx.query("SELECT count(*) FROM binding", ())
        longest = max(longest, time.perf_counter() - began)
        time.sleep(_PAUSE_S)
    sys.stdout.write(json.dumps(longest) + "\n")


def measure(store: str, resources: int, folder: Path, dsn: str, among: int = 0) -> dict[str, float]:
    """Return seconds of the merge, the longest wait of others in ms, and the probe."""
    region_file = write_region(folder, store, dsn)
    before, merge = messages(resources, among)
    fill(region_file, before)
    work_off(region_file, 1)
    fill(region_file, [merge])
    versions = _versions(region_file)
    command = [sys.executable, "-m", "tests.benchmark.relink", "--write-on", str(region_file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        other.stdout.readline()
        found = work_off(region_file, 1)
        other.stdin.close()
        longest = json.loads(other.stdout.read())
    merged: dict[str, float] = found["elapsed"]
    figures = {
        "seconds": sum(merged.values()),
        "cpu": found["cpu"],
        "wait_ms": longest * 1e3,
        "fsyncs": probe(folder),
    }
    figures["moved"] = _versions(region_file) - versions
    shutil.rmtree(folder)
    return figures


def _versions(region_file: Path) -> int:
    region = region_of(region_file)
    with closing(open_store(region, region_key(region))) as store, store.read() as tx:
        return int(tx.query("SELECT count(*) FROM version", ())[0][0])


def play(
    stores: Sequence[str], resources: int, rounds: int, top: Path, dsn: str, among: int = 0
) -> dict[str, Any]:
    """Run every store in turn, so often; returns the figures of the runs by store."""
    runs: dict[str, Any] = {store: [] for store in stores}
    with servers(top, stores, dsn) as own:
        for number in range(rounds):
            for store in stores:
                folder = top / f"{store}-{number}"
                runs[store].append(measure(store, resources, folder, own, among))
    return runs


def main() -> None:
    end_cleanly()
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--store", nargs="+", choices=STORES, default=["plain", "encrypted"])
    options.add_argument("--dsn", default="", help="a server of yours; else one is started")
    options.add_argument("--resources", type=int, default=20_000)
    options.add_argument("--among", type=int, default=0, help="messages of others in between")
    options.add_argument("--rounds", type=int, default=1)
    options.add_argument("--write-on", type=Path, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.write_on:
        write_on(chosen.write_on)
        return
    with tempfile.TemporaryDirectory() as name:
        top, many = Path(name), (chosen.resources, chosen.rounds)
        runs = play(chosen.store, *many, top, chosen.dsn, chosen.among)
    for store, figures in runs.items():
        told = ", ".join(f"{name} {middle([run[name] for run in figures])}" for name in figures[0])
        sys.stdout.write(f"{store}: {told}, load {load():.1f}\n")


if __name__ == "__main__":
    main()
