"""What the store costs: writes, reads, searches and a large relink. By hand:

python tests/benchmark/store.py 100000 [encrypted | interleaved | postgresql://...]

`interleaved` gives the same batches to a plain and an encrypted file in turn and prints the CPU of
both, and what it grows to while the files do: figures that a busy machine does not change much.
"""

import os
import random
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import engine.store.search.tables
import engine.store.tables  # noqa: F401 - declares the tables
from engine.core.lexeme import Number
from engine.core.values import Contribution
from engine.database.metadata import STORE
from engine.database.postgres import PostgresDatabase
from engine.database.protocol import Database
from engine.database.sqlite import SqliteDatabase
from engine.store.membership import Membership, assign, relink
from engine.store.put import Write, put
from engine.store.read import UNIFIED, read
from engine.store.search.find import search
from engine.store.search.query import parse

BATCH = 200
BIG = 20_000
CHANCE = random.Random(1)
LABORATORY = {
    "system": "http://terminology.hl7.org/CodeSystem/observation-category",
    "code": "laboratory",
}


def ident() -> str:
    return str(uuid.UUID(int=CHANCE.getrandbits(128)))


def observation(record: str) -> Contribution:
    about = ident()
    day = f"20{CHANCE.randrange(10, 25)}-0{CHANCE.randrange(1, 9)}-1{CHANCE.randrange(10)}"
    body: dict[str, Any] = {
        "resourceType": "Observation",
        "id": about,
        "meta": {"source": "urn:concord:site:mercy"},
        "identifier": [{"system": "urn:order", "value": about}],
        "status": "final",
        "category": [{"coding": [LABORATORY]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": f"{CHANCE.randrange(300)}-1"}]},
        "subject": {"reference": f"Patient/{record}"},
        "encounter": {"reference": f"Encounter/{ident()}"},
        "effectiveDateTime": f"{day}T10:00:00Z",
        "valueQuantity": {"value": Number("13.10"), "unit": "mg/dL"},
    }
    return Contribution("Observation", about, body, record)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def timed(name: str, times: int, deed: Callable[[], object]) -> None:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        deed()
        taken.append((time.perf_counter() - began) * 1e3)
    taken.sort()
    say(f"{name:44} p50 {taken[times // 2]:9.3f} ms   max {taken[-1]:9.3f} ms")


def fill(database: Database, records: list[str], count: int) -> list[str]:
    began, busy, ids = time.perf_counter(), 0.0, list[str]()
    for number in range(count // BATCH):
        writes = [
            Write(observation(CHANCE.choice(records)), "mercy", 1, number) for _ in range(BATCH)
        ]
        start = time.process_time()
        with database.write() as tx:
            put(tx, writes, 1000 + number)
        busy += time.process_time() - start
        ids = [write.contribution.id for write in writes]
    rate = count / (time.perf_counter() - began)
    say(f"put: {rate:.0f} a second, {busy / count * 1e6:.0f} us CPU each")
    return ids


def opened(where: str, folder: Path) -> Database:
    if where.startswith("postgresql:"):
        return PostgresDatabase(where, schema=f"benchmark_{os.getpid()}")
    key = bytes(32) if where == "encrypted" else None
    return SqliteDatabase(folder / "store.db", key, cache_mb=200)


def interleaved(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stores = {
            name: SqliteDatabase(Path(folder) / f"{name}.db", key)
            for name, key in (("plain", None), ("encrypted", bytes(32)))
        }
        for store in stores.values():
            store.create(STORE)
        records = [ident() for _ in range(max(1, count // 20))]
        spent: dict[str, list[float]] = {name: [] for name in stores}
        for number in range(count // BATCH):
            told = [observation(CHANCE.choice(records)) for _ in range(BATCH)]
            for name, store in stores.items():
                start = time.process_time()
                with store.write() as tx:
                    put(tx, [Write(one, "mercy", 1, number) for one in told], 1000 + number)
                spent[name].append((time.process_time() - start) / BATCH * 1e6)
        for name, store in stores.items():
            fifth = max(1, len(spent[name]) // 5)
            say(
                f"put, {name:9}: us CPU a resource {statistics.median(spent[name]):6.0f}, "
                f"first fifth {statistics.median(spent[name][:fifth]):6.0f}, "
                f"last fifth {statistics.median(spent[name][-fifth:]):6.0f}"
            )
            store.close()
        ratio = statistics.median(spent["encrypted"]) / statistics.median(spent["plain"])
        say(f"encrypted / plain: {ratio:.2f}")


def main(count: int, where: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = opened(where, Path(folder))
        database.create(STORE)
        records = [ident() for _ in range(count // 20)]
        persons = [ident() for _ in records]
        with database.write() as tx:
            assign(
                tx, [Membership(r, p, "mercy", "") for r, p in zip(records, persons, strict=True)]
            )
        ids = fill(database, records, count)
        measure(database, persons, ids)
        measure_relink(database, records[0], persons[1])
        database.close()


def measure(database: Database, persons: list[str], ids: list[str]) -> None:
    def reading() -> None:
        with database.read() as tx:
            read(tx, "Observation", CHANCE.choice(ids), UNIFIED)

    def asking(*pairs: tuple[str, str]) -> Callable[[], object]:
        def ask() -> object:
            filled = [(n, v.replace("PERSON", CHANCE.choice(persons))) for n, v in pairs]
            with database.read() as tx:
                return search(tx, parse("Observation", filled), UNIFIED)

        return ask

    timed("read", 2000, reading)
    for pairs in (
        (("patient", "PERSON"),),
        (("patient", "PERSON"), ("code", "http://loinc.org|7-1"), ("date", "ge2015")),
        (("patient", "PERSON"), ("_sort", "-date")),
        (("code", "http://loinc.org|7-1"),),
        (("status", "final"), ("code", "7-1"), ("date", "ge2024")),
        (("category", "laboratory"), ("date", "ge2024")),
        (("date", "ge2024"), ("date", "lt2024-03")),
        (("_sort", "-date"),),
        (("status", "final"),),
    ):
        timed("&".join(f"{n}={v}" for n, v in pairs)[:44], 20, asking(*pairs))


def measure_relink(database: Database, record: str, person: str) -> None:
    for number in range(BIG // BATCH):
        with database.write() as tx:
            put(tx, [Write(observation(record), "mercy", 1, number) for _ in range(BATCH)], 10**9)
    began = time.perf_counter()
    with database.write() as tx:
        assign(tx, [Membership(record, person, "mercy", "")])
        moved = relink(tx, [record], 2 * 10**9, 1)
    say(f"relink of {moved} resources: {time.perf_counter() - began:.2f} s")


if __name__ == "__main__":
    wanted = sys.argv[2] if len(sys.argv) > 2 else "plain"
    if wanted == "interleaved":
        interleaved(int(sys.argv[1]))
    else:
        main(int(sys.argv[1]), wanted)
