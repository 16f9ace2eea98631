"""The last answer to a question that several panels ask at the same time."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

__all__ = ["Recent"]

T = TypeVar("T")

NEVER = float("-inf")


class Recent(Generic[T]):
    """Asks, and remembers the answer for those to whom it is fresh enough.

    ``stand`` gives something else when it does not hold any more, whatever its age.
    """

    def __init__(self, ask: Callable[[], Awaitable[list[T]]], stand: Callable[[], object]) -> None:
        self._ask = ask
        self._stand = stand
        self._stood = stand()
        self._asked = NEVER
        self._answer: list[T] = []
        self._forgotten = NEVER
        self._asking = asyncio.Lock()

    async def get(self, age: float = 0.0) -> list[T]:
        """An answer at most ``age`` seconds old. Who asks meanwhile waits for the same one; 0 always asks."""
        if age <= 0:
            return await self._fresh()
        since = time.monotonic() - age
        async with self._asking:
            holds = self._asked >= since and self._stood == self._stand()
            return self._answer if holds else await self._fresh()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """What was known before is not told any more, whether the change works or fails."""
        try:
            yield
        finally:
            self._asked, self._answer, self._forgotten = NEVER, [], time.monotonic()

    async def _fresh(self) -> list[T]:
        asked, stood = time.monotonic(), self._stand()
        answer = await self._ask()
        if asked > max(self._asked, self._forgotten):
            self._asked, self._answer, self._stood = asked, answer, stood
        return answer
