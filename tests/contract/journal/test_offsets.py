from collections.abc import Callable

import pytest

from engine.core.fault import FaultError
from engine.database.protocol import Database
from engine.journal import binding, offsets
from engine.journal.protocol import JournalIdentity

NORTH = JournalIdentity("north", 1, 8)
SECOND = 1_000_000
NOW = 1_795_176_000 * SECOND


@pytest.fixture
def store(new_store: Callable[[], Database]) -> Database:
    database = new_store()
    with database.write() as tx:
        binding.bind(tx, NORTH, 0)
    return database


def claimed(
    store: Database, owner: str, *, now_us: int = NOW, wanted: int = 8, head: int = 100
) -> list[offsets.Lease]:
    with store.write() as tx:
        return offsets.claim(tx, owner, wanted, now_us, 10 * SECOND, head)


def test_the_first_claim_takes_every_free_partition(store: Database) -> None:
    assert [lease.partition for lease in claimed(store, "one")] == list(range(8))


def test_a_live_lease_is_not_taken(store: Database) -> None:
    claimed(store, "one")
    assert claimed(store, "two") == []


def test_an_expired_lease_is_taken_with_a_higher_fence(store: Database) -> None:
    before = claimed(store, "one", wanted=1)
    after = claimed(store, "two", now_us=NOW + 11 * SECOND, wanted=8)
    assert after[0].partition == before[0].partition
    assert after[0].fence > before[0].fence


def test_a_second_owner_gets_its_share_when_the_first_claims_again(store: Database) -> None:
    claimed(store, "one")
    claimed(store, "two")
    kept = claimed(store, "one")
    gained = claimed(store, "two")
    assert (len(kept), len(gained)) == (4, 4)
    assert not {one.partition for one in kept} & {one.partition for one in gained}


def test_the_partitions_furthest_behind_are_taken_first(store: Database) -> None:
    first = claimed(store, "one")
    with store.write() as tx:
        moved = offsets.advance_all(tx, first[:6], 50)
        offsets.release(tx, [*moved, *first[6:]])
    assert [lease.partition for lease in claimed(store, "two", wanted=2)] == [6, 7]


def test_advance_moves_the_offset(store: Database) -> None:
    lease = claimed(store, "one", wanted=1)[0]
    with store.write() as tx:
        moved = offsets.advance(tx, lease, 7)
        assert offsets.lag(tx, 10)[0] == offsets.Lag(0, 7, 3, "one", 0)
        assert offsets.advance(tx, moved, 9).position == 9


def test_an_overtaken_holder_changes_nothing(store: Database) -> None:
    old = claimed(store, "one")
    new = claimed(store, "two", now_us=NOW + 11 * SECOND)
    with pytest.raises(FaultError, match="fenced"), store.write() as tx:
        offsets.advance_all(tx, old, 5)
    with store.write() as tx:
        assert offsets.lowest(tx) == 0
        offsets.advance_all(tx, new, 5)
        assert offsets.lowest(tx) == 5


def test_one_lost_lease_among_several_voids_the_batch(store: Database) -> None:
    old = claimed(store, "one")
    with store.write() as tx:
        offsets.release(tx, old[3:4])
    claimed(store, "two")
    with pytest.raises(FaultError, match="fenced"), store.write() as tx:
        offsets.advance_all(tx, old, 5)
    with store.read() as tx:
        assert {one.position for one in offsets.lag(tx, 5)} == {0}


def test_an_old_position_is_fenced_even_with_the_right_fence(store: Database) -> None:
    lease = claimed(store, "one", wanted=1)[0]
    with store.write() as tx:
        offsets.advance(tx, lease, 5)
    with pytest.raises(FaultError, match="fenced"), store.write() as tx:
        offsets.advance(tx, lease, 6)


def test_an_offset_never_moves_back(store: Database) -> None:
    lease = claimed(store, "one", wanted=1)[0]
    with store.write() as tx:
        moved = offsets.advance(tx, lease, 5)
        with pytest.raises(ValueError, match="moves back"):
            offsets.advance(tx, moved, 4)


def test_renewing_keeps_what_is_held_and_tells_what_is_lost(store: Database) -> None:
    old = claimed(store, "one")
    with store.write() as tx:
        offsets.release(tx, old[:2])
    claimed(store, "two", wanted=2)
    with store.write() as tx:
        held = offsets.renew(tx, "one", old, NOW + 9 * SECOND, 10 * SECOND)
    assert held == old[2:]
    later = claimed(store, "three", now_us=NOW + 18 * SECOND)
    assert [lease.partition for lease in later] == [0, 1]


def test_releasing_a_lost_lease_leaves_the_new_holder_alone(store: Database) -> None:
    old = claimed(store, "one")
    new = claimed(store, "two", now_us=NOW + 11 * SECOND)
    with store.write() as tx:
        offsets.release(tx, old)
        assert len(offsets.advance_all(tx, new, 3)) == 8


def test_a_process_known_to_be_gone_is_replaced_at_once(store: Database) -> None:
    claimed(store, "one")
    with store.write() as tx:
        offsets.depart(tx, "one")
    assert len(claimed(store, "two")) == 8


def lost(store: Database, owner: str) -> None:
    with store.write() as tx:
        offsets.depart(tx, owner)


def test_take_overs_at_an_unmoved_position_are_counted(store: Database) -> None:
    stalls = []
    for life in range(4):
        stalls.append(claimed(store, f"life {life}", wanted=1)[0].stalls)
        lost(store, f"life {life}")
    assert stalls == [0, 1, 2, 3]


def test_progress_resets_the_count(store: Database) -> None:
    claimed(store, "one", wanted=1)
    lost(store, "one")
    lease = claimed(store, "two", wanted=1)[0]
    with store.write() as tx:
        assert offsets.advance(tx, lease, 1).stalls == 0
        assert offsets.lag(tx, 1)[0].stalls == 0
    lost(store, "two")
    assert {lease.stalls for lease in claimed(store, "three", wanted=8)} == {0}


def test_losing_an_idle_holder_is_no_stall(store: Database) -> None:
    for life in range(4):
        leases = claimed(store, f"life {life}", head=0)
        lost(store, f"life {life}")
    assert {lease.stalls for lease in leases} == {0}


def test_handing_back_and_claiming_again_is_no_stall(store: Database) -> None:
    for life in range(3):
        leases = claimed(store, f"life {life}")
        leases = claimed(store, f"life {life}")
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


def test_a_journal_older_than_the_store_is_refused(store: Database) -> None:
    leases = claimed(store, "one")
    with store.write() as tx:
        offsets.advance_all(tx, leases, 9)
        binding.bind(tx, NORTH, 9)
    with pytest.raises(FaultError, match="offset-beyond-head"), store.write() as tx:
        binding.bind(tx, NORTH, 8)


def test_recovery_pulls_offsets_back_and_voids_leases(store: Database) -> None:
    leases = claimed(store, "one")
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
    store: Database, identity: JournalIdentity, start: int
) -> None:
    leases = claimed(store, "one")
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
