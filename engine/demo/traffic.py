"""A day of traffic of three sites: the same seed gives the same bytes, and the truth with them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from random import Random

from engine.demo import athena, athena_fhir, ecw, epic, extract
from engine.demo.chart import Chart, Event, Result
from engine.demo.delivery import Delivery, Extract, Fact
from engine.demo.extract import Booked, Changed, Reported
from engine.demo.people import Invented, invent

_MORNING = datetime(2026, 9, 14, 6, 0, 0)  # noqa: DTZ001 - local time of a site, as it is sent
_NICKNAMES = {"Josephine": "Josie", "Theodora": "Dora", "Nathaniel": "Nate", "Gregory": "Greg"}
_EVENINGS = 3
_TESTS = (
    ("2951-2", "Sodium", "mmol/L", 130, 148),
    ("2823-3", "Potassium", "mmol/L", 3, 6),
    ("2345-7", "Glucose", "mg/dL", 70, 240),
    ("4548-4", "Hemoglobin A1c", "%", 4, 12),
)


@dataclass(frozen=True, slots=True)
class Truth:
    """Which record is of which person: `number` is the same for the same person."""

    site: str
    local_id: str
    number: int
    merged_into: str = ""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Messages in the order they are sent; files and posts after so many of their site's."""

    deliveries: tuple[Delivery, ...]
    truth: tuple[Truth, ...]
    files: tuple[tuple[int, Extract], ...] = ()
    posts: tuple[tuple[int, Delivery], ...] = ()

    @property
    def count(self) -> int:
        """Return the number of deliveries of every kind."""
        rows = sum(len(file.rows) for _, file in self.files)
        return len(self.deliveries) + rows + len(self.posts)


@dataclass(frozen=True, slots=True)
class _Sender:
    site: str
    render: Callable[[Chart, Event], bytes]
    number: Callable[[int], tuple[str, str]]  # running number -> local id, other id
    arrivals: tuple[str, ...]
    updates: tuple[str, ...]


_SENDERS = (
    _Sender(
        epic.SITE,
        epic.render,
        lambda n: (str(900_400_000 + n), f"E{1_000_000 + n}"),
        ("ADT^A04", "ADT^A28"),
        ("ADT^A08", "ADT^A31"),
    ),
    _Sender(
        athena.SITE,
        athena.render,
        lambda n: (str(700_000 + 2 * n), str(700_001 + 2 * n)),
        ("ADT^A04", "ADT^A28"),
        ("ADT^A08", "ADT^A31"),
    ),
    _Sender(
        ecw.SITE,
        ecw.render,
        lambda n: (str(20_000 + n), f"HT-{20_000 + n}"),
        ("ADT^A04",),
        ("ADT^A08",),
    ),
)


class _Day:
    """The day as it unfolds at one site: charts, a clock, and what has been sent."""

    def __init__(self, sender: _Sender, random: Random) -> None:
        self.sender = sender
        self.random = random
        self.charts: list[Chart] = []
        self.merged: dict[str, str] = {}
        self.numbered = 0
        self.sent = 0
        self.now = _MORNING
        self.changed: dict[str, datetime] = {}
        self.reported: list[Reported] = []
        self.booked: list[Booked] = []
        self.posts: list[Delivery] = []

    def event(self, trigger: str, **more: object) -> Event:
        self.now += timedelta(seconds=self.random.randint(60, 90))
        self.sent += 1
        control_id = f"{self.sender.site[:2].upper()}{self.sent:07d}"
        if self.sender.site == ecw.SITE and self.sent % 37 == 0:
            control_id = ""
        return replace(Event(trigger, self.now, control_id), **more)  # type: ignore[arg-type]

    def send(self, chart: Chart, event: Event) -> Delivery:
        if event.result is None:
            self.changed[chart.local_id] = event.when
        body = self.sender.render(chart, event)
        return Delivery(self.sender.site, event.control_id, body, _facts(chart, event))

    def chart(self, person: Invented) -> Chart:
        local_id, other_id = self.sender.number(self.numbered)
        self.numbered += 1
        return Chart(person, _as_written(self.random, person), local_id, other_id)


def _facts(chart: Chart, event: Event) -> tuple[Fact, ...]:
    """Which resources a message speaks of."""
    facts = [("Patient", chart.local_id)]
    if event.trigger.startswith("SIU"):
        facts.append(("Appointment", event.visit))
    if event.result is not None:
        order = event.result.order
        facts.append(("DiagnosticReport", order))
        facts += [
            ("Observation", f"{order} {code}^{name}") for code, name, _, _ in event.result.values
        ]
    return tuple(facts)


def _as_written(random: Random, person: Invented) -> Invented:
    """What a clerk makes of a person."""
    fate = random.random()
    if fate < 0.08 and person.given in _NICKNAMES:
        return replace(person, given=_NICKNAMES[person.given])
    if fate < 0.14:
        return replace(person, ssn="")
    if fate < 0.18:
        return replace(person, phone="", mail="")
    return person


def _arrive(day: _Day, person: Invented) -> list[Delivery]:
    chart = day.chart(person)
    day.charts.append(chart)
    return [day.send(chart, day.event(day.random.choice(day.sender.arrivals)))]


def _update(day: _Day) -> list[Delivery]:
    place = day.random.randrange(len(day.charts))
    chart = day.charts[place]
    clears = day.random.random() < 0.2
    if not clears:
        chart = replace(chart, known=chart.known.moved(day.random))
        day.charts[place] = chart
    trigger = day.random.choice(day.sender.updates)
    return [day.send(chart, day.event(trigger, clears_phone=clears))]


def _stay(day: _Day) -> list[Delivery]:
    chart = day.random.choice(day.charts)
    visit = f"3000{day.sent:05d}"
    ends = {"mercy": (("ADT^A01",), ("ADT^A03", "ADT^A11"), ("ADT^A13", ""))}
    steps = ends.get(day.sender.site, (("ADT^A04",), ("ADT^A08",)))
    triggers = [day.random.choice(step) for step in steps]
    if "ADT^A11" in triggers:
        triggers = triggers[:2]
    return [day.send(chart, day.event(trigger, visit=visit)) for trigger in triggers if trigger]


def _laboratory(day: _Day) -> list[Delivery]:
    chart = day.random.choice(day.charts)
    order = f"16{day.sent:06d}"
    tests = day.random.sample(_TESTS, day.random.randint(1, 4))
    steps = day.random.choice((("F",), ("P", "F"), ("P", "F", "C")))
    deliveries = []
    for status in steps:
        values = tuple(
            (code, name, str(day.random.randint(low, high)), unit)
            for code, name, unit, low, high in tests
        )
        event = day.event("ORU^R01", result=Result(order, status, values))
        deliveries.append(day.send(chart, event))
        last = Reported(chart, Result(order, status, values), event.when)
    day.reported.append(last)
    if day.sender.site == athena.SITE and day.random.random() < 0.5:
        day.posts += athena_fhir.observations(chart, last.result, last.when)
    return deliveries


def _schedule(day: _Day) -> list[Delivery]:
    if day.sender.site != athena.SITE:
        return _laboratory(day)
    chart = day.random.choice(day.charts)
    return [day.send(chart, day.event("SIU^S12", visit=f"5519{day.sent:05d}"))]


def _twice_charted(day: _Day) -> list[Delivery]:
    """A second chart for somebody who has one, and later the merge of the two."""
    chart = day.random.choice(day.charts)
    if chart.local_id in day.merged:
        return _update(day)
    second = day.chart(chart.person)
    first = day.send(second, day.event("ADT^A04"))
    merge = day.send(chart, day.event("ADT^A40", merged=second))
    day.merged[second.local_id] = chart.local_id
    return [first, merge]


def _wrong(day: _Day) -> list[Delivery]:
    """What no engine should take: a trigger nobody has agreed on."""
    event = day.event("ZZZ^Z99")
    chart = day.random.choice(day.charts)
    return [replace(day.send(chart, event), refused=True)]


def _post(day: _Day) -> None:
    """Now and then the record system tells of a chart by its second way, too."""
    chart = day.random.choice(day.charts)
    fate = day.random.random()
    if fate < 0.02:
        day.posts.append(athena_fhir.damaged(chart, day.now))
    elif fate < 0.3:
        day.posts.append(athena_fhir.patient(chart, day.changed[chart.local_id]))


def _nightly(day: _Day, after: int) -> list[tuple[int, Extract]]:
    """The files of the evening: all charts, results old and new, and the visits to come."""
    for _ in range(max(1, after // 40)):
        chart = day.random.choice(day.charts)
        number = f"17{day.sent:05d}{len(day.reported):03d}"
        code, name, unit, low, high = day.random.choice(_TESTS)
        value = (code, name, str(day.random.randint(low, high)), unit)
        day.reported.append(Reported(chart, Result(number, "F", (value,)), day.now))
        start = day.now + timedelta(days=day.random.randint(3, 40))
        day.booked.append(Booked(chart, f"66{len(day.booked):05d}", start, day.now))
    charts = [Changed(chart, day.changed[chart.local_id]) for chart in day.charts]
    damaged = day.random.randrange(len(charts)) if len(charts) > 3 else -1
    return [
        (after, extract.patients(day.now, charts, damaged)),
        (after, extract.results(day.now, day.reported)),
        (after, extract.appointments(day.now, day.booked)),
    ]


_DEEDS = (_update, _stay, _laboratory, _schedule, _twice_charted)
_WEIGHTS = (30, 25, 30, 8, 5)


def _unfold(day: _Day, people: list[Invented], count: int) -> Iterator[Delivery]:
    waiting = list(people)
    made = 0
    while made < count:
        if waiting and (not day.charts or day.random.random() < 0.25):
            some = _arrive(day, waiting.pop())
        elif day.random.random() < 0.015:
            some = _wrong(day)
        else:
            some = day.random.choices(_DEEDS, _WEIGHTS)[0](day)
        if day.random.random() < 0.02:
            some.append(some[-1])  # the answer was lost, and the sender sends the same bytes again
        made += len(some)
        yield from some


def _site(sender: _Sender, people: list[Invented], count: int, random: Random) -> Traffic:
    day = _Day(sender, random)
    deliveries: list[Delivery] = []
    files: list[tuple[int, Extract]] = []
    posts: list[tuple[int, Delivery]] = []
    for delivery in islice(_unfold(day, people, count), count):
        deliveries.append(delivery)
        if sender.site == ecw.SITE and len(deliveries) % max(1, count // _EVENINGS) == 0:
            files += _nightly(day, len(deliveries))
        if sender.site == athena.SITE:
            _post(day)
            posts += [(len(deliveries), post) for post in day.posts]
            day.posts = []
    truth = [Truth(sender.site, chart.local_id, chart.person.number) for chart in day.charts]
    numbers = {chart.local_id: chart.person.number for chart in day.charts}
    truth += [Truth(sender.site, gone, numbers[kept], kept) for gone, kept in day.merged.items()]
    return Traffic(tuple(deliveries), tuple(truth), tuple(files), tuple(posts))


def generate(seed: int, messages: int, people: int | None = None) -> Traffic:
    """Invent the traffic of a day: `messages` HL7 messages and the files that go with them.

    It is about `people` people (default: a fifth as many as messages).

    Deliveries of one site are in the order in which it sends them; the sites are interleaved.
    """
    random = Random(seed)  # noqa: S311 - invented traffic, not a secret
    everybody = invent(random, people or max(12, messages // 5))
    sites = []
    for number, sender in enumerate(_SENDERS):
        share = messages // 3 + (1 if number < messages % 3 else 0)
        seen = [person for person in everybody if random.random() < 0.6]
        random.shuffle(seen)
        sites.append(_site(sender, seen, share, Random(random.random())))  # noqa: S311
    queues = [list(reversed(site.deliveries)) for site in sites]
    mixed = []
    while any(queues):
        queue = random.choice([queue for queue in queues if queue])
        mixed.append(queue.pop())
    truth = tuple(row for site in sites for row in site.truth)
    files = tuple(file for site in sites for file in site.files)
    posts = tuple(post for site in sites for post in site.posts)
    return Traffic(tuple(mixed), truth, files, posts)
