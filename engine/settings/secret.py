"""Secrets by reference only: a region file says where a secret is, never what it is."""

import re
import stat
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.core.fault import Category, refuse

_NAME = r"[\w-]*(?:password|passphrase|secret|token|dsn|(?:api|private|region|shared)[_-]?key)"
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
_LITERAL = re.compile(rf"""(?i)(\b{_NAME}["']?\s*:\s*)(?![{{&*!|>\s])([^,}}#\n]+)""")


class SecretRef(BaseModel):
    """Exactly one of `env` and `file`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    env: str = Field(
        default="", description="name of the environment variable that holds the secret"
    )
    file: str = Field(
        default="", description="file that holds the secret; its last line end is dropped"
    )

    @model_validator(mode="after")
    def _one(self) -> "SecretRef":
        if bool(self.env) == bool(self.file):
            raise ValueError("needs one of 'env' and 'file'")
        return self


def is_secret_name(key: str) -> bool:
    """Tell whether a key is called like something that holds a secret."""
    return _SECRET_NAME.fullmatch(key) is not None


def mask_literals(line: str) -> str:
    """Replace what is written behind a key that is called like a secret, keeping the columns."""
    return _LITERAL.sub(lambda found: found[1] + "*" * len(found[2]), line)


def read_secret(ref: SecretRef, environ: Mapping[str, str], folder: Path) -> str:
    """Fetch a secret; relative files are in `folder`.

    FaultError when there is none, and `secret-exposed` when every user of the host may read the
    file. Its group may: that is how container platforms hand secrets to a user of their own.
    """
    if ref.env:
        value = environ.get(ref.env, "")
        where = f"env {ref.env}"
    else:
        where = f"file {ref.file}"
        value = _read_file(folder / ref.file, where)
    if not value:
        raise refuse(Category.UNAVAILABLE, "secret-missing", "the secret is empty", where)
    return value


def _read_file(path: Path, where: str) -> str:
    try:
        exposed = path.stat().st_mode & stat.S_IRWXO
        text = path.read_text("utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise refuse(
            Category.UNAVAILABLE, "secret-unreadable", "the secret cannot be read", where
        ) from error
    if exposed:
        message = "others may read this secret: allow its owner alone (mode 0600)"
        raise refuse(Category.FORBIDDEN, "secret-exposed", message, where)
    return text
