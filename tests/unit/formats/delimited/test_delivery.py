"""A row as a delivery: written, read back, refused when it is none."""

import pytest

from engine.core.fault import FaultError
from engine.formats.delimited.delivery import RowDelivery, read_delivery

GIVEN = RowDelivery("patients", "ab" * 32, 7, 1_790_000_000_000_000, {"Id": "1", "Über": "=x"})


def test_what_is_written_is_read_back() -> None:
    assert read_delivery(GIVEN.to_bytes()) == GIVEN
    assert GIVEN.control_id == "abababababababab:7"


@pytest.mark.parametrize(
    "body", [b"", b"MSH|^~\\&|", b"[]", b"{}", b"null", GIVEN.to_bytes().replace(b":7,", b':"x",')]
)
def test_what_is_no_row_is_refused(body: bytes) -> None:
    with pytest.raises(FaultError) as caught:
        read_delivery(body)
    assert caught.value.fault.code == "bad-row"
