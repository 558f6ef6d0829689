"""`concord channel test`: what IT is told before the region runs, and that nothing is stored."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.cli.channel import test as attempt
from tests.integration.pull.site import Asked, Reply, Site, served


@contextmanager
def serving() -> Iterator[Site]:
    """Serve a site beside a command, which has a loop of its own."""
    found: list[Site] = []
    ready, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        async with served() as site:
            found.append(site)
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(20)
        yield found[0]
    finally:
        stop.set()
        thread.join(20)


def region_of(folder: Path, base_url: str, **pull: Any) -> Path:
    channel = {
        "type": "fhir_pull",
        "site": "lakeside",
        "direction": "in",
        "base_url": base_url,
        "allow": ["127.0.0.0/8"],
        "resources": [{"type": "Patient"}, {"type": "Observation"}],
        **pull,
    }
    region = {
        "region": "north",
        "mappings_folder": str(Path("mappings").resolve()),
        "sites": {"lakeside": {"ehr": "athena", "timezone": "UTC", "mappings": ["base"]}},
        "channels": {
            "lakeside-pull": channel,
            "lakeside-hl7": {"type": "mllp", "site": "lakeside", "direction": "in", "port": 0},
        },
    }
    path = folder / "region.yaml"
    path.write_text(json.dumps(region))
    return path


def test_every_step_has_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving() as site:
        site.put("Patient", "1")
        site.with_times = False
        refuse = [Reply(400, body=b"{}")]

        def spoil(asked: Asked) -> Reply | None:
            return refuse[0] if asked.path.endswith("/Observation") else None

        site.spoilt.append(spoil)
        assert attempt(region_of(tmp_path, site.base), "lakeside-pull") == 0
    reached, patients, observations = capsys.readouterr().out.splitlines()
    assert reached == f"reached {site.base}: FHIR 4.0.1, 1 resource types"
    assert patients.startswith(
        "Patient: 1 resources on the first page, no further page; the server"
    )
    assert "does not declare _lastUpdated" in patients
    assert observations.startswith("Observation: request-refused")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["region.yaml"], "nothing is stored"


@pytest.mark.parametrize(
    ("base_url", "allow", "code"),
    [
        ("http://127.0.0.1:9/r4", ["127.0.0.0/8"], "server-unreachable"),
        ("http://127.0.0.1:9/r4", [], "address-not-allowed"),
        ("https://no-such-host.invalid/r4", [], "host-unknown"),
    ],
)
def test_what_stands_in_the_way_has_a_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], base_url: str, allow: list[str], code: str
) -> None:
    assert attempt(region_of(tmp_path, base_url, allow=allow), "lakeside-pull") in {1, 75}
    assert capsys.readouterr().err.startswith(f"concord: {code}: ")


def test_a_channel_that_waits_is_asked_whether_it_could_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    region = region_of(tmp_path, "https://fhir.lakeside.example")
    assert attempt(region, "lakeside-hl7") == 0
    assert "lakeside-hl7 could start" in capsys.readouterr().out
    assert attempt(region, "elsewhere") == 1
    assert "channel-unknown" in capsys.readouterr().err
