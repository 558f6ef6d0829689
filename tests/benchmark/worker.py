"""What a worker costs: processor and lock time by stage, and by kind of message.

    python -m tests.benchmark.worker [--stream adt] [--count 6000] [--store plain encrypted]

Fills the journal of a region of its own, then lets worker processes work it off; stores take turns,
`--rounds` times over. The streams are those of `tests/benchmark/traffic.py`; `--kind ADT^A01` takes
one kind of a stream. `--before COUNT` fills the store with so many messages first (how it grows).
`--profile FILE` keeps the first run's profile for pstats. Processor time is that of the worker
process; a server's own is given apart. Elapsed times mean little on a machine that is not quiet.
"""

import argparse
import cProfile
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
from engine.core.values import HL7_V2, Envelope
from engine.journal.offsets import lowest
from engine.pipeline.accept import admission
from engine.pipeline.batch import Surroundings, Worker
from engine.pipeline.in_force import Fixed
from engine.pipeline.ledger import Account
from engine.roles.collector import collect_between, rest_collector
from engine.telemetry.stages import Stopwatch
from tests.benchmark.ground import (
    STORES,
    end_cleanly,
    load,
    middle,
    probe,
    server_cpu_s,
    servers,
    write_region,
)
from tests.benchmark.traffic import Sent, stream

UNDER_LOCK = ("fence", "ledger", "put", "resolve", "golden", "commit")
_GROUP = 200


def fill(region_file: Path, messages: Sequence[Sent]) -> None:
    """Found the region if need be and append messages to its journal, as its intake would."""
    region = region_of(region_file)
    key = region_key(region)
    plans = compile_plans(region, key)
    prepare_storage(region, key, plans)
    admit = {name: admission(plan) for name, plan in plans.items()}
    clock = SystemClock()
    journal = open_journal(region, key)
    envelopes = []
    for one in messages:
        admitted = admit[one.site](one.body)
        if admitted.fault is not None:
            raise RuntimeError(f"{one.kind}: {admitted.fault.code}")
        head = f"{one.site}-hl7", one.site, HL7_V2, one.body, clock.now_us()
        envelopes.append(Envelope(*head, admitted.control_id, admitted.lane))
    for start in range(0, len(envelopes), _GROUP):
        journal.append(envelopes[start : start + _GROUP])
    journal.close()


def work(region_file: Path, profile: str) -> dict[str, Any]:
    """Be a worker until the journal is worked off; returns what that took."""
    region = region_of(region_file)
    key = region_key(region)
    journal, store = open_journal(region, key), open_store(region, key)
    clock, watch, tally = SystemClock(), Stopwatch(), Counter[str]()

    def done(accounts: Sequence[Account]) -> None:
        tally["batches"] += 1
        tally["resources"] += sum(one.changed + one.unchanged for one in accounts)
        tally.update(one.state for one in accounts)
        tally.update(f"kind {one.kind}" for one in accounts)

    worker = Worker(
        Surroundings(
            owner=f"benchmark:{os.getpid()}",
            journal=journal,
            database=store,
            plans=Fixed(compile_plans(region, key)),
            reconciling=reconciling(region, key),
            clock=clock,
            done=done,
            wanted=region.storage.partitions,
            most=region.limits.batch_messages,
            watch=watch,
        )
    )
    rest_collector()
    head = journal.head()
    profiler = cProfile.Profile() if profile else None
    began_cpu, began = time.process_time(), time.perf_counter()
    if profiler:
        profiler.enable()
    while True:
        collect_between()
        if not worker.step():
            with store.read() as tx:
                if lowest(tx) >= head:
                    break
            time.sleep(0.001)
    if profiler:
        profiler.disable()
        profiler.dump_stats(profile)
    cpu, wall = time.process_time() - began_cpu, time.perf_counter() - began
    worker.stop()
    return {
        "cpu": cpu,
        "wall": wall,
        "tally": dict(tally),
        "stages": [[stage, kind, ns / 1e9] for (stage, kind), ns in watch.cpu_ns().items()],
        "elapsed": {stage: ns / 1e9 for stage, ns in watch.wall_ns().items()},
    }


def work_off(region_file: Path, workers: int, profile: str = "") -> dict[str, Any]:
    """Let worker processes work the journal off; returns the sums, of `wall` the longest."""
    command = [sys.executable, "-m", "tests.benchmark.worker", "--work", str(region_file)]
    if profile:
        command += ["--profile", profile]
    several = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(workers)]
    found = []
    for one in several:
        out, _ = one.communicate()
        if one.returncode:
            raise RuntimeError("a worker failed")
        found.append(json.loads(out))
    return _added(found)


def _added(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    tally, stages, elapsed = Counter[str](), Counter[tuple[str, str]](), Counter[str]()
    for one in found:
        tally.update(one["tally"])
        stages.update({(stage, kind): seconds for stage, kind, seconds in one["stages"]})
        elapsed.update(one["elapsed"])
    return {
        "cpu": sum(one["cpu"] for one in found),
        "wall": max(one["wall"] for one in found),
        "tally": tally,
        "stages": stages,
        "elapsed": elapsed,
    }


def measure(
    store: str, messages: Sequence[Sent], folder: Path, dsn: str, chosen: argparse.Namespace
) -> dict[str, Any]:
    """Work off `messages` on a fresh region; returns the figures, times in microseconds each."""
    region_file = write_region(folder, store, dsn)
    try:
        if chosen.before:
            fill(region_file, messages[: chosen.before])
            work_off(region_file, 1)
        measured = messages[chosen.before :]
        fill(region_file, measured)
        fsyncs = probe(folder)
        served = folder.parent if store == "postgresql" else None
        before = server_cpu_s(served)
        found = work_off(region_file, chosen.workers, chosen.profile)
        server = server_cpu_s(served) - before
    finally:
        shutil.rmtree(folder)
    count, tally = len(measured), found["tally"]
    micro = 1e6 / count
    chosen.profile = ""
    return {
        "cpu": found["cpu"] * micro,
        "server": server * micro,
        "rate": count / found["wall"],
        "lock": sum(found["elapsed"][stage] for stage in UNDER_LOCK) * micro,
        "wait": found["elapsed"]["wait"] * micro,
        "resource": found["cpu"] * 1e6 / max(1, tally["resources"]),
        "resources": tally["resources"] / count,
        "batch": count / tally["batches"],
        "fsyncs": fsyncs,
        "stages": found["stages"],
        "elapsed": {stage: seconds * micro for stage, seconds in found["elapsed"].items()},
        "tally": tally,
        "count": count,
    }


def report(store: str, runs: Sequence[dict[str, Any]]) -> None:
    """Print what the rounds of one store came to."""
    say = sys.stdout.write
    tally: Counter[str] = runs[-1]["tally"]
    states = {name: n for name, n in tally.items() if " " not in name and name != "batches"}
    say(f"\n{store}: {', '.join(f'{n} {name}' for name, n in states.items())}\n")
    for name, text in (
        ("cpu", "CPU of the workers, us a message"),
        ("server", "CPU of the server, us a message"),
        ("resource", "CPU of the workers, us a resource"),
        ("lock", "lock held, us a message"),
        ("wait", "waited for the lock, us a message"),
        ("batch", "messages a batch"),
        ("rate", "messages a second, elapsed"),
        ("fsyncs", "probe: appends with fdatasync a second"),
    ):
        say(f"  {text:42}{middle([run[name] for run in runs])}\n")
    stages = sorted({stage for run in runs for stage, _ in run["stages"]})
    say("  us a message:          " + "".join(f"{stage:>10}" for stage in stages) + "\n")
    rows = [(kind, tally[f"kind {kind}"]) for kind in sorted({k for _, k in runs[-1]["stages"]})]
    for kind, count in rows:
        cells = [
            statistics.median(run["stages"][stage, kind] for run in runs) * 1e6 / max(1, count)
            for stage in stages
        ]
        say(f"    {kind:12}{count:7}    " + "".join(f"{cell:10.0f}" for cell in cells) + "\n")
    cells = [statistics.median(run["elapsed"].get(stage, 0) for run in runs) for stage in stages]
    say("    elapsed                " + "".join(f"{cell:10.0f}" for cell in cells) + "\n")


def main() -> None:
    end_cleanly()
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--stream", default="adt")
    options.add_argument("--count", type=int, default=6000)
    options.add_argument("--before", type=int, default=0)
    options.add_argument("--kind", default="")
    options.add_argument("--store", nargs="+", choices=STORES, default=["plain", "encrypted"])
    options.add_argument("--dsn", default="", help="a server of yours; else one is started")
    options.add_argument("--workers", type=int, default=1)
    options.add_argument("--rounds", type=int, default=1)
    options.add_argument("--profile", default="")
    options.add_argument("--folder", type=Path, default=None, help="where the disk is to be used")
    options.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.work:
        sys.stdout.write(json.dumps(work(chosen.work, chosen.profile)))
        return
    messages = stream(chosen.stream, chosen.before + chosen.count, chosen.kind)
    size = sum(len(one.body) for one in messages) / len(messages)
    runs: dict[str, list[dict[str, Any]]] = {store: [] for store in chosen.store}
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        top = Path(name)
        with servers(top, chosen.store, chosen.dsn) as dsn:
            for number in range(chosen.rounds):
                for store in chosen.store:
                    folder = top / f"{store}-{number}"
                    runs[store].append(measure(store, messages, folder, dsn, chosen))
    sys.stdout.write(
        f"{len(messages) - chosen.before} messages of {size:.0f} bytes, {chosen.workers} workers, "
        f"load {load():.1f}\n"
    )
    for store in chosen.store:
        report(store, runs[store])


if __name__ == "__main__":
    main()
