"""The whole daemon under load: acknowledgements, time until all is written, what it costs.

    python -m tests.benchmark.end_to_end [--store plain encrypted postgresql] [--stream adt]

Each run starts `concord run` on a fresh region, sends the stream over 32 connections and waits
until every message has its final state; stores take turns, `--rounds` times over. `--sender` names
another load generator: a script that takes --port, --connections and --file and prints JSON. The
share is that of the rate which processor time (everything on this machine, sender and server
included) and the time under the lock allow; where other programs take processor time it is less
than it would be, but with a server, whose wait for a processor looks like work. Rates mean little
on a machine that is not quiet; the probe and the load stand beside them.
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
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from engine.demo.daemon import Daemon
from tests.benchmark.daemon import (
    drain,
    kept_bytes,
    memory,
    spent_s,
    stage_seconds,
    states,
)
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
from tests.benchmark.posting import posting
from tests.benchmark.traffic import Sent, stream
from tests.benchmark.worker import UNDER_LOCK

_ROLES = ("intake", "worker", "api", "supervisor")


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent, and how."""

    messages: Sequence[Sent]
    connections: int
    sender: Path | None
    workers: int = 0
    posting: bool = False

    @property
    def size_bytes(self) -> int:
        return sum(len(one.body) for one in self.messages)


def measure(store: str, offered: Load, folder: Path, dsn: str) -> dict[str, Any]:
    """Run a region under load; returns the figures. Times of a message are in microseconds."""
    region_file = write_region(folder, store, dsn, offered.workers)
    parts = _parts(offered, folder)
    server = folder.parent if store == "postgresql" else None
    daemon = Daemon(region_file)
    found: dict[str, Any] = {}
    try:
        found["start first, s"] = daemon.start()
        found["fsyncs"] = probe(folder)
        found |= _under_load(daemon, offered, parts, server)
        found["states"] = states(region_file)
        daemon.stop()
        found["start, s"] = daemon.start()
    finally:
        daemon.stop()
    journal, ledger = kept_bytes(region_file)
    found["bytes kept"] = (journal + ledger) / offered.size_bytes
    found["bytes journal"] = journal / offered.size_bytes
    return found


def _parts(offered: Load, folder: Path) -> list[tuple[str, Path, int]]:
    """Write a file for each site; returns site, file and its share of the connections."""
    parts = []
    ordered = sorted(offered.messages, key=lambda one: one.site)
    for site, group in groupby(ordered, lambda one: one.site):
        bodies = [one.body for one in group]
        path = folder / f"{site}.mllp"
        path.write_bytes(b"".join(b"\x0b" + body + b"\x1c\r" for body in bodies))
        share = max(1, round(offered.connections * len(bodies) / len(ordered)))
        parts.append((site, path, share))
    return parts


def _under_load(
    daemon: Daemon, offered: Load, parts: Sequence[tuple[str, Path, int]], server: Path | None
) -> dict[str, Any]:
    before, server_before, began_s = spent_s(daemon), server_cpu_s(server), time.perf_counter()
    with memory(daemon) as held, posting(daemon, wanted=offered.posting) as posted:
        sent = _send(daemon, offered, parts)
        seconds = drain(daemon.region) - began_s
    after, server_after = spent_s(daemon), server_cpu_s(server)
    time.sleep(1.5)  # the numbers of the workers are published once a second
    count = len(offered.messages)
    micro = 1e6 / count
    cost = {role: (after[role] - before[role]) * micro for role in _ROLES}
    cost |= {"server": (server_after - server_before) * micro, "sender": sent["cpu_s"] * micro}
    lock = _lock_s(daemon, served=server is not None) * micro
    allowed = min((os.cpu_count() or 1) * 1e6 / sum(cost.values()), 1e6 / lock)
    return {
        "ack rate": sent["rate"],
        "ack p50, ms": sent["p50_ms"],
        "ack p99, ms": sent["p99_ms"],
        "refused": sent["refused"],
        "written rate": count / seconds,
        "cost": cost,
        "roles": sum(cost[role] for role in _ROLES),
        "lock": lock,
        "allowed rate": allowed,
        "share": count / seconds / allowed,
        "pss, MB": held.most_mb,
        "post p99, ms": posted.p99_ms,
        "posts": dict(posted.statuses),
    }


def _lock_s(daemon: Daemon, *, served: bool) -> float:
    """Return for how long the lock had to be held: the work under it and the wait for the disk.

    While others have the processor the lock is held, too; that is not counted, but where a server
    does the work it cannot be told from waiting.
    """
    elapsed = stage_seconds(daemon, "stage_seconds")
    cpu = stage_seconds(daemon, "stage_cpu_seconds")
    taken = elapsed if served else cpu | {"commit": elapsed.get("commit", 0.0)}
    return sum(taken.get(stage, 0.0) for stage in UNDER_LOCK)


def _send(
    daemon: Daemon, offered: Load, parts: Sequence[tuple[str, Path, int]]
) -> dict[str, float]:
    ports = {}
    for site, _, _ in parts:
        address = daemon.address("intake", f"{site}-hl7")
        assert address is not None
        ports[site] = address[1]
    if offered.sender is not None:
        return _send_with(offered.sender, ports, parts)
    command = [sys.executable, "-m", "tests.benchmark.sender"]
    command += [f"{ports[site]}:{path}:{share}" for site, path, share in parts]
    done = subprocess.run(command, capture_output=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _send_with(
    script: Path, ports: dict[str, int], parts: Sequence[tuple[str, Path, int]]
) -> dict[str, float]:
    """Let another generator send, one process a site; the worst latencies count."""
    before = os.times()
    running = []
    for site, path, share in parts:
        command = [sys.executable, str(script), "--port", str(ports[site]), "--file", str(path)]
        command += ["--connections", str(share)]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE))
    told = [json.loads(one.communicate()[0]) for one in running]
    after = os.times()
    spent = after.children_user + after.children_system
    spent -= before.children_user + before.children_system
    return {
        "rate": sum(one["acked"] for one in told) / max(one["seconds"] for one in told),
        "p50_ms": max(one["ack_ms"]["p50"] for one in told),
        "p99_ms": max(one["ack_ms"]["p99"] for one in told),
        "refused": sum(one["rejected"] + one["unanswered"] for one in told),
        "cpu_s": spent,
    }


def report(store: str, runs: Sequence[dict[str, Any]]) -> None:
    """Print what the rounds of one store came to."""
    say = sys.stdout.write
    said = ", ".join(f"{name} {runs[-1][name]}" for name in ("states", "refused", "posts"))
    say(f"\n{store}: {said}\n")
    for name, text in (
        ("ack rate", "acknowledgements a second"),
        ("ack p50, ms", "acknowledged after, ms, median"),
        ("ack p99, ms", "acknowledged after, ms, p99"),
        ("written rate", "messages a second until all was written"),
        ("allowed rate", "what CPU and lock time allow"),
        ("share", "share reached"),
        ("roles", "CPU of all roles, us a message"),
        ("lock", "lock held, us a message"),
        ("post p99, ms", "a FHIR post answered after, ms, p99"),
        ("pss, MB", "memory of all roles, PSS, MB"),
        ("bytes kept", "journal and ledger, bytes a message byte"),
        ("bytes journal", "  of it the journal"),
        ("start first, s", "first start to serving, s"),
        ("start, s", "start to serving, s"),
        ("fsyncs", "probe: appends with fdatasync a second"),
    ):
        say(f"  {text:42}{middle([run[name] for run in runs])}\n")
    for role in runs[0]["cost"]:
        say(f"  {'CPU of ' + role:42}{middle([run['cost'][role] for run in runs])}\n")


def play(stores: Sequence[str], offered: Load, rounds: int, top: Path, dsn: str) -> dict[str, Any]:
    """Run every store in turn, so often; returns the figures of the runs by store."""
    runs: dict[str, Any] = {store: [] for store in stores}
    with servers(top, stores, dsn) as own:
        for number in range(rounds):
            for store in stores:
                folder = top / f"{store}-{number}"
                runs[store].append(measure(store, offered, folder, own))
                shutil.rmtree(folder)
    return runs


def main() -> None:
    end_cleanly()
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--stream", default="adt")
    options.add_argument("--count", type=int, default=20_000)
    options.add_argument("--connections", type=int, default=32)
    options.add_argument("--store", nargs="+", choices=STORES, default=["plain", "encrypted"])
    options.add_argument("--dsn", default="", help="a server of yours; else one is started")
    options.add_argument("--workers", type=int, default=0, help="0: one for each core")
    options.add_argument("--posting", action="store_true", help="a site posts FHIR meanwhile")
    options.add_argument("--rounds", type=int, default=1)
    options.add_argument("--sender", type=Path, default=None, help="another load generator")
    options.add_argument("--folder", type=Path, default=None, help="where the disk is to be used")
    chosen = options.parse_args()
    messages = stream(chosen.stream, chosen.count)
    load_given = chosen.connections, chosen.sender, chosen.workers, chosen.posting
    offered = Load(messages, *load_given)
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        runs = play(chosen.store, offered, chosen.rounds, Path(name), chosen.dsn)
    size = offered.size_bytes / len(messages)
    sys.stdout.write(
        f"{len(messages)} messages of {size:.0f} bytes, {chosen.connections} connections, "
        f"load {load():.1f}\n"
    )
    for store in chosen.store:
        report(store, runs[store])


if __name__ == "__main__":
    main()
