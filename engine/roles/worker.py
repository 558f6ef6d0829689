"""The worker role: leases partitions and works them off until it is told to stop."""

import os
import socket
import threading
from functools import partial

from engine.app import open_journal, open_store, places, reconciling
from engine.core.clock import SystemClock
from engine.pipeline.batch import Surroundings, Worker
from engine.pipeline.in_force import Plans
from engine.roles.beat import Beat
from engine.roles.collector import collect_between, rest_collector
from engine.roles.following import Attention, following, host_of
from engine.roles.notice import Notice, post, withdraw
from engine.roles.voice import Voice
from engine.security.keys import RegionKey
from engine.settings.region import Region
from engine.telemetry.stages import Stopwatch

_NICENESS = 5
"""Senders and readers wait for intake and api, nobody for a worker: those run first."""
_SHORTEST_S, _LONGEST_S = 0.001, 0.02
_HELD_S = 1.0
"""A full disk does not empty faster for being asked, and each try prepares the batch again."""


def owner_name(clock: SystemClock) -> str:
    """Return a name no other life of any process has."""
    return f"{socket.gethostname()}:{os.getpid()}:{clock.now_us()}"


def run_worker(
    region: Region, key: RegionKey, known: Plans, name: str, stop: threading.Event
) -> None:
    """Work until `stop` is set. StorageBrokenError when the disk can no longer be trusted."""
    os.nice(_NICENESS)
    clock = SystemClock()
    journal, store = open_journal(region, key), open_store(region, key)
    owner = owner_name(clock)
    voice = Voice(region, name)
    plans = following(region, key, known, voice)
    plans.refresh()

    watch = Stopwatch()
    voice.metrics.read_from(watch.samples)
    worker = Worker(
        Surroundings(
            owner=owner,
            journal=journal,
            database=store,
            plans=plans,
            reconciling=reconciling(region, key),
            clock=clock,
            done=voice.told,
            wanted=region.storage.partitions,
            most=region.limits.batch_messages,
            held=voice.held,
            watch=watch,
        )
    )
    beat = Beat(places(region).run, name)
    beat()
    post(places(region).run, Notice(name, os.getpid(), clock.now_us(), {}, owner))
    voice.ready()
    rest_collector()
    attention = Attention(partial(open_store, region, key), plans, (host_of(region), name), voice)
    try:
        _work(worker, stop, beat, attention)
        worker.stop()
    finally:
        attention.stop()
        beat.end()
        withdraw(places(region).run, name)
        voice.close()
        journal.close()
        store.close()


def _work(worker: Worker, stop: threading.Event, beat: Beat, attention: Attention) -> None:
    """Step on while there is work; without any, look again after a growing, short pause."""
    pause_s = _SHORTEST_S
    while not stop.is_set():
        beat()
        attention.look()
        if worker.step():
            pause_s = _SHORTEST_S
            collect_between()
        else:
            stop.wait(pause_s)
            pause_s = min(_HELD_S if worker.held else _LONGEST_S, pause_s * 2)
