"""The first ten minutes of an analyst, as the README tells them: every step, with what it prints.

Each ```console block below the heading is run, line by line, in a copy of what a clone holds. A
line that is `...` stands for any lines, `[...]` inside a line for any text; blanks count once.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEADING = "## Ten minutes for an integration analyst"
NEEDED = ("mappings", "samples", "config")
END = "-- that was all --"


@dataclass(frozen=True, slots=True)
class Step:
    command: str
    shown: str


def steps(page: str) -> Iterator[Step]:
    """Yield the commands of a section and what they print."""
    section = page.partition(HEADING)[2].partition("\n## ")[0]
    for block in re.findall(r"^```console\n(.*?)^```", section, re.DOTALL | re.MULTILINE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            if "<<'END'" in command:
                inner, _, shown = shown.partition("END\n")
                command = f"{command}\n{inner}END"
            yield Step(command, shown.strip("\n"))


def pattern(shown: str) -> re.Pattern[str]:
    """Return what matches the text that is shown."""
    lines = [
        "(?:.*\n)*?" if line.strip() == "..." else _line(line) + "\n" for line in shown.splitlines()
    ]
    return re.compile("".join(lines))


def _line(line: str) -> str:
    return ".*?".join(re.escape(part) for part in spaced(line).split("[...]"))


def spaced(text: str) -> str:
    """Return a text with one blank where there are several, and none at the end of a line."""
    return "\n".join(re.sub(" +", " ", line).rstrip() for line in text.split("\n"))


class Terminal:
    """A shell that stays: what one step leaves behind, the next one finds."""

    def __init__(self, folder: Path) -> None:
        (folder / ".venv/bin").mkdir(parents=True)
        (folder / ".venv/bin/activate").touch()
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        known = {"PATH": path, "HOME": str(folder), "COLUMNS": "100", "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env=known | {"LC_ALL": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def printed(self, command: str) -> str:
        """Type a command and return what it prints."""
        writing, reading = self._process.stdin, self._process.stdout
        assert writing is not None
        assert reading is not None
        writing.write(f"{command}\necho {END}\n")
        writing.flush()
        found = ""
        while not found.endswith(f"{END}\n"):
            line = reading.readline()
            assert line, f"the shell ended at: {command}"
            found += line
        return found.removesuffix(f"{END}\n")

    def close(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        found: int = one.getsockname()[1]
        return found


def at_free_ports(region: Path) -> dict[str, str]:
    """Let a region listen where nobody does, and return port as told -> port as it is."""
    told = ("2575", "2576", "2577", "8080")
    free = {port: str(free_port()) for port in told}
    text = region.read_text("utf-8") + f"api: {{port: {free['8080']}}}\n"
    for port, other in free.items():
        text = text.replace(f"port: {port}", f"port: {other}")
    region.write_text(text, "utf-8")
    return free


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    for name in NEEDED:
        shutil.copytree(ROOT / name, tmp_path / name)
    found = Terminal(tmp_path)
    yield found
    found.close()


@pytest.mark.timeout(300)
def test_every_step_prints_what_the_readme_shows(terminal: Terminal, tmp_path: Path) -> None:
    told = list(steps((ROOT / "README.md").read_text("utf-8")))
    assert len(told) > 20
    free = at_free_ports(tmp_path / "samples/region.yaml")
    for step in told:
        command = step.command
        for port, other in free.items():
            command = re.sub(rf"(?<=[/:]){port}\b", other, command)
        found = terminal.printed(command)
        if step.shown:
            assert pattern(step.shown).fullmatch(spaced(found)), f"$ {command}\n{found}"
        assert "Traceback" not in found, command
