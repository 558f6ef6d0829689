"""The doors of the endpoint: channels that take deliveries in the api process.

They share one group commit, as those of the intake do. Without such a channel nothing is opened.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import cast

from engine.app import open_journal
from engine.core.fault import Fault
from engine.database.fault import StorageBrokenError
from engine.journal.group_commit import GroupCommit
from engine.mapping.plan import Plan
from engine.plugin.web import Door
from engine.roles.inbound import built, inbound, share
from engine.roles.voice import Voice
from engine.security.keys import RegionKey
from engine.settings.region import Region


@asynccontextmanager
async def open_doors(
    region: Region,
    key: RegionKey,
    plans: Mapping[str, Plan],
    voice: Voice,
    stop: asyncio.Event,
) -> AsyncIterator[Mapping[str, Door]]:
    """Keep the doors open for as long as the block runs; gives them by site.

    `stop` is set when the journal's disk failed: then StorageBrokenError ends the block. The fault
    of a channel that cannot open comes in a group.
    """
    channels = inbound(region, at_endpoint=True)
    if not channels:
        yield {}
        return
    broken: list[Fault] = []

    def on_broken(fault: Fault) -> None:
        broken.append(fault)
        stop.set()

    limits = region.limits
    commit = GroupCommit(
        partial(open_journal, region, key),
        max_bytes=limits.intake_bytes,
        max_count=limits.intake_messages,
    )
    commit.on_broken(on_broken)
    commit.start()
    doors = {one.site: cast("Door", built(one, plans[one.site], voice)) for one in channels}
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_open(door, region, commit)) for door in doors.values()]
            yield doors
            for task in tasks:
                task.cancel()
    finally:
        await commit.stop()
    if broken:
        raise StorageBrokenError(broken[0])


async def _open(door: Door, region: Region, commit: GroupCommit) -> None:
    await door.run(share(region, commit), lambda _: None)
