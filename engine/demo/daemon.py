"""The demo's own region: its data folder, a real daemon, and a hand that kills its parts."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import yaml

from engine.app import is_founded, prepare_storage, region_key, region_of
from engine.roles.notice import Notice, notices

_READY_S = 60.0
_DOOR = "door.token"


def write_region(folder: Path, samples: Path, mappings: Path, seed: int, dsn: str = "") -> Path:
    """Write the samples' region file for free ports, its data in `folder`; returns its path.

    The region key follows from the seed, so that two runs of one seed can be compared id by id.
    With `dsn` journal and store lie on that server.
    """
    region = yaml.safe_load((samples / "region.yaml").read_text(encoding="utf-8"))
    region["data_folder"] = str(folder / "data")
    region["mappings_folder"] = str(mappings.resolve())
    region["api"] = {"port": 0}
    region["storage"] = {"region_key": {"file": "region.key"}}
    for name, channel in region["channels"].items():
        if channel["type"] == "csv_sftp":
            channel |= {"folder": str(inbox(folder, name)), "every": "50ms"}
            inbox(folder, name).mkdir()
        elif channel["type"] == "fhir_rest":
            _write_secret(folder / _DOOR, Random(seed + 1).randbytes(32).hex())  # noqa: S311 - a demo's
            channel["token"] = {"file": _DOOR}
        else:
            channel["port"] = 0
    _write_secret(folder / "region.key", Random(seed).randbytes(32).hex())  # noqa: S311 - a demo's
    if dsn:
        _write_secret(folder / "dsn", dsn)
        region["storage"] |= {"engine": "postgresql", "dsn": {"file": "dsn"}}
    path = folder / "region.yaml"
    path.write_text(yaml.safe_dump(region), encoding="utf-8")
    return path


def found(region_file: Path) -> None:
    """Found the region if it is new, as `concord init` does."""
    region = region_of(region_file)
    if not is_founded(region):
        prepare_storage(region, region_key(region), {})


def door_token(folder: Path) -> str:
    """Return what opens the door of the site that posts resources."""
    return (folder / _DOOR).read_text("ascii")


def inbox(folder: Path, channel: str) -> Path:
    """Return the drop folder of a channel."""
    return folder / channel


def _write_secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="ascii")


class Daemon:
    """A running `concord run`."""

    def __init__(self, region: Path) -> None:
        self.region = region
        self.run_folder = region.parent / "data" / "run"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it and wait until every role is ready; returns the seconds that took."""
        found(self.region)
        began_s = time.monotonic()
        log = (self.region.parent / "daemon.log").open("ab")
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "engine.cli", "run", str(self.region)],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
        log.close()
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() - began_s > _READY_S:
                raise RuntimeError((self.region.parent / "daemon.log").read_text("utf-8"))
            time.sleep(0.02)
        return time.monotonic() - began_s

    def _ready(self) -> bool:
        known = self.notices()
        return {"intake", "api"} <= known.keys() and any(name.startswith("work") for name in known)

    def notices(self) -> dict[str, Notice]:
        return notices(self.run_folder) if self.run_folder.is_dir() else {}

    def address(self, role: str, channel: str) -> tuple[str, int] | None:
        """Return where a channel listens now, or None while its role is down."""
        notice = self.notices().get(role)
        if notice is None or channel not in notice.addresses:
            return None
        host, _, port = notice.addresses[channel].rpartition(":")
        return host, int(port)

    def kill_one(self, random: Random) -> str:
        """Kill a random role process with SIGKILL; returns its name."""
        known = sorted(self.notices().values(), key=lambda notice: notice.name)
        if not known:
            return ""
        victim = random.choice(known)
        os.kill(victim.pid, signal.SIGKILL)
        return victim.name

    def stop(self) -> int:
        """Ask it to stop and wait; returns its exit code."""
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(30)
