"""Deliveries that count only on a condition (R4, http.html#ccreate, #cond-update).

A condition is judged inside the transaction that writes, on the site's own view, so that of any
number of equal requests one wins. What was judged is in the ledger and is never judged again: an
entry that is read twice keeps its outcome.

    POST   nothing matches: created      one does: rule `if-none-exist`      several: not unique
    PUT    nothing matches: created      the resource itself: updated        another: names another
           of a version (If-Match): only if it is the current one
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from engine.core.fault import FaultError
from engine.core.values import FHIR_JSON, Envelope
from engine.database.transaction import Transaction
from engine.formats.fhir_json import read_json
from engine.formats.fhir_request import Request, condition_of
from engine.pipeline.criteria import query_of
from engine.pipeline.prepare import Prepared
from engine.store.read import View, read
from engine.store.search.find import search

EXISTS = "if-none-exist"
NOT_UNIQUE = "condition-not-unique"
NAMES_ANOTHER = "condition-names-another"
OTHER_VERSION = "version-differs"
RULES = frozenset({EXISTS, NOT_UNIQUE, NAMES_ANOTHER, OTHER_VERSION})
"""By these a delivery is left out because of what was in the store: no mapping changes that."""


def condition(envelope: Envelope) -> Request | None:
    """Return the condition of a delivery, None when it has none."""
    body = envelope.body
    if envelope.media_type != FHIR_JSON or b'"request"' not in body or not _may_have_one(body):
        return None
    try:
        return condition_of(read_json(body))
    except FaultError:
        return None


def _may_have_one(body: bytes) -> bool:
    return b"ifNoneExist" in body or b"?" in body or b"ifMatch" in body


def is_said_anew(item: Prepared) -> bool:
    """Tell whether the same bytes, come again, are a newer statement.

    Resources without a control id are: they may take back what was said in between, be it with the
    same time of their own or in the lane of another patient, and that may be pending still. One
    for a version is none: it would fail by its own success.
    """
    envelope = item.entry.envelope
    if envelope.media_type != FHIR_JSON or envelope.control_id or item.mapped is None:
        return False
    request = condition(envelope)
    return not (request and request.version)


def matches(tx: Transaction, request: Request, site: str) -> list[str]:
    """Return the ids that match a condition: two at most."""
    return [found.id for found in search(tx, query_of(request), View(site)).matches]


def runs(batch: Sequence[Prepared]) -> Iterator[Sequence[Prepared]]:
    """Divide a batch so that each condition is judged on all that was said before it."""
    begin = 0
    for at, item in enumerate(batch):
        if condition(item.entry.envelope) is not None:
            if begin < at:
                yield batch[begin:at]
            yield batch[at : at + 1]
            begin = at + 1
    if begin < len(batch):
        yield batch[begin:]


def judged(tx: Transaction, item: Prepared) -> Prepared:
    """Return what is left of an item under its condition: itself, or nothing and the rule."""
    request = None if item.mapped is None else condition(item.entry.envelope)
    if request is None or item.mapped is None or item.mapped.filtered:
        return item
    own = [told.id for told in item.mapped.contributions if told.type == request.type]
    rule = _rule_of(tx, request, item.entry.envelope.site, own)
    if not rule:
        return item
    nothing = replace(
        item.mapped,
        filtered=rule,
        patients=(),
        aliases=(),
        merges=(),
        links=(),
        contributions=(),
    )
    return replace(item, mapped=nothing)


def _rule_of(tx: Transaction, request: Request, site: str, own: Sequence[str]) -> str:
    if request.version:
        held = (read(tx, request.type, ident, View(site)) for ident in own[:1])
        current = [one.version for one in held if one is not None and not one.deleted]
        if current != [request.version]:
            return OTHER_VERSION
    return _rule(request, matches(tx, request, site), own) if request.condition else ""


def _rule(request: Request, found: Sequence[str], own: Sequence[str]) -> str:
    if not found:
        return ""
    if len(found) > 1:
        return NOT_UNIQUE
    if request.method == "POST":
        return EXISTS
    return "" if found[0] in own else NAMES_ANOTHER
