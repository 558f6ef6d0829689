"""What comes out when the input of a case goes through a plan: resources, statements, faults.

A file may hold several messages, rows or resources: what they say is taken together, in order, and
one that is refused does not keep back the others.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from engine.core.fault import Fault, FaultError
from engine.core.values import Contribution, Diagnostic, Mapped, Merge
from engine.formats.delimited.contract import Column, Contract
from engine.formats.delimited.delivery import RowDelivery
from engine.formats.delimited.table import Row
from engine.formats.fhir_json import read_json
from engine.formats.hl7v2.batch import split_batch
from engine.formats.hl7v2.parse import parse
from engine.mapping import twice
from engine.mapping.documents import text_at
from engine.mapping.file_rows import NO_HASH, deliveries, sound
from engine.mapping.grammar import closest
from engine.mapping.node import Fields
from engine.mapping.plan import Lineage, Plan, Traced
from engine.mapping.probe import Probe
from engine.mapping.problem import Problems
from engine.mapping.testing.case import RECEIVED_US, Body, Case, Rows

Take = Callable[[], Traced]  # FaultError when a delivery is refused


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything a test may ask about."""

    made: tuple[Contribution, ...] = ()
    notes: tuple[Diagnostic, ...] = ()
    faults: tuple[Fault, ...] = ()
    filtered: tuple[str, ...] = ()
    merges: tuple[Merge, ...] = ()
    patients: tuple[str, ...] = ()  # identifiers as the site writes them
    lineage: tuple[Lineage, ...] = ()
    lines: frozenset[str] = frozenset()  # of rules that gave something


def outcome(
    plan: Plan, probe: Probe, case: Case, files: Mapping[str, bytes], problems: Problems
) -> Outcome:
    """Run the input of a case. `files` are those that cases name."""
    probe.told.clear()
    traced: list[Traced] = []
    faults: list[Fault] = []
    try:
        for take in _takes(plan, case, files, problems):
            try:
                traced.append(take())
            except FaultError as error:
                faults.append(error.fault)
    except FaultError as error:
        faults.append(error.fault)
    lineage = tuple(line for one in traced for line in one.lineage)
    mapped = [one.mapped for one in traced]
    return Outcome(
        _together(mapped),
        tuple(note for one in mapped for note in one.diagnostics),
        tuple(faults),
        tuple(one.filtered for one in mapped if one.filtered),
        tuple(merge for one in mapped for merge in one.merges),
        tuple(dict.fromkeys(key.local_id for one in mapped for key in one.patients)),
        lineage,
        frozenset(line.rule for line in lineage) | probe.told,
    )


def _together(mapped: list[Mapped]) -> tuple[Contribution, ...]:
    """Return what several deliveries say, the later about the same resource after the earlier."""
    made: dict[tuple[str, str], Contribution] = {}
    for contribution in (one for each in mapped for one in each.contributions):
        key = contribution.type, contribution.id
        old = made.get(key)
        merges = old is not None and contribution.mode == "merge"
        made[key] = twice.merged(old, contribution) if old and merges else contribution
    return tuple(made.values())


def _takes(
    plan: Plan, case: Case, files: Mapping[str, bytes], problems: Problems
) -> Iterator[Take]:
    """Yield the deliveries of a case. FaultError when a file is refused as a whole."""
    given = case.given
    if isinstance(given, Rows):
        yield from _rows(plan, given, problems)
    elif isinstance(given, Body):
        name = "body.json" if given.is_resource else "body.hl7"
        yield from _of_file(plan, name, given.data)
    else:
        name = given.path.rpartition("/")[2]
        yield from _of_file(plan, name, files[given.path])


def _of_file(plan: Plan, name: str, data: bytes) -> Iterator[Take]:
    suffix = name.rpartition(".")[2].lower()
    if suffix == "csv":
        for row, delivery in deliveries(plan.contracts, name, data, RECEIVED_US):
            yield partial(_row, plan, row, delivery)
    elif suffix in {"json", "ndjson"}:
        texts = [data] if suffix == "json" else [line for line in data.split(b"\n") if line.strip()]
        for text in texts:
            yield partial(_resource, plan, text)
    else:
        for part in split_batch(data):
            yield partial(_message, plan, part)


def _message(plan: Plan, part: bytes) -> Traced:
    return plan.trace(parse(part, plan.site.charset), RECEIVED_US)


def _resource(plan: Plan, text: bytes) -> Traced:
    return plan.trace_resource(read_json(text), RECEIVED_US)


def _row(plan: Plan, row: Row, delivery: RowDelivery) -> Traced:
    sound(row)
    return plan.trace_row(delivery, RECEIVED_US)


def _rows(plan: Plan, given: Rows, problems: Problems) -> Iterator[Take]:
    contract = next((one for one in plan.contracts if one.feed == given.feed), None)
    if contract is None:
        advice = closest(given.feed, [one.feed for one in plan.contracts])
        message = f"the chain has no csv document '{given.feed}'"
        problems.report("E275", given.place, message, advice)
        return
    for number, fields in enumerate(given.rows, 1):
        columns = _cells(contract, fields, given, problems)
        origin = (given.feed, NO_HASH, number, RECEIVED_US)
        delivery = RowDelivery(*origin, columns, given.deletes)
        yield partial(plan.trace_row, delivery, RECEIVED_US)


def _cells(contract: Contract, fields: Fields, given: Rows, problems: Problems) -> dict[str, str]:
    """Return a row by the headers of its columns; a file has all of them, so do these."""
    known: dict[str, Column] = {one.header: one for one in contract.columns}
    known |= {one.name: one for one in contract.columns}
    cells = {one.header: "" for one in contract.required(deleting=given.deletes)}
    for key, _ in fields.entries:
        column = known.get(key.text)
        if column is None:
            message = f"'{given.feed}' has no column '{key.text}'"
            problems.report("E275", key.mark, message, closest(key.text, list(known)))
        else:
            cells[column.header] = text_at(fields, key.text)
    return cells
