"""Commands that look at the traffic of a region, in its journal, beside whoever writes to it."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from engine.app import open_journal, open_store, site_profile
from engine.cli.begun import begun
from engine.cli.codes import gaps
from engine.cli.coverage import Output, coverage
from engine.cli.diff import diff
from engine.cli.init import init
from engine.cli.map import Which
from engine.cli.traffic import Window
from engine.core.values import HL7_V2, Envelope
from engine.database.metadata import STORE
from engine.mapping.library import read_library
from engine.mapping.plan import compile_plan
from engine.pipeline.activation import START, Activation, SitePlan, library_of
from engine.pipeline.activations import note
from engine.pipeline.ledger import Account, write_accounts
from tests.small_mapping import SEX, small_mapping

RULES = small_mapping("name: PID-5", "gender: {from: PID-8, map: sex, unmapped: error}")
DAY_US = 24 * 3600 * 1_000_000
FIRST_US = 1_790_000_000_000_000
SITE = "{ehr: other, timezone: UTC, mappings: [base]}"


@pytest.fixture
def region(tmp_path: Path) -> Path:
    (tmp_path / "mappings" / "base" / "codes").mkdir(parents=True)
    (tmp_path / "mappings" / "base" / "rules.yaml").write_text(RULES, "utf-8")
    (tmp_path / "mappings" / "base" / "codes" / "sex.csv").write_text(SEX, "utf-8")
    file = tmp_path / "region.yaml"
    file.write_text(f"region: north\nsites: {{mercy: {SITE}, other: {SITE}}}\n", "utf-8")
    assert init(file) == 0
    return file


def keep(file: Path, *sexes: str, site: str = "mercy") -> None:
    """Let a site's messages be in the journal, a day apart, and in the ledger as worked off."""
    region, key = begun(file)
    store, journal = open_store(region, key), open_journal(region, key)
    store.create(STORE)
    envelopes = [_envelope(site, n, sex) for n, sex in enumerate(sexes)]
    accounts = [
        _account(position, envelope, sex)
        for position, envelope, sex in zip(journal.append(envelopes), envelopes, sexes, strict=True)
    ]
    with store.write() as tx:
        write_accounts(tx, accounts)
    journal.close()
    store.close()


def _envelope(site: str, number: int, sex: str) -> Envelope:
    body = f"MSH|^~\\&|A|B|||20260314||ADT^A01|{number}|P|2.5\rPID|1||{number}||Doe|||{sex}|||Elm"
    received_us = FIRST_US + number * DAY_US
    return Envelope(f"{site}-hl7", site, HL7_V2, body.encode(), received_us, str(number))


def _account(position: int, envelope: Envelope, sex: str) -> Account:
    if sex == "D":
        return Account(position, "duplicate", *_told(envelope), of=1)
    state, code = ("written", "") if sex == "M" else ("quarantined", "unmapped-code-refused")
    return Account(position, state, *_told(envelope), code=code)


def _told(envelope: Envelope) -> tuple[str, str, str, str, str, int, int]:
    head = (envelope.channel, envelope.site, envelope.control_id, "ADT^A01", "")
    return (*head, envelope.received_us, envelope.received_us)


def hold(file: Path) -> None:
    """Let the mappings on the disk hold, as a start of the region does."""
    region, key = begun(file)
    profile = site_profile(region, "mercy", key)
    library = library_of(read_library(region.mappings_folder), profile.chain)
    plan = compile_plan(library, profile)
    found = Activation(START, "test", FIRST_US, {"mercy": SitePlan(plan.id, profile)})
    store = open_store(region, key)
    store.create(STORE)
    with store.write() as tx:
        note(tx, 1, found, {"mercy": library})
    store.close()


def test_what_holds_against_the_folder(region: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(region, "M", "X")
    which = Which(site="mercy", config=region)
    assert diff("running", which=which) == 1
    assert "nothing-held" in capsys.readouterr().err
    hold(region)
    assert diff("running", which=which) == 0
    capsys.readouterr()
    rules = region.parent / "mappings" / "base" / "rules.yaml"
    rules.write_text(RULES.replace("name: PID-5", "name: PID-9"), "utf-8")
    assert diff("running", which=which, as_json=True) == 2
    found = json.loads(capsys.readouterr().out)
    assert (found["deliveries"], found["identical"], found["changed"]) == (2, 1, 1)
    (group,) = found["groups"]
    assert (group["element"], group["examples"]) == ("Patient.name", ["message 1"])
    rules.write_text(RULES.replace("PID-3[1]", "PID-4"), "utf-8")
    assert diff("running", which=which) == 1
    assert "missing-patient-key at PID-3: newly failing 1" in capsys.readouterr().out


def test_two_folders_over_files(region: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = region.parent / "mappings", region.parent / "next"
    shutil.copytree(old, new)
    (new / "base" / "codes" / "sex.csv").write_text(SEX.replace("male,Male", "other,"), "utf-8")
    file = region.parent / "one.hl7"
    file.write_bytes(_envelope("mercy", 7, "M").body)
    which = Which(chain="base", mappings=old, site="mercy")
    assert diff(str(old), new, corpus=[file], which=which) == 2
    told = capsys.readouterr().out.splitlines()
    assert told[1:3] == ["  Patient.gender: 1 (as one.hl7#1)", "    male -> other"]
    assert diff(str(old), old, corpus=[file], which=which) == 0
    assert diff(str(old / "none"), new, corpus=[file], which=which) == 2


def test_a_commit_against_the_folder(region: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(region, "M")
    folder = region.parent / "mappings"
    author = ("-c", "user.name=a", "-c", "user.email=a@x.example")
    for command in (("init", "-q"), ("add", "."), (*author, "commit", "-q", "-m", "first")):
        subprocess.run(["git", "-C", str(folder), *command], check=True)
    which = Which(site="mercy", config=region)
    assert diff("git:HEAD", which=which) == 0
    rules = folder / "base" / "rules.yaml"
    rules.write_text(RULES.replace("name: PID-5", "name: PID-9"), "utf-8")
    assert diff("git:HEAD", which=which) == 2
    assert "Patient.name: 1" in capsys.readouterr().out
    assert diff("git:nowhere", which=which) == 1
    assert diff("git:--output=x", which=which) == 1
    assert capsys.readouterr().err.count("git-failed") == 2


def test_coverage_of_the_newest(region: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(region, "M", "M", "D", "X", "D")
    keep(region, "M", site="other")
    which = Which(site="mercy")
    assert coverage([region], which=which, output=Output(as_json=True)) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["deliveries"], found["refused"]) == (3, {"unmapped-code-refused": 1})
    states = {path["path"]: path["state"] for path in found["paths"]}
    assert (states["PID-8"], states["PID-11"]) == ("mapped", "undecided")
    newest = Window(last=1)
    assert coverage([region], which=which, window=newest, output=Output(as_json=True)) == 0
    assert json.loads(capsys.readouterr().out)["deliveries"] == 1


def test_gaps_of_what_was_refused_with_its_days(
    region: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(region, "M", "X", "M", "X", "Q")
    assert gaps([region], which=Which(site="mercy"), least=1, as_json=True) == 0
    first, second = json.loads(capsys.readouterr().out)["gaps"]
    assert (first["table"], first["code"], first["seen"]) == ("sex", "X", 2)
    assert (first["first"][:10], first["last"][:10]) == ("2026-09-22", "2026-09-24")
    assert first["channels"] == ["mercy-hl7"]
    assert second["code"] == "Q"


def test_a_site_that_sent_nothing(region: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(region, "M")
    assert coverage([region], which=Which(site="other")) == 0
    assert capsys.readouterr().out.startswith("0 deliveries")
    assert coverage([region], which=Which(site="nowhere")) == 2
