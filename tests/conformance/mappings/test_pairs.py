"""Unit pairs of a public mapping inventory: what they expect is in ours, or differs on purpose.

A leaf is a value at an element path of a resource type; places in lists do not count, a reference
counts by the type it leads to, times by the instant. `pairs.yaml` lists the deliberate differences
with their reasons. Authors of the pairs: CDC's ReportStream (CC0); they keep all of a message in
extensions of their own, so that they can write it again. We do not.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from engine.core.fault import FaultError
from engine.core.lexeme import encode
from engine.core.strict_yaml import plain, read
from engine.formats.hl7v2.parse import parse
from engine.mapping.library import read_library
from engine.mapping.plan import Plan, compile_plan
from engine.mapping.site import SiteProfile

ROOT = Path(__file__).parents[3]
RULES = Path(__file__).with_name("pairs.yaml")
FOLDER = "hl7v2/cdc-reportstream-mapping-inventory"
REFUSED = {"catchall__msg__MSG-to-Coding-missing-msg2.hl7"}  # a message without a trigger event
LEAST_FOUND = 3_810  # leaves of the pairs, each once a message; what is left differs on purpose
Leaf = tuple[str, str]  # path, value


@dataclass(frozen=True, slots=True)
class Rule:
    """A deliberate difference: globs of paths, and of values or files where given."""

    reason: str
    paths: tuple[str, ...]
    values: tuple[str, ...]
    files: tuple[str, ...]

    def covers(self, file: str, leaf: Leaf) -> bool:
        wanted = ((leaf[0], self.paths), (leaf[1], self.values), (file, self.files))
        return all(_any(text, globs) for text, globs in wanted)


def _any(text: str, globs: tuple[str, ...]) -> bool:
    return not globs or any(fnmatchcase(text, glob) for glob in globs)


def leaves(value: Any, path: str) -> Iterator[Leaf]:
    """Yield the leaves of a resource; an extension stands at the path of its URL."""
    if isinstance(value, list):
        for each in value:
            yield from leaves(each, path)
    elif not isinstance(value, dict):
        yield path, known(str(value))
    elif "url" in value and path.endswith(".extension"):
        rest = {name: each for name, each in value.items() if name != "url"}
        yield from leaves(rest, f"{path}({value['url']})")
    else:
        for name, each in value.items():
            if name == "reference":
                yield f"{path}.{name}", each.rpartition("/")[0].rpartition("/")[2]
            else:
                yield from leaves(each, f"{path}.{name}")


def known(value: str) -> str:
    """Write an instant in UTC, and a system without the slash that some put behind it."""
    if "T" in value and len(value) > 16:
        try:
            return datetime.fromisoformat(value).astimezone(UTC).isoformat()
        except ValueError:
            return value
    return value.rstrip("/") if value.startswith("http") else value


def of_bundle(bundle: Any) -> set[Leaf]:
    """Return the leaves of all resources but their ids."""
    found: set[Leaf] = set()
    for entry in bundle["entry"]:
        resource = {name: each for name, each in entry["resource"].items() if name != "id"}
        found.update(leaves(resource, resource["resourceType"]))
    return found


@pytest.fixture(scope="module")
def rules() -> list[Rule]:
    root = read(RULES.read_text("utf-8"), RULES.name).root
    assert root is not None
    document = plain(root)
    some = ("paths", "values", "files")
    return [
        Rule(each["reason"], *(tuple(each.get(name, ())) for name in some)) for each in document
    ]


@pytest.fixture(scope="module")
def plan() -> Plan:
    chain = ("base", "us", "generic")
    everything = ("", "P", "T", "D")
    site = SiteProfile("generic", "UTC", chain, b"k" * 32, processing=everything)
    return compile_plan(read_library(ROOT / "mappings"), site)


@dataclass(frozen=True, slots=True)
class Compared:
    """Expected leaves: how many are found, and by file those that are not."""

    found: int
    missing: tuple[tuple[str, Leaf], ...]


@pytest.fixture(scope="module")
def compared(testdata: Path, plan: Plan) -> Compared:
    files = sorted((testdata / FOLDER).rglob("*.hl7"))
    assert len(files) == 131
    found, missing = 0, []
    for file in files:
        try:
            ours = plan.bundle([parse(file.read_bytes())], 0)
        except FaultError:
            assert file.name in REFUSED, file.name
            continue
        expected = of_bundle(json.loads(file.with_suffix(".expected.json").read_text("utf-8")))
        lacking = expected - of_bundle(json.loads(encode(ours)))
        found += len(expected) - len(lacking)
        missing += [(file.name, leaf) for leaf in sorted(lacking)]
    return Compared(found, tuple(missing))


def test_what_is_expected_is_found_or_differs_on_purpose(
    compared: Compared, rules: list[Rule]
) -> None:
    strange = [
        f"{file}: {leaf}"
        for file, leaf in compared.missing
        if not any(rule.covers(file, leaf) for rule in rules)
    ]
    assert strange == []
    assert compared.found >= LEAST_FOUND


def test_every_rule_is_needed(compared: Compared, rules: list[Rule]) -> None:
    counted = Counter(
        next((n for n, rule in enumerate(rules) if rule.covers(*one)), -1)
        for one in compared.missing
    )
    assert [rule.reason for n, rule in enumerate(rules) if not counted[n]] == []
