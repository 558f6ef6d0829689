"""Lakeside's second voice: FHIR R4 in the conventions of athenahealth, beside its messages.

It tells of the same charts and the same results. A resource was changed a few seconds after the
message that said the same, so that no two statements are of one instant.
"""

import json
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from engine.demo.athena import SITE
from engine.demo.chart import Chart, Result
from engine.demo.delivery import Delivery

_PRACTICE = "888120"
_ZONE = ZoneInfo("America/New_York")
_LATER = timedelta(seconds=7, milliseconds=250)
_STATUS = {"P": "preliminary", "F": "final", "C": "corrected"}
_LABORATORY = {
    "system": "http://terminology.hl7.org/CodeSystem/observation-category",
    "code": "laboratory",
}


def patient(chart: Chart, when: datetime) -> Delivery:
    """Tell of a chart as it stands."""
    known, about = chart.known, f"a-{_PRACTICE}.E-{chart.local_id}"
    telecom = [{"system": "phone", "value": known.phone, "use": "home"}] if known.phone else []
    telecom += [{"system": "email", "value": known.mail}] if known.mail else []
    name: dict[str, Any] = {"use": "official", "family": known.family}
    name |= {"given": [known.given, known.middle]}
    name |= {"suffix": [known.suffix]} if known.suffix else {}
    address = known.address
    body = _resource("Patient", about, when) | {
        "identifier": [{"system": "https://fhir.athena.io/sid/ah-patient", "value": about}],
        "active": True,
        "name": [name],
        "telecom": telecom,
        "gender": "female" if known.sex == "F" else "male",
        "birthDate": f"{known.born:%Y-%m-%d}",
        "address": [
            {
                "use": "home",
                "line": [address.street],
                "city": address.town,
                "state": "WI",
                "postalCode": address.zip_code,
            }
        ],
    }
    return _delivery(body, (("Patient", chart.local_id),))


def observations(chart: Chart, result: Result, when: datetime) -> list[Delivery]:
    """Tell of each value of a result."""
    return [_observation(chart, result, line, when) for line in range(1, len(result.values) + 1)]


def _observation(chart: Chart, result: Result, line: int, when: datetime) -> Delivery:
    code, name, value, unit = result.values[line - 1]
    about = f"a-{_PRACTICE}.labresult-{result.order}-{line}"
    body = _resource("Observation", about, when) | {
        "status": _STATUS[result.status],
        "category": [{"coding": [_LABORATORY]}],
        "code": {
            "coding": [{"system": "http://loinc.org", "code": code, "display": name}],
            "text": name,
        },
        "subject": {"reference": f"Patient/a-{_PRACTICE}.E-{chart.local_id}"},
        "effectiveDateTime": _instant(when),
        "issued": _instant(when),
        "valueQuantity": {
            "value": int(value),
            "unit": unit,
            "system": "http://unitsofmeasure.org",
            "code": unit,
        },
    }
    facts = (("Patient", chart.local_id), ("Observation", f"{result.order} {code}^{name}"))
    return _delivery(body, facts)


def damaged(chart: Chart, when: datetime) -> Delivery:
    """Tell the family name twice over: a resource no reader may take."""
    sound = patient(chart, when).body.decode()
    body = sound.replace('"active": true', '"active": true, "active": false')
    return Delivery(SITE, "", body.encode(), refused=True, way="fhir")


def _resource(kind: str, about: str, when: datetime) -> dict[str, Any]:
    changed = _instant(when + _LATER)
    practice = {"reference": f"Organization/a-1.Practice-{_PRACTICE}"}
    url = "https://fhir.athena.io/StructureDefinition/ah-practice"
    return {
        "resourceType": kind,
        "id": about,
        "meta": {"lastUpdated": changed},
        "extension": [{"url": url, "valueReference": practice}],
    }


def _instant(when: datetime) -> str:
    return when.replace(tzinfo=_ZONE).isoformat(timespec="milliseconds")


def _delivery(body: dict[str, Any], facts: tuple[tuple[str, str], ...]) -> Delivery:
    return Delivery(SITE, "", json.dumps(body).encode(), facts, way="fhir")
