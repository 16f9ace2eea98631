"""Work in threads that whoever waits for it may leave, but never leaves behind."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F")

__all__ = ["opened", "to_its_end"]


async def to_its_end(do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What ``do`` gives in a thread. Who is cancelled meanwhile goes when the thread has ended.

    So a file is never closed under a thread that still reads or writes it: its descriptor would be that of
    another file by then. For work that ends soon by itself.
    """
    return cast("T", await _ended(partial(do, *args, **kwargs), None))


async def opened(make: Callable[P, F], *args: P.args, **kwargs: P.kwargs) -> F:
    """The file that ``make`` opens in a thread; closed again if nobody waits for it any more."""
    return cast("F", await _ended(partial(make, *args, **kwargs), lambda file: file.close()))


async def _ended(do: Callable[[], Any], undo: Callable[[Any], object] | None) -> Any:
    # No task: those are cancelled when a loop ends, and their threads go on alone.
    work = asyncio.get_running_loop().run_in_executor(None, do)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            # Whoever is cancelled twice waits all the same.
            with suppress(asyncio.CancelledError):
                await asyncio.wait({work})
        if work.exception() is None and undo is not None:
            undo(work.result())
        raise
