"""Settings of the CSV channel: one place, a span of time, no way around the host's key."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from channels.csv_sftp.settings import CsvIn
from engine.plugin.span import seconds

SFTP: dict[str, Any] = {
    "host": "files.example",
    "user": "concord",
    "key_file": "/etc/concord/key",
    "known_hosts": "/etc/concord/known_hosts",
    "folder": "/outbox",
}


def test_a_folder_is_enough() -> None:
    settings = CsvIn.model_validate({"folder": "/srv/inbox"})
    assert (settings.folder, settings.every, settings.ready) == (
        Path("/srv/inbox"),
        "60s",
        "stable",
    )


def test_relative_paths_are_below_the_region_file() -> None:
    settings = CsvIn.model_validate({"folder": "inbox"}, context={"folder": "/etc/concord"})
    assert settings.folder == Path("/etc/concord/inbox")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"folder": "/a", "sftp": SFTP, "spool_folder": "/b"},
        {"sftp": SFTP},
        {"sftp": {**SFTP, "password": "x"}, "spool_folder": "/b"},
        {"sftp": {k: v for k, v in SFTP.items() if k != "known_hosts"}, "spool_folder": "/b"},
        {"sftp": {k: v for k, v in SFTP.items() if k != "key_file"}, "spool_folder": "/b"},
        {"folder": "/a", "every": "60"},
        {"folder": "/a", "every": "0s"},
        {"folder": "/a", "every": "soon"},
        {"folder": "/a", "ready": "perhaps"},
    ],
)
def test_what_would_not_work_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CsvIn.model_validate(given)


@pytest.mark.parametrize(
    ("span", "found"), [("500ms", 0.5), ("60s", 60.0), ("5m", 300.0), ("1h", 3600.0)]
)
def test_spans_have_units(span: str, found: float) -> None:
    assert seconds(span) == found
