"""Takes an event and makes a log line and a metric of it, in one place for the whole process.

A flood of one event (garbage on a port, a flapping peer) is counted in full and logged in part:
`BURST` lines a minute for each event and code, then one line says how many were left out.
"""

from collections.abc import Collection
from dataclasses import dataclass

from engine.core.clock import Clock, instant
from engine.telemetry.event import Event
from engine.telemetry.field import LABELS, released
from engine.telemetry.line import Write
from engine.telemetry.metric import Metrics

BURST = 20
WINDOW_US = 60_000_000


@dataclass(slots=True)
class _Window:
    began_us: int
    lines: int = 0
    omitted: int = 0


class Telemetry:
    """Where a role's events go. `names` are the sites, channels and roles of the region."""

    def __init__(
        self, write: Write, metrics: Metrics, clock: Clock, names: Collection[str], role: str
    ) -> None:
        self.metrics = metrics
        self._write = write
        self._clock = clock
        self._names = frozenset((*names, role))
        self._role = role
        self._windows: dict[tuple[str, object], _Window] = {}

    def emit(self, event: Event) -> None:
        """Log and count an event. Its fields get out as far as the allow-list permits."""
        values = released(event, self._names)
        labels = {name: str(values[name]) for name in LABELS if name in values and name != "role"}
        metric = event.name.replace("-", "_")
        seconds = values.get("seconds")
        if isinstance(seconds, int | float):
            self.metrics.time(f"{metric}_seconds", event.text, labels, seconds)
        else:
            amount = values.get("count", 1)
            self.metrics.count(metric, event.text, labels, _number(amount))
        self._log(event, values)

    def _log(self, event: Event, values: dict[str, str | int | float]) -> None:
        now_us = self._clock.now_us()
        window = self._windows.setdefault((event.name, values.get("code")), _Window(now_us))
        omitted = 0
        if not 0 <= now_us - window.began_us < WINDOW_US:  # over, or the clock was set back
            omitted, window.omitted, window.lines, window.began_us = window.omitted, 0, 0, now_us
        if window.lines >= BURST:
            window.omitted += 1
            return
        window.lines += 1
        head = {"time": instant(now_us), "level": event.level, "text": event.text}
        tail = {"omitted": omitted} if omitted else {}
        self._write(event.name, {**head, "role": self._role, **values, **tail})


def _number(value: str | float) -> float:
    return value if isinstance(value, int | float) else 1
