"""The intake of a region whose sites all hand in at the endpoint: it has no channel."""

import asyncio
from pathlib import Path

import yaml

from engine.app import compile_plans, places, prepare_storage, region_key, region_of
from engine.roles.intake import run_intake
from engine.roles.notice import notices
from tests.chaos.place import write_region


def test_it_is_ready_without_channels(tmp_path: Path) -> None:
    file = write_region(tmp_path)
    content = yaml.safe_load(file.read_text("utf-8"))
    file.write_text(yaml.safe_dump(content | {"channels": {}}), "utf-8")
    region = region_of(file)
    key = region_key(region)
    plans = compile_plans(region, key)
    prepare_storage(region, key, plans)

    async def run() -> dict[str, str]:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(run_intake(region, key, plans, stop))
            for _ in range(2000):
                if found := notices(places(region).run).get("intake"):
                    break
                await asyncio.sleep(0.01)
            stop.set()
        assert found is not None
        return found.addresses

    assert asyncio.run(run()) == {}
