"""What a running role tells the others through the data folder: that it is ready, and where.

One small file a process, replaced as a whole, so a reader never sees half of one.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Notice:
    """One role process that is ready. `addresses` maps a channel (or `api`) to `host:port`.

    `troubles` maps a channel that can take nothing at the moment to the code of the reason.
    """

    name: str  # intake, worker-1, api
    pid: int
    ready_us: int
    addresses: dict[str, str]
    owner: str = ""  # under which name a worker holds its leases
    troubles: dict[str, str] = field(default_factory=dict)


def post(folder: Path, notice: Notice) -> None:
    """Publish a notice; the one before it under the same name is replaced."""
    path = folder / f"{notice.name}.json"
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(notice)), encoding="utf-8")
    fresh.replace(path)


def withdraw(folder: Path, name: str) -> None:
    """Take a notice back."""
    (folder / f"{name}.json").unlink(missing_ok=True)


def notices(folder: Path) -> dict[str, Notice]:
    """Return the notices of processes that live, by name."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        notice = last_notice(folder, path.stem)
        if notice is not None and _lives(notice.pid):
            found[notice.name] = notice
    return found


def last_notice(folder: Path, name: str) -> Notice | None:
    """Return what a process said last, whether it lives or not."""
    try:
        text = (folder / f"{name}.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return Notice(**json.loads(text))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _ended(pid)


def _ended(pid: int) -> bool:
    """Tell a process that is over, though nobody asked how it ended (proc(5), state Z)."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return told.rpartition(")")[2].split()[0] == "Z"
