"""A channel's counts as metrics, read when they are asked for."""

from collections.abc import Iterator

from engine.plugin.tally import Tally
from engine.telemetry.metric import Kind, Sample

_MEASURES: tuple[tuple[str, Kind, str], ...] = (
    ("received", "counter", "deliveries that arrived whole"),
    ("accepted", "counter", "deliveries stored and acknowledged"),
    ("refused", "counter", "deliveries answered negatively"),
    ("lost", "counter", "deliveries settled after their sender had gone"),
    ("bytes_received", "counter", "bytes read from senders"),
    ("junk_bytes", "counter", "bytes that made no delivery"),
    ("connections", "gauge", "open connections"),
    ("connections_total", "counter", "connections accepted"),
    ("connections_refused", "counter", "connections refused by a limit, the list of peers or TLS"),
    ("pending", "gauge", "deliveries waiting for the disk"),
    ("pauses", "counter", "times reading from a sender was paused"),
)


def channel_samples(channel: str, site: str, tally: Tally) -> Iterator[Sample]:
    """Yield every count of a channel."""
    labels = {"channel": channel, "site": site}
    for name, kind, text in _MEASURES:
        metric = "channel_connections_opened" if name == "connections_total" else f"channel_{name}"
        yield Sample(metric, kind, text, getattr(tally, name), labels)
    text = "1 while something keeps the channel from taking anything"
    yield Sample("channel_waiting", "gauge", text, int(bool(tally.trouble)), labels)
    if tally.certificate_days is not None:
        text = "days until the channel's certificate expires"
        yield Sample("channel_certificate_days", "gauge", text, tally.certificate_days, labels)
    if tally.answered_us is not None:
        text = "when the server the channel asks last answered, in seconds since 1970"
        name = "channel_answered_timestamp_seconds"
        yield Sample(name, "gauge", text, tally.answered_us / 1e6, labels)
