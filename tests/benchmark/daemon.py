"""A running `concord run` looked at from outside: its processes, what they hold, how far it is."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import MetaData

from engine.app import open_journal, open_store, region_key, region_of
from engine.database.sqlite import SqliteDatabase
from engine.demo.daemon import Daemon
from engine.journal.offsets import lowest
from engine.pipeline.tables import DELIVERY, LEDGER
from tests.benchmark.ground import children, cpu_s

_EVERY_S = 0.25
_DRAIN_S = 1800.0


class Memory:
    """The greatest sum of the roles' proportional set sizes (proc(5), smaps_rollup) seen."""

    def __init__(self, daemon: Daemon) -> None:
        self.most_mb = 0.0
        self._daemon = daemon
        self._ended = threading.Event()

    def look(self) -> None:
        while not self._ended.wait(_EVERY_S):
            self.most_mb = max(self.most_mb, sum(map(_pss_mb, pids(self._daemon).values())))

    def end(self) -> None:
        self._ended.set()


@contextmanager
def memory(daemon: Daemon) -> Iterator[Memory]:
    """Watch the memory of all roles, the supervisor's included."""
    watched = Memory(daemon)
    thread = threading.Thread(target=watched.look, daemon=True)
    thread.start()
    try:
        yield watched
    finally:
        watched.end()
        thread.join()


def _pss_mb(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
    except OSError:
        return 0.0
    return int(text.partition("\nPss:")[2].split()[0]) / 1024


def pids(daemon: Daemon) -> dict[str, int]:
    """Return the processes of a daemon by the name of their role."""
    supervisor = int((daemon.run_folder / "daemon.lock").read_text("ascii"))
    named = {notice.pid: name for name, notice in daemon.notices().items()}
    found = {named.get(pid, f"supervisor-{pid}"): pid for pid in children(supervisor)}
    return {"supervisor": supervisor} | found


def spent_s(daemon: Daemon) -> dict[str, float]:
    """Return the processor seconds of each role; those of several workers added up."""
    spent: dict[str, float] = {}
    for name, pid in pids(daemon).items():
        role = name.partition("-")[0]
        spent[role] = spent.get(role, 0.0) + cpu_s(pid)
    return spent


def drain(region_file: Path) -> float:
    """Wait until everything in the journal has its final state; returns when that was."""
    region = region_of(region_file)
    key = region_key(region)
    deadline_s = time.perf_counter() + _DRAIN_S
    with closing(open_store(region, key)) as store, closing(open_journal(region, key)) as journal:
        head = journal.head()
        while time.perf_counter() < deadline_s:
            with store.read() as tx:
                if lowest(tx) >= head:
                    return time.perf_counter()
            time.sleep(0.02)
    raise RuntimeError("the workers do not come to an end")


def states(region_file: Path) -> dict[str, int]:
    """Return how many messages ended in each state."""
    region = region_of(region_file)
    with closing(open_store(region, region_key(region))) as store, store.read() as tx:
        rows = tx.query("SELECT state, count(*) FROM ledger GROUP BY state ORDER BY state", ())
    return dict(rows)


def kept_bytes(region_file: Path) -> tuple[int, int]:
    """Return how many bytes the journal takes, and the account of its messages in the store.

    SQLite does not say what a table takes: the rows are written once more, in the order they came.
    """
    region = region_of(region_file)
    with closing(open_store(region, region_key(region))) as store:
        if region.storage.dsn is not None:
            with store.read() as tx:
                return _sizes(tx.query(_SERVER_SIZES, ())[0])
        with store.read() as tx:
            accounts = tx.query("SELECT * FROM ledger ORDER BY position", ())
            digests = tx.query("SELECT * FROM delivery ORDER BY position", ())
    path = region_file.with_name("accounts.db")
    with closing(SqliteDatabase(path)) as copied:
        tables = MetaData()
        LEDGER.to_metadata(tables)
        DELIVERY.to_metadata(tables)
        copied.create(tables)
        with copied.write() as tx:
            for name, rows in (("ledger", accounts), ("delivery", digests)):
                for row in rows:
                    marks = ",".join("?" * len(row))
                    tx.query(f"INSERT INTO {name} VALUES ({marks})", row)
            ledger = _paged(tx.query("PRAGMA page_count", ()), tx.query("PRAGMA page_size", ()))
    journal = sum(file.stat().st_size for file in (region.data_folder / "journal").glob("*.db"))
    return journal, ledger


_SERVER_SIZES = """
SELECT (SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits
        WHERE inhparent = 'entry'::regclass),
       pg_total_relation_size('ledger'::regclass) + pg_total_relation_size('delivery'::regclass)
"""


def _sizes(row: tuple[int, ...]) -> tuple[int, int]:
    journal, ledger = row
    return int(journal), int(ledger)


def _paged(count: list[tuple[int, ...]], size: list[tuple[int, ...]]) -> int:
    return int(count[0][0]) * int(size[0][0])


def stage_seconds(daemon: Daemon, metric: str) -> dict[str, float]:
    """Return what the workers publish by stage: `stage_seconds` or `stage_cpu_seconds`."""
    found: dict[str, float] = {}
    for path in daemon.run_folder.glob("worker*.prom"):
        for family in text_string_to_metric_families(path.read_text("utf-8")):
            if family.name == f"concord_{metric}":
                for sample in family.samples:
                    stage = sample.labels["stage"]
                    found[stage] = found.get(stage, 0.0) + sample.value
    return found
