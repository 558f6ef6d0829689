"""The manual and the JSON Schema are made of the declaration, and leave nothing out."""

import json
import re

from channels.mllp.inbound import SPEC
from channels.mllp.settings import MllpIn
from engine.settings.reference import schema, settings, settings_table


def test_every_setting_has_a_meaning() -> None:
    rows = settings([SPEC])
    assert [row.path for row in rows if not row.description] == []
    paths = {row.path for row in rows}
    assert {"region", "sites.<name>.timezone", "api.port", "api.token.env"} <= paths
    of_channels = {path.removeprefix("channels.<mllp in>.").partition(".")[0] for path in paths}
    assert set(MllpIn.model_fields) <= of_channels


def test_defaults_are_shown() -> None:
    table = settings_table([SPEC]).splitlines()
    assert "| `storage.encrypt` | `true` | encrypt the database files |" in table
    assert "| `region` | required | name of the region |" in table


def test_the_schema_knows_the_keys_of_each_channel_type() -> None:
    (mllp,) = schema([SPEC])["properties"]["channels"]["additionalProperties"]["oneOf"]
    assert mllp["properties"]["type"] == {"const": "mllp"}
    assert mllp["additionalProperties"] is False
    assert set(mllp["required"]) == {"type", "site", "direction", "port"}
    assert set(MllpIn.model_fields) < set(mllp["properties"])


def test_every_reference_of_the_schema_leads_somewhere() -> None:
    made = schema([SPEC])
    names = re.findall(r'"#/\$defs/(\w+)"', json.dumps(made))
    assert "TlsIn" in names
    assert set(names) <= set(made["$defs"])
    assert '"$defs"' not in json.dumps(made["properties"])
