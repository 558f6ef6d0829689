"""Starts the role processes of a region, starts them again when they die, and stops them together.

Crash-only: a role that dies loses nothing, so the answer to a death is another start, after a
growing pause. They come from the nursery (`engine.roles.nursery`), or are spawned where it is
missing; this process itself is never forked, because it has threads and opens the store.
"""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass

from engine.app import open_store, places, role_names
from engine.core.clock import SystemClock, ticks_us
from engine.core.fault import Category, FaultError, refuse
from engine.journal.offsets import depart
from engine.roles.beat import EVERY_S, HANG_S, silent_s
from engine.roles.notice import last_notice, notices
from engine.roles.nursery import Copy, Nursery
from engine.roles.steps import Steps
from engine.roles.voice import Voice
from engine.security.keys import RegionKey, send
from engine.settings.region import Region
from engine.telemetry.event import ClockStepped, RoleCrashed, RoleHangs

STOP_S = 10.0
"""How long roles may take to finish what they hold before they are killed; nothing is lost then."""
_PAUSES_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_STABLE_S = 30.0


@dataclass(slots=True)
class _Child:
    name: str
    role: str
    process: subprocess.Popen[bytes] | Copy | None = None
    deaths: int = 0
    started_s: float = 0.0
    due_s: float = 0.0
    lifeline: int = -1


@contextmanager
def only_one(region: Region) -> Iterator[None]:
    """Hold the data folder for this daemon. FaultError `already-running` names the other one."""
    path = places(region).run / "daemon.lock"
    with path.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            message = "another daemon works on this data folder"
            raise refuse(
                Category.CONFLICT, "already-running", message, f"pid {file.read().strip()}"
            ) from None
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield


class Supervisor:
    """The role processes of one region."""

    def __init__(self, region: Region, key: RegionKey, nursery: Nursery | None = None) -> None:
        self._region = region
        self._key = key
        self._nursery = nursery
        self._voice = Voice(region, "supervisor")
        self._children = [_Child(name, role) for role, name in role_names(region)]
        self._steps = Steps()
        self._listen_s = 0.0  # when to look for signs of life again: none comes more often

    def run(self, stop: threading.Event) -> None:
        """Keep every role running until `stop` is set, then stop them all."""
        run = places(self._region).run
        living = notices(run)
        self._bury(child.name for child in self._children if child.name not in living)
        try:
            while not stop.is_set():
                self._look_after()
                self._watch_clock()
                stop.wait(0.05)
        finally:
            self._stop_all()

    def ready(self) -> bool:
        """Say whether every role has said that it is ready."""
        return not self.missing()

    def missing(self) -> list[str]:
        """Return the names of the roles that have not said that they are ready."""
        known = notices(places(self._region).run)
        return [
            child.name
            for child in self._children
            if child.process is None
            or child.name not in known
            or known[child.name].pid != child.process.pid
        ]

    def _look_after(self) -> None:
        now_s = time.monotonic()
        for child in self._children:
            if child.process is None and now_s >= child.due_s:
                self._start(child, now_s)
            elif child.process is not None and child.process.poll() is not None:
                self._mourn(child, now_s)
            elif child.process is not None and now_s >= self._listen_s:
                self._wake(child, child.process)
        if now_s >= self._listen_s:
            self._listen_s = now_s + EVERY_S

    def _watch_clock(self) -> None:
        if step_s := self._steps.since(SystemClock().now_us(), ticks_us()):
            self._voice.emit(ClockStepped(round(step_s, 1)))

    def _start(self, child: _Child, now_s: float) -> None:
        child.process = self._copied(child) or self._spawned(child)
        child.started_s = now_s

    def _copied(self, child: _Child) -> Copy | None:
        if self._nursery is None or self._nursery.gone:
            return None
        descriptor, child.lifeline = send(self._key)
        copy = self._nursery.start(child.role, child.name, descriptor)
        os.close(descriptor)
        if copy is None:  # should there be a copy all the same, it ends with its lifeline
            os.close(child.lifeline)
        return copy

    def _spawned(self, child: _Child) -> subprocess.Popen[bytes]:
        descriptor, child.lifeline = send(self._key)
        try:
            return subprocess.Popen(  # noqa: S603 - our own program
                [
                    *(sys.executable, "-m", "engine.cli", "run", str(self._region.file)),
                    *("--role", child.role, "--name", child.name),
                    *("--key-fd", str(descriptor)),
                ],
                pass_fds=(descriptor,),
                stdin=subprocess.DEVNULL,
            )
        finally:
            os.close(descriptor)

    def _wake(self, child: _Child, process: subprocess.Popen[bytes] | Copy) -> None:
        """End a worker that hangs: with it goes its transaction, and others take over."""
        silent = silent_s(places(self._region).run, child.name)
        if silent > HANG_S and time.monotonic() - child.started_s > HANG_S:
            self._voice.emit(RoleHangs(child.name, process.pid, round(silent, 1)))
            process.kill()

    def _mourn(self, child: _Child, now_s: float) -> None:
        """Plan the next start, and let others take over at once what a dead worker held."""
        stable = now_s - child.started_s > _STABLE_S
        child.deaths = 1 if stable else child.deaths + 1
        wait_s = _PAUSES_S[min(child.deaths, len(_PAUSES_S)) - 1]
        process = child.process
        if process is not None and (code := process.returncode) is not None:
            self._voice.emit(RoleCrashed(child.name, process.pid, code, wait_s))
        child.process = None
        os.close(child.lifeline)
        self._bury([child.name])
        child.due_s = now_s + wait_s

    def _bury(self, names: Iterable[str]) -> None:
        """Void the leases of dead workers. Where the store refuses, they run out by themselves."""
        run = places(self._region).run
        told = [last_notice(run, name) for name in names]
        owners = [notice.owner for notice in told if notice is not None and notice.owner]
        if not owners:
            return
        with (
            suppress(FaultError),
            closing(open_store(self._region, self._key)) as store,
            store.write() as tx,
        ):
            for owner in owners:
                depart(tx, owner)

    def _stop_all(self) -> None:
        running = [child.process for child in self._children if child.process is not None]
        for process in running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline_s = time.monotonic() + STOP_S
        for process in running:
            try:
                process.wait(max(0.1, deadline_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._nursery is not None:
            self._nursery.close()
