"""Write the pages that follow from declarations: commands, settings, channels, codes, JSON Schemas.

`python docs/generate.py [FOLDER]` writes below FOLDER, the project's root unless given. A test
holds the committed pages against what this writes; `make docs` brings them up to date.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from engine.app import BUILT_IN
from engine.cli import app
from engine.cli.catalog import catalog
from engine.settings.reference import schema, settings_table

ROOT = Path(__file__).resolve().parent.parent
NOTICE = "<!-- Written by docs/generate.py: change the declaration, then `make docs`. -->\n"


def commands() -> str:
    """Return the manual of the command line."""
    manual = app.generate_docs(output_format="markdown", recursive=True).strip()
    return f"{NOTICE}\n{manual}\n".replace(f"{ROOT}/", "")  # defaults beside the code


def settings() -> str:
    """Return the settings of a region file as a page."""
    return f"{NOTICE}\n# Settings of a region file\n\n{settings_table(BUILT_IN)}"


def channels() -> str:
    """Return the channels as a page, each with its example."""
    parts = [NOTICE, "# Channels", ""]
    for spec in BUILT_IN:
        parts += [f"## `{spec.name}`, direction `{spec.direction}`", "", spec.summary, ""]
        parts += ["```yaml", "channels:", *_indented(spec.example), "```", ""]
    return "\n".join(parts)


def codes() -> str:
    """Return every code with its cause and what to do."""
    parts = [NOTICE, "# Codes", "", "`concord explain CODE` says the same.", ""]
    for part, known in catalog().items():
        parts += [f"## {part}", "", "| code | cause | what to do |", "|---|---|---|"]
        for code, (cause, cure) in known.items():
            parts.append(f"| `{code}` | {_celled(cause)} | {_celled(cure)} |")
        parts.append("")
    return "\n".join(parts)


def _celled(text: str) -> str:
    return text.replace("|", "\\|")


def _indented(text: str) -> Iterator[str]:
    return (f"  {line}" for line in text.rstrip().splitlines())


def region_schema() -> str:
    """Return the JSON Schema of a region file, for editors."""
    return json.dumps(schema(BUILT_IN), indent=2, sort_keys=True) + "\n"


PAGES = {
    "docs/commands.md": commands,
    "docs/settings.md": settings,
    "docs/channels.md": channels,
    "docs/codes.md": codes,
    "docs/schemas/region.schema.json": region_schema,
}


def write(folder: Path) -> None:
    """Write every page below `folder`."""
    for name, page in PAGES.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
