"""A worker that hangs is ended by the supervisor, and its work goes on elsewhere."""

import os
import signal
import time
from pathlib import Path

import pytest

from engine.demo.daemon import Daemon, write_region
from engine.demo.sender import Line
from engine.demo.traffic import generate

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.timeout(300)
def test_a_stopped_worker_is_replaced(tmp_path: Path) -> None:
    region = write_region(tmp_path, ROOT / "samples", ROOT / "mappings", 1)
    daemon = Daemon(region)
    daemon.start()
    try:
        while "worker-1" not in daemon.notices():
            time.sleep(0.1)
        victim = daemon.notices()["worker-1"].pid
        os.kill(victim, signal.SIGSTOP)
        line = Line(lambda: daemon.address("intake", "mercy-hl7"))
        mercy = [one for one in generate(1, 60).deliveries if one.site == "mercy"]
        assert all(line.send(one).accepted for one in mercy if not one.refused)
        line.close()
        deadline_s = time.monotonic() + 120
        while daemon.notices().get("worker-1", None) is None or (
            daemon.notices()["worker-1"].pid == victim
        ):
            assert time.monotonic() < deadline_s, "the stopped worker was left alone"
            time.sleep(0.5)
    finally:
        assert daemon.stop() == 0
    assert "role-hangs" in (tmp_path / "daemon.log").read_text(encoding="utf-8")
