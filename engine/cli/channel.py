"""`concord channel test`: goes the way a channel would go, and stores nothing."""

import asyncio
from pathlib import Path

from engine.app import BUILT_IN, examine_channels, region_of
from engine.cli.told import told
from engine.core.clock import SystemClock
from engine.core.fault import Category, refuse
from engine.plugin.protocol import Admission, Surroundings
from engine.plugin.tally import Tally
from engine.settings.region import Channel, Region


@told
def test(config: Path, name: str) -> int:
    """Try a channel's connection from here: what it can reach, and what it would be given.

    Stores nothing and needs no running region. A channel that waits for senders is asked
    whether it could start.

    Parameters
    ----------
    config
        The region file.
    name
        Name of the channel in it.
    """
    region = region_of(config)
    channel = _channel(region, name)
    examine_channels(region)
    spec = BUILT_IN.get(channel.type, channel.direction)
    if spec is None:
        text = "there is no channel of this type"
        raise refuse(Category.UNSUPPORTED, "unknown-channel", text, name)
    around = _surroundings(region, channel)
    if spec.attempt is not None:
        for line in asyncio.run(spec.attempt(channel.config, around)):
            print(line)
        return 0
    reason = spec.build(channel.config, around).check()
    print(reason or f"{name} could start: it waits for its senders")
    return 1 if reason else 0


def _channel(region: Region, name: str) -> Channel:
    found = next((one for one in region.channels if one.name == name), None)
    if found is None:
        known = ", ".join(one.name for one in region.channels)
        text = "the region file has no channel of this name"
        raise refuse(Category.NOT_FOUND, "channel-unknown", text, f"channels: {known}")
    return found


def _surroundings(region: Region, channel: Channel) -> Surroundings:
    return Surroundings(
        channel=channel.name,
        site=channel.site,
        clock=SystemClock(),
        admit=lambda _: Admission(),
        report=lambda _: None,
        tally=Tally(),
        timezone=region.sites[channel.site].timezone,
    )
