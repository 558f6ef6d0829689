"""Everything about an entry that can be worked out before the store is locked.

A pure function of the entry and the plan: parse, map, validate, and for a contribution its place.
What goes wrong here concerns this message alone, so it is quarantined and the next one goes on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.core.fault import Category, Fault, FaultError
from engine.core.lap import Lap, untimed
from engine.core.values import DECISION, WHOLE, Contribution, Diagnostic, Entry, Mapped
from engine.mapping.plan import Plan
from engine.pipeline import interpret
from engine.pipeline.blame import blamed
from engine.pipeline.decision import Decision, read_decision
from engine.r4.validate import validate
from mpi.sight import sight_of

DAY_US = 24 * 3600 * 1_000_000


@dataclass(frozen=True, slots=True)
class Prepared:
    """An entry with what it says: a mapping's result, a decision, or why it can be neither."""

    entry: Entry
    mapped: Mapped | None = None
    decision: Decision | None = None
    fault: Fault | None = None


def prepare(entry: Entry, plans: Mapping[str, Plan], lap: Lap = untimed) -> Prepared:
    """Work out what an entry says. Never raises for what a message holds."""
    try:
        if entry.envelope.media_type == DECISION:
            return Prepared(entry, decision=read_decision(entry.envelope.body))
        return Prepared(entry, mapped=_map(entry, plans, lap))
    except FaultError as error:
        return Prepared(entry, fault=error.fault)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - the one place where a bug costs one message only
        return Prepared(entry, fault=bug(error))


def _map(entry: Entry, plans: Mapping[str, Plan], lap: Lap) -> Mapped:
    envelope = entry.envelope
    plan = plans.get(envelope.site)
    mapped = _timely(interpret.mapped(plan, envelope), envelope.received_us)
    lap("map")
    wrong = invalid(mapped)
    if wrong is not None:
        told, fault = wrong
        raise FaultError(replace(fault, where=blamed(plan, envelope, told, fault.where)))
    lap("validate")
    for contribution in mapped.contributions:
        if contribution.type == "Patient":
            sight_of(contribution.body)  # most likely what the store will hold: it is remembered
    lap("sight")
    return mapped


def invalid(mapped: Mapped) -> tuple[Contribution, Fault] | None:
    """Return the first contribution that is not valid R4, and what is wrong with it."""
    for contribution in mapped.contributions:
        if WHOLE in contribution.proven:
            continue
        issues = validate(contribution.body, contribution.proven)
        if issues:
            text = "the mapping made a resource that is not valid FHIR R4"
            fault = Fault(Category.INVALID, f"r4-{issues[0].code}", text, issues[0].path)
            return contribution, fault
    return None


def faulty(mapped: Mapped) -> Fault | None:
    """Return what is wrong with the first contribution that is not valid R4."""
    wrong = invalid(mapped)
    return wrong[1] if wrong else None


def _timely(mapped: Mapped, received_us: int) -> Mapped:
    """Do not believe a clock that runs ahead: what it says would shut out all that comes after."""
    latest_us = received_us + DAY_US
    if mapped.source_us <= latest_us:
        return mapped
    where = "meta.lastUpdated" if mapped.kind.startswith("fhir:") else "MSH-7"
    ahead = Diagnostic("clock-ahead", where, "the sender's time lies ahead; receipt counts")
    told = tuple(
        one._replace(said_us=received_us) if one.said_us > latest_us else one
        for one in mapped.contributions
    )
    noted = (*mapped.diagnostics, ahead)
    return replace(mapped, source_us=received_us, contributions=told, diagnostics=noted)


def bug(error: Exception) -> Fault:
    """Name the place of a programming error; its text may hold patient data, so it stays out."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = (
        f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else ""
    )
    return Fault(Category.BUG, "unexpected-error", f"{type(error).__name__} in Concord", place)
