"""Entries worked off out of their turn, and conditions, on every engine: whoever comes first."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from engine.app import reconciling
from engine.core.clock import SystemClock
from engine.core.fault import Category, Fault
from engine.core.lap import untimed
from engine.core.values import FHIR_JSON, Entry, Envelope, Touched
from engine.database.protocol import Database
from engine.database.statement import Statement
from engine.formats.fhir_request import Request, wrapped
from engine.journal.binding import bind
from engine.journal.offsets import claim
from engine.journal.protocol import JournalIdentity
from engine.journal.watch import Watch
from engine.pipeline.commit import Writing, commit
from engine.pipeline.ledger import Account, read_account
from engine.pipeline.prepare import Prepared
from engine.pipeline.prompt import settled
from engine.pipeline.rederive.account import account
from engine.pipeline.rederive.course import Course
from engine.pipeline.rederive.fold import Stretch, fold
from engine.pipeline.rederive.tables import SHADOW
from engine.store.read import View, history
from tests.integration.feed.house import KEY, REGION, SITE, ident, prepared
from tests.property.interrupted import interrupting

START_US = 1_790_000_000_000_000
RECONCILING = reconciling(REGION, KEY)
FOLDED = Statement(select(SHADOW.c.id))


@pytest.fixture
def writing(new_store: Callable[[], Database]) -> Writing:
    return Writing(new_store(), RECONCILING, SystemClock(), untimed)


def patient(name: str, mrn: str = "", **more: Any) -> dict[str, Any]:
    identifier = [{"system": "urn:mrn", "value": mrn}] if mrn else []
    held = {"identifier": identifier} if mrn else {}
    return {"resourceType": "Patient", "id": name, **held, **more}


def entry(position: int, resource: dict[str, Any], request: Request | None = None) -> Entry:
    body = json.dumps(resource).encode()
    body = wrapped(request, body) if request else body
    envelope = Envelope("lakeside-fhir", SITE, FHIR_JSON, body, START_US + position, "", "p")
    return Entry(position, 0, envelope)


def if_none(position: int, name: str, mrn: str = "7") -> Entry:
    request = Request("POST", "Patient", "", f"identifier=urn:mrn%7C{mrn}")
    return entry(position, patient(name, mrn), request)


def named(one: Entry) -> Entry:
    return replace(one, envelope=replace(one.envelope, control_id="k-1"))


def work(writing: Writing, *entries: Entry) -> list[Account]:
    return list(commit(writing, [prepared(one) for one in entries], (), 0).accounts)


class SetBack:
    """A clock that somebody sets back by two hours each time it is read."""

    def __init__(self) -> None:
        self.time_us = START_US

    def now_us(self) -> int:
        self.time_us -= 7_200_000_000
        return self.time_us


def test_how_long_a_batch_held_the_lock_is_no_matter_of_the_clock(writing: Writing) -> None:
    set_back = replace(writing, clock=SetBack())
    committed = commit(set_back, [prepared(entry(5, patient("p1")))], (), 0)
    assert 0 <= committed.held_us < 3_600_000_000


def said(accounts: list[Account]) -> list[tuple[str, str]]:
    return [(one.state, one.code) for one in accounts]


def told(writing: Writing, one: Entry) -> Any:
    with writing.database.read() as tx:
        return settled(tx, prepared(one))


def test_who_comes_second_changes_nothing_and_counts_nothing(writing: Writing) -> None:
    first = entry(5, patient("p1", gender="female"))
    assert said(work(writing, first)) == [("written", "")]
    with writing.database.read() as tx:
        before = read_account(tx, 5)
        versions = history(tx, "Patient", ident("Patient", "p1"), View(SITE))
    assert work(writing, first, entry(6, patient("p2"))) != []
    with writing.database.read() as tx:
        assert read_account(tx, 5) == before
        assert history(tx, "Patient", ident("Patient", "p1"), View(SITE)) == versions
        assert read_account(tx, 6) is not None


def test_what_was_quarantined_is_worked_on_again(writing: Writing) -> None:
    one = entry(5, patient("p1"))
    fault = Fault(Category.UNSUPPORTED, "no-plan", "no mapping", "")
    assert said(list(commit(writing, [Prepared(one, fault=fault)], (), 0).accounts)) == [
        ("quarantined", "no-plan")
    ]
    assert said(work(writing, one)) == [("written", "")]


def test_of_several_in_one_batch_the_first_wins(writing: Writing) -> None:
    batch = [entry(1, patient("x", "1")), *(if_none(at, f"n{at}") for at in (2, 3, 4))]
    batch.append(entry(5, patient("y", "2")))
    assert said(work(writing, *batch)) == [
        ("written", ""),
        ("written", ""),
        ("filtered", "if-none-exist"),
        ("filtered", "if-none-exist"),
        ("written", ""),
    ]


def test_a_condition_sees_what_stands_before_it_in_the_batch(writing: Writing) -> None:
    assert said(work(writing, entry(1, patient("x", "7")), if_none(2, "n")))[1] == (
        "filtered",
        "if-none-exist",
    )


def test_a_judgement_stands(writing: Writing) -> None:
    """Read again after a rewind, when the store would be judged otherwise."""
    winner, loser = if_none(1, "a"), if_none(2, "b")
    work(writing, winner, loser)
    assert work(writing, winner, loser) == []
    assert told(writing, winner).state == "written"
    with writing.database.read() as tx:
        assert history(tx, "Patient", ident("Patient", "b"), View(SITE)) == []


def test_a_repetition_hears_what_the_first_one_heard(writing: Writing) -> None:
    work(writing, if_none(1, "a"), named(if_none(2, "b")))
    again = named(if_none(3, "b"))
    assert said(work(writing, again)) == [("duplicate", "")]
    found = told(writing, again)
    assert (found.state, found.code) == ("duplicate", "if-none-exist")
    assert [one.id for one in found.touched] == [ident("Patient", "a")]


def test_created_updated_unchanged(writing: Writing) -> None:
    first, other = entry(1, patient("p", gender="male")), entry(2, patient("p", gender="other"))
    third = entry(3, patient("p", gender="other", active=True))
    for one in (first, other):
        work(writing, one)
    work(writing, third)
    name = ident("Patient", "p")
    outcomes = [told(writing, one).touched[0] for one in (first, other, third)]
    assert [one.outcome for one in outcomes] == ["created", "updated", "updated"]
    assert {(one.type, one.id) for one in outcomes} == {("Patient", name)}
    same = entry(4, patient("p", active=True))
    work(writing, same)
    assert told(writing, same).touched == (
        Touched("Patient", name, outcomes[-1].version, "unchanged"),
    )


def test_nothing_is_known_of_an_entry_nobody_worked_on(writing: Writing) -> None:
    assert told(writing, entry(9, patient("p"))) is None


def test_an_update_on_condition(writing: Writing) -> None:
    def put(position: int, name: str) -> Entry:
        request = Request("PUT", "Patient", "", "identifier=urn:mrn%7C7")
        return entry(position, patient(name, "7", active=bool(position % 2)), request)

    assert said(work(writing, put(1, "a"), put(2, "a"), put(3, "b"))) == [
        ("written", ""),
        ("written", ""),
        ("filtered", "condition-names-another"),
    ]
    work(writing, entry(4, patient("c", "7")))
    assert said(work(writing, put(5, "a"))) == [("filtered", "condition-not-unique")]


def test_a_replay_leaves_out_what_a_condition_left_out(writing: Writing) -> None:
    entries = (if_none(1, "a"), if_none(2, "b"), entry(3, patient("c")))
    work(writing, *entries)
    stretch = Stretch(3, (1, 2, 3), tuple(prepared(one) for one in entries))
    with writing.database.write() as tx:
        assert fold(tx, Course(SITE, "fake", "fold", 0, 3, ""), stretch).upto == 3
        folded = {row[0] for row in tx.all(FOLDED)}
    assert folded == {ident("Patient", "a"), ident("Patient", "c")}


def test_a_replay_leaves_a_condition_nobody_judged_to_a_worker(writing: Writing) -> None:
    """The mapping of before could not read it; what it asks about is only known in the store."""
    asked, other = if_none(1, "a"), entry(2, patient("c"))
    unread = Fault(Category.INVALID, "bad-value", "the mapping cannot read it", "x")
    commit(writing, [Prepared(asked, fault=unread), prepared(other)], (), 0)
    stretch = Stretch(2, (1, 2), (prepared(asked), prepared(other)))
    course = Course(SITE, "fake", "fold", 0, 2, "")
    with writing.database.write() as tx:
        fold(tx, course, stretch)
        folded = {row[0] for row in tx.all(FOLDED)}
        account(tx, replace(course, folded=2), 9)
        accounts = [read_account(tx, position) for position in (1, 2)]
    assert folded == {ident("Patient", "c")}
    assert said(list(filter(None, accounts))) == [
        ("quarantined", "condition-not-judged"),
        ("written", ""),
    ]


def test_a_batch_ends_behind_a_piece_when_somebody_in_a_hurry_waits(writing: Writing) -> None:
    with writing.database.write() as tx:
        bind(tx, JournalIdentity("test", 1, 1), 0)
        (lease,) = claim(tx, "worker", 1, Watch(10_000_000, lambda: 0), 3)
    batch = [prepared(entry(position, patient(f"p{position}"))) for position in (1, 2, 3)]
    hurried = replace(writing, database=interrupting(writing.database, lambda: True))

    one = commit(hurried, batch, [lease], 7, piece=1)
    assert (one.taken, [lease.position for lease in one.leases]) == (1, [1])
    assert [account.position for account in one.accounts] == [1]
    rest = commit(writing, batch[1:], one.leases, 7, piece=1)
    assert (rest.taken, [lease.position for lease in rest.leases]) == (2, [7])
    assert [account.position for account in rest.accounts] == [2, 3]


def test_a_batch_of_one_piece_says_that_somebody_waited(writing: Writing) -> None:
    batch = [prepared(entry(position, patient(f"p{position}"))) for position in (1, 2)]
    hurried = replace(writing, database=interrupting(writing.database, lambda: True))
    committed = commit(hurried, batch, (), 0, piece=0)
    assert (committed.taken, committed.urged) == (2, True)
    with writing.database.write() as tx:
        assert not tx.urged()
