"""A row as a delivery: written, read back, refused when it is none."""

from dataclasses import replace

import pytest

from engine.core.fault import FaultError
from engine.formats.delimited.delivery import RowDelivery, read_delivery, without_name

GIVEN = RowDelivery("patients", "ab" * 32, 7, 1_790_000_000_000_000, {"Id": "1", "Über": "=x"})


def test_what_is_written_is_read_back() -> None:
    assert read_delivery(GIVEN.to_bytes()) == GIVEN
    assert GIVEN.control_id == "abababababababab:7"


def test_the_name_of_the_file_makes_no_other_delivery() -> None:
    columns = {"file": "x", "Id": '","file":"y'}
    one, other, third = (
        replace(GIVEN, columns=columns, file=file, line=line).to_bytes()
        for file, line in (("a.csv", 8), ('b","file":"c.csv', 8), ("a.csv", 9))
    )
    assert one != other
    assert without_name(one) == without_name(other) != without_name(third)
    assert b'"Id"' in without_name(one)


@pytest.mark.parametrize(
    "body", [b"", b"MSH|^~\\&|", b"[]", b"{}", b"null", GIVEN.to_bytes().replace(b":7,", b':"x",')]
)
def test_what_is_no_row_is_refused(body: bytes) -> None:
    with pytest.raises(FaultError) as caught:
        read_delivery(body)
    assert caught.value.fault.code == "bad-row"
