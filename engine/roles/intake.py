"""The intake role: runs the inbound channels over one group commit into the journal."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from functools import partial

from engine.app import BUILT_IN, compile_plans, open_journal, places
from engine.core.clock import SystemClock
from engine.core.fault import Category, Fault, refuse
from engine.database.fault import StorageBrokenError
from engine.journal.group_commit import GroupCommit
from engine.mapping.plan import Plan
from engine.pipeline.accept import admission
from engine.plugin.protocol import Inbound, Surroundings
from engine.plugin.tally import Tally
from engine.roles.notice import Notice, post, withdraw
from engine.roles.voice import Voice
from engine.security.keys import RegionKey
from engine.settings.region import Channel, Region
from engine.telemetry.metric import Sample

NAME = "intake"


async def run_intake(region: Region, key: RegionKey, stop: asyncio.Event) -> None:
    """Serve until `stop` is set. StorageBrokenError when the journal's disk failed."""
    voice = Voice(region, NAME)
    plans = compile_plans(region, key)
    broken: list[Fault] = []
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
    finally:
        withdraw(places(region).run, NAME)
        voice.close()
        await commit.stop()
    if broken:
        raise StorageBrokenError(broken[0])


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

    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(
                _build(channel, plans[channel.site], voice).run(
                    commit, partial(started, channel.name)
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
    voice.metrics.read_from(partial(_samples, channel, tally))
    around = Surroundings(
        channel=channel.name,
        site=channel.site,
        clock=SystemClock(),
        admit=admission(plan),
        report=voice.emit,
        tally=tally,
    )
    return spec.build(channel.config, around)


def _samples(channel: Channel, tally: Tally) -> list[Sample]:
    labels = {"channel": channel.name, "site": channel.site}
    counted = {
        "received": "deliveries received",
        "accepted": "deliveries accepted",
        "refused": "deliveries refused",
        "bytes_received": "bytes received",
        "junk_bytes": "bytes outside of any frame",
    }
    now = {"connections": "connections now", "pending": "deliveries waiting for the disk"}
    return [
        *(
            Sample(f"channel_{n}", "counter", t, getattr(tally, n), labels)
            for n, t in counted.items()
        ),
        *(Sample(f"channel_{n}", "gauge", t, getattr(tally, n), labels) for n, t in now.items()),
    ]
