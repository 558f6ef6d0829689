"""HL7's dictionary as values."""

import pytest

from engine.core.fault import Category, FaultError
from engine.formats.hl7v2 import dictionary
from engine.formats.hl7v2.groups import GroupDef, SegmentRef, compile_binder


def named(group: GroupDef, *path: str) -> GroupDef:
    for name in path:
        group = next(c for c in group.children if isinstance(c, GroupDef) and c.name == name)
    return group


def test_versions_are_in_order() -> None:
    assert dictionary.versions()[0] == "2.1"
    assert dictionary.versions()[-1] == "2.8.2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2.5.1", "2.5.1"),
        ("2.5", "2.5"),
        ("2.5.2", "2.5.1"),
        ("2.9", "2.8.2"),
        ("2.7.1", "2.7"),
        ("2.6.1", "2.6"),
        ("3.0", "2.8.2"),
        ("1.0", "2.1"),
        ("2.5^FRA^2.5", "2.5"),
        (" 2.4 ", "2.4"),
        ("", "2.5.1"),
        ("${version}", "2.5.1"),
    ],
)
def test_the_nearest_version_is_used(text: str, expected: str) -> None:
    assert dictionary.normal_version(text) == expected


@pytest.mark.parametrize(
    ("kind", "structure", "expected"),
    [
        ("ADT^A01", "ADT_A01", "ADT_A01"),
        ("ADT^A04", "", "ADT_A01"),
        ("ADT^A08", "ADT_A08", "ADT_A01"),
        ("ADT^A13", "", "ADT_A01"),
        ("ADT^A28", "", "ADT_A05"),
        ("ADT^A31", "ADT_A31", "ADT_A05"),
        ("ADT^A11", "", "ADT_A09"),
        ("ADT^A40", "", "ADT_A39"),
        ("ADT^A40", "ADT_A40", "ADT_A39"),
        ("ADT^A03", "", "ADT_A03"),
        ("ADT^A44", "", "ADT_A43"),
        ("SIU^S14", "SIU_S14", "SIU_S12"),
        ("MDM^T06", "", "MDM_T02"),
        ("MDM^T09", "", "MDM_T01"),
        ("ORU^R01", "", "ORU_R01"),
        ("ORU^", "ORU_R01", "ORU_R01"),
        ("VXU^V04", "", "VXU_V04"),
        ("ACK^A01", "", "ACK"),
        ("ACK^", "", "ACK"),
        ("ADT^A01", "9.3-DEF", "ADT_A01"),
        ("ADT^Z99", "ADT_A01", "ADT_A01"),
        ("ZDT^Z01", "ZDT_Z01", "ZDT_Z01"),
        ("ZDT^Z01", "", "ZDT_Z01"),
        ("ADT^", "", "ADT"),
        ("^", "", ""),
        ("ADT^A01", "X" * 1_000_000, "ADT_A01"),
    ],
)
@pytest.mark.parametrize("version", ["2.3", "2.5.1", "2.9", ""])
def test_names_the_structure(kind: str, structure: str, expected: str, version: str) -> None:
    assert dictionary.structure_of(kind, structure, version) == expected


def test_groups_have_the_names_people_use() -> None:
    result = named(dictionary.structure("2.5.1", "ORU_R01"), "PATIENT_RESULT")
    assert result.repeats
    assert result.required
    observation = named(result, "ORDER_OBSERVATION", "OBSERVATION")
    assert observation.children == (
        SegmentRef("OBX", repeats=False, required=True),
        SegmentRef("NTE", repeats=True, required=False),
    )
    admission = dictionary.structure("2.5.1", "ADT_A01")
    assert named(admission, "INSURANCE").repeats
    assert named(admission, "PROCEDURE").children[0] == SegmentRef("PR1", False, True)
    assert named(dictionary.structure("2.5.1", "MDM_T02"), "OBSERVATION").repeats
    order = named(dictionary.structure("2.5.1", "ORM_O01"), "ORDER", "ORDER_DETAIL", "CHOICE")
    assert order.choice


def test_a_structure_of_another_version_is_found() -> None:
    assert dictionary.structure("2.1", "VXU_V04").name == "VXU_V04"
    assert dictionary.structure("2.9", "ADT_A18").name == "ADT_A18"  # withdrawn with 2.7


def test_an_unknown_structure_is_unsupported() -> None:
    with pytest.raises(FaultError) as refused:
        dictionary.structure("2.5.1", "ZDT_Z01")
    assert refused.value.fault.category is Category.UNSUPPORTED
    assert refused.value.fault.where == "MSH-9.3"


def test_knows_fields() -> None:
    patient = dictionary.segment("2.5.1", "PID")
    assert patient is not None
    assert len(patient.fields) == 39
    identifier = patient.fields[3]
    assert (identifier.datatype, identifier.repeats, identifier.required) == ("CX", True, True)
    assert identifier.name == "PATIENT_IDENTIFIER_LIST"
    assert patient.fields[8].table == "0001"
    assert not patient.fields[8].repeats


def test_a_value_of_any_type_is_a_star() -> None:
    for version in ("2.3", "2.5.1", "2.7", "2.8.2"):
        observation = dictionary.segment(version, "OBX")
        assert observation is not None
        assert observation.fields[5].datatype == "*"


def test_segments_that_are_none_are_not_found() -> None:
    assert dictionary.segment("2.5.1", "ZPD") is None
    assert dictionary.segment("2.5.1", "ANYHL7SEGMENT") is None
    assert dictionary.segment("2.7", "QRD") is None  # withdrawn


def test_knows_components() -> None:
    name = dictionary.datatype("2.5.1", "XPN")
    assert [part.number for part in name] == list(range(1, 15))
    assert (name[0].datatype, name[0].name) == ("FN", "FAMILY_NAME")
    assert dictionary.datatype("2.5.1", "FN")[0].datatype == "ST"
    assert dictionary.datatype("2.5.1", "ST") == ()
    assert dictionary.datatype("2.5.1", "NO") == ()


@pytest.mark.parametrize("version", dictionary.versions())
def test_every_entry_of_a_version_can_be_read(version: str) -> None:
    for name in ("ADT_A01", "ADT_A39", "ORU_R01", "SIU_S12", "MDM_T02", "VXU_V04", "ORM_O01"):
        compile_binder(dictionary.structure(version, name))
    for name in ("MSH", "PID", "PV1", "OBR", "OBX", "ORO", "RX1", "QRD"):
        found = dictionary.segment(version, name)
        for field in found.fields.values() if found else ():
            for part in dictionary.datatype(version, field.datatype):
                assert part.number > 0
                assert part.datatype
