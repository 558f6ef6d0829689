"""Files of people written anew, as a whole or not at all."""

from pathlib import Path


def rewrite(file: Path, data: bytes) -> None:
    """Put new bytes in place of a file, with the rights it had. OSError leaves it as it was."""
    beside = file.with_name(f".{file.name}.new")
    beside.write_bytes(data)
    if file.exists():
        beside.chmod(file.stat().st_mode)
    beside.replace(file)
