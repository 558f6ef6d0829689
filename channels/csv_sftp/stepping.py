"""Drives a blocking generator from the event loop, one step at a time in a thread."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TypeVar

T = TypeVar("T")
_END = object()


async def _step(items: Iterator[T]) -> T | object:
    """Take one step. A cancellation waits for its end: a generator in use cannot be closed."""
    task = asyncio.get_running_loop().run_in_executor(None, next, items, _END)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        raise


async def _steps(items: Iterator[T]) -> AsyncIterator[T]:
    while (item := await _step(items)) is not _END:
        yield item  # type: ignore[misc]  # the sentinel is gone


@asynccontextmanager
async def stepped(items: Iterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Give the items of a blocking generator; it is closed with the context."""
    outer = _steps(items)
    try:
        yield outer
    finally:
        await outer.aclose()  # type: ignore[attr-defined]  # it is a generator
        items.close()  # type: ignore[attr-defined]
