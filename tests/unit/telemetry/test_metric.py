"""Numbers of several processes, added up without being mixed."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine.plugin.measure import channel_samples
from engine.plugin.tally import Tally
from engine.telemetry.metric import Metrics, Sample, merge, process_metrics


def metrics(role: str) -> Metrics:
    return process_metrics(role)


def values(text: bytes) -> dict[tuple[str, str], float]:
    families = text_string_to_metric_families(text.decode())
    return {
        (sample.name, sample.labels["role"]): sample.value
        for family in families
        for sample in family.samples
    }


def test_the_same_counter_of_one_role_is_added_up() -> None:
    before, after = metrics("worker"), metrics("worker")
    before.count("batches", "batches committed", {}, 2)
    after.count("batches", "batches committed", {}, 3)
    merged = merge([before.snapshot(), after.snapshot()])
    assert values(merged) == {("concord_batches_total", "worker"): 5}


def test_gauges_of_two_roles_stay_apart() -> None:
    one, two = metrics("worker-1"), metrics("worker-2")
    one.read_from(lambda: [Sample("lag", "gauge", "positions behind", 7, {})])
    two.read_from(lambda: [Sample("lag", "gauge", "positions behind", 0, {})])
    merged = merge([one.snapshot(), two.snapshot()])
    assert values(merged) == {("concord_lag", "worker-1"): 7, ("concord_lag", "worker-2"): 0}


def test_merging_one_snapshot_changes_nothing() -> None:
    one = metrics("api")
    one.count("requests", "requests answered", {"code": "not-found"})
    one.time("request_seconds", "time to answer", {}, 0.02)
    one.read_from(lambda: channel_samples("adt", "mercy", Tally(received=3, connections=2)))
    assert merge([one.snapshot()]) == one.snapshot()
    assert merge([merge([one.snapshot()])]) == one.snapshot()


def test_nothing_merges_to_nothing() -> None:
    assert merge([]) == b""
    assert merge([metrics("api").snapshot()]) == b""


def test_a_half_written_snapshot_is_refused() -> None:
    with pytest.raises(ValueError, match=r"."):
        merge([b'concord_x_total{role="a'])


def test_every_count_of_a_channel_is_a_metric() -> None:
    samples = list(channel_samples("adt", "mercy", Tally(certificate_days=9.5, answered_us=1)))
    assert len({sample.name for sample in samples}) == len(Tally.__slots__)
