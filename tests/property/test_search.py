"""Every search equals a naive filter over the bodies."""

import itertools
import os
import random
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine.store.search.tables
import engine.store.tables  # noqa: F401 - declares the tables
from engine.core.fault import FaultError
from engine.core.values import Contribution
from engine.database.metadata import STORE
from engine.database.postgres import PostgresDatabase
from engine.database.protocol import Database
from engine.database.sqlite import SqliteDatabase
from engine.store.membership import Membership, assign
from engine.store.people import Golden, put_goldens
from engine.store.put import Write, put
from engine.store.read import UNIFIED, View
from engine.store.search import sql
from engine.store.search.dates import range_of
from engine.store.search.find import search
from engine.store.search.fold import fold
from engine.store.search.query import Query, parse, searchable

Store = tuple[Database, list[dict[str, Any]]]

SITES = ("mercy", "lakeside", "hilltop")
CODES = ("718-7", "2345-7", "4548-4")
SYSTEMS = ("http://loinc.org", "urn:mercy:lab", "")
DATES = ("2023", "2024-02", "2024-02-29", "2024-02-29T10:15:00Z", "2024-12-31T23:59:59.5-05:00")
FAMILIES = ("Quill", "quillfeather", "Núñez", "O'Dell", "de la Cruz", "Ng_%")
STATUSES = ("final", "preliminary", "amended")


def ident(number: int) -> str:
    return str(uuid.UUID(int=number))


def observations(chance: random.Random, count: int) -> list[dict[str, Any]]:
    made = []
    for number in range(count):
        codings = [
            {"system": system, "code": chance.choice(CODES)}
            for system in chance.sample(SYSTEMS, chance.randint(0, 2))
        ]
        body: dict[str, Any] = {
            "resourceType": "Observation",
            "id": ident(1000 + number),
            "meta": {"source": "urn:concord:site:x"},
            "status": chance.choice(STATUSES),
            "code": {"coding": [{k: v for k, v in c.items() if v} for c in codings], "text": "x"},
            "subject": {"reference": f"Patient/{ident(chance.randint(1, 8))}"},
        }
        if not codings:
            del body["code"]["coding"]
        match chance.randint(0, 3):
            case 0:
                body["effectivePeriod"] = {"start": chance.choice(DATES[:3])}
            case 1 | 2:
                body["effectiveDateTime"] = chance.choice(DATES)
        made.append(body)
    return made


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    database: Database
    if request.param == "postgresql":
        uri = request.getfixturevalue("postgres_uri")
        database = PostgresDatabase(uri, schema=f"search_{os.getpid()}")
    else:
        database = SqliteDatabase(Path(tmp_path_factory.mktemp("search")) / "store.db")
    database.create(STORE)
    chance = random.Random(7)
    bodies = observations(chance, 150)
    with database.write() as tx:
        assign(
            tx, [Membership(ident(n), ident(500 + n // 2), SITES[n % 3], "") for n in range(1, 9)]
        )
        for body in bodies:
            record = body["subject"]["reference"].removeprefix("Patient/")
            site = SITES[int(record[-1]) % 3]
            told = Contribution("Observation", body["id"], body, record)
            put(tx, [Write(told, site, 1, 1)], int(body["id"][-3:], 16))
        for n, family in enumerate(FAMILIES):
            name = {"family": family, "given": [family[:2], "Zoë"]}
            put_goldens(
                tx, [Golden(ident(700 + n), {"meta": {"source": "x"}, "name": [name]}, 1)], 1
            )
    yield database, bodies
    database.close()


def found(database: Database, query: Query, view: View) -> list[str]:
    """The ids of all pages, following the cursors."""
    ids: list[str] = []
    with database.read() as tx:
        page = search(tx, query, view)
        ids += [m.id for m in page.matches]
        while page.next:
            query = Query(query.type, query.criteria, query.sort, query.count, cursor=page.next)
            page = search(tx, query, view)
            assert len(page.matches) <= query.count
            ids += [m.id for m in page.matches]
    assert len(ids) == len(set(ids))
    return ids


def span(body: dict[str, Any]) -> tuple[float, float] | None:
    if "effectivePeriod" in body:
        low = range_of(body["effectivePeriod"]["start"])
        assert low is not None
        return low[0], float("inf")
    return range_of(body["effectiveDateTime"]) if "effectiveDateTime" in body else None


def dated(body: dict[str, Any], prefix: str, text: str) -> bool:
    mine, asked = span(body), range_of(text)
    assert asked is not None
    if mine is None:
        return False
    (low, high), (a, b) = mine, asked
    within = a <= low and high <= b
    return {
        "eq": within,
        "ne": not within,
        "gt": high > b,
        "lt": low < a,
        "ge": high > b or within or low >= a,
        "le": low < a or within or high <= b,
        "sa": low >= b,
        "eb": high <= a,
    }[prefix]


def coded(body: dict[str, Any], value: str) -> bool:
    system, bar, code = value.rpartition("|")
    return any(
        coding["code"] == code and (not bar or coding.get("system", "") == system)
        for coding in body["code"].get("coding", [])
    )


def about(body: dict[str, Any], patient: int, view: View) -> bool:
    record = int(body["subject"]["reference"][-2:], 16)
    return record == patient or (not view.site and 500 + record // 2 == patient)


PREFIXES = st.sampled_from(["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"])
PATIENTS = st.sampled_from([1, 2, 5, 8, 500, 501, 503, 504, 99])
CODE_VALUES = st.builds(
    lambda system, code: code if system is None else f"{system}|{code}",
    st.sampled_from([None, *SYSTEMS]),
    st.sampled_from([*CODES, "nothing"]),
)
CLAUSES = st.one_of(
    st.tuples(st.just("status"), st.sets(st.sampled_from(STATUSES), min_size=1)),
    st.tuples(st.just("status:not"), st.sets(st.sampled_from(STATUSES), min_size=1)),
    st.tuples(st.just("code"), st.sets(CODE_VALUES, min_size=1, max_size=2)),
    st.tuples(st.just("code:not"), st.sets(CODE_VALUES, min_size=1, max_size=2)),
    st.tuples(
        st.just("date"),
        st.sets(st.builds(str.__add__, PREFIXES, st.sampled_from(DATES)), min_size=1, max_size=2),
    ),
    st.tuples(
        st.just("date:missing"), st.sets(st.sampled_from(["true", "false"]), min_size=1, max_size=1)
    ),
    st.tuples(
        st.just("code:missing"), st.sets(st.sampled_from(["true", "false"]), min_size=1, max_size=1)
    ),
    st.tuples(st.just("patient"), st.sets(PATIENTS.map(ident), min_size=1, max_size=2)),
)


def holds(body: dict[str, Any], clause: tuple[str, set[str]], view: View) -> bool:
    name, values = clause
    tests = {
        "status": lambda: body["status"] in values,
        "status:not": lambda: body["status"] not in values,
        "code": lambda: any(coded(body, v) for v in values),
        "code:not": lambda: not any(coded(body, v) for v in values),
        "date": lambda: any(dated(body, v[:2], v[2:]) for v in values),
        "date:missing": lambda: (span(body) is None) == ("true" in values),
        "code:missing": lambda: ("coding" not in body["code"]) == ("true" in values),
        "patient": lambda: any(about(body, uuid.UUID(v).int, view) for v in values),
    }
    return tests[name]()


@settings(max_examples=120, deadline=None)
@given(
    clauses=st.lists(CLAUSES, max_size=4),
    sort=st.sampled_from(["", "_id", "-_id", "_lastUpdated", "-_lastUpdated", "date", "-date"]),
    count=st.sampled_from([1, 7, 50]),
    site=st.sampled_from(["", *SITES]),
)
def test_a_search_equals_a_filter_over_the_bodies(
    store: Store,
    clauses: list[tuple[str, set[str]]],
    sort: str,
    count: int,
    site: str,
) -> None:
    database, bodies = store
    view = View(site)
    pairs = [(name, ",".join(sorted(values))) for name, values in clauses]
    pairs += [("_count", str(count)), ("_sort", sort)]
    ids = found(database, parse("Observation", pairs), view)
    wanted = [
        body
        for body in bodies
        if (not site or SITES[int(body["subject"]["reference"][-1]) % 3] == site)
        and all(holds(body, clause, view) for clause in clauses)
    ]
    assert sorted(ids) == sorted(body["id"] for body in wanted)
    if sort.endswith("_id"):
        assert ids == sorted(ids, reverse=sort.startswith("-"))
    if sort.endswith("date"):
        lows = {b["id"]: (span(b) or (float("-inf"), 0))[0] for b in wanted}
        order = [lows[i] for i in ids]
        assert order == sorted(order, reverse=sort.startswith("-"))


@settings(deadline=None)
@given(
    text=st.sampled_from(
        ["q", "QUILL", "nunez", "NÚÑ", "cruz", "ng_", "g_%", "%", "o'd", "zoe", "x"]
    ),
    name=st.sampled_from(["family", "given", "name"]),
    modifier=st.sampled_from(["", "contains", "exact"]),
)
def test_strings_are_compared_without_case_and_accents(
    store: Store, text: str, name: str, modifier: str
) -> None:
    database, _ = store
    full = f"{name}:{modifier}" if modifier else name
    ids = set(found(database, parse("Patient", [(full, text)]), UNIFIED))
    expected = set()
    for n, family in enumerate(FAMILIES):
        given_names = [family[:2], "Zoë"]
        parts = {"family": [family], "given": given_names, "name": [family, *given_names]}[name]
        tests = {
            "": lambda part: fold(part).startswith(fold(text)),
            "contains": lambda part: fold(text) in fold(part),
            "exact": lambda part: part == text,
        }
        if any(map(tests[modifier], parts)):
            expected.add(ident(700 + n))
    assert ids == expected


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(["Patient", "Observation", "Encounter", "Coverage"]),
    data=st.data(),
)
def test_no_text_of_a_caller_breaks_the_statement(
    store: Store, kind: str, data: st.DataObject
) -> None:
    """Parsing refuses with a fault or the search runs; there is no third way."""
    database, _ = store
    names = st.one_of(
        st.sampled_from([*searchable(kind), "_sort", "_count", "_cursor", "_total"]), st.text()
    )
    modifiers = st.sampled_from(["", ":not", ":missing", ":exact", ":contains", ":in"])
    pairs = data.draw(
        st.lists(st.tuples(st.builds(str.__add__, names, modifiers), st.text()), max_size=3)
    )
    try:
        with database.read() as tx:
            outcome = f"found {len(search(tx, parse(kind, pairs), UNIFIED).matches)}"
    except FaultError as error:
        outcome = error.fault.code
    assert outcome.startswith(("search-", "found "))


def test_totals_count_without_the_page(
    store: Store,
) -> None:
    database, bodies = store
    finals = sum(body["status"] == "final" for body in bodies)
    with database.read() as tx:
        for more, total, size in (("", finals, 2), ("none", None, 2), ("accurate", finals, 2)):
            pairs = [("status", "final"), ("_count", "2"), ("_total", more)]
            page = search(tx, parse("Observation", pairs), UNIFIED)
            assert (page.total, len(page.matches)) == (total, size)
        counted = search(tx, parse("Observation", [("_summary", "count")]), UNIFIED)
    assert (counted.total, counted.matches) == (len(bodies), ())


def test_a_page_is_spliced_for_its_view(
    store: Store,
) -> None:
    database, _ = store
    with database.read() as tx:
        page = search(tx, parse("Observation", [("patient", ident(502))]), UNIFIED)
    assert page.matches
    for match in page.matches:
        assert orjson.loads(match.body)["subject"]["reference"] == f"Patient/{ident(502)}"


def test_statements_bind_every_value() -> None:
    pairs = [("patient", "xy"), ("code", "a'b|c"), ("date", "ge2024"), ("status", "d'e")]
    found_plan = sql.plan(parse("Observation", pairs), "m'n", {})
    statement = sql.page(found_plan, parse("Observation", pairs), (1,), 10)
    assert "'b" not in statement.text
    assert statement.text.count("?") == len(statement.values)


def test_every_pair_of_sort_and_leader_has_a_plan() -> None:
    sorts = ["", "_id", "_lastUpdated", "date"]
    pairs = [("patient", "x"), ("status", "final"), ("date", "ge2024"), ("_id", "a")]
    leaders = [[], *([pair] for pair in pairs)]
    for sort, leader in itertools.product(sorts, leaders):
        query = parse("Observation", [*leader, ("_sort", sort)])
        assert sql.page(sql.plan(query, "", {}), query, None, 1).text.startswith("SELECT")


def test_each_prefix_with_each_date_for_a_patient(
    store: Store,
) -> None:
    database, bodies = store
    prefixes = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb")
    for patient, prefix, text in itertools.product((1, 501), prefixes, DATES):
        pairs = [("patient", ident(patient)), ("date", prefix + text)]
        wanted = [b["id"] for b in bodies if about(b, patient, UNIFIED) and dated(b, prefix, text)]
        assert sorted(found(database, parse("Observation", pairs), UNIFIED)) == sorted(wanted)


def test_the_last_page_has_no_next(
    store: Store,
) -> None:
    database, bodies = store
    with database.read() as tx:
        whole = search(tx, parse("Observation", [("_count", str(len(bodies)))]), UNIFIED)
        short = search(tx, parse("Observation", [("_count", str(len(bodies) - 1))]), UNIFIED)
    assert (len(whole.matches), whole.next) == (len(bodies), "")
    assert short.next
