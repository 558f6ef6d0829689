"""The intake role: runs the inbound channels over one group commit into the journal."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from engine.app import BUILT_IN, compile_plans, open_journal, places
from engine.core.clock import SystemClock
from engine.core.fault import Category, Fault, FaultError, refuse
from engine.database.fault import StorageBrokenError
from engine.journal.group_commit import GroupCommit
from engine.mapping.plan import Plan
from engine.pipeline.accept import admission
from engine.plugin.measure import channel_samples
from engine.plugin.protocol import Inbound, Surroundings
from engine.plugin.share import Share
from engine.plugin.tally import Tally
from engine.roles.notice import Notice, post, withdraw
from engine.roles.voice import Voice
from engine.security.keys import RegionKey
from engine.settings.region import Channel, Region

NAME = "intake"


async def run_intake(region: Region, key: RegionKey, stop: asyncio.Event) -> None:
    """Serve until `stop` is set.

    StorageBrokenError when the journal's disk failed, FaultError when a channel cannot start.
    """
    voice = Voice(region, NAME)
    plans = compile_plans(region, key)
    broken: list[Fault] = []
    refused: list[FaultError] = []
    commit = GroupCommit(
        partial(open_journal, region, key),
        max_bytes=region.limits.intake_bytes,
        max_count=region.limits.intake_messages,
    )

    def on_broken(fault: Fault) -> None:
        broken.append(fault)
        stop.set()

    commit.on_broken(on_broken)
    commit.start()
    try:
        await _serve(region, plans, commit, stop, voice)
    except* FaultError as several:
        refused.append(first_fault(several))
    finally:
        withdraw(places(region).run, NAME)
        await commit.stop()
        voice.close()
    if broken:
        raise StorageBrokenError(broken[0])
    if refused:
        raise refused[0]


def first_fault(several: BaseExceptionGroup[Any]) -> FaultError:
    """Return the first fault of what ended a group of channels."""
    first: FaultError | BaseExceptionGroup[Any] = several.exceptions[0]
    return first_fault(first) if isinstance(first, BaseExceptionGroup) else first


async def _serve(
    region: Region,
    plans: Mapping[str, Plan],
    commit: GroupCommit,
    stop: asyncio.Event,
    voice: Voice,
) -> None:
    inbound = [channel for channel in region.channels if channel.direction == "in"]
    addresses: dict[str, str] = {}

    def started(name: str, bound: Sequence[str]) -> None:
        addresses[name] = bound[0] if bound else ""
        if len(addresses) == len(inbound):
            post(places(region).run, Notice(NAME, os.getpid(), SystemClock().now_us(), addresses))
            voice.ready()

    def share() -> Share:
        """No channel may take more than half of the room, so that a flood leaves some."""
        limits = region.limits
        return Share(commit, limits.intake_bytes // 2, max(1, limits.intake_messages // 2))

    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(
                _build(channel, plans[channel.site], voice).run(
                    share(), partial(started, channel.name)
                )
            )
            for channel in inbound
        ]
        await stop.wait()
        for task in tasks:
            task.cancel()


def _build(channel: Channel, plan: Plan, voice: Voice) -> Inbound:
    spec = BUILT_IN.get(channel.type, channel.direction)
    if spec is None:
        message = "there is no channel of this type"
        raise refuse(Category.UNSUPPORTED, "unknown-channel", message, channel.name)
    tally = Tally()
    voice.metrics.read_from(partial(channel_samples, channel.name, channel.site, tally))
    around = Surroundings(
        channel=channel.name,
        site=channel.site,
        clock=SystemClock(),
        admit=admission(plan, spec.media_type),
        report=voice.emit,
        tally=tally,
        contracts=plan.contracts,
    )
    return spec.build(channel.config, around)
