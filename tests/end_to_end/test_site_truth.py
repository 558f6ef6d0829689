"""Who is who in the traffic of three sites, against the truth that lies beside it.

The files go over the wire as they are: messages by MLLP, the extract into the site's drop folder,
resources to the endpoint.
"""

import csv
import json
import os
import shutil
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.demo.reader import Endpoint
from tests.chaos.place import Daemon, wait_until, write_region
from tests.chaos.reckoning import Found, settled
from tests.chaos.wire import Line

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ZONES = {"epic": "America/Chicago", "athena": "America/New_York", "ecw": "America/Denver"}
ROWS = "13_ecw_patients_20260915.csv"
TOKEN = "door-of-one-site-0123456789abcdef"
A1C = {"system": "http://loinc.org", "code": "4548-4"}


@dataclass(frozen=True)
class Truth:
    person: str
    site: str
    number: str
    expected: str

    @property
    def alone(self) -> bool:
        """Whether nothing may link it by itself."""
        return self.expected in {"review", "no-automatic-link"}

    @property
    def record(self) -> tuple[str, str]:
        return self.site, self.number


@pytest.fixture(scope="module")
def folder() -> Path:
    data = os.environ.get("CONCORD_TESTDATA")
    if not data:
        pytest.skip("CONCORD_TESTDATA names no folder of test data")
    return Path(data) / "sites"


@pytest.fixture(scope="module")
def truth(folder: Path) -> list[Truth]:
    with (folder / "people_truth.csv").open(encoding="utf-8", newline="") as file:
        return [
            Truth(row["person"], row["system"], row["id"].split()[0], row["expected"])
            for row in csv.DictReader(file)
        ]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    region = write_region(tmp_path_factory.mktemp("network"))
    written = yaml.safe_load(region.read_text("utf-8"))
    written["sites"] = {
        site: {"ehr": site, "timezone": zone, "mappings": ["base", "us", f"vendor/{site}"]}
        for site, zone in ZONES.items()
    }
    written["channels"] = {
        f"{site}-hl7": {"type": "mllp", "site": site, "direction": "in", "port": 0}
        for site in ZONES
    }
    inbox = region.parent / "inbox"
    inbox.mkdir()
    extracts = {"type": "csv_sftp", "site": "ecw", "direction": "in"}
    written["channels"]["ecw-csv"] = extracts | {"folder": str(inbox), "every": "100ms"}
    for site in ("athena", "epic"):
        secret = region.parent / f"{site}.token"
        secret.touch(mode=0o600)
        secret.write_text(f"{site}-{TOKEN}", "ascii")
        door = {"type": "fhir_rest", "site": site, "direction": "in"}
        written["channels"][f"{site}-fhir"] = door | {"token": {"file": str(secret)}}
    region.write_text(yaml.safe_dump(written), "utf-8")
    daemon = Daemon(region)
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.end()


def send(daemon: Daemon, site: str, body: bytes) -> str:
    line = Line(lambda: daemon.address(f"{site}-hl7"))
    answer, _ = line.send(body)
    line.close()
    return answer.code


@pytest.fixture(scope="module")
def wired(network: Daemon, folder: Path) -> Found:
    """Return what the HL7 files came to."""
    files = sorted(folder.glob("*.hl7"))
    assert len(files) == 12
    codes = {send(network, path.name.split("_")[1], path.read_bytes()) for path in files}
    assert codes <= {"AA", "CA"}
    return settled(network.region)


@pytest.fixture(scope="module")
def everything(wired: Found, network: Daemon, folder: Path) -> Found:
    """Return what they came to with the rows of the extract."""
    inbox = network.region.parent / "inbox"
    shutil.copy(folder / ROWS, inbox)
    wait_until((inbox / "done" / ROWS).exists, "the extract in done")
    return settled(network.region)


def endpoint_of(network: Daemon) -> str:
    network.wait_ready("api")
    host, port = network.address("api") or ("", 0)
    return f"http://{host}:{port}"


def post(network: Daemon, site: str, body: bytes) -> int:
    """Post a resource to a site's door as it is; the type stands in it."""
    kind = json.loads(body)["resourceType"]
    head = {"Authorization": f"Bearer {site}-{TOKEN}", "Content-Type": "application/fhir+json"}
    url = f"{endpoint_of(network)}/sources/{site}/fhir/{kind}"
    request = urllib.request.Request(url, body, head, method="POST")  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return int(answer.status)


@pytest.fixture(scope="module")
def every_way(everything: Found, network: Daemon, folder: Path) -> Found:
    """Return what messages and rows came to with the resources of two vendors."""
    assert len(everything.entries) > 12
    for path in sorted(folder.glob("*.json")):
        assert post(network, path.name.split("_")[1], path.read_bytes()) == 202
    return settled(network.region)


def wrongly_apart(found: Found, truth: list[Truth]) -> list[set[tuple[str, str]]]:
    """Return the groups that have to be one person and are several."""
    groups = defaultdict(set)
    for row in truth:
        if row.record in found.people and not row.alone and "never" not in row.expected:
            groups[row.person].add(row.record)
    return [some for some in groups.values() if len({found.people[one] for one in some}) > 1]


def wrongly_together(found: Found, truth: list[Truth]) -> list[set[tuple[str, str]]]:
    """Return the people found that hold records of several, or one that had to be left alone."""
    of = {row.record: row for row in truth}
    groups = [{of[one] for one in group if one in of} for group in found.groups()]
    return [
        {row.record for row in group}
        for group in groups
        if len({row.person for row in group}) > 1
        or (
            len(group) > 1 and any(row.expected in {"review", "no-automatic-link"} for row in group)
        )
    ]


def test_the_files_carry_twelve_records_of_the_truth(wired: Found, truth: list[Truth]) -> None:
    """Guards the other tests against agreeing on nothing."""
    assert wired.states() == {"written": 12}
    assert {row.record for row in truth} >= wired.people.keys()
    assert len(wired.people) == 12


def test_what_is_one_person_is_linked(wired: Found, truth: list[Truth]) -> None:
    assert wrongly_apart(wired, truth) == []


def test_what_is_several_is_apart(wired: Found, truth: list[Truth]) -> None:
    assert wrongly_together(wired, truth) == []


def test_merged_records_follow_their_survivor(wired: Found, truth: list[Truth]) -> None:
    merged = [row for row in truth if row.expected == "merged-away"]
    assert len(merged) == 3
    for row in merged:
        survivor = wired.survivors[wired.records[row.record]]
        (kept,) = [one for one, record in wired.records.items() if record == survivor]
        assert wired.people[kept] == wired.people[row.record]
        assert next(one.person for one in truth if one.record == kept) == row.person


def test_with_the_rows_everybody_is_known(everything: Found, truth: list[Truth]) -> None:
    assert {row.record for row in truth} == everything.people.keys()


def test_with_the_rows_what_is_one_person_is_linked(everything: Found, truth: list[Truth]) -> None:
    assert wrongly_apart(everything, truth) == []


def test_with_the_rows_what_is_several_is_apart(everything: Found, truth: list[Truth]) -> None:
    assert wrongly_together(everything, truth) == []


def test_what_needs_a_person_to_look_is_a_task(everything: Found, truth: list[Truth]) -> None:
    waiting = {record for pair in everything.tasks for record in pair}
    for row in truth:
        if row.expected == "review":
            assert everything.records[row.record] in waiting


def test_resources_make_no_other_people(
    everything: Found, every_way: Found, truth: list[Truth]
) -> None:
    """Each of the three resources is about a record that messages made."""
    assert every_way.states() - everything.states() == {"written": 3}
    assert every_way.groups() == everything.groups()
    assert every_way.tasks == everything.tasks
    assert {row.record for row in truth} == every_way.people.keys()
    assert wrongly_apart(every_way, truth) == wrongly_together(every_way, truth) == []


def test_a_result_by_message_and_by_resource_is_one(everything: Found, every_way: Found) -> None:
    assert everything.counted()["athena", "Observation"] == 2
    assert every_way.counted()["athena", "Observation"] == 2
    (key,) = [key for key, _ in a1c(everything)]
    ((same, body),) = a1c(every_way)
    assert same == key
    assert body["identifier"][0]["value"] == "a-999214.labresult-1180442-1"  # newer by 20 s
    record = every_way.records["athena", "700450"]
    assert body["subject"]["reference"] == f"Patient/{record}"


def a1c(found: Found) -> list[tuple[str, dict[str, Any]]]:
    return [
        (key, body)
        for key, (_, body) in found.resources.items()
        if body["resourceType"] == "Observation"
        and any(A1C.items() <= coding.items() for coding in body["code"].get("coding", ()))
    ]


def test_a_resource_takes_nothing_that_messages_know(every_way: Found) -> None:
    """The Patient of athena is newer than its message, and says no social security number."""
    _, body = every_way.resources[every_way.records["athena", "700388"]]
    systems = {one["system"] for one in body["identifier"]}
    assert "http://hl7.org/fhir/sid/us-ssn" in systems
    assert body["communication"][0]["language"]["coding"][0]["code"] == "en"


def test_the_endpoint_shows_one_patient_for_each_person(every_way: Found, network: Daemon) -> None:
    token = (network.data / "keys" / "api.token").read_text("ascii").strip()
    endpoint = Endpoint(endpoint_of(network), token)
    shown = {patient["id"] for patient in endpoint.search("/fhir/Patient")}
    assert shown == set(every_way.people.values())
    for site in ZONES:
        records = {patient["id"] for patient in endpoint.search(f"/sources/{site}/fhir/Patient")}
        known = {key for (of, _), key in every_way.records.items() if of == site}
        assert records == known & every_way.resources.keys()
