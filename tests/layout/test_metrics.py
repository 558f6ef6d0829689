"""Every metric and every stage that is counted stands on the page that explains them."""

import re
from pathlib import Path

from engine.plugin.measure import channel_samples
from engine.plugin.tally import Tally
from engine.telemetry.stages import Stopwatch


def test_every_count_of_a_channel_is_on_the_page(root: Path) -> None:
    page = (root / "docs/metrics.md").read_text("utf-8")
    tally = Tally()
    tally.certificate_days = 1
    tally.answered_us = 1
    names = [
        f"concord_{sample.name}{'_total' * (sample.kind == 'counter')}"
        for sample in channel_samples("adt", "mercy", tally)
    ]
    assert [name for name in names if f"`{name}`" not in page] == []


def test_every_stage_is_on_the_page(root: Path) -> None:
    page = (root / "docs/metrics.md").read_text("utf-8")
    code = "".join(path.read_text("utf-8") for path in (root / "engine/pipeline").glob("*.py"))
    stages = set(re.findall(r'lap\("([a-z]+)"\)', code))
    assert {"read", "put", "commit"} <= stages
    assert [stage for stage in sorted(stages) if f"| `{stage}` |" not in page] == []


def test_the_metrics_of_stages_are_on_the_page(root: Path) -> None:
    page = (root / "docs/metrics.md").read_text("utf-8")
    watch = Stopwatch()
    watch.lap("put")
    watch.share({"ADT^A01": 1})
    names = [f"concord_{sample.name}_total" for sample in watch.samples()]
    assert len(names) == 2
    assert [name for name in names if f"`{name}`" not in page] == []
