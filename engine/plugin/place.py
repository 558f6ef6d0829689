"""A path in a channel's settings: relative ones are relative to the region file.

The loader says where that is, in the context of the validation; without it a path stays as it is.
"""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

FOLDER = "folder"
"""Key of the validation context: the folder of the region file."""


def _anchored(path: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get(FOLDER)
    return path if folder is None else Path(folder) / path


SettingPath = Annotated[Path, AfterValidator(_anchored)]
