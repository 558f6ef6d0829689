"""Whatever happens to leases, an offset moves only for its present holder and never back."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engine.core.fault import FaultError
from engine.database.metadata import STORE
from engine.database.sqlite import SqliteDatabase
from engine.journal import binding, offsets
from engine.journal.protocol import JournalIdentity
from engine.journal.watch import Watch

PARTITIONS = 6
LEASE_US = 10
HEAD = 1_000_000
NAMES = ("one", "two", "three")
OWNERS = st.sampled_from(NAMES)


class Leases(RuleBasedStateMachine):
    """Three owners, each believing what it was last told."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = SqliteDatabase(Path(self.folder.name) / "store.db")
        self.now = 1
        self.watches = {owner: Watch(LEASE_US, lambda: self.now) for owner in NAMES}
        self.believed: dict[str, list[offsets.Lease]] = {}
        self.holder: dict[int, str] = {}
        self.position = [0] * PARTITIONS

    @initialize()
    def bound(self) -> None:
        self.store.create(STORE)
        with self.store.write() as tx:
            binding.bind(tx, JournalIdentity("north", 1, PARTITIONS), HEAD)

    @rule(elapsed=st.integers(1, 15))
    def time_passes(self, elapsed: int) -> None:
        self.now += elapsed

    @rule(owner=OWNERS, wanted=st.integers(0, 8))
    def claims(self, owner: str, wanted: int) -> None:
        with self.store.write() as tx:
            held = offsets.claim(tx, owner, wanted, self.watches[owner], HEAD)
        assert len(held) <= wanted
        assert [self.position[one.partition] for one in held] == [one.position for one in held]
        kept = {one.partition for one in held}
        self.holder = {
            partition: who for partition, who in self.holder.items() if who != owner
        } | dict.fromkeys(kept, owner)
        self.believed[owner] = held

    @rule(owner=OWNERS)
    def releases(self, owner: str) -> None:
        with self.store.write() as tx:
            offsets.release(tx, self.believed.get(owner, []))
        self.holder = {one: who for one, who in self.holder.items() if who != owner}

    @rule(owner=OWNERS)
    def dies(self, owner: str) -> None:
        with self.store.write() as tx:
            offsets.depart(tx, owner)

    @rule(owner=OWNERS, far=st.integers(1, 5))
    def commits_a_batch(self, owner: str, far: int) -> None:
        leases = self.believed.get(owner, [])
        target = max((one.position for one in leases), default=0) + far
        if all(self.holder.get(one.partition) == owner for one in leases):
            with self.store.write() as tx:
                self.believed[owner] = offsets.advance_all(tx, leases, target)
            for one in leases:
                self.position[one.partition] = target
        else:
            with pytest.raises(FaultError, match="fenced"), self.store.write() as tx:
                offsets.advance_all(tx, leases, target)

    @invariant()
    def offsets_are_where_their_holders_moved_them(self) -> None:
        with self.store.read() as tx:
            standing = offsets.lag(tx, HEAD)
        if standing:
            assert [one.position for one in standing] == self.position

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


Leases.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestLeases = Leases.TestCase
