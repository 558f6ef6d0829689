from engine.journal.partition import partition_of


def test_the_hash_never_changes() -> None:
    # A change would reorder a patient's messages across an update.
    found = [partition_of("mercy", lane, 32) for lane in ("", "100", "101", "é")]
    assert found == [30, 27, 13, 12]


def test_site_and_lane_are_kept_apart() -> None:
    assert partition_of("ab", "c", 1 << 16) != partition_of("a", "bc", 1 << 16)


def test_lanes_spread_evenly() -> None:
    counts = [0] * 32
    for number in range(6400):
        counts[partition_of("mercy", f"MRN{number:06}", 32)] += 1
    assert min(counts) > 120
    assert max(counts) < 280
