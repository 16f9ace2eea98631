"""The coroutines of a filesystem for synchronous code."""

from __future__ import annotations

import asyncio
import inspect
import threading
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from fsspec.asyn import FSTimeoutError, sync
from fsspec.spec import AbstractFileSystem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

T = TypeVar("T", bound=type)

CLEANS_UP = 5.0
"""Seconds for which Ctrl-C waits until what it has ended leaves nothing half done."""

__all__ = ["blocking", "mirrored", "wait"]


def wait(
    loop: asyncio.AbstractEventLoop, func: Callable[..., Any], *args: Any, **kwargs: Any
) -> Any:
    """What a coroutine gives that runs in another thread's loop; raises what it raises.

    fsspec puts a TimeoutError without a word in the place of ours, which say what took too long. And it lets a
    coroutine run on behind the back of who has pressed Ctrl-C: here that ends it.
    """
    work = _Work()
    try:
        return sync(loop, work.begin, func, *args, **kwargs)
    except FSTimeoutError as error:
        failure = error.__cause__ or error
    except BaseException:
        work.end(loop)
        raise
    raise failure


class _Work:
    """A coroutine that another thread waits for."""

    def __init__(self) -> None:
        self._begun = self._unwanted = False
        self._task: asyncio.Task[Any] | None = None
        self._ended = threading.Event()

    def begin(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._begun = True
        return self._run(func, *args, **kwargs)

    async def _run(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            if self._unwanted:
                raise asyncio.CancelledError
            self._task = asyncio.current_task()
            return await func(*args, **kwargs)
        finally:
            self._ended.set()

    def end(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel it, unless it has ended, and wait a while for that."""
        if self._begun and not self._ended.is_set():
            loop.call_soon_threadsafe(self._cancel)
            self._ended.wait(CLEANS_UP)

    def _cancel(self) -> None:
        self._unwanted = True
        if self._task is not None:
            self._task.cancel()


def blocking(name: str, documented: Any) -> Any:
    """The synchronous twin of the method ``name``, whatever that is in a subclass."""
    if inspect.isasyncgenfunction(documented):

        @wraps(documented)
        def each(self: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
            found: AsyncIterator[Any] = getattr(self, name)(*args, **kwargs)
            while True:
                try:
                    item = wait(self.loop, found.__anext__)
                except StopAsyncIteration:
                    return
                yield item

        return each

    @wraps(documented)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return wait(self.loop, getattr(self, name), *args, **kwargs)

    return call


def mirrored(cls: T) -> T:
    """Give a class the twins of all its coroutines that fsspec knows by both names, and of those it forgets."""
    for name in dir(cls):
        method, known = getattr(cls, name), hasattr(AbstractFileSystem, name[1:])
        if not name.startswith("_") or name.startswith("__") or not known:
            continue
        if not (inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method)):
            continue
        if getattr(cls, name[1:]) is getattr(AbstractFileSystem, name[1:]):
            setattr(cls, name[1:], blocking(name, method))
    return cls
