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


def send(key: RegionKey) -> tuple[int, int]:
    """Return both ends of a pipe that holds the key: one for a child to inherit, one to keep.

    The kept end is a lifeline as well: when its process ends, however it ends, the child sees the
    end of the pipe.
    """
    reading, writing = os.pipe()
    os.write(writing, key.secret)
    return reading, writing


def receive(descriptor: int) -> RegionKey:
    """Read the key a parent passed on `descriptor`, which stays open as the lifeline."""
    return RegionKey(os.read(descriptor, LENGTH))


def wait_for_parent(descriptor: int) -> None:
    """Return when the process at the other end of the lifeline is gone."""
    while os.read(descriptor, 1):
        pass
