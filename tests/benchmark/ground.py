"""What benchmarks stand on: a region in a folder, a server if wanted, the probe, the load."""

import os
import signal
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from engine.demo.server import server

ROOT = Path(__file__).parents[2]
STORES = ("plain", "encrypted", "postgresql")
_KEY = "5e" * 32
FHIR_TOKEN = "benchmark-" + "f1" * 16
_TICKS = os.sysconf("SC_CLK_TCK")


def write_region(folder: Path, store: str, dsn: str = "", workers: int = 0) -> Path:
    """Write the samples' region file for free ports and one of STORES; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    region: dict[str, Any] = yaml.safe_load((ROOT / "samples/region.yaml").read_text("utf-8"))
    storage: dict[str, Any] = {"region_key": {"file": "region.key"}}
    _secret(folder / "region.key", _KEY)
    if store == "postgresql":
        _secret(folder / "dsn", dsn)
        storage |= {"engine": "postgresql", "dsn": {"file": "dsn"}}
    else:
        storage["encrypt"] = store == "encrypted"
    region |= {"data_folder": str(folder / "data"), "mappings_folder": str(ROOT / "mappings")}
    region |= {"region": f"bench-{folder.name}", "api": {"port": 0}, "storage": storage}
    region["workers"] = workers
    region["channels"] = {
        name: channel | {"port": 0}
        for name, channel in region["channels"].items()
        if channel["type"] == "mllp"
    }
    _secret(folder / "fhir.token", FHIR_TOKEN)
    door = {"type": "fhir_rest", "site": "lakeside", "direction": "in", "answers": "sync"}
    region["channels"]["lakeside-fhir"] = door | {"token": {"file": "fhir.token"}}
    path = folder / "region.yaml"
    path.write_text(yaml.safe_dump(region), encoding="utf-8")
    return path


def _secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="ascii")


@contextmanager
def servers(folder: Path, stores: Sequence[str], dsn: str = "") -> Iterator[str]:
    """Yield the connection string of a server if one of the stores needs it: `dsn`, or our own."""
    if "postgresql" not in stores or dsn:
        yield dsn
        return
    folder.mkdir(parents=True, exist_ok=True)
    for above in (folder, *folder.parents):
        if above.stat().st_uid == os.getuid() and above != Path("/"):
            above.chmod(above.stat().st_mode | 0o055)
    with server(folder) as own:
        yield own


def server_cpu_s(folder: Path | None) -> float:
    """Return the processor seconds of our own server so far, those of ended backends included."""
    if folder is None:
        return 0.0
    try:
        first = int((folder / "server/postmaster.pid").read_text("ascii").split()[0])
    except FileNotFoundError:
        return 0.0
    total = sum(_times(first)) / _TICKS
    for pid in children(first):
        with suppress(OSError):  # it has ended, and its time is among the first one's
            total += cpu_s(pid)
    return total


def children(parent: int) -> list[int]:
    """Return the processes whose parent this is."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int(_fields(int(path.name))[1]) == parent:
                found.append(int(path.name))
    return found


def cpu_s(pid: int) -> float:
    """Return the processor seconds of a process so far; precise to a tick of 10 ms."""
    return sum(_times(pid)[:2]) / _TICKS


def _times(pid: int) -> list[int]:
    return list(map(int, _fields(pid)[11:15]))


def _fields(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third on (proc(5))."""
    return Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()


def probe(folder: Path, size: int = 1536, seconds: float = 0.3) -> float:
    """Return how many appends of `size` bytes with fdatasync the disk takes in a second."""
    path = folder / "probe"
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    body, count, end = b"x" * size, 0, time.perf_counter() + seconds
    try:
        while time.perf_counter() < end:
            os.write(file, body)
            os.fdatasync(file)
            count += 1
    finally:
        os.close(file)
        path.unlink()
    return count / seconds


def end_cleanly() -> None:
    """Let SIGTERM end a benchmark as an exception does, so that no daemon is left behind."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def load() -> float:
    """Return the load average of the last minute."""
    return os.getloadavg()[0]


def middle(figures: Sequence[float]) -> str:
    """Return median and spread as `512 (498-530)`."""
    low, high = min(figures), max(figures)
    digits = 0 if high >= 100 else 1 if high >= 10 else 2
    median = statistics.median(figures)
    return f"{median:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"
