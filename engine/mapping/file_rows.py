"""A file's bytes as the deliveries of its rows, as the channel reads them: to look at, not to keep.

For commands that map a file without a region, and for tests of mappings. The whole file is held in
memory, and its hash is not taken.
"""

import io
from collections.abc import Iterator, Sequence

from engine.core.fault import Category, refuse
from engine.formats.delimited.contract import Contract
from engine.formats.delimited.decode import EncodingChoice
from engine.formats.delimited.delivery import RowDelivery
from engine.formats.delimited.table import Row, Table

NO_HASH = "0" * 64
_BAD_ROW = "the row does not keep to the contract"


def deliveries(
    contracts: Sequence[Contract], name: str, data: bytes, received_us: int
) -> Iterator[tuple[Row, RowDelivery]]:
    """Yield each row and its delivery. FaultError when the file is to be refused as a whole."""
    contract = _taking(contracts, name)
    choice = EncodingChoice(contract.dialect.encodings)
    choice.feed(data)
    deleting = contract.deletes_rows(name)
    text = io.StringIO(data.decode(choice.chosen()), newline="")
    table = Table(text.readline, contract, deleting=deleting)
    for row in table:
        columns = dict(zip(table.header, row.cells, strict=False))
        origin = (contract.feed, NO_HASH, row.number, received_us)
        yield row, RowDelivery(*origin, columns, deleting)


def sound(row: Row) -> None:
    """FaultError when a row breaks its contract."""
    if row.code:
        raise refuse(Category.INVALID, row.code, _BAD_ROW, row.column)


def _taking(contracts: Sequence[Contract], name: str) -> Contract:
    found = next((one for one in contracts if one.takes(name)), None)
    if found is None:
        text = "no csv document of the chain takes a file of this name"
        raise refuse(Category.UNSUPPORTED, "file-unknown", text)
    return found
