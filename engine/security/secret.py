"""Secrets kept in files that only their owner may read.

A secret is made at the first start; there is no default one. Files with wider rights are refused,
because a copy may already be elsewhere.
"""

import os
import secrets
import stat
from pathlib import Path

from engine.core.fault import Category, refuse

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_or_make(path: Path, length: int = 32) -> bytes:
    """Return the secret at `path`, `length` random bytes written as hexadecimal digits.

    FaultError `secret-exposed` when others may read the file, `secret-damaged` when it holds
    something else.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read(path, length)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(length))
        file.flush()
        os.fsync(file.fileno())
    return read(path, length)


def read(path: Path, length: int = 32) -> bytes:
    """Return the secret at `path`; FaultError when it is missing, exposed or damaged."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        raise refuse(
            Category.UNAVAILABLE, "secret-missing", "no secret lies here", str(path)
        ) from None
    if mode & _OTHERS:
        message = "others may read this secret: allow its owner alone (mode 0600)"
        raise refuse(Category.FORBIDDEN, "secret-exposed", message, str(path))
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != length:
        message = f"a secret is {2 * length} hexadecimal digits"
        raise refuse(Category.INVALID, "secret-damaged", message, str(path))
    return found
