"""One region key, and a key of its own for every purpose (HKDF-SHA256, RFC 5869).

A leaked file key opens one file; ids made from record numbers cannot be recomputed by someone who
has a database. The region key reaches role processes through an inherited pipe, never through the
environment or the command line, which other users can read.
"""

import os
from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

LENGTH = 32


@dataclass(frozen=True, slots=True, repr=False)
class RegionKey:
    """The secret everything of a region follows from."""

    secret: bytes

    def derive(self, purpose: str) -> bytes:
        """Return the 32-byte key for a purpose; the same purpose always gives the same key."""
        info = f"concord/1/{purpose}".encode()
        return HKDF(algorithm=SHA256(), length=LENGTH, salt=None, info=info).derive(self.secret)

    def id_key(self) -> bytes:
        """Return the key of ids made from business keys (`engine.core.ids`)."""
        return self.derive("ids")

    def file_key(self, name: str) -> bytes:
        """Return the key of one database file, by its name."""
        return self.derive(f"file/{name}")


def send(key: RegionKey) -> int:
    """Return the reading end of a pipe that holds the key, for one child to inherit."""
    reading, writing = os.pipe()
    try:
        os.write(writing, key.secret)
    finally:
        os.close(writing)
    return reading


def receive(descriptor: int) -> RegionKey:
    """Read the key a parent passed on `descriptor`, and close it."""
    try:
        return RegionKey(os.read(descriptor, LENGTH + 1)[:LENGTH])
    finally:
        os.close(descriptor)
