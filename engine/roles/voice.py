"""What a role says to the outside: log lines on standard error, and its numbers in the run folder.

Numbers are published as a file each second, so that the api role can serve those of all roles and
a role that hangs still shows its last ones.
"""

import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from engine.app import places, role_names
from engine.core.clock import SystemClock
from engine.core.fault import Fault, FaultError
from engine.pipeline.ledger import QUARANTINED, Account
from engine.pipeline.renumbered import REUSED
from engine.settings.region import Region
from engine.telemetry.emit import Telemetry
from engine.telemetry.event import (
    AddressRefused,
    ControlIdReused,
    MessageQuarantined,
    NumbersUnwritten,
    PromptFailed,
    RoleRefused,
    RoleStarted,
    RoleStopped,
    WorkHeld,
)
from engine.telemetry.line import line_writer
from engine.telemetry.metric import Metrics, merge, process_metrics
from engine.telemetry.stray import capture_strays, place_of

_EVERY_S = 1.0
LISTENING = frozenset({"port-in-use", "cannot-listen"})
"""Faults whose place is `host:port`, after the channel's name if it is a channel's."""
_MESSAGES = "messages that got their final state"


class Voice:
    """Telemetry of one role process, published until it is closed."""

    def __init__(self, region: Region, name: str) -> None:
        self._name = name
        self._path = places(region).run / f"{name}.prom"
        self.metrics = process_metrics(name)
        self._telemetry = _telemetry(region, name, self.metrics)
        self.emit = self._telemetry.emit
        self._began_s = time.monotonic()
        capture_strays(self.emit)
        self._closed = threading.Event()
        self._publishing = threading.Lock()
        self._publisher = threading.Thread(target=self._keep_publishing, daemon=True)
        self._publisher.start()

    def ready(self) -> None:
        """Say that the role is ready, and publish the first numbers."""
        seconds = round(time.monotonic() - self._began_s, 3)
        self.emit(RoleStarted(self._name, os.getpid(), seconds))
        self.publish()

    def told(self, accounts: Sequence[Account]) -> None:
        """Count the outcomes of a batch, and name what was quarantined."""
        for account in accounts:
            labels = {"site": account.site, "state": account.state}
            self.metrics.count("messages", _MESSAGES, labels)
            if any(note.code == REUSED.code for note in account.notes):
                self.emit(ControlIdReused(account.site, account.channel, account.position))
            if account.state == QUARANTINED:
                self.emit(
                    MessageQuarantined(
                        account.site, account.channel, account.position, account.code
                    )
                )

    def held(self, fault: Fault) -> None:
        """Say that a batch has to wait."""
        self.emit(WorkHeld(self._name, fault.code))

    def left(self, error: Exception) -> None:
        """Say that a delivery is left to the worker for a reason nobody foresaw."""
        code = error.fault.code if isinstance(error, FaultError) else "unexpected-error"
        place = place_of(error.__traceback__)
        self.emit(PromptFailed(self._name, code, type(error).__name__, place))

    def close(self) -> None:
        """Publish the last numbers and stop."""
        self.emit(RoleStopped(self._name, os.getpid()))
        self._closed.set()
        self._publisher.join()
        self.publish()

    def _keep_publishing(self) -> None:
        while not self._closed.wait(_EVERY_S):
            self.publish()

    def publish(self) -> None:
        """Write the numbers as they are now. A role goes on without them when the disk is full.

        Any thread may ask: the publisher does each second, and a request for the metrics.
        """
        fresh = self._path.with_suffix(".prom.new")
        try:
            with self._publishing:
                fresh.write_bytes(self.metrics.snapshot())
                fresh.replace(self._path)
        except OSError as error:
            self.emit(NumbersUnwritten(self._name, type(error).__name__))


def last_words(region: Region, name: str, fault: Fault) -> None:
    """Say why a role process ends, after its voice was closed or before it had one."""
    emit = _telemetry(region, name, process_metrics(name)).emit
    if fault.code in LISTENING:
        channel, _, address = fault.where.rpartition(" ")
        emit(AddressRefused(name, fault.code, channel, address))
    else:
        emit(RoleRefused(name, fault.code))


def _telemetry(region: Region, name: str, metrics: Metrics) -> Telemetry:
    names = (*region.sites, *(channel.name for channel in region.channels), "steward")
    names += tuple(process for _, process in role_names(region))
    return Telemetry(line_writer(sys.stderr.buffer), metrics, SystemClock(), names, name)


def all_numbers(folder: Path) -> bytes:
    """Return the numbers of all roles as one Prometheus text."""
    return merge([path.read_bytes() for path in sorted(folder.glob("*.prom"))])
