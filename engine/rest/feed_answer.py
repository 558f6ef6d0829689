"""What became of deliveries as HTTP and FHIR say it (R4, http.html#create, #update, #transaction).

202   on disk, not yet in the store; Content-Location is where its outcome will be
201   in the store, and new          200   in the store, or known already
400   no request, or no JSON         422   a resource nobody can use: nothing was kept
409   412   what a condition found   413   415   429   503   try again otherwise, or later
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.responses import Response

from engine.core.fault import Category, Fault
from engine.core.values import Receipt, Settled, Touched
from engine.plugin.web import Answered, Part
from engine.rest.outcome import CODES, FHIR_JSON, issue, outcome, refusal, status_of

STATE = "urn:concord:state"
_STATES: Mapping[str, str] = {
    "written": "what the delivery says is in the store",
    "duplicate": "the delivery is known already; nothing was done again",
    "filtered": "a rule left the delivery out",
    "quarantined": "the delivery could not be used and is kept for a person to look at",
    "pending": "the delivery is on disk and waits to be worked off",
}
_SEVERITY = {
    "duplicate": ("information", "duplicate"),
    "filtered": ("warning", "business-rule"),
    "quarantined": ("error", "processing"),
}
_STATUSES: Mapping[str, int] = {
    "content-encoding": 415,
    "content-type-json": 415,
    "body-too-large": 413,
    "too-many-requests": 429,
    "condition-not-unique": 412,
    "condition-names-another": 409,
    "version-differs": 412,
}
"""Code -> HTTP status, where HTTP knows it more exactly than the fault's category."""
_FORM = ("json-", "bundle-", "condition-", "idempotency-", "if-match-", "not-a-", "resource-")
"""Faults of the request itself: 400. Others that the client can mend are 422."""

_CODES = {413: "too-long", 429: "throttled"}  # HTTP status -> OperationOutcome.issue.code


@dataclass(frozen=True, slots=True)
class Told:
    """One answer before it is written: alone, or as an entry of a batch's."""

    status: int
    outcome: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        body = orjson.dumps(self.outcome)
        return Response(body, self.status, self.headers, media_type=FHIR_JSON)

    def entry(self) -> dict[str, Any]:
        """Return `Bundle.entry` of a batch-response."""
        said: dict[str, Any] = {"status": str(self.status), "outcome": self.outcome}
        if where := self.headers.get("Location") or self.headers.get("Content-Location"):
            said["location"] = where
        if tag := self.headers.get("ETag"):
            said["etag"] = tag
        return {"response": said}


def answer(answered: Answered, base: str) -> Response:
    """Write the answer; `base` is the URL of the site's view."""
    if answered.fault is not None:
        return refused(answered.fault)
    if answered.form == "batch":
        entries = [told(part, base).entry() for part in answered.parts]
        return _bundle("batch-response", entries)
    part = answered.parts[0]
    if answered.form == "transaction" and _is_written(part.receipt):
        return _bundle("transaction-response", _entries(answered, part, base))
    return told(part, base).response()


def refused(fault: Fault) -> Response:
    """Answer a request that was refused whole."""
    status = _status(fault)
    headers = {"Retry-After": "1"} if status == 429 else {}
    return refusal(fault, status, code=_CODES.get(status, ""), headers=headers)


def told(part: Part, base: str) -> Told:
    """Say what became of one delivery."""
    receipt = part.receipt
    if receipt.fault is not None:
        fault = receipt.fault
        return Told(_status(fault), outcome(issue(fault)))
    where = {"Content-Location": f"{base}/$status/{receipt.position}"}
    if receipt.settled is None:
        return Told(202, stated("pending"), where)
    return _settled(receipt.settled, part.type, base, where)


def stated(state: str, code: str = "", place: str = "") -> dict[str, Any]:
    """Return the outcome of a delivery: its state, and the rule or fault that led to it."""
    coding = [{"system": STATE, "code": state}]
    if code:
        coding.append({"system": CODES, "code": code})
    severity, kind = _SEVERITY.get(state, ("information", "informational"))
    found: dict[str, Any] = {
        "severity": severity,
        "code": kind,
        "details": {"coding": coding, "text": _STATES[state]},
    }
    if place:
        found["diagnostics"] = f"at {place}"
    return outcome(found)


def _is_written(receipt: Receipt) -> bool:
    return receipt.settled is not None and receipt.settled.state in {"written", "duplicate"}


def _settled(settled: Settled, kind: str, base: str, where: dict[str, str]) -> Told:
    if settled.state == "quarantined":
        return Told(202, stated(settled.state, settled.code, settled.where), where)
    status = _STATUSES.get(settled.code, 200)
    if status != 200:
        return Told(status, stated(settled.state, settled.code), where)
    main = next((one for one in settled.touched if one.type == kind), None)
    body = stated(settled.state, settled.code)
    if main is None:
        return Told(200, body, where)
    new = settled.state == "written" and main.outcome == "created"
    return Told(201 if new else 200, body, where | _named(main, base))


def _named(touched: Touched, base: str) -> dict[str, str]:
    place = f"{base}/{touched.type}/{touched.id}/_history/{touched.version}"
    return {"Location": place, "ETag": f'W/"{touched.version}"'}


def _entries(answered: Answered, part: Part, base: str) -> list[dict[str, Any]]:
    """One entry for each of the transaction's, with its address where there is no doubt of it."""
    settled = part.receipt.settled
    touched = settled.touched if settled else ()
    entries = []
    for at, kind in enumerate(answered.types):
        made = [one for one in touched if one.type == kind]
        place = answered.types[:at].count(kind)
        certain = len(made) == answered.types.count(kind)
        one = Settled("written", touched=(made[place],)) if certain else Settled("written")
        entries.append(_settled(one, kind, base, {}).entry())
    return entries


def _bundle(kind: str, entries: Sequence[dict[str, Any]]) -> Response:
    body = {"resourceType": "Bundle", "type": kind, "entry": entries}
    return Response(orjson.dumps(body), 200, media_type=FHIR_JSON)


def _status(fault: Fault) -> int:
    if fault.code in _STATUSES:
        return _STATUSES[fault.code]
    mendable = fault.category in {Category.INVALID, Category.UNSUPPORTED}
    return 422 if mendable and not fault.code.startswith(_FORM) else status_of(fault)
