"""Questions to the site that are under way: whoever asks the same meanwhile waits for the same answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

from jupyter_mesh.paths import is_within

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["Flights"]

T = TypeVar("T")


class Flights(Generic[T]):
    """One question per mesh path at a time.

    A question asked before a write of ours is outdated by it: who comes after the write waits until that
    answer is here, drops it, and asks anew. So an answer is never older than the caller's last write, and
    the site is never asked twice at once.
    """

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[T]] = {}
        self._outdated: set[asyncio.Task[T]] = set()

    async def join(self, path: str, ask: Callable[[], Coroutine[None, None, T]]) -> T:
        """The answer of ``ask``, or of the same question if it is under way.

        A caller that is cancelled leaves the others their answer.
        """
        while (task := self._tasks.get(path)) in self._outdated and task is not None:
            await asyncio.wait({task})
        if task is None:
            task = asyncio.create_task(ask())
            self._tasks[path] = task
            task.add_done_callback(lambda done: self._landed(path, done))
        return await asyncio.shield(task)

    def outdate(self, path: str) -> None:
        """Something was changed at ``path``: nobody else joins what was asked of it, of its folders or below."""
        for asked, task in self._tasks.items():
            if is_within(asked, path) or is_within(path, asked):
                self._outdated.add(task)

    async def close(self) -> None:
        """Give up what is under way."""
        tasks = set(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _landed(self, path: str, task: asyncio.Task[T]) -> None:
        del self._tasks[path]
        self._outdated.discard(task)
        if not task.cancelled():
            # Everybody may have left: the error was for them.
            task.exception()
