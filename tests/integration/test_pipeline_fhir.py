"""Messages and resources of one site through a worker into one store, in whatever order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from engine.app import compile_plans, reconciling, region_of
from engine.core.values import FHIR_JSON, HL7_V2, Envelope
from engine.database.metadata import STORE
from engine.database.sqlite import SqliteDatabase
from engine.database.statement import Statement
from engine.journal.binding import bind
from engine.journal.sqlite import SqliteJournal, found_journal
from engine.mapping.library import read_library
from engine.pipeline.accept import admission
from engine.pipeline.batch import Surroundings, Worker
from engine.pipeline.in_force import Fixed
from engine.pipeline.ledger import Account
from engine.pipeline.plans import keep_plans
from engine.pipeline.provenance import Provenances
from engine.security.keys import RegionKey
from engine.store.tables import BODY, RESOURCE

KEY = RegionKey(bytes(32))
REGION = region_of(Path("samples/region-five.yaml"))
PLANS = compile_plans(REGION, KEY)
SAMPLES = Path("samples")
START_US = 1_791_800_000_000_000
_BODIES = Statement(select(RESOURCE.c.site, BODY.c.bytes).join(BODY, BODY.c.bid == RESOURCE.c.bid))


@dataclass
class House:
    """A journal, a store and a worker, for samples by the start of their names."""

    journal: SqliteJournal
    store: SqliteDatabase
    time_us: int = START_US
    told: list[Account] = field(default_factory=list)

    def now_us(self) -> int:
        self.time_us += 1000
        return self.time_us

    def _done(self, accounts: Sequence[Account]) -> None:
        self.told += accounts

    def take(self, *names: str) -> list[Account]:
        """Accept samples, `site/start` of a message and `site/+start` of a resource, each alone."""
        before = len(self.told)
        for name in names:
            self.journal.append([self._envelope(name)])
            self.work_off()
        return self.told[before:]

    def _envelope(self, name: str) -> Envelope:
        site, _, start = name.partition("/")
        folder = "resources" if start.startswith("+") else "messages"
        (path,) = (SAMPLES / folder / site).glob(f"{start.removeprefix('+')}*")
        kind = FHIR_JSON if path.suffix == ".json" else HL7_V2
        body = path.read_bytes()
        admitted = admission(PLANS[site], kind)(body)
        assert admitted.fault is None
        given = (body, self.now_us(), admitted.control_id, admitted.lane)
        return Envelope("door", site, kind, *given)

    def work_off(self) -> None:
        worker = Worker(
            Surroundings(
                owner=f"worker-{self.now_us()}",
                journal=self.journal,
                database=self.store,
                plans=Fixed(PLANS),
                reconciling=reconciling(REGION, KEY),
                clock=self,
                done=self._done,
                wanted=64,
                ticks_us=self.now_us,
                most=50,
            )
        )
        while worker.step():
            pass
        worker.stop()

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Return what sites say, by type."""
        with self.store.read() as tx:
            rows = tx.all(_BODIES)
        bodies = [orjson.loads(body) for site, body in rows if site]
        return [body for body in bodies if body["resourceType"] == kind]


def opened(folder: Path) -> House:
    found_journal(folder, _plain, instance="test", partitions=4)
    journal = SqliteJournal(folder, _plain)
    store = SqliteDatabase(folder / "store.db")
    store.create(STORE)
    with store.write() as tx:
        bind(tx, journal.identity(), 0)
        keep_plans(tx, PLANS, read_library(Path("mappings")), START_US)
    return House(journal, store)


def _plain(_: str) -> None:
    return None


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = opened(tmp_path)
    yield found
    found.journal.close()
    found.store.close()


def coded(found: list[dict[str, Any]], code: str) -> list[dict[str, Any]]:
    return [
        body
        for body in found
        if any(coding.get("code") == code for coding in body["code"].get("coding", ()))
    ]


def test_a_result_told_both_ways_is_one_in_every_order(tmp_path: Path) -> None:
    shown = []
    for number, order in enumerate(permutations(("lakeside/03-oru", "lakeside/+02"))):
        folder = tmp_path / str(number)
        folder.mkdir()
        house = opened(folder)
        accounts = house.take(*order)
        assert {account.state for account in accounts} <= {"written"}
        assert {account.lane for account in accounts} == {"patientid:55120"}
        (a1c,) = coded(house.all("Observation"), "4548-4")
        assert len(house.all("Observation")) == 2
        assert len(house.all("Patient")) == 1
        assert a1c["identifier"][0]["value"] == "a-888120.labresult-2280911-1"
        shown.append({name: value for name, value in a1c.items() if name != "meta"})
        house.journal.close()
        house.store.close()
    assert shown[0] == shown[1]


def test_what_is_older_changes_nothing(house: House) -> None:
    house.take("lakeside/+02")
    assert [account.state for account in house.take("lakeside/+02")] == ["duplicate"]
    assert house.take("lakeside/02-adt")[0].state == "written"
    (older,) = house.take("lakeside/01-adt")
    assert older.state == "filtered"
    assert older.code == "older"


def test_a_result_that_goes_to_another_record_of_its_patient_is_no_alarm(house: House) -> None:
    """Epic's resources name the patient by an opaque id, its messages by number."""
    (early,) = [one for one in house.take("mercy/04-oru", "mercy/+03") if one.position == 2]
    assert "patient-changed" in {note.code for note in early.notes}  # nothing has joined them yet
    house.take("mercy/+01")
    later = house.take("mercy/05-oru", "mercy/+04")
    assert all("patient-changed" not in {note.code for note in one.notes} for one in later)


def test_a_resource_names_the_delivery_and_the_lines_it_came_from(house: House) -> None:
    (account,) = house.take("lakeside/+02")
    provenances = Provenances(house.journal, Fixed(PLANS), KEY.id_key())
    with house.store.read() as tx:
        body = provenances.read(tx, f"message-{account.position}")
    assert body is not None
    lines = {line["valueString"].partition(":")[0] for line in body["extension"]}
    assert lines == {"base/feeds/Observation.yaml"}
    kinds = [one["reference"].partition("/")[0] for one in body["target"]]
    assert sorted(kinds) == ["Observation", "Organization", "Patient", "Patient"]


def test_a_clock_that_runs_ahead_shuts_nothing_out(house: House) -> None:
    body = (SAMPLES / "resources/lakeside/02-observation-hba1c.json").read_bytes()
    wrong = body.replace(b"2026-10-02T19:48:41Z", b"2096-10-02T19:48:41Z").replace(b"6.80", b"9.99")
    house.journal.append([Envelope("door", "lakeside", FHIR_JSON, wrong, 1_790_000_000_000_000)])
    house.work_off()
    (early,) = house.told
    assert {note.code for note in early.notes} == {"clock-ahead"}
    house.take("lakeside/+02")
    (a1c,) = coded(house.all("Observation"), "4548-4")
    assert a1c["valueQuantity"]["value"] == 6.8


def test_one_bundle_is_one_delivery(house: House) -> None:
    (account,) = house.take("mercy/+09")
    assert (account.state, account.kind) == ("written", "fhir:Bundle")
    (weight,) = coded(house.all("Observation"), "29463-7")
    (patient,) = house.all("Patient")
    assert weight["subject"]["reference"] == f"Patient/{patient['id']}"
    assert weight["valueQuantity"]["value"] == 71.4
    assert patient["name"][0]["family"] == "Abernathy-Quist"


def traffic(site: str) -> list[str]:
    """Return everything a site's samples have, as `take` names it."""
    messages = [f"{site}/{path.name}" for path in sorted((SAMPLES / "messages" / site).iterdir())]
    resources = sorted((SAMPLES / "resources" / site).iterdir())
    return messages + [f"{site}/+{path.name}" for path in resources]


@pytest.mark.parametrize("site", ["glenhaven", "riverbend"])
def test_a_sites_traffic_comes_to_the_same_in_either_order(tmp_path: Path, site: str) -> None:
    found = []
    for number, names in enumerate((traffic(site), traffic(site)[::-1])):
        folder = tmp_path / str(number)
        folder.mkdir()
        house = opened(folder)
        assert {account.state for account in house.take(*names)} == {"written"}
        kinds = ("Patient", "Encounter", "Observation", "Appointment", "Condition")
        found.append({kind: sorted(house.all(kind), key=lambda one: one["id"]) for kind in kinds})
        house.journal.close()
        house.store.close()
    assert found[0] == found[1]
    assert len(found[0]["Encounter"]) == {"glenhaven": 4, "riverbend": 2}[site]
