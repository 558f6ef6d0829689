"""Prints the processor time from bytes to the JSON of valid resources, and the share of each stage.

    python -m tests.benchmark.map_hl7v2 [--count 3000] [PATH]

Each kind twice. `alike`: no two messages are the same; three in ten are about somebody who was
there before, numbers and times always differ; codes, places and doctors repeat. The first half of
them warms the memories of the plan. `again`: one message over and over. PATH is a file of framed
messages, as for `tests/benchmark/traffic.py`.

Stages: parse (bytes to segments), bind (which segments belong to which resources, and their
fields), map, validate (what is not proven), JSON (of each resource). What `map` takes includes the
people, places and organisations that are only referred to; `sides` says how many there are.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

import yaml

from engine.core.lexeme import encode
from engine.formats.hl7v2.parse import Message, parse
from engine.mapping import run
from engine.mapping.library import read_library
from engine.mapping.program import Program, build
from engine.mapping.scope import Env
from engine.mapping.site import SiteProfile
from engine.mapping.strata import Strata
from engine.pipeline.prepare import faulty
from engine.roles.collector import calm_collector
from tests.benchmark.long_messages import long_admission, long_report
from tests.benchmark.traffic import SEED, Sent, admission, stream

_ROOT = Path(__file__).parents[2]
_BATCH = 20  # messages whose stages are timed together, as a worker takes them
LIMITS_US = {"ADT^A01 1.5 KB": 250, "ADT^A01 8.5 KB": 700, "ORU^R01 10 KB, 28 OBX": 700}
_MAKERS = dict(zip(LIMITS_US, (admission, long_admission, long_report), strict=True))
_SIDES = {"Practitioner", "PractitionerRole", "Organization", "Location", "Device"}
STAGES = ("parse", "bind", "map", "validate", "JSON")


@dataclass(frozen=True, slots=True)
class Site:
    """A site with its compiled mapping."""

    profile: SiteProfile
    program: Program


@dataclass(frozen=True, slots=True)
class Spent:
    """What one message cost in microseconds, by stage, and how many resources it made."""

    stages: tuple[float, ...]
    resources: float
    sides: float

    @property
    def whole(self) -> float:
        return sum(self.stages)


def sites(*names: str) -> dict[str, Site]:
    """Compile the mappings of the demo's sites, or of some of them."""
    strata = Strata(read_library(_ROOT / "mappings"))
    region = yaml.safe_load((_ROOT / "samples/region.yaml").read_text("utf-8"))
    found = {}
    for name, site in region["sites"].items():
        if name in names or not names:
            charset, chain = site.get("charset", "utf-8"), tuple(site["mappings"])
            profile = SiteProfile(name, site["timezone"], chain, b"k" * 32, charset=charset)
            found[name] = Site(profile, build(strata, profile))
    return found


def _people(count: int) -> Iterator[int]:
    """Choose whom each message is about."""
    chance, known = Random(SEED), 0
    for _ in range(count):
        again = known and chance.random() < 0.3
        yield chance.randrange(known) if again else known
        known += not again


def alike(kind: str, count: int) -> list[Sent]:
    """Return messages of a kind, each with names, numbers, times and values of its own."""
    make = _MAKERS[kind]
    return [Sent("mercy", make(n, who)) for n, who in enumerate(_people(count))]


def _bound(message: Message, program: Program) -> None:
    program.layouts.of(run.find(program, message.kind), message).read(Env(message, "", 0))


def _timed(batch: Sequence[Sent], made: dict[str, Site]) -> Spent:
    """Return what a message of a batch cost. Binding is done once more, to be seen alone."""
    times = [time.process_time()]
    parsed = [(made[one.site], parse(one.body, made[one.site].profile.charset)) for one in batch]
    times.append(time.process_time())
    for site, message in parsed:
        _bound(message, site.program)
    times.append(time.process_time())
    parsed = [(made[one.site], parse(one.body, made[one.site].profile.charset)) for one in batch]
    times.append(time.process_time())
    mapped = [run.execute(s.program, s.profile, "", message, 0)[0] for s, message in parsed]
    times.append(time.process_time())
    if any(faulty(one) for one in mapped):
        raise RuntimeError("the mapping made what is not valid")
    times.append(time.process_time())
    told = [contribution for one in mapped for contribution in one.contributions]
    for contribution in told:
        encode(contribution.body)
    times.append(time.process_time())
    each = len(batch) / 1e6
    _, bind, parse_, mapping, validate, text = (b - a for a, b in pairwise(times))
    stages = (parse_ / each, bind / each, (mapping - bind) / each, validate / each, text / each)
    sides = sum(contribution.type in _SIDES for contribution in told)
    return Spent(stages, len(told) / len(batch), sides / len(batch))


def measure(messages: Sequence[Sent], made: dict[str, Site]) -> Spent:
    """Map all; return the medians over the batches of the second half."""
    batches = [messages[at : at + _BATCH] for at in range(0, len(messages), _BATCH)]
    spent = [_timed(batch, made) for batch in batches]
    warm = spent[len(spent) // 2 :]
    stages = zip(*(one.stages for one in warm), strict=True)
    return Spent(
        tuple(statistics.median(stage) for stage in stages),
        statistics.median(one.resources for one in warm),
        statistics.median(one.sides for one in warm),
    )


def report(name: str, messages: Sequence[Sent], made: dict[str, Site], limit: str = "") -> None:
    """Print what messages cost."""
    found = measure(messages, made)
    size = sum(len(one.body) for one in messages) / len(messages)
    shares = "  ".join(
        f"{stage} {spent:.1f} ({spent / found.whole:.0%})"
        for stage, spent in zip(STAGES, found.stages, strict=True)
    )
    made_of = f"{found.resources:5.1f} resources ({found.sides:.1f} sides)"
    sys.stdout.write(
        f"{name:30}{size:6.0f} bytes {made_of} {found.whole:7.1f} us{limit}   {shares}\n"
    )
    sys.stdout.flush()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--count", type=int, default=3000)
    options.add_argument("path", nargs="?", default="")
    chosen = options.parse_args()
    start = time.process_time()
    made = sites()
    spent = (time.process_time() - start) / len(made)
    sys.stdout.write(f"compiled {len(made)} plans, {spent * 1e3:.0f} ms each\n")
    calm_collector()
    if chosen.path:
        report(Path(chosen.path).name[:23], stream(chosen.path, chosen.count), made)
        return
    for name, limit in LIMITS_US.items():
        messages, target = alike(name, chosen.count), f" of {limit}"
        report(f"{name}, alike", messages, made, target)
        report(f"{name}, again", messages[:1] * (chosen.count // 5), made, target)


if __name__ == "__main__":
    main()
