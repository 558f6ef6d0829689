"""What led to what: parent orders and results, answers to an order, what is about a specimen."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.core.values import Contribution
from engine.formats.hl7v2.parse import parse
from engine.mapping.plan import Plan
from engine.r4.validate import validate

PID = "PID|1||7001^^^MERCY^MR||Quill^Tess||19800401|F"
CULTURE = (
    "OBR|1|P1^EHR|F1^LAB|634-6^Culture^LN|||20261001080000||||||||||||||||||F",
    "OBX|1|CWE|634-6^Culture^LN|1|112283007^Escherichia coli^SCT||||||F",
    "OBX|2|CWE|634-6^Culture^LN|2|3092008^Staphylococcus aureus^SCT||||||F",
)
FROM_2 = "634-6&Culture&LN^2^Staphylococcus aureus"


def susceptibility(order: str = "P1&EHR^F1&LAB", result: str = FROM_2, code: str = "") -> list[str]:
    fields = [""] * 51
    head = ["OBR", "2", "P2^EHR", "F2^LAB", "50545-3^Susceptibility^LN", "", "", "20261001090000"]
    fields[: len(head)] = head
    fields[11], fields[25], fields[26], fields[29], fields[50] = "G", "F", result, order, code
    return ["|".join(fields), "OBX|1|ST|18906-8^Ciprofloxacin^LN|1|S||||||F"]


Tell = Callable[..., tuple[Contribution, ...]]


@pytest.fixture
def tell(plan_of: Callable[[str], Plan]) -> Tell:
    def of(kind: str, *segments: str) -> tuple[Contribution, ...]:
        header = f"MSH|^~\\&|EPIC|MERCY|CONCORD||20261001090000||{kind}|1|P|2.5.1"
        mapped = plan_of("us").map(parse("\r".join((header, *segments)).encode()), 0)
        assert [issue for one in mapped.contributions for issue in validate(one.body)] == []
        return mapped.contributions

    return of


def coded(said: tuple[Contribution, ...], kind: str, code: str, sub: str = "") -> dict[str, Any]:
    """Return the resource of a code; of several, the one whose value has another."""
    found = [
        one.body
        for one in said
        if one.type == kind
        and one.body["code"]["coding"][0]["code"] == code
        and sub in str(one.body.get("valueCodeableConcept", ""))
    ]
    assert len(found) == 1
    return found[0]


def test_a_susceptibility_is_derived_from_its_germ(tell: Tell) -> None:
    said = tell("ORU^R01", PID, *CULTURE, *susceptibility())
    germ = coded(said, "Observation", "634-6", "3092008")
    tested = coded(said, "Observation", "18906-8")
    assert tested["derivedFrom"] == [{"reference": f"Observation/{germ['id']}"}]


def test_the_order_of_orders_does_not_matter(tell: Tell) -> None:
    said = tell("ORU^R01", PID, *susceptibility(), *CULTURE)
    assert "derivedFrom" in coded(said, "Observation", "18906-8")


def test_a_result_that_did_not_come_is_not_referred_to(tell: Tell) -> None:
    for result in (FROM_2.replace("^2^", "^3^"), "1&Else&LN^2"):
        said = tell("ORU^R01", PID, *CULTURE, *susceptibility(result=result))
        assert "derivedFrom" not in coded(said, "Observation", "18906-8")
    alone = tell("ORU^R01", PID, *susceptibility())
    assert "derivedFrom" not in coded(alone, "Observation", "18906-8")


def test_a_reflex_order_is_based_on_the_numbers_of_its_parent(tell: Tell) -> None:
    said = tell("ORU^R01", PID, *CULTURE, *susceptibility())
    order = coded(said, "ServiceRequest", "50545-3")
    assert order["intent"] == "reflex-order"
    assert [(one["type"], one["identifier"]["value"]) for one in order["basedOn"]] == [
        ("ServiceRequest", "P1"),
        ("ServiceRequest", "F1"),
    ]


def test_a_parent_that_is_named_whole_is_referred_to(tell: Tell) -> None:
    said = tell("ORU^R01", PID, *CULTURE, *susceptibility(code="634-6^Culture^LN"))
    parent = coded(said, "ServiceRequest", "634-6")
    based = coded(said, "ServiceRequest", "50545-3")["basedOn"]
    assert based == [{"reference": f"ServiceRequest/{parent['id']}"}]


SPECIMENS = (
    "SPM|1|^S1&LAB||119297000^Blood^SCT",
    "OBX|1|ST|21612-7^Age^LN||44||||||F",
    "SPM|2|^S2&LAB||122575003^Urine^SCT",
    "OBX|1|ST|21612-7^Age^LN||45||||||F",
)


def test_what_stands_behind_a_specimen_is_about_it(tell: Tell) -> None:
    said = tell("ORU^R01", PID, *CULTURE, *SPECIMENS)
    about = {
        one.body["valueString"]: one.body["focus"][0]["reference"].partition("/")[2]
        for one in said
        if one.type == "Observation" and "focus" in one.body
    }
    kinds = {
        one.id: one.body["type"]["coding"][0]["display"] for one in said if one.type == "Specimen"
    }
    assert {age: kinds[specimen] for age, specimen in about.items()} == {
        "44": "Blood",
        "45": "Urine",
    }
    report = coded(said, "DiagnosticReport", "634-6")
    assert len(report["result"]) == 2
    assert len(report["specimen"]) == 2


@pytest.mark.parametrize("kind", ["OML^O21", "ORM^O01"])
def test_answers_stand_beside_the_order(tell: Tell, kind: str) -> None:
    answer = "OBX|1|ST|49541-6^Fasting^LN||yes||||||F"
    said = tell(kind, PID, "ORC|NW|P1^EHR", CULTURE[0], answer)
    order = coded(said, "ServiceRequest", "634-6")
    told = coded(said, "Observation", "49541-6")
    assert order["supportingInfo"] == [{"reference": f"Observation/{told['id']}"}]
