"""Settings of the pulling channel: https, one proof, nothing that cannot work."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from channels.fhir_pull.inbound import SPEC, examine
from channels.fhir_pull.settings import FhirPull
from engine.app import BUILT_IN, examine_channels, region_of
from engine.core.clock import SystemClock
from engine.core.fault import FaultError
from engine.settings.load import SettingsErrors, read_region

BASE = {"base_url": "https://fhir.lakeside.example/r4"}
AUTH = {
    "token_url": "https://fhir.lakeside.example/token",
    "client_id": "concord",
    "client_secret": {"env": "SECRET"},
}


PATIENTS = [{"type": "Patient"}]


def test_an_address_is_enough() -> None:
    settings = FhirPull.model_validate(BASE)
    assert (settings.events, settings.resources, settings.every) == (True, (), "5m")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"base_url": "http://fhir.lakeside.example/r4"}, "https"),
        ({"base_url": "ftp://fhir.lakeside.example"}, "https://host/path"),
        ({"base_url": "https:///r4"}, "https://host/path"),
        ({"base_url": "https://fhir.lakeside.example:99999/r4"}, "https://host/path"),
        ({"base_url": "https://me:secret@fhir.lakeside.example/r4"}, "neither user"),
        ({"base_url": "https://fhir.lakeside.example/r4?x=1"}, "neither user"),
        ({"events": False}, "needs 'resources'"),
        ({"resources": [{"type": "patient"}]}, "match"),
        ({"resources": [{"type": "Patient", "search": {"_lastUpdated": "x"}}]}, "Concord itself"),
        ({"resources": [{"type": "Patient"}, {"type": "Patient"}]}, "same twice"),
        ({"resources": [{"type": "Patient", "by": "compare"}], "compare": "never"}, "time to"),
        ({"compare": "sunday"}, "sun 03:00"),
        ({"compare": "sun 24:00"}, "sun 03:00"),
        ({"every": "0s"}, "span of time"),
        ({"allow": ["10.0.0.1/8"]}, "10.20.0.0/16"),
        ({"verify": False}, "not permitted"),
        ({"auth": {**AUTH, "private_key": {"env": "KEY"}}}, "needs one of"),
        ({"auth": {k: v for k, v in AUTH.items() if k != "client_secret"}}, "needs one of"),
        ({"auth": {**AUTH, "algorithm": "HS256"}}, "RS384"),
        ({"auth": {**AUTH, "token_url": "http://fhir.lakeside.example/token"}}, "https"),
    ],
)
def test_what_would_not_work_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        FhirPull.model_validate({**BASE, **given})


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_only_this_host_is_asked_in_the_clear(host: str) -> None:
    assert FhirPull.model_validate({"base_url": f"http://{host}:8080/r4"})


def test_a_mistake_is_shown_where_it_is(tmp_path: Path) -> None:
    text = f"""
region: north
mappings_folder: {Path("mappings").resolve()}
sites:
  lakeside: {{ehr: athena, timezone: America/New_York, mappings: [base]}}
channels:
  lakeside-pull:
    type: fhir_pull
    site: lakeside
    direction: in
    base_url: http://fhir.lakeside.example/r4
    auth: {{token_url: https://a.example/t, client_id: c, client_secret: written-out}}
"""
    with pytest.raises(SettingsErrors) as caught:
        read_region(text, tmp_path / "region.yaml", BUILT_IN)
    found = {(one.code, one.place.line) for one in caught.value.problems}
    assert found == {("E303", 11), ("E309", 12)}
    assert "written-out" not in caught.value.frames()


@pytest.mark.parametrize(
    ("mode", "text", "code"),
    [(0o644, "x", "secret-exposed"), (0o600, "x", "signing-key"), (0o600, "", "secret-missing")],
)
def test_a_key_nobody_can_sign_with(tmp_path: Path, mode: int, text: str, code: str) -> None:
    key = tmp_path / "key.pem"
    key.write_text(text)
    key.chmod(mode)
    auth = {k: v for k, v in AUTH.items() if k != "client_secret"}
    given = {**BASE, "auth": {**auth, "private_key": {"file": str(key)}}}
    found = examine(SPEC.config.model_validate(given), SystemClock())
    assert found is not None
    assert found.code == code


def test_two_channels_do_not_get_the_same_events(tmp_path: Path) -> None:
    pull = {**BASE, "type": "fhir_pull", "site": "lakeside", "direction": "in"}
    region = {
        "region": "north",
        "mappings_folder": str(Path("mappings").resolve()),
        "sites": {"lakeside": {"ehr": "athena", "timezone": "UTC", "mappings": ["base"]}},
        "channels": {"one": pull, "two": pull},
    }
    path = tmp_path / "region.yaml"
    path.write_text(json.dumps(region))
    with pytest.raises(FaultError) as caught:
        examine_channels(region_of(path))
    assert caught.value.fault.code == "two-fetchers"
    region["channels"] = {"one": pull, "two": {**pull, "events": False, "resources": PATIENTS}}
    path.write_text(json.dumps(region))
    examine_channels(region_of(path))
