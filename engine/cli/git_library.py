"""The mapping files of a commit, read from git without checking anything out."""

import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

from engine.core.fault import Category, refuse
from engine.mapping.library import Library, is_mapping, library_from

_TIMEOUT_S = 60


def git_library(folder: Path, commit: str) -> Library:
    """Return the files below a folder as they are in a commit, a branch or a tag.

    FaultError `git-failed` when git is missing, or does not know the commit or the folder.
    """
    if commit.startswith("-"):
        raise _failed(commit)
    command = ["git", "-C", str(folder), "archive", "--format=tar", commit, "--", "."]
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=_TIMEOUT_S)  # noqa: S603 - no shell
    except (OSError, subprocess.SubprocessError):
        raise _failed(commit) from None
    return library_from(_files(done.stdout))


def _failed(commit: str) -> Exception:
    message = "git has no mapping files of this commit here"
    return refuse(Category.NOT_FOUND, "git-failed", message, commit)


def _files(archive: bytes) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as found:
        for member in found:
            name = member.name.removeprefix("./")
            data = found.extractfile(member) if member.isfile() else None
            if data is not None and is_mapping(name):
                yield name, data.read()
