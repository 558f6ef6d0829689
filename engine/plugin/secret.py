"""A secret in a channel's settings: a reference, whose file is relative to the region file."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

from engine.plugin.place import FOLDER
from engine.settings.secret import SecretRef, read_secret


def _anchored(ref: SecretRef, info: ValidationInfo) -> SecretRef:
    folder = (info.context or {}).get(FOLDER)
    if folder is None or not ref.file:
        return ref
    return ref.model_copy(update={"file": str(Path(folder) / ref.file)})


Secret = Annotated[SecretRef, AfterValidator(_anchored)]


def reveal(secret: SecretRef) -> str:
    """Fetch it. FaultError `secret-missing`, `secret-unreadable` or `secret-exposed`."""
    return read_secret(secret, os.environ, Path())
