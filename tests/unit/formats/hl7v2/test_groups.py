"""Segments to groups, in the order of the book and in the orders of the world."""

import pytest

from engine.formats.hl7v2.dictionary import structure
from engine.formats.hl7v2.groups import OUT_OF_ORDER, REPEATED, Bound, compile_binder
from engine.formats.hl7v2.parse import parse


def bind(name: str, segments: str, version: str = "2.5.1") -> Bound:
    lines = ["MSH|^~\\&|A", *(f"{segment}|" for segment in segments.split())]
    return compile_binder(structure(version, name)).bind(parse("\r".join(lines).encode()))


def shape(bound: Bound) -> str:
    """Write a tree as `PID PATIENT(VISIT(PV1))`, with MSH left out."""
    parts = [name for name, found in bound.segments.items() for _ in found if name != "MSH"]
    for name, occurrences in bound.groups.items():
        parts += [f"{name}({shape(group)})" for group in occurrences]
    return " ".join(parts)


@pytest.mark.parametrize(
    ("name", "segments", "expected"),
    [
        ("ADT_A01", "EVN PID PV1", "EVN PID PV1"),
        ("ADT_A01", "PID", "PID"),
        (
            "ADT_A01",
            "EVN PID NK1 NK1 PV1 PR1 ROL PR1 GT1 IN1 IN2 IN1 IN3",
            (
                "EVN PID NK1 NK1 PV1 GT1 PROCEDURE(PR1 ROL) PROCEDURE(PR1) "
                "INSURANCE(IN1 IN2) INSURANCE(IN1 IN3)"
            ),
        ),
        ("ADT_A39", "EVN PID MRG PV1", "EVN PATIENT(PID MRG PV1)"),
        ("ADT_A39", "EVN PID MRG PID PD1 MRG", "EVN PATIENT(PID MRG) PATIENT(PID PD1 MRG)"),
        (
            "ORU_R01",
            "PID PV1 OBR OBX NTE OBX",
            (
                "PATIENT_RESULT(PATIENT(PID VISIT(PV1)) "
                "ORDER_OBSERVATION(OBR OBSERVATION(OBX NTE) OBSERVATION(OBX)))"
            ),
        ),
        (
            "ORU_R01",
            "PID NTE OBR NTE OBX NTE OBR OBX",
            (
                "PATIENT_RESULT(PATIENT(PID NTE) "
                "ORDER_OBSERVATION(OBR NTE OBSERVATION(OBX NTE)) "
                "ORDER_OBSERVATION(OBR OBSERVATION(OBX)))"
            ),
        ),
        (
            "ORU_R01",
            "PID ORC OBR OBX SPM OBX ORC OBR OBX",
            (
                "PATIENT_RESULT(PATIENT(PID) "
                "ORDER_OBSERVATION(ORC OBR OBSERVATION(OBX) SPECIMEN(SPM OBX)) "
                "ORDER_OBSERVATION(ORC OBR OBSERVATION(OBX)))"
            ),
        ),
        (
            "ORU_R01",
            "PID OBR OBX PID OBR OBX",
            (
                "PATIENT_RESULT(PATIENT(PID) ORDER_OBSERVATION(OBR OBSERVATION(OBX))) "
                "PATIENT_RESULT(PATIENT(PID) ORDER_OBSERVATION(OBR OBSERVATION(OBX)))"
            ),
        ),
        (
            "ORU_R01",
            "OBR OBX OBR",
            "PATIENT_RESULT(ORDER_OBSERVATION(OBR OBSERVATION(OBX)) ORDER_OBSERVATION(OBR))",
        ),
        (
            "OML_O21",  # the second ORC could begin a prior result of the first
            "PID ORC OBR ORC OBR NTE OBX",
            (
                "PATIENT(PID) ORDER(ORC OBSERVATION_REQUEST(OBR)) "
                "ORDER(ORC OBSERVATION_REQUEST(OBR NTE OBSERVATION(OBX)))"
            ),
        ),
        (
            "OML_O21",  # what does begin with a patient of its own
            "PID ORC OBR PID ORC OBR OBX",
            (
                "PATIENT(PID) ORDER(ORC OBSERVATION_REQUEST(OBR PRIOR_RESULT(PATIENT_PRIOR(PID) "
                "ORDER_PRIOR(ORC OBR OBSERVATION_PRIOR(OBX)))))"
            ),
        ),
        (
            "ORM_O01",
            "PID ORC RXO NTE ORC OBR OBX NTE",
            (
                "PATIENT(PID) ORDER(ORC ORDER_DETAIL(NTE CHOICE(RXO))) "
                "ORDER(ORC ORDER_DETAIL(CHOICE(OBR) OBSERVATION(OBX NTE)))"
            ),
        ),
        (
            "SIU_S12",
            "SCH PID PV1 RGS AIS NTE AIL AIP",
            (
                "SCH PATIENT(PID PV1) RESOURCES(RGS SERVICE(AIS NTE) "
                "LOCATION_RESOURCE(AIL) PERSONNEL_RESOURCE(AIP))"
            ),
        ),
        (
            "MDM_T02",
            "EVN PID PV1 TXA OBX OBX NTE",
            "EVN PID PV1 TXA OBSERVATION(OBX) OBSERVATION(OBX NTE)",
        ),
    ],
)
def test_the_order_of_the_book(name: str, segments: str, expected: str) -> None:
    bound = bind(name, segments)
    assert shape(bound) == expected
    assert bound.misplaced == []


@pytest.mark.parametrize(
    ("name", "segments", "expected", "misplaced"),
    [
        (  # the patient's group takes back what came late
            "ORU_R01",
            "PID PV1 NTE OBR OBX",
            "PATIENT_RESULT(PATIENT(PID NTE VISIT(PV1)) ORDER_OBSERVATION(OBR OBSERVATION(OBX)))",
            [3],
        ),
        (  # ... even when it is closed, and the order goes on
            "ORU_R01",
            "PID ORC PV1 PV2 OBR OBX",
            (
                "PATIENT_RESULT(PATIENT(PID VISIT(PV1 PV2)) "
                "ORDER_OBSERVATION(ORC OBR OBSERVATION(OBX)))"
            ),
            [3, 4],
        ),
        (  # the visit before its patient
            "ORU_R01",
            "PV1 PID OBR OBX",
            "PATIENT_RESULT(PATIENT(PID VISIT(PV1)) ORDER_OBSERVATION(OBR OBSERVATION(OBX)))",
            [1, 2],
        ),
        (  # a result without its order never joins the next order
            "ORU_R01",
            "PID OBX OBR OBX",
            (
                "PATIENT_RESULT(PATIENT(PID) ORDER_OBSERVATION(OBSERVATION(OBX)) "
                "ORDER_OBSERVATION(OBR OBSERVATION(OBX)))"
            ),
            [2],
        ),
        (
            "ADT_A01",
            "EVN PID PV1 DG1 AL1 IN1 GT1 IN2 IN1 OBX",
            "EVN PID PV1 DG1 AL1 GT1 OBX INSURANCE(IN1 IN2) INSURANCE(IN1)",
            [5, 7, 10],
        ),
        (
            "OML_O21",  # several tests under one ORC: no prior results
            "PID ORC OBR OBR NTE OBX SPM",
            (
                "PATIENT(PID) ORDER(ORC OBSERVATION_REQUEST(OBR)) "
                "ORDER(OBSERVATION_REQUEST(OBR NTE OBSERVATION(OBX) SPECIMEN(SPM)))"
            ),
            [4],
        ),
        (
            "ORM_O01",
            "PID ORC OBR NTE OBR OBX ORC OBR",
            (
                "PATIENT(PID) ORDER(ORC ORDER_DETAIL(NTE CHOICE(OBR))) "
                "ORDER(ORDER_DETAIL(CHOICE(OBR) OBSERVATION(OBX))) "
                "ORDER(ORC ORDER_DETAIL(CHOICE(OBR)))"
            ),
            [5],
        ),
        (
            "SIU_S12",  # no RGS, and the resources twice
            "SCH PID AIS AIL AIP AIS NTE AIL",
            (
                "SCH PATIENT(PID) RESOURCES(SERVICE(AIS) SERVICE(AIS NTE) "
                "LOCATION_RESOURCE(AIL) LOCATION_RESOURCE(AIL) PERSONNEL_RESOURCE(AIP))"
            ),
            [3, 6],
        ),
    ],
)
def test_the_orders_of_the_world(
    name: str, segments: str, expected: str, misplaced: list[int]
) -> None:
    bound = bind(name, segments)
    assert shape(bound) == expected
    assert bound.misplaced == [(index, OUT_OF_ORDER) for index in misplaced]


def test_a_second_segment_where_one_may_stand_is_kept_and_reported() -> None:
    bound = bind("ADT_A01", "EVN PID PV1 PV1")
    assert [segment.index for segment in bound.segments["PV1"]] == [3, 4]
    assert bound.misplaced == [(4, REPEATED)]


def test_what_the_structure_does_not_know_stays_where_it_stands() -> None:
    bound = bind("ORU_R01", "ZM1 PID ZP1 PV1 OBR ZO1 OBX PRT ZX1 OBX ZX2")
    assert shape(bound) == (
        "ZM1 PATIENT_RESULT(PATIENT(PID ZP1 VISIT(PV1)) "
        "ORDER_OBSERVATION(OBR ZO1 OBSERVATION(OBX PRT ZX1) OBSERVATION(OBX ZX2)))"
    )
    assert bound.misplaced == []


@pytest.mark.parametrize("version", ["2.3", "2.3.1", "2.4", "2.5.1", "2.7", "2.8.2"])
def test_results_keep_their_notes_in_every_version(version: str) -> None:
    bound = bind("ORU_R01", "PID NTE OBR NTE OBX NTE NTE OBX NTE", version)
    result = next(iter(bound.groups.values()))[0]
    assert bound.misplaced == []
    assert [s.index for s in result.groups["PATIENT"][0].segments["NTE"]] == [2]
    (order,) = result.groups["ORDER_OBSERVATION"]
    assert [s.index for s in order.segments["NTE"]] == [4]
    notes = [[s.index for s in o.segments["NTE"]] for o in order.groups["OBSERVATION"]]
    assert notes == [[6, 7], [9]]


def test_groups_know_their_parents_and_share_the_report() -> None:
    bound = bind("ORU_R01", "PID OBR OBX PV1")
    order = bound.groups["PATIENT_RESULT"][0].groups["ORDER_OBSERVATION"][0]
    observation = order.groups["OBSERVATION"][0]
    assert observation.parent is order
    assert observation.name == "OBSERVATION"
    assert bound.parent is None
    assert bound.name == "ORU_R01"
    assert observation.misplaced is bound.misplaced
    assert "OBSERVATION" in repr(order)


def test_a_binder_keeps_nothing_between_messages() -> None:
    binder = compile_binder(structure("2.5.1", "ADT_A01"))
    message = parse(b"MSH|^~\\&|\rPID|1\rIN1|1\r")
    assert shape(binder.bind(message)) == shape(binder.bind(message)) == "PID INSURANCE(IN1)"
