"""What a start does, step by step, for the user who waits for it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Step", "Steps", "merged"]

SLOW = 3.0
"""Seconds after which a step says how long it took."""
STILL = 10.0
"""Seconds between two lines that say that a step still goes on."""


@dataclass(slots=True)
class Step:
    """One thing that is done; times are those of ``time.monotonic``."""

    text: str
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None

    @property
    def seconds(self) -> float:
        """How long it took, or takes so far."""
        return (self.ended or time.monotonic()) - self.began


class Steps:
    """The steps of one start in order, and remarks between them. Any number of pages may follow."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._lines: list[dict[str, Any]] = []
        self._more = asyncio.Event()

    @property
    def current(self) -> Step | None:
        """The step that goes on now."""
        return self.steps[-1] if self.steps and self.steps[-1].ended is None else None

    def begin(self, text: str) -> None:
        """Say what is done from now on; the step before has ended."""
        self.end()
        self.steps.append(Step(text))
        self._say(text)

    def end(self) -> None:
        """The step that goes on has ended, well or badly."""
        step = self.current
        if step is not None:
            step.ended = time.monotonic()
            if step.seconds >= SLOW:
                self._say(f"{step.text}: took {step.seconds:.0f} s")

    def remark(self, text: str) -> None:
        """Say something that the user should know, between steps."""
        self._say(text)

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """All that was said and will be, as events of JupyterHub's progress; never ends by itself."""
        told = 0
        while True:
            while told < len(self._lines):
                yield dict(self._lines[told])
                told += 1
            more = self._more
            try:
                async with asyncio.timeout(STILL):
                    await more.wait()
            except TimeoutError:
                if step := self.current:
                    yield {"message": f"{step.text}: {step.seconds:.0f} s so far"}

    def _say(self, text: str) -> None:
        # A start has about four steps; what the spawner says itself comes after them.
        self._lines.append({"progress": min(10 * len(self.steps), 50), "message": text})
        self._more.set()
        self._more = asyncio.Event()


async def merged(*streams: AsyncIterator[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    """The events of several streams as they come; the bar never goes back. What one raises ends all."""
    queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

    async def pump(stream: AsyncIterator[dict[str, Any]]) -> None:
        try:
            async for event in stream:
                queue.put_nowait(event)
        finally:
            queue.put_nowait(None)

    pumps = [asyncio.create_task(pump(stream)) for stream in streams]
    done, going = 0, len(pumps)
    try:
        while going:
            event = await queue.get()
            if event is None:
                going -= 1
                for ended in (each for each in pumps if each.done()):
                    ended.result()
                continue
            if "progress" in event:
                done = max(done, event["progress"])
                event = {**event, "progress": done}
            yield event
    finally:
        for each in pumps:
            each.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
