"""Plays the demo: three senders against a real daemon, an account at the end."""

import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Literal

from engine.app import known_token, open_journal, open_store, region_key, region_of
from engine.demo.account import (
    Matching,
    Sent,
    compare,
    matching,
    sent_side,
    settled,
    wrongly_answered,
)
from engine.demo.client import Client, post_all
from engine.demo.daemon import Daemon, door_token, inbox, write_region
from engine.demo.inbox import drop_all
from engine.demo.reader import Endpoint, read_everything
from engine.demo.sender import Answered, Line, send_all
from engine.demo.server import server
from engine.demo.traffic import Traffic, generate
from engine.pipeline.status import Status, status
from engine.settings.region import Channel

Store = Literal["sqlite", "postgresql"]

_DRAIN_S = 120.0
_KILLS = 8


@dataclass(frozen=True, slots=True)
class Script:
    """What to play. `look` is called at the end, while the daemon still runs."""

    messages: int
    seed: int
    crash: bool
    samples: Path
    mappings: Path
    say: Callable[[str], None]
    look: Callable[[Endpoint, "Score"], None]
    store: Store = "sqlite"


@dataclass(frozen=True, slots=True)
class Score:
    """The account of a demo; lost and doubled are resources, pairs are of source records."""

    sent: Sent
    wrongly_answered: int
    states: dict[str, int]
    recognised: int  # retransmissions of a delivery that was held already: no delivery of its own
    pending: int
    lost: int
    doubled: int
    matching: Matching
    content: str
    people: str
    kills: tuple[str, ...]
    ready_s: float
    seconds: float
    exit_code: int = 0  # of the daemon, when it was asked to stop

    @property
    def sound(self) -> bool:
        """Say whether nothing was lost, doubled, left over or wrongly answered."""
        wrong = self.lost + self.doubled + self.pending + self.wrongly_answered
        return wrong == 0 and self.sent.unanswered == 0 and self.exit_code == 0


@dataclass(slots=True)
class _Course:
    """What has happened so far; the senders' threads add to it."""

    script: Script
    daemon: Daemon
    expected: int  # deliveries of every kind
    answers: list[Answered] = field(default_factory=list)
    kills: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def told(self, answer: Answered) -> None:
        """Note an answer; at even distances kill a part of the daemon, if the script says so."""
        with self.lock:
            self.answers.append(answer)
            done, expected = len(self.answers), self.expected
            due = done * (_KILLS + 1) // expected
            if self.script.crash and len(self.kills) < min(due, _KILLS):
                self._kill(Random(self.script.seed + len(self.kills)))  # noqa: S311 - no secret
            if done * 10 // expected > (done - 1) * 10 // expected:
                self.script.say(f"{done} of {expected} sent")

    def sent_by(self, site: str) -> int:
        """Count the messages a site has had an answer to."""
        with self.lock:
            told = [one.delivery for one in self.answers]
        return sum(one.site == site and one.way == "hl7" for one in told)

    def _kill(self, random: Random) -> None:
        victim = self.daemon.kill_one(random)
        if victim:
            self.kills.append(victim)
            self.script.say(f"killed {victim} after {len(self.answers)} messages")


def play(script: Script) -> Score:
    """Play the demo in a folder of its own and clean up."""
    folder = Path(tempfile.mkdtemp(prefix="concord-demo-"))
    try:
        with server(folder) if script.store == "postgresql" else nullcontext("") as dsn:
            return _play(script, folder, dsn)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _play(script: Script, folder: Path, dsn: str) -> Score:
    traffic = generate(script.seed, script.messages)
    region_path = write_region(folder, script.samples, script.mappings, script.seed, dsn)
    daemon = Daemon(region_path)
    ready_s = daemon.start()
    script.say(f"ready in {ready_s:.1f} s; sending {traffic.count} deliveries of three sites")
    course = _Course(script, daemon, traffic.count)
    try:
        score = _score(traffic, daemon, course, ready_s)
        script.look(_endpoint(daemon), score)
    finally:
        exit_code = daemon.stop()
    return replace(score, exit_code=exit_code)


def _score(traffic: Traffic, daemon: Daemon, course: _Course, ready_s: float) -> Score:
    began_s = time.monotonic()
    _send(traffic, daemon, course)
    found = _drain(daemon)
    seconds = time.monotonic() - began_s
    seen = read_everything(_endpoint(daemon), ["mercy", "lakeside", "hilltop"])
    lost, doubled = compare(course.answers, seen)
    sent = sent_side(course.answers)
    ended = settled(sent, found, crashed=bool(course.kills))
    return Score(
        sent=sent,
        wrongly_answered=wrongly_answered(course.answers),
        states=ended.states,
        recognised=ended.recognised,
        pending=ended.pending,
        lost=lost,
        doubled=doubled,
        matching=matching(seen, traffic.truth),
        content=seen.content,
        people=seen.groups,
        kills=tuple(course.kills),
        ready_s=ready_s,
        seconds=seconds,
    )


def _send(traffic: Traffic, daemon: Daemon, course: _Course) -> None:
    """Let every channel's sender work through its part in order, all at the same time."""
    channels = region_of(daemon.region).channels
    with ThreadPoolExecutor(len(channels)) as pool:
        for done in [pool.submit(_send_by, one, traffic, daemon, course) for one in channels]:
            done.result()


def _send_by(channel: Channel, traffic: Traffic, daemon: Daemon, course: _Course) -> None:
    if channel.type == "csv_sftp":
        folder = inbox(daemon.region.parent, channel.name)
        drop_all(folder, traffic.files, lambda: course.sent_by(channel.site), course.told)
        return
    if channel.type == "fhir_rest":
        client = Client(lambda: daemon.address("api", "api"), door_token(daemon.region.parent))
        post_all(client, traffic.posts, lambda: course.sent_by(channel.site), course.told)
        return
    part = [one for one in traffic.deliveries if one.site == channel.site]
    send_all(Line(lambda: daemon.address("intake", channel.name)), part, course.told)


def _endpoint(daemon: Daemon) -> Endpoint:
    deadline_s = time.monotonic() + _DRAIN_S
    while (address := daemon.address("api", "api")) is None:
        if time.monotonic() > deadline_s:
            raise RuntimeError("the endpoint does not come back")
        time.sleep(0.05)
    return Endpoint(f"http://{address[0]}:{address[1]}", known_token(region_of(daemon.region)))


def _drain(daemon: Daemon) -> Status:
    """Wait until every message in the journal has its final state."""
    region = region_of(daemon.region)
    key = region_key(region)
    store, journal = open_store(region, key), open_journal(region, key)
    deadline_s = time.monotonic() + _DRAIN_S
    try:
        while (found := status(store, journal)).pending and time.monotonic() < deadline_s:
            time.sleep(0.1)
    finally:
        store.close()
        journal.close()
    return found
