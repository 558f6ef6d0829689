"""Events become a line and a metric, and nothing that is not allow-listed gets out."""

import io
import json
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import pytest
from prometheus_client import CollectorRegistry

from engine.plugin import event as channel_events
from engine.telemetry import event as role_events
from engine.telemetry import stray as stray_events
from engine.telemetry.emit import BURST, WINDOW_US, Telemetry
from engine.telemetry.event import ClockStepped, MessageQuarantined, RoleCrashed, RoleStarted
from engine.telemetry.line import line_writer
from engine.telemetry.metric import Metrics

TOKENS = (
    "Quillfeather",
    "QUILLFEATHER^ORLA",
    "quillfeather",
    "MRN104729",
    "900-55-1234",
    "1961-04-12",
    "555-0142",
    "PID|1||104729",
)


@dataclass
class SetClock:
    us: int = 1_700_000_000_000_000

    def now_us(self) -> int:
        return self.us


@dataclass
class Desk:
    telemetry: Telemetry
    stream: io.BytesIO
    clock: SetClock

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def output(self) -> str:
        return (self.stream.getvalue() + self.telemetry.metrics.snapshot()).decode()


@pytest.fixture
def desk() -> Desk:
    stream, clock = io.BytesIO(), SetClock()
    metrics = Metrics(CollectorRegistry(), "worker-1")
    names = ["mercy", "mercy-adt"]
    return Desk(Telemetry(line_writer(stream), metrics, clock, names, "worker-1"), stream, clock)


def test_one_line_and_one_count(desk: Desk) -> None:
    desk.telemetry.emit(MessageQuarantined("mercy", "mercy-adt", 17, "unknown-trigger"))
    assert desk.lines() == [
        {
            "time": "2023-11-14T22:13:20.000Z",
            "level": "warning",
            "event": "message-quarantined",
            "text": MessageQuarantined.text,
            "role": "worker-1",
            "site": "mercy",
            "channel": "mercy-adt",
            "position": 17,
            "code": "unknown-trigger",
        }
    ]
    assert (
        'concord_message_quarantined_total{channel="mercy-adt",code="unknown-trigger",'
        'role="worker-1",site="mercy"} 1.0'
    ) in desk.output()


def test_a_duration_becomes_a_histogram(desk: Desk) -> None:
    for seconds in (0.003, 0.2, 99.0):
        desk.telemetry.emit(RoleStarted("worker-1", 4711, seconds))
    text = desk.output()
    assert 'concord_role_started_seconds_bucket{le="0.005",role="worker-1"} 1.0' in text
    assert 'concord_role_started_seconds_bucket{le="10.0",role="worker-1"} 2.0' in text
    assert 'concord_role_started_seconds_bucket{le="+Inf",role="worker-1"} 3.0' in text
    assert 'concord_role_started_seconds_sum{role="worker-1"} 99.203' in text


def declared() -> list[type[Any]]:
    modules = (role_events, channel_events, stray_events)
    found = {one for module in modules for one in vars(module).values() if hasattr(one, "level")}
    return sorted((one for one in found if one is not role_events.Event), key=lambda one: one.name)


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("kind", declared(), ids=lambda kind: kind.name)
def test_a_planted_patient_never_gets_out(kind: type[Any], token: str, desk: Desk) -> None:
    desk.telemetry.emit(kind(**dict.fromkeys((field.name for field in fields(kind)), token)))
    assert token.lower() not in desk.output().lower()
    assert "withheld" in desk.output()


def test_a_field_nobody_listed_is_withheld(desk: Desk) -> None:
    @dataclass(frozen=True, slots=True)
    class Careless:
        name: ClassVar[str] = "careless"
        text: ClassVar[str] = "an event with a field too many"
        level: ClassVar[str] = "info"
        family: str
        position: object

    desk.telemetry.emit(Careless("Quillfeather", ["Quillfeather"]))
    assert "Quillfeather" not in desk.output()
    (line,) = desk.lines()
    assert (line["family"], line["position"]) == ("withheld", "withheld")


def test_names_and_texts_are_declared_once() -> None:
    kinds = declared()
    assert len({kind.name for kind in kinds}) == len(kinds)
    assert all(kind.level in {"debug", "info", "warning", "error"} for kind in kinds)


def test_a_flood_is_counted_in_full_and_logged_in_part(desk: Desk) -> None:
    crash = RoleCrashed("worker-1", 1, 9, 0.5)
    for _ in range(BURST + 30):
        desk.telemetry.emit(crash)
    assert len(desk.lines()) == BURST
    desk.clock.us += WINDOW_US
    desk.telemetry.emit(crash)
    assert desk.lines()[-1]["omitted"] == 30
    assert f'concord_role_crashed_total{{role="worker-1"}} {BURST + 31}.0' in desk.output()


def test_a_clock_set_back_silences_nobody(desk: Desk) -> None:
    crash = RoleCrashed("worker-1", 1, 9, 0.5)
    for _ in range(BURST + 30):
        desk.telemetry.emit(crash)
    desk.clock.us -= 7_200_000_000
    desk.telemetry.emit(crash)
    assert len(desk.lines()) == BURST + 1
    assert desk.lines()[-1]["omitted"] == 30


def test_a_step_back_is_counted_as_one_step(desk: Desk) -> None:
    desk.telemetry.emit(ClockStepped(-7200.0))
    assert desk.lines()[-1]["step_s"] == -7200.0
    assert 'concord_clock_stepped_total{role="worker-1"} 1.0' in desk.output()
