"""The api role: serves the FHIR endpoint from the store."""

import asyncio
import os
import resource
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from engine import __version__
from engine.app import (
    api_token,
    open_journal,
    open_store,
    places,
)
from engine.core.clock import SystemClock
from engine.core.fault import FaultError
from engine.database.protocol import Database
from engine.journal.offsets import lowest
from engine.journal.protocol import Journal
from engine.pipeline.in_force import Plans
from engine.pipeline.provenance import Provenances
from engine.rest.app import create_app
from engine.rest.deadline import Waiting
from engine.rest.endpoint import Endpoint, Health
from engine.rest.server import serve
from engine.roles.collector import calm_collector
from engine.roles.doors import open_doors
from engine.roles.following import Attention, following, host_of
from engine.roles.inbound import first_fault
from engine.roles.notice import Notice, notices, post, withdraw
from engine.roles.voice import Voice, all_numbers
from engine.security.keys import RegionKey
from engine.settings.region import Region
from engine.telemetry.event import AccessRefused, ClientCutOff, RequestFailed
from engine.telemetry.metric import Sample

NAME = "api"


async def run_api(region: Region, key: RegionKey, known: Plans, stop: asyncio.Event) -> None:
    """Serve until `stop` is set.

    FaultError `port-in-use` or `cannot-listen`, and when a channel cannot open its door.
    """
    voice = Voice(region, NAME)
    store, journal = open_store(region, key), open_journal(region, key)
    plans = following(region, key, known, voice)
    plans.refresh()
    attention = Attention(partial(open_store, region, key), plans, (host_of(region), NAME), voice)
    # The thread that publishes the numbers reads them, too: they have connections of their own.
    counted = open_store(region, key), open_journal(region, key)
    voice.metrics.read_from(partial(_backlog, *counted))
    refused: list[FaultError] = []
    try:
        endpoint = _endpoint(
            region, store, journal, voice, Provenances(journal, plans, key.id_key())
        )
        calm_collector()
        attention.start()
        async with open_doors(region, key, plans, voice, stop) as doors:
            app = create_app(replace(endpoint, doors=doors))
            waiting = _waiting(voice)
            host, port = region.api.host, region.api.port
            await serve(app, host, port, _ready(region, voice), stop, waiting)
    except* FaultError as several:
        refused.append(first_fault(several))
    finally:
        withdraw(places(region).run, NAME)
        await asyncio.to_thread(attention.stop)
        voice.close()
        for database in (journal, store, *counted):
            database.close()
    if refused:
        raise refused[0]


def _endpoint(
    region: Region, store: Database, journal: Journal, voice: Voice, provenance: Provenances
) -> Endpoint:
    def channel_of(position: int) -> str:
        entry = journal.entry(position)
        return entry.envelope.channel if entry else ""

    return Endpoint(
        database=store,
        clock=SystemClock(),
        token=api_token(region),
        region=region.name,
        sites=frozenset(region.sites),
        provenance=provenance,
        health=lambda: _health(region),
        metrics=lambda: _numbers(voice, region),
        version=__version__,
        base_url=region.api.public_url,
        channel_of=channel_of,
        report=lambda fault: voice.emit(RequestFailed(fault.code)),
        denied=lambda fault, site: voice.emit(AccessRefused(site, fault.code)),
    )


_OWN = 24  # files of journal and store that are opened when they are first needed


def _waiting(voice: Voice) -> Waiting:
    """Leave descriptors of those this process may open to what it does for those it serves."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    most = min(Waiting().most, max(limit // 4, limit // 2 - _OWN))
    return Waiting(most=most, told=lambda code: voice.emit(ClientCutOff(code)))


def _ready(region: Region, voice: Voice) -> Callable[[int], None]:
    def ready(port: int) -> None:
        address = {NAME: f"{region.api.host}:{port}"}
        notice = Notice(NAME, os.getpid(), SystemClock().now_us(), address)
        post(places(region).run, notice)
        voice.ready()

    return ready


def _backlog(store: Database, journal: Journal) -> list[Sample]:
    with store.read() as tx:
        behind = journal.head() - lowest(tx)
    text = "journal positions not yet worked off, at most"
    return [Sample("backlog", "gauge", text, behind, {})]


def _health(region: Region) -> Health:
    """Say which parts are missing; the api itself answers, so it is there.

    A channel that waits, as for a disk, is named but no reason to take the host out of service.
    """
    running = notices(places(region).run)
    reasons = []
    if "intake" not in running:
        reasons.append("no intake is running: senders cannot connect")
    if not any(name.startswith("worker") for name in running):
        reasons.append("no worker is running: accepted messages wait in the journal")
    ok = not reasons
    if any(notice.troubles for notice in running.values()):
        reasons.append("a channel can take nothing at the moment: `concord status` names it")
    return Health(ok, tuple(reasons))


def _numbers(voice: Voice, region: Region) -> bytes:
    voice.publish()
    return all_numbers(places(region).run)
