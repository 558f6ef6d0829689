"""Settings of one CSV channel, as a region file writes them. The descriptions are the manual."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.plugin.place import SettingPath
from engine.plugin.span import Span

GIB = 1024**3


class Sftp(BaseModel):
    """An SFTP server. The host's key has to be known; there is no password."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(min_length=1, description="host name or address of the server")
    port: int = Field(default=22, ge=1, le=65535, description="TCP port of the server")
    user: str = Field(min_length=1, description="user to log in as")
    key_file: SettingPath = Field(description="file of the private key to log in with")
    known_hosts: SettingPath = Field(
        description="file with the server's public key, as OpenSSH keeps it; another is refused"
    )
    folder: str = Field(min_length=1, description="folder on the server that files are put into")
    timeout_s: float = Field(
        default=30.0, gt=0, description="seconds a connection or an answer may take"
    )


class CsvIn(BaseModel):
    """A place where a site puts files. Exactly one of `folder` and `sftp`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: SettingPath | None = Field(default=None, description="drop folder on this host")
    create: bool = Field(
        default=False,
        description="make the drop folder when it is missing; otherwise it is waited for, because "
        "it may be a disk that is not mounted",
    )
    sftp: Sftp | None = Field(default=None, description="drop folder on an SFTP server")
    every: Span = Field(default="60s", description="how often to look for files: 500ms, 60s, 5m")
    ready: Literal["stable", "marker"] = Field(
        default="stable",
        description="when a file is complete: `stable`, size and time are the same at two looks; "
        "`marker`, an empty file with `.done` after its name lies beside it",
    )
    max_file_bytes: int = Field(default=8 * GIB, ge=1, description="largest file that is taken")
    max_pending: int = Field(
        default=500, ge=1, description="rows waiting for the disk before reading pauses"
    )
    spool_folder: SettingPath | None = Field(
        default=None,
        description="where a server's files lie while they are read; a drop folder needs none",
    )

    @model_validator(mode="after")
    def _one_place(self) -> "CsvIn":
        if (self.folder is None) == (self.sftp is None):
            raise ValueError("needs one of 'folder' and 'sftp'")
        if self.sftp is not None and self.spool_folder is None:
            raise ValueError("needs 'spool_folder' for the files of a server")
        return self
