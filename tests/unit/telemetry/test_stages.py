"""Where a worker's time goes: laps, and the kinds of messages they are booked to."""

from collections.abc import Callable

from engine.telemetry.stages import Stopwatch


class Clock:
    def __init__(self) -> None:
        self.cpu = 0
        self.wall = 0

    def pass_(self, cpu: int, wall: int) -> None:
        self.cpu += cpu
        self.wall += wall


def watch_of(clock: Clock) -> Stopwatch:
    return Stopwatch(lambda: clock.cpu, lambda: clock.wall)


def work(clock: Clock, watch: Stopwatch) -> Callable[[str, int, int], None]:
    def deed(stage: str, cpu: int, wall: int) -> None:
        clock.pass_(cpu, wall)
        watch.lap(stage)

    return deed


def test_a_stage_that_comes_twice_is_added_up() -> None:
    clock = Clock()
    watch = watch_of(clock)
    deed = work(clock, watch)
    deed("ledger", 2, 3)
    deed("put", 5, 8)
    deed("ledger", 4, 4)
    watch.share({"ADT^A01": 1})
    assert watch.cpu_ns() == {("ledger", "ADT^A01"): 6, ("put", "ADT^A01"): 5}
    assert watch.wall_ns() == {"ledger": 7, "put": 8}


def test_what_is_written_together_is_shared_out_by_weight() -> None:
    clock = Clock()
    watch = watch_of(clock)
    work(clock, watch)("put", 60, 90)
    watch.share({"ADT^A01": 1, "ORU^R01": 5})
    assert watch.cpu_ns() == {("put", "ADT^A01"): 10, ("put", "ORU^R01"): 50}
    assert watch.wall_ns() == {"put": 90}


def test_a_message_is_booked_its_own_stages_and_no_others() -> None:
    clock = Clock()
    watch = watch_of(clock)
    deed = work(clock, watch)
    deed("read", 10, 10)
    deed("map", 3, 3)
    watch.book("ADT^A01", "map", "validate")
    deed("map", 7, 7)
    watch.book("ORU^R01", "map", "validate")
    watch.share({"ADT^A01": 1, "ORU^R01": 1})
    assert watch.cpu_ns() == {
        ("map", "ADT^A01"): 3,
        ("map", "ORU^R01"): 7,
        ("read", "ADT^A01"): 5,
        ("read", "ORU^R01"): 5,
    }


def test_a_pause_belongs_to_no_stage() -> None:
    clock = Clock()
    watch = watch_of(clock)
    clock.pass_(9, 900)
    watch.start()
    work(clock, watch)("read", 1, 1)
    watch.share({"none": 1})
    assert watch.wall_ns() == {"read": 1}


def test_the_sums_are_told_in_seconds() -> None:
    clock = Clock()
    watch = watch_of(clock)
    work(clock, watch)("commit", 2_000_000_000, 3_000_000_000)
    watch.share({"csv:patients": 1})
    told = {sample.name: (sample.value, dict(sample.labels)) for sample in watch.samples()}
    assert told == {
        "stage_cpu_seconds": (2.0, {"stage": "commit", "kind": "csv:patients"}),
        "stage_seconds": (3.0, {"stage": "commit"}),
    }


def test_strain_is_what_the_machine_keeps_from_work_that_waits_for_nothing() -> None:
    clock = Clock()
    watch = watch_of(clock)
    assert watch.strain() == 1.0
    deed = work(clock, watch)
    deed("map", 10, 30)
    deed("commit", 1, 900)
    watch.book("ADT^A01", "map", "validate")
    assert watch.strain() == 3.0
    deed("map", 100, 100)
    watch.book("ADT^A01", "map", "validate")
    assert 1.0 < watch.strain() < 1.2
