"""Prints the processor time from bytes to valid contributions, and what share each step has.

    python -m tests.benchmark.map_hl7v2 [--count 4000] [PATH]

No two messages are alike: three in ten are about somebody who was there before, numbers and times
always differ; codes, places and doctors repeat. The first half of them warms the memories of the
plan. PATH is a file of framed messages, as for `tests/benchmark/traffic.py`.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random

import yaml

from engine.formats.hl7v2.parse import parse
from engine.mapping.library import read_library
from engine.mapping.plan import Plan, compile_plan
from engine.mapping.site import SiteProfile
from engine.pipeline.prepare import faulty
from engine.roles.collector import calm_collector
from tests.benchmark.long_messages import long_admission, long_report
from tests.benchmark.traffic import SEED, Sent, admission, stream

_ROOT = Path(__file__).parents[2]
_BATCH = 20  # messages whose steps are timed together, as a worker takes them
_LIMITS_US = {"ADT^A01 1.5 KB": 250, "ADT^A01 8.5 KB": 700, "ORU^R01 10 KB, 28 OBX": 700}
_MAKERS = dict(zip(_LIMITS_US, (admission, long_admission, long_report), strict=True))
STEPS = ("parse", "map", "validate")


def plans() -> dict[str, Plan]:
    """Compile the mappings of the demo's sites."""
    library = read_library(_ROOT / "mappings")
    region = yaml.safe_load((_ROOT / "samples/region.yaml").read_text("utf-8"))
    found = {}
    for name, site in region["sites"].items():
        chain = tuple(site["mappings"])
        charset = site.get("charset", "utf-8")
        profile = SiteProfile(name, site["timezone"], chain, b"k" * 32, charset=charset)
        found[name] = compile_plan(library, profile)
    return found


def _people(count: int) -> Iterator[int]:
    """Choose whom each message is about."""
    chance, known = Random(SEED), 0
    for _ in range(count):
        again = known and chance.random() < 0.3
        yield chance.randrange(known) if again else known
        known += not again


def _traffic(kind: str, count: int) -> list[Sent]:
    make = _MAKERS[kind]
    return [Sent("mercy", make(n, who)) for n, who in enumerate(_people(count))]


def _timed(batch: Sequence[Sent], made: dict[str, Plan]) -> list[float]:
    """Return the seconds each step took, and how many contributions came out."""
    times = [time.process_time()]
    parsed = [(made[one.site], parse(one.body, made[one.site].site.charset)) for one in batch]
    times.append(time.process_time())
    mapped = [plan.map(message, 0) for plan, message in parsed]
    times.append(time.process_time())
    if any(faulty(one) for one in mapped):
        raise RuntimeError("the mapping made what is not valid")
    times.append(time.process_time())
    spent = [after - before for before, after in pairwise(times)]
    return [*spent, sum(len(one.contributions) for one in mapped)]


def report(name: str, messages: Sequence[Sent], made: dict[str, Plan]) -> None:
    """Map all, print the median batch of the second half."""
    batches = [messages[at : at + _BATCH] for at in range(0, len(messages), _BATCH)]
    rows = [_timed(batch, made) for batch in batches]
    warm = rows[len(rows) // 2 :]
    *steps, resources = (statistics.median(column) / _BATCH for column in zip(*warm, strict=True))
    whole, size = sum(steps), sum(len(one.body) for one in messages) / len(messages)
    shares = "  ".join(
        f"{step} {spent * 1e6:6.1f} ({spent / whole:4.0%})"
        for step, spent in zip(STEPS, steps, strict=True)
    )
    limit = f" of {_LIMITS_US[name]}" if name in _LIMITS_US else ""
    line = f"{name:24}{size:6.0f} bytes {resources:5.1f} resources {whole * 1e6:7.1f} us{limit}"
    sys.stdout.write(f"{line}   {shares}\n")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--count", type=int, default=4000)
    options.add_argument("path", nargs="?", default="")
    chosen = options.parse_args()
    start = time.process_time()
    made = plans()
    spent = (time.process_time() - start) / len(made)
    sys.stdout.write(f"compiled {len(made)} plans, {spent * 1e3:.0f} ms each\n")
    calm_collector()
    if chosen.path:
        report(Path(chosen.path).name[:23], stream(chosen.path, chosen.count), made)
        return
    for name in _MAKERS:
        report(name, _traffic(name, chosen.count), made)


if __name__ == "__main__":
    main()
