"""Traffic of many people at several sites, made and sent by tools that know nothing of Concord.

The tools are scripts in a folder: `gen_people.py` writes rows (it needs numpy, so it may be run by
another interpreter), `render_people.py` makes messages of them, `mllp_load.py` sends these.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.benchmark.traffic import SEED, Sent, stream

_ROWS_A_PERSON = 1.9  # a little less than there are, so that the rows suffice
_SCRIPTS = ("gen_people.py", "render_people.py", "mllp_load.py")


@dataclass(frozen=True, slots=True)
class Tools:
    """Where the scripts lie, and the interpreter that has numpy."""

    folder: Path
    python: str = sys.executable

    @property
    def sender(self) -> Path:
        """The load generator, as `tests.benchmark.end_to_end --sender` takes it."""
        return self.folder / "mllp_load.py"

    def registrations(self, folder: Path, count: int) -> list[Sent]:
        """Make so many registrations below `folder`. RuntimeError says what went wrong."""
        people = round(count / _ROWS_A_PERSON) + 10
        return stream(str(self._made(folder, people, "--only", "adt")), count)

    def mixture(self, folder: Path, count: int) -> Path:
        """Make so many messages or more, four in nine of them clinical; returns their file."""
        people = round(count / _ROWS_A_PERSON / 1.8) + 10
        return self._made(folder, people, "--clinical", "0.8", "--obx", "12")

    def _made(self, folder: Path, people: int, *options: str) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        rows, made = folder / "rows.csv", folder / "traffic"
        whom = ("--n", str(people), "--seed", str(SEED), "--out", str(rows))
        self._run(self.python, "gen_people.py", *whom)
        render = ("--rows", str(rows), "--out", str(made))
        self._run(sys.executable, "render_people.py", *render, *options)
        return made / "stream.mllp"

    def _run(self, python: str, script: str, *arguments: str) -> None:
        command = [python, str(self.folder / script), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{script}: {done.stderr.strip()[-300:]}")


def tools(folder: str, python: str) -> Tools:
    """Return the tools in `folder`, or in `tools` beside the folder CONCORD_TESTDATA when it is "".

    SystemExit when a script is not there.
    """
    data = os.environ.get("CONCORD_TESTDATA", "")
    place = Path(folder) if folder else Path(data).with_name("tools") if data else Path()
    missing = [name for name in _SCRIPTS if not (place / name).is_file()]
    if missing:
        raise SystemExit(f"--tools: {', '.join(missing)} not found; name their folder")
    return Tools(place, python)
