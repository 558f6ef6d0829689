"""What a thread's time goes into, by stage of the work and by kind of message.

A lap ends a stage: the time since the lap before belongs to it. So a stage needs one call, nothing
is counted twice, and what nobody claims shows up in the next stage. A lap costs about a
microsecond; `tests/benchmark/worker.py` measures that.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock

from engine.telemetry.metric import Sample

Now = Callable[[], int]
_CPU = "processor time of a worker by stage of the work and kind of message"
_WALL = "elapsed time of a worker by stage; from `fence` to `commit` it holds the store's lock"


@dataclass(slots=True)
class Spent:
    """Nanoseconds: `cpu` of the thread, `wall` with all that it waited for."""

    cpu: int = 0
    wall: int = 0

    def add(self, cpu: int, wall: int) -> None:
        self.cpu += cpu
        self.wall += wall


class Stopwatch:
    """Laps of one thread, booked to kinds of messages; another thread may read the sums."""

    def __init__(
        self, cpu_ns: Now = time.thread_time_ns, wall_ns: Now = time.perf_counter_ns
    ) -> None:
        self._now = cpu_ns, wall_ns
        self._open: dict[str, Spent] = {}
        self._booked: Counter[tuple[str, str]] = Counter()
        self._elapsed: Counter[str] = Counter()
        self._lock = Lock()
        self._unwaiting = Spent()
        self.start()

    def start(self) -> None:
        """Begin a round: what passed since the last lap belongs to nothing."""
        cpu_ns, wall_ns = self._now
        self._cpu, self._wall = cpu_ns(), wall_ns()

    def lap(self, stage: str) -> None:
        """End a stage."""
        cpu_ns, wall_ns = self._now
        cpu, wall = cpu_ns(), wall_ns()
        spent = self._open.get(stage)
        if spent is None:
            spent = self._open[stage] = Spent()
        spent.add(cpu - self._cpu, wall - self._wall)
        self._cpu, self._wall = cpu, wall

    def book(self, kind: str, *stages: str) -> None:
        """Book what these stages took since they were last booked to one kind.

        They wait for nothing but a processor (`strain`).
        """
        with self._lock:
            for stage in stages:
                spent = self._open.pop(stage, None)
                if spent is not None:
                    self._booked[stage, kind] += spent.cpu
                    self._elapsed[stage] += spent.wall
                    self._unwaiting.add(spent.cpu, spent.wall)

    def strain(self) -> float:
        """Return elapsed over processor time of work that waits for nothing, of late.

        1 on a machine that is free, 2 where twice as much wants to run as there are cores.
        """
        spent = self._unwaiting
        found = spent.wall / spent.cpu if spent.cpu else 1.0
        self._unwaiting = Spent(spent.cpu // 2, spent.wall // 2)
        return max(1.0, found)

    def share(self, weights: Mapping[str, int]) -> None:
        """Book everything else to several kinds, by weight: a batch is written as one."""
        whole = sum(weights.values())
        with self._lock:
            for stage, spent in self._open.items():
                self._elapsed[stage] += spent.wall
                for kind, weight in weights.items():
                    self._booked[stage, kind] += spent.cpu * weight // whole
            self._open = {}

    def cpu_ns(self) -> dict[tuple[str, str], int]:
        """Return what was booked, by stage and kind."""
        with self._lock:
            return dict(self._booked)

    def wall_ns(self) -> dict[str, int]:
        """Return the elapsed time of each stage."""
        with self._lock:
            return dict(self._elapsed)

    def samples(self) -> Iterator[Sample]:
        """Yield the sums as metrics, in seconds."""
        for (stage, kind), cpu in self.cpu_ns().items():
            labels = {"stage": stage, "kind": kind}
            yield Sample("stage_cpu_seconds", "counter", _CPU, cpu / 1e9, labels)
        for stage, wall in self.wall_ns().items():
            yield Sample("stage_seconds", "counter", _WALL, wall / 1e9, {"stage": stage})
