"""What is polled, compared and named comes once, and comes again only when it changed."""

import asyncio
import json

import pytest

from engine.core.fault import Category, Fault, FaultError
from engine.core.values import FHIR_JSON
from engine.plugin.memory import FleetingMemory, MemoryIntake
from engine.plugin.protocol import Admission
from tests.integration.pull.puller import Puller, until
from tests.integration.pull.site import Asked, Reply, served

pytestmark = pytest.mark.anyio
POLLED = {"resources": [{"type": "Observation"}]}
COMPARED = {"resources": [{"type": "Observation", "by": "compare"}]}


async def quiet(puller: Puller, searches: int = 3) -> None:
    """Wait for some more polls."""
    before = len(puller.site.searches("Observation"))
    await until(
        lambda: len(puller.site.searches("Observation")) >= before + searches, "further polls"
    )


async def test_everything_first_and_then_only_what_changed(puller: Puller) -> None:
    puller.settings = POLLED
    puller.site.page = 2
    for number in range(5):
        puller.site.put("Observation", str(number))
    async with puller.running():
        await until(lambda: len(puller.taken) == 5, "five resources")
        await quiet(puller)
        assert len(puller.taken) == 5
        puller.site.put("Observation", "3", status="amended")
        await until(lambda: len(puller.taken) == 6, "the one that changed")
        await quiet(puller)
    assert puller.names == [*(f"Observation/{n}" for n in range(5)), "Observation/3"]
    assert {one.media_type for one in puller.taken} == {FHIR_JSON}
    first, later = puller.site.searches("Observation")[0], puller.site.searches("Observation")[-1]
    assert "_lastUpdated" not in first.query
    assert later.query["_lastUpdated"].startswith("ge20")


async def test_a_restart_asks_only_for_what_is_new(puller: Puller) -> None:
    puller.settings = POLLED
    puller.site.put("Observation", "1")
    async with puller.running():
        await until(lambda: puller.note().get("mark_us"), "a watermark")
    puller.site.put("Observation", "2")
    asked = len(puller.site.asked)
    async with puller.running():
        await until(lambda: len(puller.taken) == 2, "the new one")
    assert "_lastUpdated" in puller.site.asked[asked].query
    assert puller.names == ["Observation/1", "Observation/2"]


async def test_the_watermark_waits_for_the_disk(puller: Puller) -> None:
    puller.settings = POLLED
    puller.intake = MemoryIntake(hold=True)
    puller.site.put("Observation", "1")
    async with puller.running():
        await until(lambda: puller.intake.held, "a delivery on its way")
        assert (puller.note(), puller.memory.known) == ({}, {})
    puller.intake = MemoryIntake()
    async with puller.running():
        await until(lambda: puller.note().get("mark_us"), "a watermark")
    assert puller.names == ["Observation/1"]


async def test_a_full_disk_moves_nothing(puller: Puller) -> None:
    puller.settings = POLLED
    puller.intake.fault = Fault(Category.UNAVAILABLE, "disk-full", "no room")
    puller.site.put("Observation", "1")
    async with puller.running():
        await until(lambda: puller.note().get("code") == "disk-full", "the fault noted")
        assert (puller.note()["mark_us"], puller.memory.known) == (0, {})
        puller.intake.fault = None
        await until(lambda: puller.note().get("mark_us"), "a watermark")
    assert puller.names == ["Observation/1"]


async def test_a_journal_that_fails_unforeseen_refuses_no_content(puller: Puller) -> None:
    """It is nothing the site's resources could be blamed for: they come again, named ones too."""
    puller.settings = POLLED
    puller.intake.fault = Fault(Category.BUG, "journal-failed", "the journal failed")
    puller.site.put("Observation", "1")
    puller.site.put("Patient", "2")
    puller.memory.ask("Patient/2")
    async with puller.running():
        await until(lambda: puller.note().get("code") == "journal-failed", "the fault noted")
        await until(lambda: "Patient/2" in puller.memory.asked, "what was named")
        assert (puller.note()["mark_us"], puller.memory.known) == (0, {})
        puller.intake.fault = None
        await until(lambda: len(puller.taken) == 2, "both")
    assert sorted(puller.names) == ["Observation/1", "Patient/2"]


async def test_a_server_whose_clock_is_ahead_or_mad(puller: Puller) -> None:
    """The watermark is the server's own time: a resource of the year 2199 blinds nobody."""
    puller.settings = POLLED | {"overlap": "1ms"}
    puller.site.ahead_us = 3_600_000_000
    mad = puller.site.put("Observation", "1")
    mad["meta"]["lastUpdated"] = "2199-01-01T00:00:00Z"
    async with puller.running():
        await until(lambda: puller.note().get("mark_us"), "a watermark")
        puller.site.put("Observation", "2")
        await until(lambda: len(puller.taken) == 2, "what came after")
    assert puller.names == ["Observation/1", "Observation/2"]


async def test_what_is_refused_is_counted_and_does_not_stop_the_rest(puller: Puller) -> None:
    fault = Fault(Category.UNSUPPORTED, "unknown-resource", "no mapping")
    puller.admit = lambda body: Admission(fault=fault if json.loads(body)["id"] == "1" else None)
    puller.settings = POLLED
    for number in range(3):
        puller.site.put("Observation", str(number))
    async with puller.running():
        await until(lambda: puller.note().get("mark_us"), "a watermark")
        await quiet(puller)
    assert puller.names == ["Observation/0", "Observation/2"]
    assert puller.memory.known["Observation/1"].code == "unknown-resource"
    assert puller.codes("delivery-refused") == ["unknown-resource"]


async def test_a_server_without_times_is_compared(puller: Puller) -> None:
    puller.settings = COMPARED | {"compare": "daily 03:00"}
    puller.site.with_times = False
    for number in range(3):
        puller.site.put("Observation", str(number))
    async with puller.running():
        await until(lambda: puller.codes("pull-compared"), "a comparison")
        asked = len(puller.site.asked)
        await asyncio.sleep(0.1)
        assert len(puller.site.asked) == asked, "the next is tomorrow"
    assert sorted(puller.names) == [f"Observation/{n}" for n in range(3)]
    assert {one.control_id for one in puller.taken} == {""}, "said anew, as whoever has no time"


async def test_a_named_resource_is_fetched(puller: Puller) -> None:
    puller.site.put("Patient", "a-1.E-7")
    for reference in ("Patient/a-1.E-7", f"{puller.site.base}/Patient/a-1.E-7"):
        puller.memory.ask(reference)
    async with puller.running():
        await until(lambda: not puller.memory.asked, "everything settled")
    assert puller.names == ["Patient/a-1.E-7"], "the second was the same"


async def test_named_elsewhere_is_never_asked_for(puller: Puller) -> None:
    elsewhere = (
        "https://elsewhere.example/r4/Patient/1",
        "http://169.254.169.254/latest/meta-data",
        f"{puller.site.base}/../admin/Patient/1",
        "Patient/../../token",
        "Patient/..",
        "Patient/1?_include=*",
        "urn:uuid:7",
        "",
    )
    for reference in elsewhere:
        puller.memory.ask(reference)
    async with puller.running():
        await until(lambda: puller.memory.asks(9, 0) == [], "every one tried")
    assert (puller.site.asked, puller.taken) == ([], [])
    assert set(puller.codes("pull-refused")) == {"named-elsewhere"}
    assert puller.memory.waiting() == len(elsewhere), "the settings may be wrong: nothing is lost"


async def test_another_server_is_asked_from_the_beginning(puller: Puller) -> None:
    """A test system's watermark would hide what the real one has, and its pages are not there."""
    puller.settings = POLLED
    puller.site.page = 1
    for number in range(3):
        puller.site.put("Observation", str(number))
    async with puller.running():
        await until(lambda: puller.note().get("mark_us"), "a watermark")
    async with served() as other:
        other.put("Observation", "old")
        other.resources["Observation/old"]["meta"]["lastUpdated"] = "2020-01-01T00:00:00Z"
        puller.site, asked = other, len(puller.site.asked)
        async with puller.running():
            await until(lambda: "Observation/old" in puller.names, "what only the other has")
        assert "_lastUpdated" not in other.asked[0].query
        assert asked > 0


async def test_what_was_deleted_is_told_and_left_alone(puller: Puller) -> None:
    puller.site.put("Patient", "1")
    puller.site.delete("Patient", "1")
    puller.memory.ask("Patient/1")
    async with puller.running():
        await until(lambda: not puller.memory.asked, "it settled")
    assert puller.codes("pull-gone") == ["resource-gone"]
    assert puller.taken == []


def moved(puller: Puller, location: str) -> None:
    """Let a read of Patient/1 lead elsewhere, as Epic answers for a patient who was merged."""
    body = json.dumps({"resourceType": "OperationOutcome", "issue": []}).encode()

    def answer(asked: Asked) -> Reply | None:
        headers = {"Content-Type": "application/fhir+json", "Location": location}
        return Reply(302, headers, body) if asked.path.endswith("/Patient/1") else None

    puller.site.spoilt.append(answer)


@pytest.mark.parametrize(
    "location", ["{base}/Patient/2", "/r4/Patient/2", "{base}/Patient/2/_history/4"]
)
async def test_a_patient_who_leads_to_another_was_merged(puller: Puller, location: str) -> None:
    moved(puller, location.format(base=puller.site.base))
    puller.memory.ask("Patient/1")
    async with puller.running():
        await until(lambda: not puller.memory.asked, "it settled")
    (said,) = [json.loads(one.body) for one in puller.taken]
    assert said == {
        "resourceType": "Patient",
        "id": "1",
        "active": False,
        "link": [{"other": {"reference": "Patient/2"}, "type": "replaced-by"}],
    }
    assert [one.path for one in puller.site.asked if "Patient" in one.path] == ["/r4/Patient/1"]


@pytest.mark.parametrize(
    "location",
    [
        "{base}/Patient/1",
        "{base}/Observation/2",
        "https://elsewhere.example/r4/Patient/2",
        "",
        "//[",
    ],
)
async def test_any_other_redirect_is_refused(puller: Puller, location: str) -> None:
    moved(puller, location.format(base=puller.site.base))
    puller.memory.ask("Patient/1")
    async with puller.running():
        await until(lambda: puller.codes("pull-refused"), "it was refused")
    assert puller.codes("pull-refused") == ["server-redirects"]
    assert puller.taken == []


async def test_an_event_may_be_quicker_than_the_server(puller: Puller) -> None:
    puller.memory.ask("Patient/1")
    async with puller.running():
        await until(lambda: puller.site.asked, "the first try")
        puller.site.put("Patient", "1")
        await until(lambda: not puller.memory.asked, "the second")
    assert puller.names == ["Patient/1"]


async def test_another_host_has_the_turn(puller: Puller) -> None:
    puller.settings = POLLED
    puller.memory.has_turn = False
    puller.site.put("Observation", "1")
    async with puller.running():
        await asyncio.sleep(0.2)
    assert puller.site.asked == []


async def test_a_store_that_is_away_is_waited_for(
    puller: Puller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the beginning as at any other time: other sites go on."""
    faults = [
        FaultError(Fault(Category.BUSY, "database-busy", "somebody writes")),
        RuntimeError("a bug"),
    ]
    turn = FleetingMemory.take_turn

    def away(memory: FleetingMemory) -> bool:
        if faults:
            raise faults.pop(0)
        return turn(memory)

    monkeypatch.setattr(FleetingMemory, "take_turn", away)
    puller.settings = POLLED
    puller.site.put("Observation", "1")
    async with puller.running():
        await until(lambda: puller.taken, "the resource")
        puller.memory.error = FaultError(Fault(Category.UNAVAILABLE, "disk-full", "no room"))
        puller.site.put("Observation", "2")
        await until(lambda: "disk-full" in puller.codes("channel-failed"), "the fault told")
        puller.memory.error = None
        await until(lambda: "Observation/2" in puller.memory.known, "the next resource")
    assert puller.codes("channel-failed")[:2] == ["database-busy", "unexpected-error"]


async def test_a_turn_that_was_lost_is_waited_for(puller: Puller) -> None:
    puller.settings = POLLED
    overtaken = FaultError(Fault(Category.CONFLICT, "fenced-off", "another host"))
    async with puller.running():
        await until(lambda: puller.note().get("ended_us"), "a poll")
        puller.memory.error, puller.memory.has_turn = overtaken, False
        puller.site.put("Observation", "1")
        await until(lambda: "fenced-off" in puller.codes("channel-failed"), "the loss told")
        puller.memory.error = None
        asked = len(puller.site.asked)
        await asyncio.sleep(0.2)
        assert len(puller.site.asked) == asked, "nobody asks without a turn"
        assert puller.memory.known == {}
