"""A site's door at an endpoint with journal, store and prompter of its own, for tests.

The mapping is a fake that says of a resource what it says itself, so that what is tested is the way
there: each resource is one contribution of the patient `p1`, its id made of the one it was sent
with. A resource without an id cannot be mapped.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from channels.fhir_rest.inbound import SPEC, FhirInbound
from engine.app import reconciling, region_of
from engine.core.clock import SystemClock
from engine.core.fault import Category, Fault, FaultError
from engine.core.ids import keyed_id
from engine.core.lap import untimed
from engine.core.values import Contribution, Entry, Envelope, Mapped, PatientKey
from engine.database.metadata import STORE
from engine.database.sqlite import SqliteDatabase
from engine.formats.fhir_json import read_json
from engine.formats.fhir_request import condition_of
from engine.journal.binding import bind
from engine.journal.group_commit import GroupCommit
from engine.journal.sqlite import SqliteJournal, found_journal
from engine.pipeline.commit import Writing
from engine.pipeline.criteria import query_of
from engine.pipeline.ledger import Account
from engine.pipeline.prepare import Prepared
from engine.pipeline.prompt import Prompted, Prompter, PromptIntake
from engine.plugin.event import ChannelEvent
from engine.plugin.protocol import Admission, Intake, Surroundings
from engine.plugin.tally import Tally
from engine.rest.app import create_app
from engine.rest.endpoint import Endpoint
from engine.security.keys import RegionKey
from tests.integration.feed.endpoint import endpoint_on

SITE = "lakeside"
FEED_TOKEN = "the-site-writes-with-this"
KEY = RegionKey(bytes(32))
REGION = region_of(Path("samples/region.yaml"))
UNMAPPABLE = Fault(Category.INVALID, "missing-key", "the resource has no value in its key", "id")


def ident(kind: str, sent: str) -> str:
    return keyed_id(KEY.id_key(), SITE, kind, (sent,))


def _contribution(resource: dict[str, Any]) -> Contribution:
    kind, sent = resource["resourceType"], resource.get("id")
    if not sent:
        raise FaultError(UNMAPPABLE)
    made = ident(kind, sent)
    patient = made if kind == "Patient" else ident("Patient", "p1")
    rest = {name: value for name, value in resource.items() if name not in {"resourceType", "id"}}
    body = {"resourceType": kind, "id": made, **rest}
    if kind != "Patient":
        body["subject"] = {"reference": f"Patient/{patient}"}
    return Contribution(kind, made, body, patient, "merge" if kind == "Patient" else "replace")


def mapped(envelope: Envelope) -> Mapped:
    value = read_json(envelope.body)
    resources = [value]
    if value["resourceType"] == "Bundle":
        resources = [entry["resource"] for entry in value["entry"]]
    told = tuple(_contribution(one) for one in resources)
    keys = [PatientKey(SITE, one.patient, "p1") for one in told]
    return Mapped(
        control_id=envelope.control_id,
        kind=f"fhir:{value['resourceType']}",
        source_us=envelope.received_us,
        plan="fake",
        patients=tuple(dict.fromkeys(keys)),
        contributions=told,
    )


def prepared(entry: Entry) -> Prepared:
    try:
        return Prepared(entry, mapped=mapped(entry.envelope))
    except FaultError as error:
        return Prepared(entry, fault=error.fault)


def admitted(body: bytes) -> Admission:
    """Refuse what cannot be mapped, as a synchronous feed does."""
    try:
        if (request := condition_of(read_json(body))) and request.condition:
            query_of(request)
        mapped(Envelope("", SITE, "", body, 0))
    except FaultError as error:
        return Admission(fault=error.fault)
    return Admission()


@dataclass
class House:
    """What a test looks at and talks to."""

    client: httpx.AsyncClient
    door: FhirInbound
    store: SqliteDatabase
    journal: SqliteJournal
    prompter: Prompter
    accounts: list[Account]
    events: list[ChannelEvent]
    tally: Tally
    writing: Writing
    endpoint: Endpoint
    run: asyncio.Task[None]
    commit: GroupCommit
    reported: list[Fault]
    left: list[Exception]  # why entries were left to the worker
    denied: list[tuple[str, str]]  # code and site of who was not let in


def _founded(folder: Path, store: SqliteDatabase) -> SqliteJournal:
    found_journal(folder, lambda _: None, instance="feed")
    store.create(STORE)
    journal = _journal(folder)
    with store.write() as tx:
        bind(tx, journal.identity(), journal.head())
    return journal


def _journal(folder: Path) -> SqliteJournal:
    return SqliteJournal(folder, lambda _: None)


@asynccontextmanager
async def house(folder: Path, *, sync: bool, settings: dict[str, Any]) -> AsyncIterator[House]:
    """Open a house; the feed answers from the store when `sync`."""
    store, settling = SqliteDatabase(folder / "store.db"), SqliteDatabase(folder / "store.db")
    journal = _founded(folder, store)
    accounts: list[Account] = []
    reported, left, denied = list[Fault](), list[Exception](), list[tuple[str, str]]()
    events: list[ChannelEvent] = []

    writing = Writing(settling, reconciling(REGION, KEY), SystemClock(), untimed)
    prompter = Prompter(Prompted(writing, prepared, accounts.extend, lambda _: None, left.append))
    commit = GroupCommit(lambda: _journal(folder), max_bytes=1 << 26, max_count=4096)
    secret = folder / "token"
    secret.touch(mode=0o600)
    secret.write_text(FEED_TOKEN)
    config = SPEC.config.model_validate({"token": {"file": str(secret)}, **settings})
    tally = Tally()
    admit = admitted if sync else (lambda _: Admission())
    door = FhirInbound(
        config, Surroundings("lakeside-fhir", SITE, SystemClock(), admit, events.append, tally)
    )

    def channel_of(position: int) -> str:
        entry = journal.entry(position)
        return entry.envelope.channel if entry else ""

    endpoint = endpoint_on(
        store,
        {SITE: door},
        channel_of,
        reported.append,
        lambda fault, site: denied.append((fault.code, site)),
    )
    app = create_app(endpoint)
    async with AsyncExitStack() as stack:
        for one in (journal, store, settling):
            stack.callback(one.close)
        prompter.start()
        stack.push_async_callback(prompter.stop)
        commit.start()
        stack.push_async_callback(commit.stop)
        intake: Intake = PromptIntake(commit, prompter) if sync else commit
        headers = {
            "Authorization": f"Bearer {FEED_TOKEN}",
            "Content-Type": "application/fhir+json",
        }
        client = await stack.enter_async_context(
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app),
                base_url="http://concord.example",
                headers=headers,
            )
        )
        async with asyncio.TaskGroup() as group:
            opened = asyncio.Event()
            run = group.create_task(door.run(intake, lambda _: opened.set()))
            await opened.wait()
            yield House(
                *(client, door, store, journal, prompter, accounts, events, tally),
                *(writing, endpoint, run, commit, reported, left, denied),
            )
            run.cancel()
