"""A region of a test's own, and the real processes that run it.

Every process of a daemon is in one process group, so nothing survives `end`, whatever happened.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from engine.core.fault import FaultError
from engine.demo.daemon import found
from engine.roles.notice import Notice, notices

ROOT = Path(__file__).parent.parent.parent
KEY = bytes(range(32))
PATIENCE_S = 60.0


def wait_until(true: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Poll until `true()`; an AssertionError names what did not come."""
    deadline_s = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < deadline_s, f"waited {patience_s:.0f} s for: {what}"
        time.sleep(0.02)


def write_region(folder: Path, changes: Mapping[str, Any] | None = None) -> Path:
    """Write a region file into `folder`: the samples' sites over MLLP on free ports, a known key.

    `changes` replaces keys; a dictionary in it is merged into what is there.
    """
    region: dict[str, Any] = yaml.safe_load((ROOT / "samples/region.yaml").read_text("utf-8"))
    region |= {
        "data_folder": "data",
        "mappings_folder": str(ROOT / "mappings"),
        "workers": 2,
        "api": {"port": 0},
        "storage": {"partitions": 8, "region_key": {"file": "region.key"}},
    }
    found = region["channels"].items()
    region["channels"] = {name: {**one, "port": 0} for name, one in found if one["type"] == "mllp"}
    _merge(region, changes or {})
    key = folder / "region.key"
    key.touch(mode=0o600)
    key.write_text(KEY.hex(), encoding="ascii")
    path = folder / "region.yaml"
    path.write_text(yaml.safe_dump(region), encoding="utf-8")
    return path


def write_host(folder: Path, name: str, dsn: str, changes: Mapping[str, Any] | None = None) -> Path:
    """Write the region file of one host of a region that lies on a PostgreSQL server."""
    folder.mkdir(parents=True)
    secret = folder / "dsn"
    secret.touch(mode=0o600)
    secret.write_text(dsn, encoding="ascii")
    storage = {"engine": "postgresql", "dsn": {"file": "dsn"}}
    _merge(own := {"region": name, "storage": storage}, changes or {})
    return write_region(folder, own)


def _merge(into: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value


def _with_us() -> tuple[str, ...]:
    """Let a daemon die with the test run where setpriv(1) can, even if that is killed itself."""
    return ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()


@dataclass
class Daemon:
    """One `concord run` on a region file; `environment` is added to ours."""

    region: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()  # beside the region file
    prefix: tuple[str, ...] = ()  # a program to run it under
    process: subprocess.Popen[bytes] | None = None
    log: Path = Path()

    def launch(self) -> None:
        """Start it without waiting; found its region if it is new."""
        self._found()
        self.log = self.region.parent / "daemon.log"
        with self.log.open("ab") as log:
            run = (sys.executable, "-m", "engine.cli", "run", str(self.region))
            self.process = subprocess.Popen(
                [*_with_us(), *self.prefix, *run, *self.arguments],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self.region.parent,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )

    def _found(self) -> None:
        """Do it here, for speed; where its server is not ours to reach, under its own program."""
        try:
            found(self.region)
        except FaultError:
            init = (sys.executable, "-m", "engine.cli", "init", str(self.region))
            subprocess.run([*self.prefix, *init], check=False, capture_output=True)

    def start(self) -> None:
        """Start it, and wait until intake and workers are ready."""
        self.launch()
        self.wait_ready()

    def wait_ready(self, *names: str) -> None:
        workers = yaml.safe_load(self.region.read_text("utf-8"))["workers"]
        wanted = set(names) or {"intake", *(f"worker-{n + 1}" for n in range(workers))}
        assert self.process is not None

        def ready() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, self.told()
            return wanted <= self.notices().keys()

        wait_until(ready, f"roles {sorted(wanted)} ready")

    @property
    def data(self) -> Path:
        told = yaml.safe_load(self.region.read_text("utf-8"))["data_folder"]
        return self.region.parent / str(told)

    def notices(self) -> dict[str, Notice]:
        run = self.data / "run"
        return notices(run) if run.is_dir() else {}

    def address(self, channel: str) -> tuple[str, int] | None:
        """Return where a channel listens now, None while its role is down."""
        for notice in self.notices().values():
            if channel in notice.addresses:
                host, _, port = notice.addresses[channel].rpartition(":")
                return host, int(port)
        return None

    def told(self) -> str:
        """Return everything it has said."""
        return self.log.read_text("utf-8", "replace") if self.log.is_file() else ""

    def pid(self, role: str) -> int:
        return self.notices()[role].pid

    def signal(self, role: str, number: signal.Signals) -> int:
        """Send a signal to a role process; returns its process id."""
        pid = self.pid(role)
        os.kill(pid, number)
        return pid

    def stop(self, patience_s: float = 30.0) -> int:
        """Ask it to stop; returns its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(patience_s)

    def wait(self, patience_s: float = PATIENCE_S) -> int:
        assert self.process is not None
        return self.process.wait(patience_s)

    def end(self) -> None:
        """Kill whatever is left of it; safe to call twice."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)


def is_asleep(pid: int) -> bool:
    """Say whether a process is stopped by a signal (proc(5), state T)."""
    return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] == "T"


def is_over(pid: int) -> bool:
    """Say whether a process has ended, though perhaps nobody asked how."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return True
    return told.rpartition(")")[2].split()[0] == "Z"


def command(region: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one `concord` command to its end; `environment` is added to ours."""
    return subprocess.run(
        [sys.executable, "-m", "engine.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
        cwd=region.parent,
        env={**os.environ, **environment},
    )
