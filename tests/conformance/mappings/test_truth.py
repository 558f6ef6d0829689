"""The samples' truth of who is who, held against the patient index's own judgement."""

import csv
from collections import defaultdict
from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from engine.core.values import Contribution
from mpi.decide import judge
from mpi.model import load_model
from mpi.person import Person, person_of

Name = tuple[str, str]  # site, local id
MODEL = Path(__file__).parents[3] / "mpi" / "data" / "model-default.yaml"
APART = {"never-link", "review", "no-automatic-link"}


@pytest.fixture(scope="module")
def truth(samples: Path) -> dict[Name, tuple[str, str]]:
    """Who a record is, and what is expected of it."""
    with (samples / "truth.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return {(row["site"], row["local_id"]): (row["person"], row["expectation"]) for row in rows}


@pytest.fixture(scope="module")
def people(
    say: Callable[[Path, str], Any],
    fold: Callable[[list[tuple[int, Contribution]]], dict[str, Any]],
    samples: Path,
) -> Mapping[Name, Person]:
    """Every record of the samples as matching sees it."""
    told: defaultdict[str, list[tuple[int, Contribution]]] = defaultdict(list)
    names: dict[str, Name] = {}
    for path in sorted((samples / "messages").rglob("*.hl7")):
        mapped = say(path, f"site/{path.parent.name}").mapped
        names |= {key.record: (key.site, key.local_id) for key in mapped.patients}
        for given in mapped.contributions:
            if given.type == "Patient":
                told[given.id].append((mapped.source_us, given))
    return {names[record]: person_of(fold(given)) for record, given in told.items()}


@pytest.fixture(scope="module")
def linked(people: Mapping[Name, Person]) -> set[frozenset[Name]]:
    """The pairs the index would link by itself."""
    model = load_model(MODEL.read_text("utf-8"))
    return {
        frozenset((one, other))
        for one, other in combinations(sorted(people), 2)
        if judge(people[one], people[other], model).outcome == "link"
    }


def test_nobody_is_linked_to_somebody_else(
    linked: set[frozenset[Name]], truth: dict[Name, tuple[str, str]]
) -> None:
    assert [pair for pair in linked if len({truth[name][0] for name in pair}) > 1] == []


def test_doubtful_records_are_not_linked_automatically(
    linked: set[frozenset[Name]], truth: dict[Name, tuple[str, str]]
) -> None:
    assert [pair for pair in linked if any(truth[name][1] in APART for name in pair)] == []


def test_records_of_one_person_reach_each_other(
    linked: set[frozenset[Name]], truth: dict[Name, tuple[str, str]]
) -> None:
    records: defaultdict[str, set[Name]] = defaultdict(set)
    for name, (person, expectation) in truth.items():
        if expectation == "link":
            records[person].add(name)
    assert sum(len(names) > 1 for names in records.values()) >= 5
    for names in records.values():
        reached, waiting = set[Name](), {min(names)}
        while waiting:
            reached |= waiting
            near = {name for pair in linked if pair & waiting for name in pair}
            waiting = (near & names) - reached
        assert reached == names
