"""`concord schema`: the JSON Schema of the files people write, for editors."""

import json
from typing import Any, Literal

from engine.app import BUILT_IN
from engine.mapping.schema import schema as of_mappings
from engine.settings.reference import schema as of_regions


def _lines(whole: dict[str, Any]) -> str:
    """Write a schema with one definition a line: small, and still to be compared."""
    defined = {name: json.dumps(one, sort_keys=True) for name, one in whole["definitions"].items()}
    head = json.dumps({**whole, "definitions": {}}, indent=1)
    inner = ",\n".join(f"  {json.dumps(name)}: {one}" for name, one in defined.items())
    return head.replace('"definitions": {}', f'"definitions": {{\n{inner}\n }}')


def schema(of: Literal["mapping", "region"] = "mapping", /) -> int:
    """Print the JSON Schema of mapping files or region files.

    An editor with a YAML language server completes and underlines by it: keep it in a file and name
    that file in the first line of a mapping, `# yaml-language-server: $schema=mapping.schema.json`,
    or in the editor's settings.

    Parameters
    ----------
    of
        What kind of file: mapping or region.
    """
    print(_lines(of_mappings()) if of == "mapping" else json.dumps(of_regions(BUILT_IN), indent=2))
    return 0
