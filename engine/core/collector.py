"""The collector of cycles, put to rest while much is built that stays.

What is compiled lives as long as the process, or until the command ends: looking through it again
and again takes more time than building it.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def at_rest() -> Iterator[None]:
    """Collect no cycles meanwhile; afterwards as before."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
