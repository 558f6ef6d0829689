"""The doors of the endpoint: channels that take deliveries in the api process.

They share one group commit, as those of the intake do, and those that answer when the store has a
delivery share one prompter. Without such channels nothing is opened.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from functools import partial
from typing import cast

from engine.app import api_token, open_journal, open_store, reconciling
from engine.core.clock import SystemClock
from engine.core.fault import Category, Fault, refuse
from engine.core.lap import untimed
from engine.database.fault import StorageBrokenError
from engine.journal.group_commit import GroupCommit
from engine.pipeline.commit import Writing
from engine.pipeline.in_force import InForce
from engine.pipeline.prepare import prepare
from engine.pipeline.prompt import Prompted, Prompter, PromptIntake
from engine.plugin.protocol import Intake
from engine.plugin.web import Door
from engine.roles.inbound import built, inbound, share, spec_of
from engine.roles.voice import Voice
from engine.security.keys import RegionKey
from engine.settings.region import Region


@dataclass(slots=True)
class _Breakage:
    """What the disk said to the committer or the prompter, and who has to stop for it."""

    stop: asyncio.Event
    faults: list[Fault] = field(default_factory=list)

    def note(self, fault: Fault) -> None:
        self.faults.append(fault)
        self.stop.set()


@dataclass(frozen=True, slots=True)
class _House:
    """What the doors of a region have in common."""

    region: Region
    key: RegionKey
    plans: InForce
    voice: Voice


@asynccontextmanager
async def open_doors(
    region: Region,
    key: RegionKey,
    plans: InForce,
    voice: Voice,
    stop: asyncio.Event,
) -> AsyncIterator[Mapping[str, Door]]:
    """Keep the doors open for as long as the block runs; gives them by site.

    `stop` is set when a disk failed: then StorageBrokenError ends the block. The fault of a channel
    that cannot open comes in a group.
    """
    channels = inbound(region, at_endpoint=True)
    if not channels:
        yield {}
        return
    house = _House(region, key, plans, voice)
    broken = _Breakage(stop)
    async with AsyncExitStack() as stack:
        commit = await _committer(house, broken, stack)
        prompt = [one for one in channels if spec_of(one).prompt(one.config)]
        prompter = await _prompter(house, broken, stack) if prompt else None
        doors = {one.site: cast("Door", built(region, one, plans, voice)) for one in channels}
        async with asyncio.TaskGroup() as group:
            tasks = []
            for one in channels:
                own = (
                    PromptIntake(commit, prompter)
                    if prompter is not None and one in prompt
                    else commit
                )
                tasks.append(group.create_task(_keep_open(doors[one.site], region, own)))
            yield doors
            for task in tasks:
                task.cancel()
    if broken.faults:
        raise StorageBrokenError(broken.faults[0])


async def _keep_open(door: Door, region: Region, intake: Intake) -> None:
    """Run a door. FaultError `token-shared`: who may write for a site would read every site's."""

    def started(_: Sequence[str]) -> None:
        if door.knows(api_token(region)):
            message = "the channel's token is the region's own: give the site another"
            raise refuse(Category.CONFLICT, "token-shared", message, door.channel)

    await door.run(share(region, intake), started)


async def _committer(house: _House, broken: _Breakage, stack: AsyncExitStack) -> GroupCommit:
    limits = house.region.limits
    commit = GroupCommit(
        partial(open_journal, house.region, house.key),
        max_bytes=limits.intake_bytes,
        max_count=limits.intake_messages,
    )
    commit.on_broken(broken.note)
    commit.start()
    stack.push_async_callback(commit.stop)
    return commit


async def _prompter(house: _House, broken: _Breakage, stack: AsyncExitStack) -> Prompter:
    store = stack.enter_context(closing(open_store(house.region, house.key, first=True)))
    prompter = Prompter(
        Prompted(
            writing=Writing(
                store,
                reconciling(house.region, house.key),
                SystemClock(),
                untimed,
                check=house.plans.check,
            ),
            prepare=lambda entry: prepare(entry, house.plans.at(entry.position)),
            done=house.voice.told,
            broken=lambda error: broken.note(error.fault),
            failed=house.voice.left,
            refresh=house.plans.refresh,
        )
    )
    prompter.start()
    stack.push_async_callback(prompter.stop)
    return prompter
