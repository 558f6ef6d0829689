"""The same journal, worked off message by message by one worker that nobody disturbs.

What a disturbed run has to come to: the store is a function of the journal.
"""

from collections.abc import Sequence
from pathlib import Path

from engine.app import (
    compile_plans,
    open_journal,
    open_store,
    prepare_storage,
    reconciling,
    region_of,
)
from engine.core.clock import SystemClock
from engine.core.values import Entry
from engine.pipeline.batch import Surroundings, Worker
from engine.pipeline.in_force import Fixed
from engine.security.keys import RegionKey
from tests.chaos.place import KEY, write_region
from tests.chaos.reckoning import Found, read


def calm(folder: Path, entries: Sequence[Entry]) -> Found:
    """Return what an undisturbed run makes of `entries`; `folder` is for its files."""
    folder.mkdir()
    file = write_region(folder)
    region, key = region_of(file), RegionKey(KEY)
    plans = compile_plans(region, key)
    prepare_storage(region, key, plans)
    journal, store = open_journal(region, key), open_store(region, key)
    journal.append([entry.envelope for entry in entries])
    worker = Worker(
        Surroundings(
            owner="calm",
            journal=journal,
            database=store,
            plans=Fixed(plans),
            reconciling=reconciling(region, key),
            clock=SystemClock(),
            done=lambda _: None,
            wanted=region.storage.partitions,
            most=1,
        )
    )
    while worker.step():
        pass
    worker.stop()
    journal.close()
    store.close()
    return read(file)
