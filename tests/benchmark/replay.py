"""A replay of a site's messages under a changed mapping, killed on the way, while traffic flows.

    python -m tests.benchmark.replay [--store plain encrypted postgresql] [--count 10000]

A worker works the messages off; then the site's mapping gets one more layer, a worker takes new
traffic in small portions, and a replay runs beside it until it is killed in the middle and started
again. The longest wait is that of the small portions' writer, as in `tests.benchmark.relink`.
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
from pathlib import Path
from typing import Any

import yaml

from engine.app import (
    compile_plans,
    open_journal,
    open_store,
    prepare_storage,
    reconciling,
    region_key,
    region_of,
)
from engine.core.clock import SystemClock
from engine.pipeline.rederive.course import FOLD, PHASES
from engine.pipeline.rederive.work import Replay, Surroundings
from tests.benchmark.ground import (
    ROOT,
    STORES,
    end_cleanly,
    load,
    middle,
    probe,
    servers,
    write_region,
)
from tests.benchmark.traffic import stream
from tests.benchmark.worker import fill, work_off

_SITE = "mercy"
_LAYER = "map: v1\nkind: overlay\nchange:\n  PID-Patient: {maritalStatus: remove}\n"
_PORTION = 20
_PAUSE_S = 0.2


def change_mapping(region_file: Path) -> None:
    """Put one more layer on the site's mapping, as an analyst would, and start with it."""
    mappings = region_file.parent / "mappings"
    shutil.copytree(ROOT / "mappings", mappings)
    layer = mappings / "site/later"
    layer.mkdir()
    (layer / "overlay.yaml").write_text(_LAYER)
    text = yaml.safe_load(region_file.read_text())
    text["mappings_folder"] = str(mappings)
    text["sites"][_SITE]["mappings"].append("site/later")
    region_file.write_text(yaml.safe_dump(text))
    region = region_of(region_file)
    key = region_key(region)
    prepare_storage(region, key, compile_plans(region, key))


def replay(region_file: Path) -> None:
    """Be a replay; prints each phase it enters, and its counts at the end."""
    region = region_of(region_file)
    key = region_key(region)
    journal, store = open_journal(region, key), open_store(region, key)
    plan = compile_plans(region, key)[_SITE]
    work = Replay(Surroundings(journal, store, plan, reconciling(region, key), SystemClock()))
    phase, course = "", work.begin()
    for course in work.steps():
        if course.phase != phase:
            phase = course.phase
            sys.stdout.write(f"{phase}\n")
            sys.stdout.flush()
    sys.stdout.write(json.dumps({"messages": course.messages, "changed": course.changed}) + "\n")


def _started(region_file: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.benchmark.replay", "--replay", str(region_file)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def measure(store: str, count: int, folder: Path, dsn: str) -> dict[str, float]:
    """Return seconds by phase, CPU seconds of both lives, the counts, and the probe."""
    region_file = write_region(folder, store, dsn)
    fill(region_file, stream("adt", count))
    work_off(region_file, 1)
    change_mapping(region_file)
    later = stream("adt", count + 50 * _PORTION)[count:]
    began, cpu = time.perf_counter(), os.times()
    with _started(region_file) as first:
        assert first.stdout is not None
        for line in first.stdout:
            if line.strip() == PHASES[1]:
                first.kill()
    fold_s = time.perf_counter() - began
    worked = 0.0
    with _started(region_file) as second:
        while second.poll() is None:
            portion, later = later[:_PORTION], later[_PORTION:]
            fill(region_file, portion)
            worked += work_off(region_file, 1)["cpu"]
            time.sleep(_PAUSE_S)
        assert second.stdout is not None
        counts = json.loads(second.stdout.read().splitlines()[-1])
    seconds, after = time.perf_counter() - began, os.times()
    spent = after.children_user + after.children_system - cpu.children_user - cpu.children_system
    figures = {
        "seconds": seconds,
        f"{FOLD} and kill": fold_s,
        "cpu_s": spent - worked,
        "messages": float(counts["messages"]),
        "changed": float(counts["changed"]),
        "fsyncs": probe(folder),
    }
    shutil.rmtree(folder)
    return figures


def play(stores: Sequence[str], count: int, top: Path, dsn: str) -> dict[str, Any]:
    """Run every store once; returns the figures by store."""
    with servers(top, stores, dsn) as own:
        return {store: measure(store, count, top / store, own) for store in stores}


def main() -> None:
    end_cleanly()
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--store", nargs="+", choices=STORES, default=["plain", "encrypted"])
    options.add_argument("--dsn", default="", help="a server of yours; else one is started")
    options.add_argument("--count", type=int, default=10_000)
    options.add_argument("--replay", type=Path, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.replay:
        replay(chosen.replay)
        return
    with tempfile.TemporaryDirectory() as name:
        found = play(chosen.store, chosen.count, Path(name), chosen.dsn)
    for store, figures in found.items():
        told = ", ".join(f"{name} {middle([value])}" for name, value in figures.items())
        sys.stdout.write(f"{store}: {told}, load {load():.1f}\n")


if __name__ == "__main__":
    main()
