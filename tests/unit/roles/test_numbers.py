"""The numbers of a role are read by more than one thread: of its own work, and of its publisher."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.app import prepare_storage, region_key, region_of
from engine.rest.endpoint import Endpoint
from engine.roles import api
from engine.roles.voice import Voice
from engine.settings.region import Region
from engine.telemetry.stray import capture_strays


@pytest.fixture
def region(tmp_path: Path) -> Iterator[Region]:
    undo = capture_strays(lambda _: None)  # what a role captures is given back at the end
    file = tmp_path / "region.yaml"
    (tmp_path / "mappings" / "base").mkdir(parents=True)
    site = "{ehr: other, timezone: UTC, mappings: [base]}"
    file.write_text(f"region: north\nsites:\n  mercy: {site}\n", "utf-8")
    found = region_of(file)
    prepare_storage(found, region_key(found), {})
    yield found
    undo()


def test_many_threads_may_publish_at_once(
    region: Region, capfd: pytest.CaptureFixture[str]
) -> None:
    voice = Voice(region, "worker-1")
    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(voice.publish) for _ in range(200)]:
            done.result()
    voice.close()
    assert [path.name for path in (region.data_folder / "run").iterdir()] == ["worker-1.prom"]
    assert "numbers-unwritten" not in capfd.readouterr().err


def test_the_backlog_is_counted_while_a_request_reads(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []

    async def during_a_request(endpoint: Endpoint, *_: object) -> None:
        with endpoint.database.read():
            seen.append(endpoint.metrics())

    monkeypatch.setattr(api, "create_app", lambda endpoint: endpoint)
    monkeypatch.setattr(api, "serve", during_a_request)
    asyncio.run(api.run_api(region, region_key(region), {}, asyncio.Event()))
    assert b'concord_backlog{role="api"} 0.0' in seen[0]
