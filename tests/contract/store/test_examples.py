"""HL7's own R4 examples go through the store, and each is found by what the index says of it."""

import json
import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.core.lexeme import Number
from engine.core.values import Contribution
from engine.database.protocol import Database
from engine.store.put import Write, put
from engine.store.read import UNIFIED, View, read
from engine.store.search.extract import extract
from engine.store.search.find import search
from engine.store.search.fold import EDGE
from engine.store.search.params import SUPPORTED, Parameter, parameters
from engine.store.search.query import parse

SITE = View("mercy")


@pytest.fixture(scope="module")
def examples() -> list[dict[str, Any]]:
    folder = os.environ.get("CONCORD_TESTDATA")
    if not folder:
        pytest.skip("CONCORD_TESTDATA is not set: HL7's R4 examples are not at hand")
    paths = sorted((Path(folder) / "fhir-r4" / "examples").rglob("*.json"))
    texts = (path.read_text(encoding="utf-8") for path in paths)
    bodies = (json.loads(text, parse_float=Number) for text in texts)
    return [body for body in bodies if "id" in body]


def load(database: Database, bodies: list[dict[str, Any]]) -> None:
    with database.write() as tx:
        for mode in ("replace", "merge"):
            writes = [
                Write(Contribution(b["resourceType"], b["id"], b, "a-record", mode), "mercy", 1, 1)
                for b in bodies
            ]
            done = put(tx, writes, 1)
            assert {w.outcome for w in done} == {"created" if mode == "replace" else "unchanged"}


def test_examples_come_back_as_they_went_in(
    database: Database, examples: list[dict[str, Any]]
) -> None:
    unique = list({(b["resourceType"], b["id"]): b for b in examples}.values())
    assert len(unique) > 500
    load(database, unique)
    with database.read() as tx:
        for body in unique:
            stored = read(tx, body["resourceType"], body["id"], UNIFIED)
            assert stored is not None
            got = json.loads(stored.body, parse_float=Number)
            for meta in (got["meta"], body.get("meta", {})):
                for name in ("versionId", "lastUpdated"):
                    meta.pop(name, None)
            assert {**body, "meta": body.get("meta", {})} == got
            assert orjson.loads(stored.body)["meta"]["versionId"] == "1"


def asked(parameter: Parameter, value: str) -> str:
    """Write an index value as a client would ask for it."""
    one, _, two = value.partition(EDGE)
    escaped = [
        part.replace("\\", "\\\\").replace(",", "\\,").replace("|", "\\|").replace("$", "\\$")
        for part in (one, two)
    ]
    if parameter.kind == "string" or parameter.bare or EDGE not in value:
        return escaped[0]
    return f"{escaped[1]}|{escaped[0]}"


def test_each_example_is_found_by_each_of_its_terms(
    database: Database, examples: list[dict[str, Any]]
) -> None:
    served = {(b["resourceType"], b["id"]): b for b in examples if b["resourceType"] in SUPPORTED}
    load(database, list(served.values()))
    searches = 0
    with database.read() as tx:
        for (kind, name), body in served.items():
            by_code = {p.code: p for p in parameters(kind).values()}
            for code, value in extract(kind, "a-record", body).terms:
                parameter = by_code[code]
                pairs = [(parameter.name, asked(parameter, value)), ("_count", "1000")]
                page = search(tx, parse(kind, pairs), SITE)
                assert name in {match.id for match in page.matches}, (kind, name, parameter.name)
                searches += 1
    assert searches > 300
