"""The rows of a CSV file under a plan, for `concord map`: read as the channel reads them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.core.fault import Fault, FaultError
from engine.formats.delimited.delivery import RowDelivery
from engine.formats.delimited.table import Row
from engine.mapping.bundle import bodies, bundle
from engine.mapping.file_rows import deliveries, sound
from engine.mapping.plan import Plan, Traced

Mapped = tuple[dict[str, Any] | None, list[Fault], list[Traced]]


def mapped_rows(plan: Plan, file: Path, received_us: int, *, trace: bool) -> Mapped:
    """Return the bundle of all rows, what refused some of them, and the traces if wanted."""
    resources: list[dict[str, Any]] = []
    faults: list[Fault] = []
    traced: list[Traced] = []
    data = file.read_bytes()
    try:
        for row, delivery in deliveries(plan.contracts, file.name, data, received_us):
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
    sound(row)
    if trace:
        return plan.trace_row(delivery, received_us)
    return Traced(plan.map_row(delivery, received_us), ())
