"""Plans of the library's chains, and what a message says under one of them, as resources."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from engine.core.values import Contribution, Mapped
from engine.formats.fhir_json import read_json
from engine.formats.hl7v2.parse import parse
from engine.mapping.library import read_library
from engine.mapping.plan import Plan, compile_plan
from engine.mapping.site import SiteProfile
from engine.r4.validate import validate

ROOT = Path(__file__).parents[3]
KEY = b"key of the conformance tests"
RECEIVED_US = 1_790_000_000_000_000
ZONES = {
    "epic": "America/Chicago",
    "athena": "America/New_York",
    "ecw": "America/Denver",
    "oracle": "America/Los_Angeles",
    "nextgen": "America/Phoenix",
}
SITES = {
    "mercy": "epic",
    "lakeside": "athena",
    "hilltop": "ecw",
    "glenhaven": "oracle",
    "riverbend": "nextgen",
}


@dataclass(frozen=True, slots=True)
class Said:
    """What one message says, with short ways to ask."""

    mapped: Mapped

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [given.body for given in self.mapped.contributions if given.type == kind]

    def one(self, kind: str) -> dict[str, Any]:
        found = self.all(kind)
        assert len(found) == 1, f"{len(found)} {kind}"
        return found[0]

    def coded(self, kind: str, code: str) -> dict[str, Any]:
        """Return the resource of this type whose `code` holds the code."""
        found = [
            body
            for body in self.all(kind)
            if any(coding.get("code") == code for coding in body["code"].get("coding", ()))
        ]
        assert len(found) == 1, f"{len(found)} {kind} of code {code}"
        return found[0]

    def contribution(self, kind: str) -> Contribution:
        return next(given for given in self.mapped.contributions if given.type == kind)

    def get(self, reference: str) -> dict[str, Any]:
        """Return the resource a literal reference points to, or fail."""
        kind, _, key = reference.partition("/")
        return next(body for body in self.all(kind) if body["id"] == key)


Say = Callable[[Path, str], Said]


@cache
def plan(layer: str) -> Plan:
    """The plan of `vendor/x`, `site/x` or `us`, on its vendor's clock."""
    family, _, name = layer.partition("/")
    vendor = SITES[name] if family == "site" else name
    chain = ["base", "us"]
    if vendor:
        chain.append(f"vendor/{vendor}")
    if family == "site":
        chain.append(layer)
    zone = ZONES.get(vendor, "America/Chicago")
    profile = SiteProfile(name or "generic", zone, tuple(chain), KEY)
    return compile_plan(read_library(ROOT / "mappings"), profile)


@pytest.fixture(scope="session")
def say() -> Say:
    """Map a file under a layer's plan."""

    def of(path: Path, layer: str) -> Said:
        if path.suffix == ".json":
            found = read_json(path.read_bytes())
            return Said(plan(layer).map_resource(found, RECEIVED_US))
        return Said(plan(layer).map(parse(path.read_bytes()), RECEIVED_US))

    return of


@pytest.fixture(scope="session")
def plan_of() -> Callable[[str], Plan]:
    """Return the plan of a layer."""
    return plan


@pytest.fixture
def tell(plan_of: Callable[[str], Plan]) -> Callable[..., Any]:
    """Map a message of these segments; return all its bodies by type, found valid and connected."""

    def of(
        kind: str, *segments: str, at: str = "20261001090000"
    ) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        for given in stated(plan_of("site/mercy"), kind, at, segments):
            found.setdefault(given.type, []).append(given.body)
        return found

    return of


@pytest.fixture(scope="session")
def told() -> Callable[..., tuple[Contribution, ...]]:
    """Map segments under a plan; what they say is valid, and its references lead somewhere."""
    return stated


def stated(plan: Plan, kind: str, at: str, segments: tuple[str, ...]) -> tuple[Contribution, ...]:
    header = f"MSH|^~\\&|EPIC|MERCY|CONCORD||{at}||{kind}|{at}|P|2.5.1"
    mapped = plan.map(parse("\r".join((header, *segments)).encode()), 0)
    bodies = [given.body for given in mapped.contributions]
    made = {f"{body['resourceType']}/{body['id']}" for body in bodies}
    assert [name for body in bodies for name in references(body) if name not in made] == []
    assert [str(issue) for body in bodies for issue in validate(body)] == []
    return mapped.contributions


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from references(each)


@pytest.fixture(scope="session")
def testdata() -> Path:
    """The shelf of public and invented test data, or a visible skip."""
    folder = os.environ.get("CONCORD_TESTDATA", "")
    if not folder or not Path(folder, "sites").is_dir():
        pytest.skip("CONCORD_TESTDATA names no folder with sites/")
    return Path(folder)


@pytest.fixture(scope="session")
def samples() -> Path:
    return ROOT / "samples"


def folded(given: list[tuple[int, Contribution]]) -> dict[str, Any]:
    """Fold contributions as the store does: per element the newest statement, weak ones last."""
    body: dict[str, Any] = {}
    for weak in (True, False):
        for _, contribution in sorted(given, key=lambda pair: pair[0]):
            for name in contribution.clears if not weak else ():
                body.pop(name, None)
            said = contribution.body.items()
            body |= {name: value for name, value in said if (name in contribution.weak) is weak}
    return body


@pytest.fixture(scope="session")
def fold() -> Callable[[list[tuple[int, Contribution]]], dict[str, Any]]:
    """Return what the store makes of contributions told at these times."""
    return folded
