"""The samples hold nobody: phones, numbers and mail are such that nobody can have them."""

import re
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[3] / "samples"
MESSAGES = sorted(SAMPLES.rglob("*.hl7"))
RESOURCES = sorted(SAMPLES.rglob("*.json"))
PHONE = re.compile(rb"(?<![0-9])(?:\(?\d{3}\)?[-. ]?)?(\d{3})-(\d{4})(?![0-9-])")
BARE_PHONE = re.compile(rb"[|~](\d{10})(?=[|~^\r])")
SSN = re.compile(rb"(?<![0-9])(\d{3})-\d{2}-\d{4}(?![0-9])")
MAIL = re.compile(rb"[\w.]+@([\w.]+)")


def test_there_are_samples() -> None:
    assert len(MESSAGES) > 60


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_nobody_is_in_it(path: Path) -> None:
    body = path.read_bytes()
    assert all(p == b"555" and n.startswith(b"01") for p, n in PHONE.findall(body))
    bare = [number for number in BARE_PHONE.findall(body) if not number.startswith(b"98")]
    assert all(number[3:8] == b"55501" for number in bare)
    assert all(area[:1] == b"9" or area == b"666" for area in SSN.findall(body))
    assert all(domain.endswith(b".example") for domain in MAIL.findall(body))


@pytest.mark.parametrize(
    "path", [p for p in MESSAGES if p.parent.name != "bad"], ids=lambda path: path.stem
)
def test_lines_end_as_on_the_wire(path: Path) -> None:
    body = path.read_bytes()
    assert body.startswith(b"MSH")
    assert body.endswith(b"\r")
    assert b"\n" not in body


@pytest.mark.parametrize("path", RESOURCES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_nobody_is_in_a_resource(path: Path) -> None:
    body = path.read_bytes()
    phones = re.findall(rb'"phone",\s*"value": "([^"]+)"', body)
    assert all(re.fullmatch(rb"608-?555-?01\d\d", phone) for phone in phones)
    assert all(domain.endswith(b".example") for domain in MAIL.findall(body))
    assert b"us-ssn" not in body
