"""What is not documented does not pass: commands, settings, channels, and what the pages promise.

Everything is discovered from the code: the command tree, the settings' declaration, the registry.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App

from engine.app import BUILT_IN
from engine.cli import app
from engine.settings.reference import settings

GENERATED = (
    "docs/channels.md",
    "docs/codes.md",
    "docs/commands.md",
    "docs/settings.md",
)


def commands(node: App, above: tuple[str, ...] = ()) -> Iterator[str]:
    for name in node:
        if not name.startswith("-"):
            yield " ".join((*above, name))
            yield from commands(node[name], (*above, name))


def fenced(text: str) -> Iterator[str]:
    """Yield the lines of a page's code blocks."""
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        yield from block.splitlines()


@pytest.fixture(scope="module")
def pages(root: Path) -> dict[str, str]:
    found = [*root.glob("*.md"), *root.glob("docs/**/*.md")]
    return {path.relative_to(root).as_posix(): path.read_text("utf-8") for path in found}


@pytest.fixture(scope="module")
def manual(pages: dict[str, str]) -> str:
    return "\n".join(text for name, text in pages.items() if name != "CHANGELOG.md")


def test_every_command_is_documented(manual: str) -> None:
    known = list(commands(app))
    assert known
    assert [name for name in known if f"concord {name}" not in manual] == []


def test_every_setting_is_documented_and_has_a_meaning(manual: str) -> None:
    known = list(settings(BUILT_IN))
    assert known
    assert [one.path for one in known if f"`{one.path}`" not in manual] == []
    assert [one.path for one in known if not one.description] == []


def test_every_channel_is_documented(manual: str) -> None:
    known = list(BUILT_IN)
    assert known
    assert [spec.name for spec in known if f"`{spec.name}`" not in manual] == []
    assert [spec.name for spec in known if not (spec.summary and spec.example)] == []


def test_the_generated_pages_are_fresh(root: Path, tmp_path: Path) -> None:
    script = root / "docs" / "generate.py"
    subprocess.run([sys.executable, str(script), str(tmp_path)], cwd=root, check=True)
    stale = [name for name in GENERATED if _text(root / name) != _text(tmp_path / name)]
    assert stale == [], "run `make docs`"


def _text(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""


def test_every_target_a_page_names_exists(pages: dict[str, str], root: Path) -> None:
    targets = set(re.findall(r"^(\w+):", (root / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {
        (name, target)
        for name, text in pages.items()
        for target in re.findall(r"(?:^|`)make (\w+)", text, re.MULTILINE)
    }
    assert named
    assert {one for one in named if one[1] not in targets} == set()


def test_every_command_a_page_shows_exists(pages: dict[str, str]) -> None:
    known = set(commands(app)) | {"COMMAND"}
    shown = {
        (name, found.group(1))
        for name, text in pages.items()
        for line in fenced(text)
        if (found := re.match(r"(?:\$ )?(?:\.venv/bin/)?concord (\w[\w-]*)", line))
    }
    assert {one for one in shown if one[1] not in known} == set()


def test_every_command_named_in_a_sentence_exists(manual: str) -> None:
    known = {name.split()[0] for name in commands(app)}
    named = set(re.findall(r"`concord ([a-z]+)", manual))
    assert named <= known


def test_links_between_pages_lead_somewhere(pages: dict[str, str], root: Path) -> None:
    broken = [
        (name, target)
        for name, text in pages.items()
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
        if "://" not in target and not (root / Path(name).parent / target).exists()
    ]
    assert broken == []
