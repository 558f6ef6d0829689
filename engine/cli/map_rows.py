"""The rows of a CSV file under a plan, for `concord map`: read as the channel reads them."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.core.fault import Category, Fault, FaultError, refuse
from engine.formats.delimited.contract import Contract
from engine.formats.delimited.decode import EncodingChoice
from engine.formats.delimited.delivery import RowDelivery
from engine.formats.delimited.table import Row, Table
from engine.mapping.bundle import bodies, bundle
from engine.mapping.plan import Plan, Traced

_NO_HASH = "0" * 64  # the file is looked at, not delivered
_BAD_ROW = "the row does not keep to the contract"
Mapped = tuple[dict[str, Any] | None, list[Fault], list[Traced]]


def mapped_rows(plan: Plan, file: Path, received_us: int, *, trace: bool) -> Mapped:
    """Return the bundle of all rows, what refused some of them, and the traces if wanted."""
    resources: list[dict[str, Any]] = []
    faults: list[Fault] = []
    traced: list[Traced] = []
    try:
        for row, delivery in _rows(plan, file, received_us):
            try:
                found = _one(plan, row, delivery, received_us, trace=trace)
            except FaultError as error:
                where = f"line {row.line} {error.fault.where}".strip()
                faults.append(replace(error.fault, where=where))
            else:
                resources += bodies(found.mapped)
                traced += [found] if trace else []
    except FaultError as error:
        return None, [error.fault], []
    return (bundle(resources) if resources else None), faults, traced


def _one(plan: Plan, row: Row, delivery: RowDelivery, received_us: int, *, trace: bool) -> Traced:
    if row.code:
        raise refuse(Category.INVALID, row.code, _BAD_ROW, row.column)
    if trace:
        return plan.trace_row(delivery, received_us)
    return Traced(plan.map_row(delivery, received_us), ())


def _rows(plan: Plan, file: Path, received_us: int) -> Iterator[tuple[Row, RowDelivery]]:
    contract = _contract(plan, file.name)
    choice = EncodingChoice(contract.dialect.encodings)
    data = file.read_bytes()
    choice.feed(data)
    deleting = contract.deletes_rows(file.name)
    text = io.StringIO(data.decode(choice.chosen()), newline="")
    table = Table(text.readline, contract, deleting=deleting)
    for row in table:
        columns = dict(zip(table.header, row.cells, strict=False))
        origin = (contract.feed, _NO_HASH, row.number, received_us)
        yield row, RowDelivery(*origin, columns, deleting)


def _contract(plan: Plan, name: str) -> Contract:
    found = next((one for one in plan.contracts if one.takes(name)), None)
    if found is None:
        text = "no csv document of the chain takes a file of this name"
        raise refuse(Category.UNSUPPORTED, "file-unknown", text)
    return found
