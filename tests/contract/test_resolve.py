"""The index over a real database: any order of arrival gives the same people."""

import itertools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from engine.core.values import Alias, PatientKey
from engine.database.protocol import Database
from engine.database.statement import Statement
from mpi.links import Said
from mpi.model import load_model
from mpi.resolve import News, Occasion, Policy, resolve
from mpi.sight import sight_of
from mpi.tables import IDENTITY, LINK_LOG, TASK

NewStore = Callable[[], Database]

MODEL = load_model(Path("mpi/data/model-default.yaml").read_text(encoding="utf-8"))
POLICY = Policy(MODEL, lambda founder: f"E-{founder}")
PEOPLE = Statement(select(IDENTITY.c.record, IDENTITY.c.person, IDENTITY.c.survivor))
TASKS = Statement(select(TASK.c.kind, TASK.c.a, TASK.c.b))
LOG = Statement(select(LINK_LOG.c.record, LINK_LOG.c.before, LINK_LOG.c.after))


@pytest.fixture
def database(new_store: NewStore) -> Database:
    return new_store()


def patient(family: str, given: str, birth: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "name": [{"family": family, "given": given.split()}],
        "birthDate": birth,
        **more,
    }


def ssn(value: str) -> list[dict[str, str]]:
    return [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": value}]


def phone(value: str) -> list[dict[str, str]]:
    return [{"system": "phone", "value": value}]


ANNA = {
    "r1": patient(
        "Lindqvist", "Anna Maria", "1961-04-02", gender="female", identifier=ssn("666-31-0001")
    ),
    "r2": patient("LINDQVIST", "ANNA", "1961-04-02", gender="female", identifier=ssn("666310001")),
    "r3": patient("Berg", "Olof", "1950-01-09", gender="male", telecom=phone("608-555-0101")),
}


HOME = [{"line": ["77 Orchard Hill Rd"], "city": "Alder Fork", "postalCode": "53099"}]


def arrive(database: Database, record: str, body: dict[str, Any], position: int) -> None:
    key = PatientKey("mercy", record, record.upper())
    with database.write() as tx:
        resolve(
            tx,
            News("mercy", named=(key,), patients={record: sight_of(body)}),
            POLICY,
            Occasion(position, 0),
        )


def say(database: Database, position: int, kind: str, a: str, b: str) -> None:
    origin = "source" if kind == "merge" else "steward"
    said = (Said(a, b, kind, origin, position, "someone"),)
    keys = (PatientKey("mercy", a, a), PatientKey("mercy", b, b))
    with database.write() as tx:
        resolve(tx, News("mercy", named=keys, statements=said), POLICY, Occasion(position, 0))


def undo(database: Database, position: int, of: int) -> None:
    with database.write() as tx:
        resolve(tx, News("", undoes=of, actor="steward"), POLICY, Occasion(position, 0))


def groups(database: Database) -> set[frozenset[str]]:
    with database.read() as tx:
        rows = tx.all(PEOPLE)
    people: dict[str, set[str]] = {}
    for record, person, _ in rows:
        people.setdefault(person, set()).add(record)
    return {frozenset(members) for members in people.values()}


def test_any_order_of_arrival_gives_the_same_people(new_store: NewStore) -> None:
    for order in itertools.permutations(ANNA):
        database = new_store()
        for position, record in enumerate(order, 1):
            arrive(database, record, ANNA[record], position)
        assert groups(database) == {frozenset({"r1", "r2"}), frozenset({"r3"})}


def test_a_link_is_made_and_undone_and_the_old_id_comes_back(database: Database) -> None:
    for position, record in enumerate(ANNA, 1):
        arrive(database, record, ANNA[record], position)
    with database.read() as tx:
        before = sorted(tx.all(PEOPLE))
    say(database, 10, "link", "r1", "r3")
    assert groups(database) == {frozenset({"r1", "r2", "r3"})}
    undo(database, 11, 10)
    with database.read() as tx:
        assert sorted(tx.all(PEOPLE)) == before
    undo(database, 12, 11)
    assert groups(database) == {frozenset({"r1", "r2", "r3"})}


def test_unlinked_records_stay_apart_when_evidence_comes_again(database: Database) -> None:
    arrive(database, "r1", ANNA["r1"], 1)
    arrive(database, "r2", ANNA["r2"], 2)
    say(database, 3, "unlink", "r1", "r2")
    assert groups(database) == {frozenset({"r1"}), frozenset({"r2"})}
    arrive(database, "r2", {**ANNA["r2"], "telecom": phone("608-555-0102")}, 4)
    assert groups(database) == {frozenset({"r1"}), frozenset({"r2"})}


def test_a_merge_before_its_records_holds_when_they_come(database: Database) -> None:
    say(database, 1, "merge", "r1", "r3")
    arrive(database, "r3", ANNA["r3"], 2)
    arrive(database, "r1", ANNA["r1"], 3)
    assert groups(database) == {frozenset({"r1", "r3"})}
    with database.read() as tx:
        assert {row[0]: row[2] for row in tx.all(PEOPLE)} == {"r1": "", "r3": "r1"}


def test_records_of_a_site_that_share_an_identifier_are_one(database: Database) -> None:
    for position, record in enumerate(("r1", "r3"), 1):
        news = News(
            "mercy",
            named=(PatientKey("mercy", record, record),),
            aliases=(Alias(record, "urn:mrn", "77"),),
            patients={record: sight_of(ANNA[record])},
        )
        with database.write() as tx:
            resolve(tx, news, POLICY, Occasion(position, 0))
    assert groups(database) == {frozenset({"r1", "r3"})}


def test_statements_in_any_order_give_the_same_people_and_tasks(new_store: NewStore) -> None:
    deeds = [
        *(("arrive", record, "", position) for position, record in enumerate(ANNA, 1)),
        ("merge", "r1", "r3", 4),
        ("merge", "r3", "r2", 5),
        ("merge", "r2", "r1", 6),
        ("undo", "", "", 7),
    ]
    outcomes = set()
    for number in range(12):
        random.Random(number).shuffle(deeds)
        database = new_store()
        for deed, a, b, position in deeds:
            if deed == "arrive":
                arrive(database, a, ANNA[a], position)
            elif deed == "undo":
                undo(database, position, 4)
            else:
                say(database, position, deed, a, b)
        with database.read() as tx:
            tasks = frozenset(tx.all(TASKS))
            merged = frozenset((row[0], row[2]) for row in tx.all(PEOPLE))
        outcomes.add((frozenset(groups(database)), tasks, merged))
    assert len(outcomes) == 1


def test_every_move_is_written_down(database: Database) -> None:
    arrive(database, "r1", ANNA["r1"], 1)
    arrive(database, "r2", ANNA["r2"], 2)
    with database.read() as tx:
        assert tx.all(LOG) == [("r1", "", "E-r1"), ("r2", "", "E-r1")]


def test_records_that_contradict_each_other_are_not_joined_by_a_third(new_store: NewStore) -> None:
    """Another number and another birth date: whatever resembles both of them, and in any order.

    They share no key, so nobody has compared them.
    """
    base = {"gender": "female", "telecom": phone("608-555-0101")}
    three = {
        "one": patient("Falkenrath", "Imogen", "1961-04-02", identifier=ssn("666-31-0001"), **base),
        "two": patient("Falkenrath", "Imogen", "1961-04-02", **base, address=HOME),
        "off": patient(
            "Falkenrath", "Imogen", "1958-09-17", identifier=ssn("666-74-8812"), address=HOME
        ),
    }
    for order in itertools.permutations(three):
        database = new_store()
        for position, record in enumerate(order, 1):
            arrive(database, record, three[record], position)
        say(database, 10, "link", "two", "off")
        assert groups(database) == {frozenset({"two", "off"}), frozenset({"one"})}
        with database.read() as tx:
            assert tx.all(TASKS) == [("possible-duplicate", "one", "two")]
