"""R4 primitive types: what each accepts and refuses."""

from decimal import Decimal
from typing import Any

import pytest

from engine.core.lexeme import Number
from engine.r4.primitives import CHECKS, bound
from engine.r4.problem import Scope


def _codes(type_name: str, value: Any) -> list[str]:
    return [problem.code for problem in CHECKS[type_name](value, Scope()) or []]


GOOD = [
    ("string", "Ærø\tline\r\nnext"),
    ("markdown", "# a *b*\n"),
    ("boolean", False),
    ("decimal", Number("13.10")),
    ("decimal", Number("-1.5e-3")),
    ("decimal", Decimal("0.00")),
    ("decimal", 13.1),
    ("decimal", 13),
    ("integer", -2147483648),
    ("integer", Number("42")),
    ("positiveInt", 1),
    ("unsignedInt", 0),
    ("date", "2024"),
    ("date", "2024-02"),
    ("date", "2024-02-29"),
    ("date", "2000-02-29"),
    ("dateTime", "2024-12-31"),
    ("dateTime", "2016-12-31T23:59:60Z"),
    ("dateTime", "2024-02-29T10:00:00.123456-05:00"),
    ("instant", "2024-02-29T10:00:00.000+14:00"),
    ("time", "23:59:59.5"),
    ("id", "a" * 64),
    ("id", "A-1.b"),
    ("code", "in progress"),
    ("code", "in-progress"),
    ("uri", "urn:oid:2.999.1"),
    ("url", "mailto:desk@hospital.example"),
    ("canonical", "http://x.example/StructureDefinition/a|1.0"),
    ("oid", "urn:oid:2.999.0.1"),
    ("uuid", "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"),
    ("base64Binary", "aGVsbG8="),
    ("base64Binary", "aGVs\nbG8="),
    ("xhtml", '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'),
    ("xhtml", "<div><p id='on'>Linked on = 5, the form is in the head office</p></div>"),
]

BAD = [
    ("string", "", "empty-value"),
    ("string", " \n ", "empty-value"),
    ("string", "a\x00b", "bad-string"),
    ("string", "a\ud800", "bad-string"),
    ("string", "x" * 1_048_577, "too-long"),
    ("string", 5, "wrong-type"),
    ("string", Number("5"), "wrong-type"),
    ("string", None, "wrong-type"),
    ("boolean", "true", "wrong-type"),
    ("boolean", 1, "wrong-type"),
    ("decimal", "13.1", "wrong-type"),
    ("decimal", True, "wrong-type"),
    ("decimal", float("nan"), "wrong-type"),
    ("decimal", Decimal("Infinity"), "wrong-type"),
    ("decimal", Number("1."), "wrong-type"),
    ("decimal", Number("1e9999"), "wrong-type"),
    ("decimal", 10**1200, "out-of-range"),
    ("decimal", Number("1" * 1001), "out-of-range"),
    ("decimal", Decimal("1e99999"), "out-of-range"),
    ("integer", 1.0, "wrong-type"),
    ("integer", True, "wrong-type"),
    ("integer", 2147483648, "out-of-range"),
    ("integer", Number("1.0"), "wrong-type"),
    ("positiveInt", 0, "out-of-range"),
    ("unsignedInt", -1, "out-of-range"),
    ("date", "2024-02-31", "bad-date"),
    ("date", "2023-02-29", "bad-date"),
    ("date", "1900-02-29", "bad-date"),
    ("date", "2024-04-31", "bad-date"),
    ("date", "2024-13", "bad-date"),
    ("date", "0000", "bad-date"),
    ("date", "20240229", "bad-date"),
    ("date", "2024-02-29\n", "bad-date"),
    ("date", "2024-02-29T00:00:00Z", "bad-date"),
    ("date", "", "empty-value"),
    ("dateTime", "2024-02-29T10:00:00", "bad-date"),
    ("dateTime", "2024-02-29T10:00Z", "bad-date"),
    ("dateTime", "2024-02-29T24:00:00Z", "bad-date"),
    ("dateTime", "2024-02-29T10:00:00+14:30", "bad-date"),
    ("dateTime", "2024-02-30T10:00:00Z", "bad-date"),
    ("instant", "2024-02-29", "bad-date"),
    ("instant", "2023-02-29T10:00:00Z", "bad-date"),
    ("time", "24:00:00", "bad-time"),
    ("time", "10:00", "bad-time"),
    ("id", "a" * 65, "bad-id"),
    ("id", "a_b", "bad-id"),
    ("id", "a\n", "bad-id"),
    ("code", " a", "bad-code"),
    ("code", "a  b", "bad-code"),
    ("uri", "http://x.example/a b", "bad-uri"),
    ("uri", "a\n", "bad-uri"),
    ("uri", "", "empty-value"),
    ("oid", "urn:oid:3.1", "bad-uri"),
    ("oid", "2.999.1", "bad-uri"),
    ("uuid", "urn:uuid:C757873D-EC9A-4326-A141-556F43239520", "bad-uri"),
    ("base64Binary", "aGVsbG8", "bad-base64"),
    ("base64Binary", "a*Vs", "bad-base64"),
    ("base64Binary", "é===", "bad-base64"),
    ("xhtml", "<p>x</p>", "bad-narrative"),
    ("xhtml", "plain", "bad-narrative"),
    ("xhtml", "<div><script>x</script></div>", "bad-narrative"),
    ("xhtml", "<div><IFRAME src='x'/></div>", "bad-narrative"),
    ("xhtml", "<div><p onclick = 'x()'>x</p></div>", "bad-narrative"),
    ("xhtml", "<div><a href='JavaScript:x'>x</a></div>", "bad-narrative"),
]


@pytest.mark.parametrize(("type_name", "value"), GOOD)
def test_accepts(type_name: str, value: Any) -> None:
    assert _codes(type_name, value) == []


@pytest.mark.parametrize(("type_name", "value", "code"), BAD)
def test_refuses(type_name: str, value: Any, code: str) -> None:
    assert _codes(type_name, value) == [code]


def test_a_bound_code_is_one_of_the_set() -> None:
    check = bound(frozenset({"male", "female"}))
    assert check("male", Scope()) is None
    assert [p.code for p in check("M", Scope()) or []] == ["bad-code"]
    assert [p.code for p in check(["male"], Scope()) or []] == ["wrong-type"]
