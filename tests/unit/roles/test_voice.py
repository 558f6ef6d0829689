"""Why a role process ends is said as an event, like everything else it says."""

import json
from pathlib import Path

import pytest

from engine.app import region_of
from engine.core.fault import Category, Fault
from engine.pipeline.ledger import Account
from engine.pipeline.renumbered import REUSED
from engine.roles.voice import Voice, last_words
from engine.settings.region import Region
from engine.telemetry.event import AccessRefused


@pytest.fixture
def region(tmp_path: Path) -> Region:
    (tmp_path / "mappings" / "base").mkdir(parents=True)
    file = tmp_path / "region.yaml"
    file.write_text(
        "region: north\nsites:\n  mercy: {ehr: other, timezone: UTC, mappings: [base]}\n"
        "channels:\n  mercy-adt: {type: mllp, site: mercy, direction: in, port: 2575}\n",
        "utf-8",
    )
    return region_of(file)


@pytest.mark.parametrize(
    ("role", "code", "where", "place"),
    [
        ("api", "port-in-use", "127.0.0.1:8080", ("", "127.0.0.1:8080")),
        ("intake", "port-in-use", "mercy-adt 0.0.0.0:2575", ("mercy-adt", "0.0.0.0:2575")),
        ("intake", "cannot-listen", "mercy-adt ::1:2575", ("mercy-adt", "::1:2575")),
        ("intake", "cannot-listen", "mercy-adt Quill:2575", ("mercy-adt", "withheld")),
    ],
)
def test_an_address_that_is_taken_is_named_with_what_to_do(
    region: Region,
    capfd: pytest.CaptureFixture[str],
    role: str,
    code: str,
    where: str,
    place: tuple[str, str],
) -> None:
    last_words(region, role, Fault(Category.UNAVAILABLE, code, "constant", where))
    said = json.loads(capfd.readouterr().err)
    assert (said["event"], said["role"], said["code"]) == ("address-refused", role, code)
    assert (said["channel"], said["address"]) == place
    assert "change host and port" in said["text"]


def test_who_is_not_let_in_is_logged_and_counted(
    region: Region, capfd: pytest.CaptureFixture[str]
) -> None:
    region.data_folder.joinpath("run").mkdir(parents=True)
    voice = Voice(region, "api")
    voice.emit(AccessRefused("mercy", "login-required"))
    voice.close()
    said = json.loads(capfd.readouterr().err.splitlines()[0])
    assert (said["event"], said["level"]) == ("access-refused", "warning")
    counted = (region.data_folder / "run" / "api.prom").read_text("utf-8")
    assert (
        'concord_access_refused_total{code="login-required",role="api",site="mercy"} 1' in counted
    )


def test_a_control_id_used_twice_is_told(region: Region, capfd: pytest.CaptureFixture[str]) -> None:
    region.data_folder.joinpath("run").mkdir(parents=True)
    voice = Voice(region, "worker-1")
    names = ("mercy-adt", "mercy", "1", "ADT^A01", "mercy|1")
    voice.told(
        [Account(7, "written", *names, 1, 1, notes=(REUSED,)), Account(8, "written", *names, 1, 1)]
    )
    voice.close()
    said = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    reused = [one for one in said if one["event"] == "control-id-reused"]
    assert [(one["position"], one["site"]) for one in reused] == [(7, "mercy")]


def test_any_other_reason_is_named_by_its_code(
    region: Region, capfd: pytest.CaptureFixture[str]
) -> None:
    last_words(region, "worker-1", Fault(Category.CONFLICT, "journal-mismatch", "x", "secret"))
    said = json.loads(capfd.readouterr().err)
    assert (said["event"], said["code"]) == ("role-refused", "journal-mismatch")
    assert "secret" not in str(said)
