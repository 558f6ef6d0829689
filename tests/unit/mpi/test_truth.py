"""Who is who in the sample traffic of three sites, as its author wrote it down."""

import csv
import os
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from mpi.blocking import keys
from mpi.cluster import Edge, Partition, Statement, partition
from mpi.decide import judge
from mpi.model import load_model
from mpi.person import SSN_SYSTEM, Person, person_of

MODEL = Path(__file__).parents[3] / "mpi" / "data" / "model-default.yaml"
NAME_USE = {"D": "official", "P": "usual", "M": "maiden", "": None}
SEX = {"F": "female", "M": "male", "Female": "female", "Male": "male"}


def folder() -> Path:
    data = os.environ.get("CONCORD_TESTDATA")
    if not data:
        pytest.skip("CONCORD_TESTDATA names no folder of test data")
    return Path(data) / "sites"


def iso(text: str) -> str:
    if "/" in text:
        month, day, year = text.split("/")
        return f"{year}-{month}-{day}"
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}" if text else ""


def filled(patient: dict[str, Any]) -> dict[str, Any]:
    return {element: value for element, value in patient.items() if value}


def names(field: str) -> list[dict[str, Any]]:
    found = []
    for repeat in field.split("~"):
        part = repeat.split("^") + [""] * 7
        found.append(
            filled(
                {
                    "use": NAME_USE.get(part[6]),
                    "family": part[0],
                    "given": [g for g in part[1:3] if g],
                }
            )
        )
    return found


def patient_of(pid: list[str]) -> dict[str, Any]:
    pid += [""] * (40 - len(pid))
    addresses = [a.split("^") + [""] * 6 for a in pid[11].split("~") if a]
    points = [p.split("^") for p in pid[13].split("~") if p]
    return filled(
        {
            "name": names(pid[5]),
            "birthDate": iso(pid[7]),
            "gender": SEX.get(pid[8], ""),
            "address": [
                filled({"line": [x for x in a[:2] if x], "city": a[2], "postalCode": a[4]})
                for a in addresses
            ],
            "telecom": [{"value": p[0] or p[3]} for p in points],
            "identifier": [{"system": SSN_SYSTEM, "value": pid[19]}] if pid[19] else [],
        }
    )


def local_id(system: str, pid: list[str]) -> str:
    if system == "epic":
        return next(r.split("^")[0] for r in pid[3].split("~") if "^EPI^" in r)
    return (pid[4] if system == "athena" else pid[2]).split("^")[0]


def merged_id(system: str, mrg: list[str]) -> str:
    return mrg[1].split("~")[-1].split("^")[0] if system == "epic" else mrg[1].split("^")[0]


def messages() -> Iterator[tuple[str, dict[str, list[str]]]]:
    for path in sorted(folder().glob("*.hl7")):
        text = path.read_bytes().decode()
        segments = {line[:3]: line.split("|") for line in text.split("\r") if line}
        yield path.name.split("_")[1], segments


def extract() -> Iterator[tuple[str, dict[str, Any]]]:
    (path,) = folder().glob("13_ecw_patients_*.csv")
    with path.open(newline="", encoding="cp1252") as file:
        for row in csv.DictReader(file):
            phones = [row["Home Phone"], row["Cell Phone"], row["Email"]]
            given = [g for g in (row["Patient First Name"], row["Patient MI"]) if g]
            lines = [x for x in (row["Address Line 1"], row["Address Line 2"]) if x]
            ssn = [{"system": SSN_SYSTEM, "value": row["SSN"]}] if row["SSN"] else []
            yield (
                f"ecw|{row['Patient Acct No']}",
                filled(
                    {
                        "name": [{"family": row["Patient Last Name"], "given": given}],
                        "birthDate": iso(row["Patient DOB"]),
                        "gender": SEX.get(row["Patient Gender"], ""),
                        "address": [{"line": lines, "city": row["City"], "postalCode": row["Zip"]}],
                        "telecom": [{"value": p} for p in phones if p],
                        "identifier": ssn,
                    }
                ),
            )


def people() -> tuple[dict[str, Person], list[Statement]]:
    """Every source record as its messages leave it, and the merges the sites stated."""
    patients: dict[str, dict[str, Any]] = dict(extract())
    merges = []
    for position, (system, segments) in enumerate(messages()):
        record = f"{system}|{local_id(system, segments['PID'])}"
        patients[record] = patients.get(record, {}) | patient_of(segments["PID"])
        if "MRG" in segments:
            mrg = segments["MRG"] + [""] * 8
            prior = f"{system}|{merged_id(system, mrg)}"
            patients.setdefault(prior, {"name": names(mrg[7])})
            merges.append(Statement(record, prior, "merge", "source", position, position))
    return {record: person_of(found) for record, found in patients.items()}, merges


@pytest.fixture(scope="module")
def found() -> Partition:
    seen, merges = people()
    model = load_model(MODEL.read_text(encoding="utf-8"))
    edges = []
    for a, b in combinations(sorted(seen), 2):
        if not set(keys(seen[a])).isdisjoint(keys(seen[b])):
            v = judge(seen[a], seen[b], model)
            edges.append(Edge(a, b, v.bits, v.outcome, v.hard))
    return partition(list(seen), edges, merges)


@pytest.fixture(scope="module")
def truth() -> list[tuple[str, str, str]]:
    """Person, record and what is expected of it."""
    with (folder() / "people_truth.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [
        (r["person"], f"{r['system']}|{r['id'].split(' ')[0]}", r["expected"].split("-to-")[0])
        for r in rows
    ]


def group_of(record: str, found: Partition) -> tuple[str, ...]:
    return next(g for g in found.groups if record in g)


def test_every_record_of_the_truth_was_read(
    found: Partition, truth: list[tuple[str, str, str]]
) -> None:
    known = {record for group in found.groups for record in group}
    assert {record for _, record, _ in truth} <= known
    assert len(truth) >= 18


def test_links_survivors_and_merged_records_share_a_group(
    found: Partition, truth: list[tuple[str, str, str]]
) -> None:
    one: dict[str, set[tuple[str, ...]]] = {}
    for person, record, expected in truth:
        if expected in {"link", "survivor", "merged-away"}:
            one.setdefault(person, set()).add(group_of(record, found))
    assert {person: len(groups) for person, groups in one.items()} == dict.fromkeys(one, 1)


def test_no_group_holds_two_people(found: Partition, truth: list[tuple[str, str, str]]) -> None:
    owner = {record: person for person, record, _ in truth}
    for group in found.groups:
        assert len({owner[r] for r in group if r in owner}) <= 1, group


def test_what_a_person_must_see_is_asked_and_not_joined(
    found: Partition, truth: list[tuple[str, str, str]]
) -> None:
    doubtful = [record for _, record, expected in truth if expected == "review"]
    assert doubtful
    for record in doubtful:
        assert group_of(record, found) == (record,)
        assert any(record in (t.a, t.b) and t.kind == "possible-match" for t in found.tasks)


def test_too_little_to_match_on_stays_alone(
    found: Partition, truth: list[tuple[str, str, str]]
) -> None:
    alone = [record for _, record, expected in truth if expected == "no-automatic-link"]
    assert alone
    assert [group_of(record, found) for record in alone] == [(record,) for record in alone]


def test_a_merged_record_names_its_survivor(found: Partition) -> None:
    assert found.merged == {
        "athena|700921": "athena|700450",
        "ecw|21876": "ecw|20533",
        "epic|900412999": "epic|900415002",
    }
