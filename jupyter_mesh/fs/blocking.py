"""The coroutines of a filesystem for synchronous code."""

from __future__ import annotations

import inspect
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from fsspec.asyn import FSTimeoutError, sync
from fsspec.spec import AbstractFileSystem

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Callable, Iterator

T = TypeVar("T", bound=type)

__all__ = ["blocking", "mirrored", "wait"]


def wait(
    loop: asyncio.AbstractEventLoop, func: Callable[..., Any], *args: Any, **kwargs: Any
) -> Any:
    """What a coroutine gives that runs in another thread's loop; raises what it raises.

    fsspec puts a TimeoutError without a word in the place of ours, which say what took too long.
    """
    try:
        return sync(loop, func, *args, **kwargs)
    except FSTimeoutError as error:
        failure = error.__cause__ or error
    raise failure


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
