"""Numbers that several messages have, on every engine: found without reading all of them."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.core.values import HL7_V2, Entry, Envelope
from engine.database.protocol import Database
from engine.database.transaction import Transaction
from engine.pipeline.ledger import QUARANTINED, WRITTEN, Account, write_accounts
from engine.pipeline.prepare import DAY_US, Prepared
from engine.pipeline.renumbered import renumbered

NOW_US = 1_790_000_000_000_000


class Counting:
    """A transaction that counts the rows it gives."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self.rows = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    def all(self, statement: Any, *values: Any) -> Any:
        found = self._tx.all(statement, *values)
        self.rows += len(found)
        return found


@pytest.fixture
def store(new_store: Callable[[], Database]) -> Database:
    return new_store()


def account(position: int, number: str, **more: Any) -> Account:
    given: dict[str, Any] = {"site": "mercy", "received_us": NOW_US, "state": WRITTEN, **more}
    return Account(
        position=position, channel="c", control_id=number, kind="", lane="", processed_us=0, **given
    )


def message(position: int, number: str, site: str = "mercy") -> Prepared:
    return Prepared(Entry(position, 0, Envelope("c", site, HL7_V2, b"", NOW_US, number)))


def found(store: Database, *fresh: Prepared) -> set[int]:
    with store.read() as tx:
        return set(renumbered(tx, fresh))


@pytest.mark.parametrize("many", [512, 1])
def test_another_message_of_the_site_and_week_is_found(
    store: Database, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr("engine.pipeline.renumbered._MANY", many)
    with store.write() as tx:
        write_accounts(
            tx,
            [
                account(1, "a"),
                account(2, "b", received_us=NOW_US - 8 * DAY_US),
                account(3, "c", site="lakeside"),
                account(4, "d", state=QUARANTINED),
                account(5, "e"),
                account(6, "f", received_us=NOW_US - 6 * DAY_US),
            ],
        )
    fresh = [message(10 + at, number) for at, number in enumerate("abcd")]
    assert found(store, *fresh, message(5, "e"), message(15, "f")) == {10, 15}
    several = [message(20 + at, f"n{at % 80}") for at in range(150)]
    assert found(store, *several) == set(range(100, 170))


def test_who_numbers_all_messages_alike_has_not_all_of_them_read(store: Database) -> None:
    with store.write() as tx:
        write_accounts(tx, [account(at, "1") for at in range(1, 1500)])
    with store.read() as tx:
        counting: Any = Counting(tx)
        assert renumbered(counting, [message(2000, "1")]) == {2000}
    assert counting.rows < 600
