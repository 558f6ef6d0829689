"""Where a resource comes from: one FHIR Provenance for each message, rendered when asked for.

Nothing is stored for it. The ledger knows the message, the version rows know what it wrote, and the
mapping lines it used are found by mapping the kept message with the kept plan once more.
(R4: http://hl7.org/fhir/R4/provenance.html)
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, select

from engine.core.clock import instant
from engine.core.fault import FaultError
from engine.core.values import Entry
from engine.database.statement import Statement
from engine.database.transaction import Transaction
from engine.journal.protocol import Journal
from engine.mapping.plan import MappingErrors, Plan
from engine.pipeline import interpret
from engine.pipeline.in_force import InForce
from engine.pipeline.ledger import Account, read_account
from engine.pipeline.plans import kept_plan
from engine.pipeline.tables import LEDGER
from engine.store.codes import NAMES, code_of
from engine.store.tables import RESOURCE, VERSION

ID = "message-{}"
SOURCE = "urn:concord:message:{}"
LINE = "urn:concord:mapping-line"
_PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_OPERATION = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
_STEWARD = "urn:concord:steward"

_TARGETS = Statement(
    select(RESOURCE.c.type, RESOURCE.c.id, VERSION.c.version)
    .join(RESOURCE, RESOURCE.c.rid == VERSION.c.rid)
    .where(VERSION.c.position == bindparam("at"))
    .order_by(RESOURCE.c.type, RESOURCE.c.id, VERSION.c.version),
    "at",
)
_OF_TARGET = Statement(
    select(VERSION.c.position)
    .join(RESOURCE, RESOURCE.c.rid == VERSION.c.rid)
    .where(
        RESOURCE.c.type == bindparam("type_"),
        RESOURCE.c.id == bindparam("id_"),
        VERSION.c.position > bindparam("after"),
    )
    .distinct()
    .order_by(VERSION.c.position)
    .limit(bindparam("most")),
    *("type_", "id_", "after", "most"),
)
_OF_CONTROL_ID = Statement(
    select(LEDGER.c.position)
    .where(LEDGER.c.control_id == bindparam("control_"), LEDGER.c.position > bindparam("after"))
    .order_by(LEDGER.c.position)
    .limit(bindparam("most")),
    *("control_", "after", "most"),
)


@dataclass(frozen=True, slots=True)
class Provenances:
    """Renders Provenance resources. `plans` are those in use."""

    journal: Journal
    plans: InForce
    id_key: bytes
    _past: dict[tuple[str, str], Plan | None] = field(default_factory=dict)

    def read(self, tx: Transaction, resource_id: str) -> dict[str, Any] | None:
        """Return the Provenance with this id, or None."""
        position = position_of(resource_id, ID)
        account = read_account(tx, position) if position else None
        return self._render(tx, account) if account else None

    def of_target(
        self, tx: Transaction, target: str, after: int, most: int
    ) -> list[tuple[int, dict[str, Any]]]:
        """Return the Provenances of `Type/id` beyond a position, oldest first, with positions."""
        kind, _, resource_id = target.partition("/")
        try:
            code = code_of(kind)
        except FaultError:
            return []
        return self._rendered(tx, tx.all(_OF_TARGET, code, resource_id, after, most))

    def of_source(
        self, tx: Transaction, source: str, after: int, most: int
    ) -> list[tuple[int, dict[str, Any]]]:
        """Return those of a message: `urn:concord:message:N`, or the sender's control id."""
        position = position_of(source, SOURCE)
        if position:
            return self._rendered(tx, [(position,)] if position > after else [])
        return self._rendered(tx, tx.all(_OF_CONTROL_ID, source, after, most))

    def _rendered(
        self, tx: Transaction, rows: Sequence[tuple[Any, ...]]
    ) -> list[tuple[int, dict[str, Any]]]:
        accounts = [read_account(tx, position) for (position,) in rows]
        return [(one.position, self._render(tx, one)) for one in accounts if one]

    def _render(self, tx: Transaction, account: Account) -> dict[str, Any]:
        targets = [
            {"reference": f"{NAMES[kind]}/{key}/_history/{version}"}
            for kind, key, version in tx.all(_TARGETS, account.position)
        ]
        nothing = {"display": f"{account.state}: {account.code or 'nothing changed'}"}
        lines = [{"url": LINE, "valueString": line} for line in self._lines(tx, account)]
        body: dict[str, Any] = {
            "resourceType": "Provenance",
            "id": ID.format(account.position),
            "meta": {
                "versionId": "1",
                "lastUpdated": instant(account.processed_us),
                "source": SOURCE.format(account.position),
            },
        }
        if lines:
            body["extension"] = lines
        body |= {
            "target": targets or [nothing],
            "occurredDateTime": instant(account.received_us),
            "recorded": instant(account.processed_us),
        }
        if account.plan:
            body["policy"] = [f"urn:concord:plan:{account.plan}"]
        return body | {
            "activity": {
                "coding": [{"system": _OPERATION, "code": "UPDATE"}],
                "text": account.kind,
            },
            "agent": [
                _agent("assembler", "urn:concord:channel", account.channel),
                _author(account),
            ],
            "entity": [_entity(account)],
        }

    def _lines(self, tx: Transaction, account: Account) -> Sequence[str]:
        """Map the message once more, with the plan that mapped it, and see which lines it used."""
        plan = self._plan(tx, account) if account.plan else None
        entry = self.journal.entry(account.position) if plan else None
        if plan is None or entry is None:
            return ()
        return _trace(plan, entry)

    def _plan(self, tx: Transaction, account: Account) -> Plan | None:
        current = self.plans.now.get(account.site)
        if current and current.id == account.plan:
            return current
        key = (account.plan, account.site)
        if key not in self._past:
            self._past[key] = None
            with suppress(MappingErrors):  # then the lines are not told
                self._past[key] = kept_plan(tx, *key, self.id_key)
        return self._past[key]


def _trace(plan: Plan, entry: Entry) -> Sequence[str]:
    try:
        return interpret.traced(plan, entry.envelope).mapped.lines
    except FaultError:
        return ()


def position_of(text: str, form: str) -> int:
    """Read the journal position out of an id or source of the given form, 0 when it is none."""
    head = form.format("")
    number = text.removeprefix(head)
    known = text.startswith(head) and number.isascii() and number.isdigit() and len(number) < 19
    return int(number) if known else 0


def _agent(role: str, system: str, value: str) -> dict[str, Any]:
    return {
        "type": {"coding": [{"system": _PARTICIPANT, "code": role}]},
        "who": {"identifier": {"system": system, "value": value}},
    }


def _author(account: Account) -> dict[str, Any]:
    if account.site:
        return _agent("author", "urn:concord:site", account.site)
    return _agent("author", _STEWARD, account.channel)


def _entity(account: Account) -> dict[str, Any]:
    system = f"urn:concord:site:{account.site}" if account.control_id else "urn:concord:message"
    value = account.control_id or str(account.position)
    return {
        "role": "source",
        "what": {"identifier": {"system": system, "value": value}, "display": account.kind},
    }
