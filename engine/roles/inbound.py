"""Builds the inbound channels of a role: those with a place of their own, or those at the endpoint.

Both the intake and the api take deliveries; what a channel is given is the same in either.
"""

from dataclasses import replace
from functools import partial
from typing import Any

from engine.app import BUILT_IN, places
from engine.core.clock import SystemClock
from engine.core.fault import Category, FaultError, refuse
from engine.mapping.plan import Plan
from engine.pipeline.accept import admission, strictly
from engine.pipeline.in_force import InForce
from engine.plugin.measure import channel_samples
from engine.plugin.protocol import Admit, Inbound, Intake, Surroundings
from engine.plugin.share import Share
from engine.plugin.spec import ChannelSpec
from engine.plugin.tally import Tally
from engine.roles.current import Admitting, Agreed
from engine.roles.remembering import Remembering
from engine.roles.voice import Voice
from engine.security.secret import read_or_make
from engine.settings.region import Channel, Region


def spec_of(channel: Channel) -> ChannelSpec[Any]:
    """Return the spec of a channel. FaultError `unknown-channel`."""
    spec = BUILT_IN.get(channel.type, channel.direction)
    if spec is None:
        message = "there is no channel of this type"
        raise refuse(Category.UNSUPPORTED, "unknown-channel", message, channel.name)
    return spec


def inbound(region: Region, *, at_endpoint: bool) -> list[Channel]:
    """Return the channels that take deliveries at the endpoint, or those that do elsewhere."""
    found = [channel for channel in region.channels if channel.direction == "in"]
    return [channel for channel in found if spec_of(channel).at_endpoint == at_endpoint]


def built(
    region: Region,
    channel: Channel,
    plans: InForce,
    voice: Voice,
    remembering: Remembering | None = None,
    tally: Tally | None = None,
) -> Inbound:
    """Build a channel with what the engine gives it; its counts become metrics."""
    tally = tally or Tally()
    voice.metrics.read_from(partial(channel_samples, channel.name, channel.site, tally))
    spec, clock = spec_of(channel), SystemClock()

    def admitting(plan: Plan) -> Admit:
        admit = admission(plan, spec.media_type)
        if spec.prompt(channel.config):
            return strictly(admit, plan, spec.media_type, clock)
        return admit

    around = Surroundings(
        channel=channel.name,
        site=channel.site,
        clock=clock,
        admit=Admitting(plans, channel.site, admitting),
        report=voice.emit,
        tally=tally,
        contracts=Agreed(plans, channel.site),
        timezone=region.sites[channel.site].timezone,
        own_secret=lambda: read_or_make(places(region).token_of(channel.name)).hex(),
    )
    if remembering is not None:
        around = replace(around, memory=lambda: remembering.of(channel))
    return spec.build(channel.config, around)


def share(region: Region, intake: Intake) -> Share:
    """No channel may take more than half of the room, so that a flood leaves some."""
    limits = region.limits
    return Share(intake, limits.intake_bytes // 2, max(1, limits.intake_messages // 2))


def first_fault(several: BaseExceptionGroup[Any]) -> FaultError:
    """Return the first fault of what ended a group of channels."""
    first: FaultError | BaseExceptionGroup[Any] = several.exceptions[0]
    return first_fault(first) if isinstance(first, BaseExceptionGroup) else first
