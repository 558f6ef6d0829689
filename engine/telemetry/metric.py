"""Numbers of one process and of all roles together, in the Prometheus text format (0.0.4).

The only module that imports prometheus_client. No global registry: each process keeps its own
numbers, `snapshot` writes them as text, and `merge` adds the texts of several processes up. Every
sample carries the label `role`, so gauges of two processes do not mix.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Literal

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

PREFIX = "concord_"
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
TOPS = (*map(str, BUCKETS_S), "+Inf")
Kind = Literal["counter", "gauge"]
_Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """A number read when it is asked for. `name` is snake_case, without prefix and `_total`."""

    name: str
    kind: Kind
    text: str
    value: float
    labels: Mapping[str, str]


@dataclass(slots=True)
class _Histogram:
    counts: list[int]
    total_s: float = 0.0


class Metrics(Collector):
    """The numbers of one process. Safe to use from several threads."""

    def __init__(self, registry: CollectorRegistry, role: str) -> None:
        self._registry = registry
        self._role = ("role", role)
        self._lock = Lock()
        self._texts: dict[str, str] = {}
        self._counts: dict[str, dict[_Labels, float]] = {}
        self._times: dict[str, dict[_Labels, _Histogram]] = {}
        self._sources: list[Callable[[], Iterable[Sample]]] = []
        registry.register(self)

    def count(self, name: str, text: str, labels: Mapping[str, str], amount: float = 1) -> None:
        """Add to a counter."""
        key = self._key(labels)
        with self._lock:
            self._texts[name] = text
            values = self._counts.setdefault(name, {})
            values[key] = values.get(key, 0) + amount

    def time(self, name: str, text: str, labels: Mapping[str, str], seconds: float) -> None:
        """Add a duration to a histogram."""
        key = self._key(labels)
        with self._lock:
            self._texts[name] = text
            times = self._times.setdefault(name, {})
            histogram = times.setdefault(key, _Histogram([0] * len(TOPS)))
            histogram.total_s += seconds
            histogram.counts[bisect_left(BUCKETS_S, seconds)] += 1

    def read_from(self, source: Callable[[], Iterable[Sample]]) -> None:
        """Ask `source` for its numbers whenever a snapshot is made."""
        self._sources.append(source)

    def snapshot(self) -> bytes:
        """Return all numbers of this process as text."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield the families; prometheus_client calls this."""
        with self._lock:
            yield from self._counters()
            yield from self._histograms()
        yield from self._sampled()

    def _key(self, labels: Mapping[str, str]) -> _Labels:
        return tuple(sorted({**labels, self._role[0]: self._role[1]}.items()))

    def _counters(self) -> Iterator[Metric]:
        for name, values in self._counts.items():
            family = Metric(PREFIX + name, self._texts[name], "counter")
            for key, value in values.items():
                family.add_sample(f"{PREFIX}{name}_total", dict(key), value)
            yield family

    def _histograms(self) -> Iterator[Metric]:
        for name, times in self._times.items():
            family = Metric(PREFIX + name, self._texts[name], "histogram")
            for key, histogram in times.items():
                _add_histogram(family, dict(key), histogram)
            yield family

    def _sampled(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for source in self._sources:
            for one in source():
                full = PREFIX + one.name
                family = families.setdefault(full, Metric(full, one.text, one.kind))
                suffix = "_total" if one.kind == "counter" else ""
                family.add_sample(full + suffix, dict(self._key(one.labels)), one.value)
        yield from families.values()


def process_metrics(role: str) -> Metrics:
    """Return empty numbers of one process, on a registry of their own."""
    return Metrics(CollectorRegistry(), role)


def _add_histogram(family: Metric, labels: dict[str, str], histogram: _Histogram) -> None:
    reached = 0
    for top, count in zip(TOPS, histogram.counts, strict=True):
        reached += count
        family.add_sample(f"{family.name}_bucket", {**labels, "le": top}, reached)
    family.add_sample(f"{family.name}_count", labels, reached)
    family.add_sample(f"{family.name}_sum", labels, histogram.total_s)


class _Families(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def merge(snapshots: Iterable[bytes]) -> bytes:
    """Add the snapshots of several processes up. ValueError if one is not this text format."""
    families: dict[str, Metric] = {}
    sums: dict[str, dict[tuple[str, _Labels], float]] = {}
    for snapshot in snapshots:
        for family in text_string_to_metric_families(snapshot.decode()):
            families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            values = sums.setdefault(family.name, {})
            for sample in family.samples:
                key = (sample.name, tuple(sample.labels.items()))
                values[key] = values.get(key, 0) + sample.value
    for name, values in sums.items():
        for (sample_name, labels), value in values.items():
            families[name].add_sample(sample_name, dict(labels), value)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(families.values()))
    return generate_latest(registry)
