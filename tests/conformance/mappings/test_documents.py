"""Documents: what MDM and results with an ED make of them, and what closes them."""

import base64
import random
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from engine.core.lexeme import encode
from engine.core.values import Mapped
from engine.formats.hl7v2.parse import parse
from engine.mapping.plan import Plan
from engine.r4.validate import validate

PDF = b"%PDF-1.4 invented"
ED = f"^AP^PDF^Base64^{base64.b64encode(PDF).decode()}"
PID = "PID|1||7001^^^MERCY^MR||Quill^Tess||19800401|F"
OTHER = "PID|1||7002^^^MERCY^MR||Dunn^Ola||19700401|F"
OBR = "OBR|1|P1|F1|18842-5^Summary^LN|||20261001080000"
OBX = "OBX|1|ED|PDF^Report||{}||||||F"
TXA = "TXA|1|DS|AP|20261001080000||||||||{}|{}||||AU|{}|{}"
Tell = Callable[..., Mapped]


@pytest.fixture
def tell(plan_of: Callable[[str], Plan]) -> Tell:
    """Map a message of these segments; what comes is valid."""

    def of(kind: str, *segments: str) -> Mapped:
        header = f"MSH|^~\\&|EPIC|MERCY|CONCORD||20261001090000||{kind}|1|P|2.5.1"
        mapped = plan_of("site/mercy").map(parse("\r".join((header, *segments)).encode()), 0)
        bodies = [given.body for given in mapped.contributions]
        assert [str(issue) for body in bodies for issue in validate(body)] == []
        return mapped

    return of


def one(mapped: Mapped, kind: str) -> dict[str, Any]:
    (found,) = [given.body for given in mapped.contributions if given.type == kind]
    return found


def of_document(mapped: Mapped, number: str) -> dict[str, Any]:
    (found,) = [
        given.body
        for given in mapped.contributions
        if given.type == "DocumentReference" and given.body["masterIdentifier"]["value"] == number
    ]
    return found


def codes(mapped: Mapped) -> list[str]:
    return [noted.code for noted in mapped.diagnostics]


def txa(number: str = "D1^EHR", parent: str = "", label: str = "", status: str = "AV") -> str:
    return TXA.format(number, parent, label, status)


def test_the_bytes_lie_in_a_binary_of_the_patient(tell: Tell) -> None:
    mapped = tell("MDM^T02", PID, txa(), OBX.format(ED))
    binary, document = one(mapped, "Binary"), one(mapped, "DocumentReference")
    (content,) = document["content"]
    assert content["attachment"] == {
        "contentType": "application/pdf",
        "url": f"Binary/{binary['id']}",
        "size": len(PDF),
        "hash": "W/cYfeDf6I0X7dQDxs4Jw2z6KXk=",  # printf of PDF | openssl sha1 -binary | base64
        "title": "Report",
    }
    assert base64.b64decode(binary["data"]) == PDF
    assert binary["securityContext"] == document["subject"]
    assert "content-type-differs" not in codes(mapped)


def test_a_result_and_a_notice_share_the_binary(tell: Tell) -> None:
    notice = tell("MDM^T02", PID, txa(), OBX.format(ED))
    result = tell("ORU^R01", PID, OBR, OBX.format(ED.replace("AP^PDF", "application^pdf")))
    (form,) = one(result, "DiagnosticReport")["presentedForm"]
    assert form["url"] == f"Binary/{one(notice, 'Binary')['id']}"
    assert one(notice, "Binary") == one(result, "Binary")


def test_another_patients_copy_is_another_binary(tell: Tell) -> None:
    some = tell("MDM^T02", PID, txa(), OBX.format(ED))
    others = tell("MDM^T02", OTHER, txa(), OBX.format(ED))
    assert one(some, "Binary")["id"] != one(others, "Binary")["id"]


def test_what_restricts_a_document_restricts_its_bytes(tell: Tell) -> None:
    mapped = tell("MDM^T02", PID, txa(label="R"), OBX.format(ED))
    restricted = [
        {
            "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
            "code": "R",
            "display": "restricted",
        }
    ]
    for kind in ("Binary", "DocumentReference"):
        assert one(mapped, kind)["meta"]["security"] == restricted
    (label,) = one(mapped, "DocumentReference")["securityLabel"]
    assert restricted[0] in label["coding"]
    assert "security" not in one(mapped, "Patient")["meta"]


def test_a_wrong_name_is_noted_and_the_bytes_are_believed(tell: Tell) -> None:
    mapped = tell("MDM^T02", PID, txa(), OBX.format(ED.replace("AP^PDF", "IM^TIFF")))
    assert one(mapped, "Binary")["contentType"] == "application/pdf"
    assert "content-type-differs" in codes(mapped)


@pytest.mark.parametrize("kind", ["MDM^T02", "ORU^R01"])
def test_bad_base64_costs_the_document_and_not_the_message(tell: Tell, kind: str) -> None:
    order = txa() if kind == "MDM^T02" else OBR
    mapped = tell(kind, PID, order, OBX.format("^AP^PDF^Base64^@@@"))
    assert "bad-base64" in codes(mapped)
    assert {given.type for given in mapped.contributions} >= {"Patient"}
    assert "Binary" not in {given.type for given in mapped.contributions}


def test_text_is_a_document_too(tell: Tell) -> None:
    mapped = tell("MDM^T02", PID, txa(), "OBX|1|TX|DS^Summary||Well.~Back in May.||||||F")
    assert base64.b64decode(one(mapped, "Binary")["data"]) == b"Well.\nBack in May."
    (content,) = one(mapped, "DocumentReference")["content"]
    assert content["attachment"]["contentType"] == "text/plain"


def test_a_pointer_stays_where_it_leads(tell: Tell) -> None:
    url = "https://archive.example/d/1"
    mapped = tell("MDM^T02", PID, txa(), f"OBX|1|RP|DS^Summary||{url}^^AP^PDF||||||F")
    (content,) = one(mapped, "DocumentReference")["content"]
    assert (content["attachment"]["url"], content["attachment"]["contentType"]) == (
        url,
        "application/pdf",
    )


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        ("MDM^T05", "appends", "current"),
        ("MDM^T06", "appends", "current"),
        ("MDM^T09", "replaces", "superseded"),
        ("MDM^T10", "replaces", "superseded"),
    ],
)
def test_a_document_says_what_it_is_to_its_parent(
    tell: Tell, kind: str, code: str, status: str
) -> None:
    parent = of_document(tell("MDM^T02", PID, txa(), OBX.format(ED)), "D1")
    content = [OBX.format(ED)] if int(kind[-2:]) % 2 == 0 else []
    mapped = tell(kind, PID, txa("D2^EHR", "D1^EHR"), *content)
    (relation,) = of_document(mapped, "D2")["relatesTo"]
    target = {"reference": f"DocumentReference/{parent['id']}"}
    assert relation == {"code": code, "target": target}
    old = next(c for c in mapped.contributions if c.id == parent["id"])
    assert old.body["status"] == status
    assert ("status" in old.weak) is (code == "appends")


def test_a_cancelled_document_is_one_in_error(tell: Tell) -> None:
    mapped = tell("MDM^T11", PID, txa(status=""))
    assert one(mapped, "DocumentReference")["status"] == "entered-in-error"


def test_a_long_document_is_the_same_document(tell: Tell) -> None:
    data = b"%PDF-1.4" + random.Random(3).randbytes(300_000)
    letters = base64.b64encode(data).decode()
    whole = tell("MDM^T02", PID, txa(), OBX.format(f"^AP^PDF^Base64^{letters}"))
    broken = f"{letters[:1000]}\\.br\\{letters[1000:40_000]}\\.br\\{letters[40_000:]}"
    lines = tell("MDM^T02", PID, txa(), OBX.format(f"^AP^PDF^Base64^{broken}"))
    assert one(whole, "Binary")["id"] == one(lines, "Binary")["id"]
    assert encode(one(whole, "Binary")) == encode(one(lines, "Binary"))


def test_long_base64_elsewhere_is_a_text(tell: Tell) -> None:
    letters = base64.b64encode(random.Random(3).randbytes(90_000)).decode()
    note = f"NTE|1||see {letters}"
    mapped = tell("ORU^R01", PID, OBR, "OBX|1|NM|718-7^Hb^LN||13.1|g/dL|||||F", note)
    (text,) = one(mapped, "Observation")["note"]
    assert text["text"] == f"see {letters}"


def test_a_long_document_is_copied_once(plan_of: Callable[[str], Plan]) -> None:
    """When it is written; before that, nothing holds it but the message."""
    letters = base64.b64encode(b"%PDF-1.4" + bytes(6_000_000)).decode()
    segments = (
        "MSH|^~\\&|EPIC|MERCY|CONCORD||20261001090000||MDM^T02|1|P|2.5.1",
        PID,
        txa(),
        OBX.format(f"^AP^PDF^Base64^{letters}"),
    )
    body, plan = "\r".join(segments).encode(), plan_of("site/mercy")
    tracemalloc.start()
    mapped = plan.map(parse(body), 0)
    _, before = tracemalloc.get_traced_memory()
    texts = [encode(given.body) for given in mapped.contributions]
    _, after = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(map(len, texts)) > len(body)
    assert before < 0.6 * len(body)
    assert after < 1.6 * len(body)
