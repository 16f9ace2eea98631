"""Work on many files that ends together: what is cancelled, or fails, leaves nothing that goes on behind its back.

fsspec makes a task for each file and forgets them when the one that waits for them is ended.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

T = TypeVar("T")

__all__ = ["family", "member"]


class _Family:
    """The tasks of one operation, for as long as it lasts."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[Any]] = set()
        self.ended = False


_family: ContextVar[_Family | None] = ContextVar("cs3_family", default=None)


@asynccontextmanager
async def family() -> AsyncIterator[None]:
    """Where this ends by an exception, every ``member`` that was called inside is cancelled, and has ended."""
    mine = _Family()
    token = _family.set(mine)
    try:
        yield
    except BaseException:
        mine.ended = True
        mine.tasks -= {asyncio.current_task()}
        for task in mine.tasks:
            task.cancel()
        if mine.tasks:
            await asyncio.wait(mine.tasks.copy())
        raise
    finally:
        _family.reset(token)


def member(work: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
    """A coroutine that ends with the ``family`` that it was called in."""

    @wraps(work)
    async def run(*args: Any, **kwargs: Any) -> T:
        mine, task = _family.get(), asyncio.current_task()
        if mine is None or task is None or task in mine.tasks:
            return await work(*args, **kwargs)
        if mine.ended:
            raise asyncio.CancelledError
        mine.tasks.add(task)
        try:
            return await work(*args, **kwargs)
        finally:
            mine.tasks.discard(task)

    return run
