"""Matches the people of a generated population and writes what a scorer reads. Run by hand.

    python tests/benchmark/match_people.py --rows rows.csv --out FOLDER [--registrations]

Reads rows with the columns rec_id, site, mrn, event, prior_mrn, last, first, middle, suffix, dob,
sex, ssn, phone, phone2, email, addr1, addr2, city, state, zip; makes each record `site|mrn` a FHIR
Patient (the newest row holds, element by element); blocks, judges and partitions with the default
model. Writes links.csv, review.csv and pairs.csv. `--registrations` reads A04 rows only and no
merges, so that every link is the matcher's own. Prints counts and CPU microseconds per deed.
"""

import argparse
import csv
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from pathlib import Path
from time import process_time
from typing import Any

from mpi.blocking import keys
from mpi.cluster import Edge, Statement, partition
from mpi.decide import judge
from mpi.model import load_model
from mpi.person import SSN_SYSTEM, Person, person_of

MODEL = Path(__file__).parents[2] / "mpi" / "data" / "model-default.yaml"
BLOCK_LIMIT = 200
_SEX = {"M": "male", "F": "female", "male": "male", "female": "female"}


def iso_date(text: str) -> str:
    """`19580309`, `03/09/1958` and `1958-03-09` as FHIR writes it."""
    if "/" in text:
        month, day, year = text.split("/")
        return f"{year}-{month}-{day}"
    if len(text) == 8 and text.isdecimal():
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    return text


def patient(row: Mapping[str, str]) -> dict[str, Any]:
    """The Patient a mapping would make of a row."""
    name = {"use": "official", "family": row["last"], "suffix": [row["suffix"]]}
    telecom = [{"system": "phone", "value": row[k]} for k in ("phone", "phone2") if row[k]]
    telecom += [{"system": "email", "value": row["email"]}] if row["email"] else []
    lines = [row[k] for k in ("addr1", "addr2") if row[k]]
    found: dict[str, Any] = {
        "resourceType": "Patient",
        "name": [name | {"given": [row[k] for k in ("first", "middle") if row[k]]}],
        "telecom": telecom,
        "gender": _SEX.get(row["sex"], ""),
        "birthDate": iso_date(row["dob"]),
    }
    if row["ssn"]:
        found["identifier"] = [{"system": SSN_SYSTEM, "value": row["ssn"]}]
    if lines or row["zip"]:
        place = {"line": lines, "city": row["city"], "state": row["state"]}
        found["address"] = [place | {"postalCode": row["zip"]}]
    return {element: value for element, value in found.items() if value}


def read(
    rows: Iterable[Mapping[str, str]], registrations: bool
) -> tuple[dict[str, dict[str, Any]], list[Statement]]:
    """Source Patients by record key, and the merges the sites stated."""
    patients: dict[str, dict[str, Any]] = {}
    merges: list[Statement] = []
    for position, row in enumerate(rows):
        key = f"{row['site']}|{row['mrn']}"
        if registrations and row["event"] != "A04":
            continue
        if row["event"] == "A40":
            prior = f"{row['site']}|{row['prior_mrn']}"
            merges.append(Statement(key, prior, "merge", "source", position, position))
        patients[key] = patients.get(key, {}) | patient(row)
    return patients, merges


def candidates(people: Mapping[str, Person]) -> Iterator[tuple[str, str]]:
    """Each pair that shares a block of at most `BLOCK_LIMIT` records, once."""
    blocks: dict[int, list[str]] = defaultdict(list)
    for record, person in people.items():
        for key in keys(person):
            blocks[key].append(record)
    seen: set[tuple[str, str]] = set()
    for block in blocks.values():
        if len(block) > BLOCK_LIMIT:
            sys.stderr.write(f"a block of {len(block)} records is left out\n")
            continue
        for a, b in combinations(block, 2):
            seen.add((a, b) if a < b else (b, a))
    yield from sorted(seen)


def write(path: Path, header: tuple[str, ...], lines: Iterable[tuple[object, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(lines)


def lap(what: str, since: float, count: int) -> None:
    spent = process_time() - since
    sys.stdout.write(f"{what}: {count}, {spent:.1f} s CPU, {1e6 * spent / max(count, 1):.1f} us\n")


def run(rows: Path, out: Path, registrations: bool) -> None:
    with rows.open(newline="", encoding="utf-8") as file:
        patients, merges = read(csv.DictReader(file), registrations)
    model = load_model(MODEL.read_text(encoding="utf-8"))
    began = process_time()
    people = {record: person_of(found) for record, found in patients.items()}
    lap("people", began, len(people))
    began = process_time()
    pairs = list(candidates(people))
    lap("candidate pairs", began, len(pairs))
    began = process_time()
    verdicts = [(a, b, judge(people[a], people[b], model)) for a, b in pairs]
    lap("verdicts", began, len(verdicts))
    began = process_time()
    edges = [Edge(a, b, v.bits, v.outcome, v.hard) for a, b, v in verdicts]
    found = partition(list(people), edges, merges)
    lap("groups", began, len(found.groups))
    out.mkdir(parents=True, exist_ok=True)
    owner = ((record, group[0]) for group in found.groups for record in group)
    write(out / "links.csv", ("record_key", "enterprise_id"), owner)
    write(out / "review.csv", ("record_a", "record_b"), ((t.a, t.b) for t in found.tasks))
    columns = ("record_a", "record_b", "bits", "outcome", "gates")
    scored = ((a, b, v.bits, v.outcome, "|".join(v.gates)) for a, b, v in verdicts)
    write(out / "pairs.csv", columns, scored)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--registrations", action="store_true")
    given = parser.parse_args()
    run(given.rows, given.out, given.registrations)


if __name__ == "__main__":
    main()
