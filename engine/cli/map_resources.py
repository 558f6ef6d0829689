"""FHIR resources under a plan, for `concord map`: one JSON text, or one a line (`.ndjson`)."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.core.fault import Fault, FaultError
from engine.formats.fhir_json import read_json
from engine.mapping.bundle import bodies, bundle
from engine.mapping.plan import Plan, Traced

SUFFIXES = (".json", ".ndjson")
Mapped = tuple[dict[str, Any] | None, list[Fault], list[Traced]]


def mapped_resources(plan: Plan, file: Path, received_us: int, *, trace: bool) -> Mapped:
    """Return the bundle of all deliveries of a file, what refused some of them, the traces."""
    resources: list[dict[str, Any]] = []
    faults: list[Fault] = []
    traced: list[Traced] = []
    for line, body in _texts(file):
        try:
            value = read_json(body)
            found = _one(plan, value, received_us, trace=trace)
        except FaultError as error:
            where = f"line {line} {error.fault.where}".strip() if line else error.fault.where
            faults.append(replace(error.fault, where=where))
        else:
            resources += bodies(found.mapped)
            traced += [found] if trace else []
    return (bundle(resources) if resources else None), faults, traced


def _one(plan: Plan, value: Any, received_us: int, *, trace: bool) -> Traced:
    if trace:
        return plan.trace_resource(value, received_us)
    return Traced(plan.map_resource(value, received_us), ())


def _texts(file: Path) -> Iterator[tuple[int, bytes]]:
    data = file.read_bytes()
    if file.suffix.lower() != ".ndjson":
        yield 0, data
        return
    for number, line in enumerate(data.splitlines(), 1):
        if line.strip():
            yield number, line
