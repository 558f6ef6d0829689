from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from engine.core.fault import FaultError
from engine.database.protocol import Database
from engine.journal import binding, offsets
from engine.journal.protocol import JournalIdentity
from engine.journal.watch import Watch

NORTH = JournalIdentity("north", 1, 8)
SECOND = 1_000_000


@pytest.fixture
def store(new_store: Callable[[], Database]) -> Database:
    database = new_store()
    with database.write() as tx:
        binding.bind(tx, NORTH, 0)
    return database


@dataclass
class Hosts:
    """Processes with a watch each; their clocks have nothing to do with each other."""

    store: Database
    now_us: int = 0
    watches: dict[str, Watch] = field(default_factory=dict)

    def claimed(self, owner: str, *, wanted: int = 8, head: int = 100) -> list[offsets.Lease]:
        """Let `owner` look once."""
        began_us = len(self.watches) * 7200 * SECOND
        watch = self.watches.setdefault(owner, Watch(10 * SECOND, lambda: began_us + self.now_us))
        with self.store.write() as tx:
            return offsets.claim(tx, owner, wanted, watch, head)

    def looked(self, *owners: str, seconds: int) -> list[offsets.Lease]:
        """Let owners look every second for a while; returns what the last one holds then."""
        leases: list[offsets.Lease] = []
        for _ in range(seconds):
            self.now_us += SECOND
            for owner in owners:
                leases = self.claimed(owner)
        return leases


@pytest.fixture
def hosts(store: Database) -> Hosts:
    return Hosts(store)


def test_the_first_claim_takes_every_free_partition(hosts: Hosts) -> None:
    assert [lease.partition for lease in hosts.claimed("one")] == list(range(8))


def test_a_live_lease_is_not_taken(hosts: Hosts) -> None:
    hosts.claimed("one")
    assert hosts.claimed("two") == []


def test_a_silent_holder_is_replaced_with_a_higher_fence(hosts: Hosts) -> None:
    before = hosts.claimed("one", wanted=1)
    assert len(hosts.looked("two", seconds=9)) == 4
    after = hosts.looked("two", seconds=12)
    assert [lease.partition for lease in after] == list(range(8))
    assert next(one for one in after if one.partition == 0).fence > before[0].fence


def test_who_shows_that_it_lives_keeps_what_it_has(hosts: Hosts) -> None:
    before = hosts.claimed("one")
    for _ in range(20):
        hosts.looked("two", seconds=3)
        kept = hosts.claimed("one")
    assert {one.partition for one in kept} < {one.partition for one in before}
    assert len(kept) == 4


def test_nobody_is_dead_because_the_database_was_away(hosts: Hosts) -> None:
    hosts.claimed("one")
    hosts.looked("one", "two", seconds=3)
    hosts.now_us += 3600 * SECOND
    assert len(hosts.claimed("two")) == 4
    assert len(hosts.claimed("one")) == 4


def test_a_watch_that_just_began_takes_nobody_for_dead(hosts: Hosts) -> None:
    hosts.claimed("one")
    hosts.now_us += 3600 * SECOND
    assert hosts.claimed("two") == []


def test_a_second_owner_gets_its_share_when_the_first_claims_again(hosts: Hosts) -> None:
    hosts.claimed("one")
    hosts.claimed("two")
    kept = hosts.claimed("one")
    gained = hosts.claimed("two")
    assert (len(kept), len(gained)) == (4, 4)
    assert not {one.partition for one in kept} & {one.partition for one in gained}


def test_the_partitions_furthest_behind_are_taken_first(store: Database, hosts: Hosts) -> None:
    first = hosts.claimed("one")
    with store.write() as tx:
        moved = offsets.advance_all(tx, first[:6], 50)
        offsets.release(tx, [*moved, *first[6:]])
    assert [lease.partition for lease in hosts.claimed("two", wanted=2)] == [6, 7]


def test_advance_moves_the_offset(store: Database, hosts: Hosts) -> None:
    lease = hosts.claimed("one", wanted=1)[0]
    with store.write() as tx:
        moved = offsets.advance(tx, lease, 7)
        assert offsets.lag(tx, 10)[0] == offsets.Lag(0, 7, 3, "one", 0)
        assert offsets.advance(tx, moved, 9).position == 9


def test_an_overtaken_holder_changes_nothing(store: Database, hosts: Hosts) -> None:
    old = hosts.claimed("one")
    new = hosts.looked("two", seconds=11)
    with pytest.raises(FaultError, match="fenced"), store.write() as tx:
        offsets.advance_all(tx, old, 5)
    with store.write() as tx:
        assert offsets.lowest(tx) == 0
        offsets.advance_all(tx, new, 5)
        assert offsets.lowest(tx) == 5


def test_one_lost_lease_among_several_voids_the_batch(store: Database, hosts: Hosts) -> None:
    old = hosts.claimed("one")
    with store.write() as tx:
        offsets.release(tx, old[3:4])
    hosts.claimed("two")
    with pytest.raises(FaultError, match="fenced"), store.write() as tx:
        offsets.advance_all(tx, old, 5)
    with store.read() as tx:
        assert {one.position for one in offsets.lag(tx, 5)} == {0}


def test_an_old_position_is_fenced_even_with_the_right_fence(store: Database, hosts: Hosts) -> None:
    lease = hosts.claimed("one", wanted=1)[0]
    with store.write() as tx:
        offsets.advance(tx, lease, 5)
    with pytest.raises(FaultError, match="fenced"), store.write() as tx:
        offsets.advance(tx, lease, 6)


def test_an_offset_never_moves_back(store: Database, hosts: Hosts) -> None:
    lease = hosts.claimed("one", wanted=1)[0]
    with store.write() as tx:
        moved = offsets.advance(tx, lease, 5)
        with pytest.raises(ValueError, match="moves back"):
            offsets.advance(tx, moved, 4)


def test_releasing_a_lost_lease_leaves_the_new_holder_alone(store: Database, hosts: Hosts) -> None:
    old = hosts.claimed("one")
    new = hosts.looked("two", seconds=11)
    with store.write() as tx:
        offsets.release(tx, old)
        assert len(offsets.advance_all(tx, new, 3)) == 8


def test_a_process_known_to_be_gone_is_replaced_at_once(store: Database, hosts: Hosts) -> None:
    hosts.claimed("one")
    with store.write() as tx:
        offsets.depart(tx, "one")
    assert len(hosts.claimed("two")) == 8


def lost(store: Database, owner: str) -> None:
    with store.write() as tx:
        offsets.depart(tx, owner)


def test_take_overs_at_an_unmoved_position_are_counted(store: Database, hosts: Hosts) -> None:
    stalls = []
    for life in range(4):
        stalls.append(hosts.claimed(f"life {life}", wanted=1)[0].stalls)
        lost(store, f"life {life}")
    assert stalls == [0, 1, 2, 3]


def test_progress_resets_the_count(store: Database, hosts: Hosts) -> None:
    hosts.claimed("one", wanted=1)
    lost(store, "one")
    lease = hosts.claimed("two", wanted=1)[0]
    with store.write() as tx:
        assert offsets.advance(tx, lease, 1).stalls == 0
        assert offsets.lag(tx, 1)[0].stalls == 0
    lost(store, "two")
    assert {lease.stalls for lease in hosts.claimed("three", wanted=8)} == {0}


def test_losing_an_idle_holder_is_no_stall(store: Database, hosts: Hosts) -> None:
    for life in range(4):
        leases = hosts.claimed(f"life {life}", head=0)
        lost(store, f"life {life}")
    assert {lease.stalls for lease in leases} == {0}


def test_handing_back_and_claiming_again_is_no_stall(store: Database, hosts: Hosts) -> None:
    for life in range(3):
        leases = hosts.claimed(f"life {life}")
        leases = hosts.claimed(f"life {life}")
        with store.write() as tx:
            offsets.release(tx, leases)
    assert {lease.stalls for lease in leases} == {0}


def test_another_journal_is_refused(store: Database) -> None:
    for other in (
        JournalIdentity("south", 1, 8),
        JournalIdentity("north", 2, 8),
        JournalIdentity("north", 1, 16),
    ):
        with pytest.raises(FaultError, match="journal-mismatch"), store.write() as tx:
            binding.bind(tx, other, 0)


def test_a_journal_older_than_the_store_is_refused(store: Database, hosts: Hosts) -> None:
    leases = hosts.claimed("one")
    with store.write() as tx:
        offsets.advance_all(tx, leases, 9)
        binding.bind(tx, NORTH, 9)
    with pytest.raises(FaultError, match="offset-beyond-head"), store.write() as tx:
        binding.bind(tx, NORTH, 8)


def test_recovery_pulls_offsets_back_and_voids_leases(store: Database, hosts: Hosts) -> None:
    leases = hosts.claimed("one")
    with store.write() as tx:
        high = offsets.advance_all(tx, leases[:4], 9)
        offsets.advance_all(tx, leases[4:], 3)
    after = JournalIdentity("north", 2, 8)
    with store.write() as tx:
        binding.recover(tx, after, 5)
        binding.bind(tx, after, 5)
        assert [one.position for one in offsets.lag(tx, 5)] == [5] * 4 + [3] * 4
    with pytest.raises(FaultError, match="fenced"), store.write() as tx:
        offsets.advance_all(tx, high, 12)


@pytest.mark.parametrize(
    ("identity", "start"), [(JournalIdentity("north", 2, 4), 3), (JournalIdentity("new", 1, 8), 0)]
)
def test_recovery_never_skips_an_entry(
    store: Database, hosts: Hosts, identity: JournalIdentity, start: int
) -> None:
    leases = hosts.claimed("one")
    with store.write() as tx:
        offsets.advance_all(tx, leases[:7], 9)
        offsets.advance_all(tx, leases[7:], 3)
        binding.recover(tx, identity, 20)
        standing = offsets.lag(tx, 20)
    assert [one.position for one in standing] == [start] * identity.partitions


def test_recovering_an_unbound_store_binds_it(new_store: Callable[[], Database]) -> None:
    database = new_store()
    with database.write() as tx:
        binding.recover(tx, NORTH, 4)
        assert len(offsets.lag(tx, 4)) == 8
