"""Every refusal as a FHIR OperationOutcome: a stable code and a constant sentence, never a value.

R4, operationoutcome.html and http.html#Status-Codes. The table below is the only place that knows
what a fault's category means to an HTTP client.
"""

import re
from collections.abc import Mapping

import orjson
from starlette.responses import Response

from engine.core.fault import Category, Fault

FHIR_JSON = "application/fhir+json; charset=utf-8"
CODES = "urn:concord:fault"

_STATUS: Mapping[Category, tuple[int, str]] = {
    Category.INVALID: (400, "invalid"),
    Category.UNSUPPORTED: (400, "not-supported"),
    Category.FORBIDDEN: (403, "forbidden"),
    Category.NOT_FOUND: (404, "not-found"),
    Category.CONFLICT: (409, "conflict"),
    Category.BUSY: (503, "transient"),
    Category.UNAVAILABLE: (503, "transient"),
    Category.BUG: (500, "exception"),
}
"""Category -> HTTP status, OperationOutcome.issue.code."""

_ELEMENT = re.compile(r"[A-Z][A-Za-z]*(?:\.[A-Za-z]\w*|\[\d+\])*", re.ASCII).fullmatch
_PARAMETER = re.compile(r"[a-z_][a-z_-]*(?:\.[a-z_-]+)*(?::[A-Za-z-]+)?").fullmatch

UNKNOWN = Fault(Category.NOT_FOUND, "not-found", "nothing is known under this address")
GONE = Fault(Category.NOT_FOUND, "deleted", "the resource is deleted")
UNKNOWN_TYPE = Fault(Category.NOT_FOUND, "unknown-type", "this resource type is not served")
UNKNOWN_SITE = Fault(Category.NOT_FOUND, "unknown-site", "no site has this name")
METHOD = Fault(Category.UNSUPPORTED, "method-not-allowed", "this address takes other methods")
LOGIN = Fault(Category.FORBIDDEN, "login-required", "a valid bearer token is required")
WRITES = Fault(
    Category.FORBIDDEN,
    "token-only-writes",
    "this token opens its site's own door, for handing in; reading needs the region's",
)
READS = Fault(
    Category.FORBIDDEN,
    "token-only-reads",
    "the region's token reads; a site's door is opened by the token of that site",
)
LOGINS = Fault(Category.INVALID, "login-ambiguous", "one Authorization header is allowed")
FORMAT = Fault(Category.UNSUPPORTED, "format-not-acceptable", "only JSON is served")
CONTENT = Fault(Category.UNSUPPORTED, "content-type", "a search is posted as a web form")
TOO_LARGE = Fault(Category.INVALID, "body-too-large", "the request is too large")
BUG = Fault(Category.BUG, "internal-error", "the server failed on this request")


def status_of(fault: Fault) -> int:
    """Return the HTTP status of a fault's category."""
    return _STATUS[fault.category][0]


def issue(fault: Fault, severity: str = "error", code: str = "") -> dict[str, object]:
    """Return one OperationOutcome.issue for a fault."""
    found: dict[str, object] = {
        "severity": severity,
        "code": code or _STATUS[fault.category][1],
        "details": {"coding": [{"system": CODES, "code": fault.code}], "text": fault.message},
    }
    return found | (place(fault.where) if fault.where else {})


def place(where: str) -> dict[str, object]:
    """Return where an issue lies: FHIRPath for an element, `http.` and the name for a parameter.

    Those are two elements in R4 (operationoutcome.html); anything else is for people to read.
    """
    if _ELEMENT(where):
        return {"expression": [where]}
    return {"location": [f"http.{where}"]} if _PARAMETER(where) else {"diagnostics": where}


def outcome(*issues: dict[str, object]) -> dict[str, object]:
    return {"resourceType": "OperationOutcome", "issue": list(issues)}


def refusal(
    fault: Fault, status: int = 0, *, code: str = "", headers: Mapping[str, str] | None = None
) -> Response:
    """Return the response for a fault; `status` and `code` where HTTP knows it more exactly."""
    status = status or status_of(fault)
    more = dict(headers or {})
    if status == 503:
        more.setdefault("Retry-After", "1")
    body = orjson.dumps(outcome(issue(fault, code=code)))
    return Response(body, status, more, media_type=FHIR_JSON)
