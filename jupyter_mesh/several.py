"""Several things at once, which end with the first failure among them."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

T = TypeVar("T")

__all__ = ["each", "first_failure"]


async def each(work: Callable[[T], Awaitable[None]], items: Iterable[T], at_once: int) -> None:
    """Do ``work`` for all, ``at_once`` at a time; the first failure ends the rest and is raised."""
    left = iter(items)

    async def worker() -> None:
        for item in left:
            await work(item)

    with first_failure():
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(worker())


@contextmanager
def first_failure() -> Iterator[None]:
    """Raise the first failure of a group of tasks in place of the group, with its cause for the log."""
    try:
        yield
    except ExceptionGroup as failures:
        first = failures.exceptions[0]
        raise first from first.__cause__
