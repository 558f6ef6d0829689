"""The intake role: runs the inbound channels over one group commit into the journal."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from engine.app import open_journal, open_store, places
from engine.core.clock import SystemClock
from engine.core.fault import Fault, FaultError
from engine.database.fault import StorageBrokenError
from engine.journal.group_commit import GroupCommit
from engine.pipeline.in_force import Plans
from engine.plugin.protocol import Inbound
from engine.plugin.tally import Tally
from engine.roles.following import Attention, following, host_of
from engine.roles.inbound import built, first_fault, inbound, share
from engine.roles.notice import Notice, post, withdraw
from engine.roles.remembering import Remembering
from engine.roles.voice import Voice
from engine.security.keys import RegionKey
from engine.settings.region import Channel, Region
from engine.telemetry.event import NumbersUnwritten

NAME = "intake"
_LOOK_S = 1.0


async def run_intake(region: Region, key: RegionKey, known: Plans, stop: asyncio.Event) -> None:
    """Serve until `stop` is set.

    StorageBrokenError when the journal's disk failed, FaultError when a channel cannot start.
    """
    voice = Voice(region, NAME)
    plans = following(region, key, known, voice)
    attention = Attention(partial(open_store, region, key), plans, (host_of(region), NAME), voice)
    attention.start()
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
    loop = asyncio.get_running_loop()

    def on_broken_store(fault: Fault) -> None:
        loop.call_soon_threadsafe(on_broken, fault)

    remembering = Remembering(region, key, on_broken_store)

    def make(channel: Channel, tally: Tally) -> Inbound:
        return built(region, channel, plans, voice, remembering, tally)

    try:
        await _serve(region, make, commit, stop, voice)
    except* FaultError as several:
        refused.append(first_fault(several))
    finally:
        withdraw(places(region).run, NAME)
        await commit.stop()
        await asyncio.to_thread(remembering.close)
        await asyncio.to_thread(attention.stop)
        voice.close()
    if broken:
        raise StorageBrokenError(broken[0])
    if refused:
        raise refused[0]


async def _serve(
    region: Region,
    make: Callable[[Channel, Tally], Inbound],
    commit: GroupCommit,
    stop: asyncio.Event,
    voice: Voice,
) -> None:
    channels = inbound(region, at_endpoint=False)
    addresses: dict[str, str] = {}
    tallies = {channel.name: Tally() for channel in channels}
    ready = asyncio.Event()

    def started(name: str, bound: Sequence[str]) -> None:
        addresses[name] = bound[0] if bound else ""
        if len(addresses) == len(channels):
            ready.set()

    if not channels:  # every site hands in at the endpoint
        ready.set()
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(
                make(channel, tallies[channel.name]).run(
                    share(region, commit), partial(started, channel.name)
                )
            )
            for channel in channels
        ]
        tasks.append(group.create_task(_announce(region, voice, ready, addresses, tallies)))
        await stop.wait()
        for task in tasks:
            task.cancel()


async def _announce(
    region: Region,
    voice: Voice,
    ready: asyncio.Event,
    addresses: Mapping[str, str],
    tallies: Mapping[str, Tally],
) -> None:
    """Say that the channels are there, and then each time which of them can take nothing.

    What cannot be written, as on a full disk, is tried again: the channels go on meanwhile.
    """
    await ready.wait()
    ready_us, said = SystemClock().now_us(), None
    while True:
        troubles = {name: tally.trouble for name, tally in tallies.items() if tally.trouble}
        if troubles != said:
            notice = Notice(NAME, os.getpid(), ready_us, dict(addresses), troubles=troubles)
            try:
                post(places(region).run, notice)
            except OSError as error:
                voice.emit(NumbersUnwritten(NAME, type(error).__name__))
            else:
                if said is None:
                    voice.ready()
                said = troubles
        await asyncio.sleep(_LOOK_S)
