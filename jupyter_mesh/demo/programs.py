"""The programs of the demo: each runs behind a guard, writes a log, and says how it ended."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING

from jupyter_mesh.demo.guard import GRACE, LEFTOVER_GRACE
from jupyter_mesh.errors import MeshError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["Program", "ProgramEnded"]


class ProgramEnded(MeshError):
    """Raised when a program of the demo ends by itself; the sentence holds the last lines of its log."""


class Program:
    """One program that runs until it is stopped. Whoever started it stops it."""

    def __init__(self, label: str, log: Path) -> None:
        self.label = label
        self.log = log
        self._guard: asyncio.subprocess.Process | None = None

    async def start(
        self, command: Sequence[str], environment: Mapping[str, str], lock: int
    ) -> None:
        """Start ``command``; the descriptor ``lock`` stays open until the last of it has ended."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            self._guard = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "jupyter_mesh.demo.guard",
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**os.environ, **environment},
                pass_fds=(lock,),
                start_new_session=True,
            )

    async def ended(self) -> ProgramEnded:
        """Wait until the program ends, and return what to tell about it."""
        assert self._guard is not None  # noqa: S101  a mistake of ours, not of the user
        code = await self._guard.wait()
        last = await asyncio.to_thread(self._last_lines)
        return ProgramEnded(
            f"{self.label} has stopped (exit code {code}). Its log, {self.log}, ends with:\n\n{last}"
        )

    async def stop(self) -> None:
        """Ask the program to stop, wait for it, and kill it when it does not. Nothing happens twice."""
        guard = self._guard
        if guard is None or guard.returncode is not None:
            return
        assert guard.stdin is not None  # noqa: S101  started with a pipe
        guard.stdin.close()
        try:
            await asyncio.wait_for(guard.wait(), GRACE + LEFTOVER_GRACE + 5)
        except TimeoutError:
            os.killpg(guard.pid, signal.SIGKILL)
            await guard.wait()

    def _last_lines(self, count: int = 15) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-count:]) or "  (nothing)"
