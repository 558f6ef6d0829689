"""The memory of one fetching channel in the store: satisfies `engine.plugin.recall.Memory`.

It lies beside the offsets, so every host of a region sees the same, and a store that was restored
remembers what it knew: what came after is asked for again, and recognised.

Rule: one process at a time has the turn. Who is silent for a lease loses it; what an overtaken
process still wants to keep is refused, so a watermark never moves for what another one fetched.
"""

import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from sqlalchemy import bindparam, delete, func, select, update

from engine.core.clock import ticks_us
from engine.core.fault import Category, Fault, FaultError
from engine.database.fault import StorageBrokenError
from engine.database.inserting import inserting
from engine.database.lists import ListStatement
from engine.database.protocol import Database
from engine.database.statement import Statement
from engine.database.transaction import Transaction
from engine.journal.watch import Watch
from engine.pipeline import asks
from engine.pipeline.recall_tables import HELD, NOTE, TURN
from engine.plugin.recall import Ask, Deed, Held

LEASE_US = 20_000_000
_OVERTAKEN = Fault(Category.CONFLICT, "fenced-off", "another host fetches for this channel now")
_OURS = bindparam("channel_", type_=NOTE.c.channel.type)
_NOTES = Statement(select(NOTE.c.name, NOTE.c.text).where(NOTE.c.channel == _OURS), "channel_")
_WRITE = inserting(NOTE, "channel", "name", "text", on_conflict="replace")
_COLUMNS = ("name", "digest", "code", "search", "sweep_us")
_HELD = ListStatement(
    lambda some: select(*(HELD.c[name] for name in _COLUMNS)).where(
        HELD.c.name.in_(some), HELD.c.channel == _OURS
    ),
    "channel_",
)
_HOLD = inserting(HELD, "channel", *_COLUMNS, on_conflict="replace")
_UNSEEN = (
    HELD.c.channel == _OURS,
    HELD.c.search == bindparam("search_"),
    HELD.c.sweep_us < bindparam("sweep"),
)
_COUNT = Statement(
    select(func.count()).select_from(HELD).where(*_UNSEEN), "channel_", "search_", "sweep"
)
_FORGET = Statement(delete(HELD).where(*_UNSEEN), "channel_", "search_", "sweep")
_FORGET_ALL = [Statement(delete(table)) for table in (NOTE, HELD)]
_TURN = Statement(select(TURN.c.owner, TURN.c.beat).where(TURN.c.channel == _OURS), "channel_")
_TAKE = inserting(TURN, "channel", "owner", "beat", on_conflict="replace")
_GIVE = Statement(
    update(TURN).where(TURN.c.channel == _OURS, TURN.c.owner == bindparam("me")).values(owner=""),
    *("channel_", "me"),
)


def life() -> str:
    """Name this life of this process, unlike any other."""
    return f"{socket.gethostname()}:{os.getpid()}:{ticks_us()}"


def notes_of(tx: Transaction, channel: str) -> dict[str, str]:
    """Return everything a channel has noted, by name."""
    return dict(tx.all(_NOTES, channel))


def forget_all(tx: Transaction) -> None:
    """Forget how far searches got and what was handed on, so that everything is asked for again.

    For a journal that may have lost what it had taken.
    """
    for statement in _FORGET_ALL:
        tx.run(statement)


class Recollection:
    """Satisfies `Memory`; the store is opened when it is first needed."""

    def __init__(
        self,
        opened: Callable[[], Database],
        whose: tuple[str, str],
        owner: str,
        broken: Callable[[Fault], None] = lambda _: None,
        *,
        alone: bool = False,
    ) -> None:
        """Remember for `whose` channel and site; `owner` is this life of the process.

        `broken` is told when the disk failed. `alone`: no other host can have the turn.
        """
        self._opened = opened
        self._database: Database | None = None
        self._one = threading.Lock()  # a database is for one thread at a time
        (self._channel, self._site), self._owner = whose, owner
        self._broken = broken
        self._alone, self._taken = alone, False
        self._watch = Watch(LEASE_US, ticks_us)

    def notes(self) -> Mapping[str, str]:
        with self._read() as tx:
            return notes_of(tx, self._channel)

    def held(self, names: Sequence[str]) -> Mapping[str, Held]:
        if not names:
            return {}
        with self._read() as tx:
            rows = _HELD.all(tx, list(dict.fromkeys(names)), self._channel)
        return {row[0]: Held(*row) for row in rows}

    def keep(self, deed: Deed) -> None:
        ours = self._channel
        with self._write() as tx:
            self._check_turn(tx)
            tx.run_many(_WRITE, [(ours, name, text) for name, text in deed.notes.items()])
            tx.run_many(_HOLD, [(ours, *_row(one)) for one in deed.held])
            asks.settle(tx, self._site, deed.settled)
            asks.put_off(tx, self._site, deed.later)

    def asks(self, most: int, now_us: int) -> list[Ask]:
        with self._read() as tx:
            return asks.due(tx, self._site, most, now_us)

    def waiting(self) -> int:
        with self._read() as tx:
            return asks.waiting(tx, self._site)

    def forget_unseen(self, search: str, sweep_us: int) -> int:
        with self._write() as tx:
            self._check_turn(tx)
            row = tx.one(_COUNT, self._channel, search, sweep_us)
            tx.run(_FORGET, self._channel, search, sweep_us)
        return int(row[0]) if row else 0

    def take_turn(self) -> bool:
        if self._alone and self._taken:
            return True
        with self._write() as tx:
            row = tx.one(_TURN, self._channel)
            owner, beat = row or ("", 0)
            silent = self._watch.silent([(owner, beat)] if owner else [])
            if owner not in {"", self._owner} and not silent and not self._alone:
                return False
            tx.run(_TAKE, self._channel, self._owner, self._watch.beat())
        self._taken = True
        return True

    def give_back(self, tx: Transaction) -> None:
        """Leave the turn to others, if it is ours."""
        tx.run(_GIVE, self._channel, self._owner)

    def close(self) -> None:
        """Give the turn back, as far as the store lets us, and close it; safe to call twice."""
        with self._one:
            if self._database is None:
                return
            try:
                with self._database.write() as tx:
                    self.give_back(tx)
            except FaultError:
                pass  # whoever comes next waits for the lease
            finally:
                self._database.close()
                self._database = None

    def _check_turn(self, tx: Transaction) -> None:
        row = tx.one(_TURN, self._channel)
        if row is None or row[0] != self._owner:
            raise FaultError(_OVERTAKEN)

    @contextmanager
    def _read(self) -> Iterator[Transaction]:
        with self._one, self._watched(), self._there().read() as tx:
            yield tx

    @contextmanager
    def _write(self) -> Iterator[Transaction]:
        with self._one, self._watched(), self._there().write() as tx:
            yield tx

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except StorageBrokenError as error:
            self._broken(error.fault)
            raise

    def _there(self) -> Database:
        if self._database is None:
            self._database = self._opened()
        return self._database


def _row(one: Held) -> tuple[object, ...]:
    return one.name, one.digest, one.code, one.search, one.sweep_us
