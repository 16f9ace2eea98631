"""The mount of a local server: a program beside it, of the same user, that starts with it and ends after it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from jupyter_mesh.errors import DeadlineExceeded, Unavailable
from jupyter_mesh.paths import MOUNT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["LocalMount"]

PASSED = (
    *("HOME", "LANG", "LC_ALL", "PATH", "PYTHONPATH", "USER"),
    # Where traces go; not with which headers, that may be secret.
    *("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
    "OTEL_BSP_SCHEDULE_DELAY",
)
"""What the program gets of the environment of the server, beside what begins with MESH_ or XDG_. No secrets."""

UNMOUNTING = 45.0
"""Seconds for an unmount, on top of the time for uploads."""
ENDING = 10.0


@dataclass(frozen=True, slots=True)
class LocalMount:
    """What must be known of a mount to make it, and to take it away after a restart of the hub."""

    folder: str
    environment: dict[str, str]
    """Its own; names and addresses alone."""
    user: str = ""
    """Account that it runs under; "" for the hub's own."""

    @classmethod
    def beside(cls, environment: Mapping[str, str], root: str, user: str = "") -> Self:
        """The one for a server with this environment and this root folder ("" and "~" are its home).

        Blocks on the disk: links on the way are followed, as the program does.
        """
        home = environment["HOME"]
        below = root.removeprefix("~").lstrip("/") if root.startswith("~") else root
        chosen = {
            name: value
            for name, value in environment.items()
            if name in PASSED or name.startswith(("MESH_", "XDG_"))
        }
        return cls(os.path.join(os.path.realpath(os.path.join(home, below)), MOUNT), chosen, user)

    @classmethod
    def from_note(cls, note: Mapping[str, Any]) -> Self:
        """What ``note`` has told."""
        return cls(str(note["folder"]), dict(note["environment"]), str(note["user"]))

    def note(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    async def mount(self, within: float) -> None:
        """Start the program; returns when the folder can be used.

        Raises Unavailable with its own sentence when it fails, DeadlineExceeded when it takes longer: then it is
        not there.
        """
        try:
            code, said = await self._run(["mount", self.folder, "--daemon"], within)
        except BaseException:
            # Also CancelledError: what was begun goes.
            await asyncio.shield(self._end_programs())
            raise
        if code:
            raise Unavailable(said or f"The program ended with code {code}.")

    async def unmount(self, grace: float) -> str:
        """Upload what waits for at most ``grace`` seconds, unmount, and end the program; what it has to say.

        Whatever state the mount is in, nothing of it is left on this machine, except what is not at the site yet:
        that is kept for the next mount.
        """
        command = ["unmount", self.folder, "--grace", f"{grace:g}"]
        said = ""
        with contextlib.suppress(DeadlineExceeded):
            _, said = await self._run(command, grace + UNMOUNTING)
        if await self._end_programs():
            # One that was still starting, or that did not answer.
            await self._run([*command[:-1], "0"], UNMOUNTING)
        return said

    async def _run(self, words: list[str], within: float) -> tuple[int, str]:
        """Run ``jupyter mesh …`` as the user; its exit code, and what it says of what went wrong."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "jupyter_mesh.cli",
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            cwd="/",
            env=self.environment,
            start_new_session=True,
            **_account(self.user),
        )
        try:
            async with asyncio.timeout(within):
                _, said = await process.communicate()
        except TimeoutError:
            raise DeadlineExceeded(f"It was not done within {within:.0f} s.") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        text = said.decode(errors="replace").strip()
        return process.returncode or 0, text.removeprefix(f"jupyter mesh {words[0]}: ")

    async def _end_programs(self) -> bool:
        """End every program that serves the folder or is about to; True if there was one."""
        found = await asyncio.to_thread(_programs, self.folder)
        alive = set(found)
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in alive:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            deadline = time.monotonic() + ENDING
            while alive and time.monotonic() < deadline:
                await asyncio.sleep(0.05)
                alive = alive & set(await asyncio.to_thread(_programs, self.folder))
        return bool(found)


def _account(user: str) -> dict[str, Any]:
    """How a process becomes one of the user's."""
    if not user:
        return {}
    account = pwd.getpwnam(user)
    groups = os.getgrouplist(user, account.pw_gid)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": groups}


def _programs(folder: str) -> list[int]:
    """Processes whose command line is that of a mount of the folder."""
    return [pid for pid, words in _command_lines() if _mounts(words, folder)]


def _mounts(words: list[str], folder: str) -> bool:
    return "jupyter_mesh.cli" in words and "mount" in words and folder in words


def _command_lines() -> Iterable[tuple[int, list[str]]]:
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield int(file.parent.name), os.fsdecode(file.read_bytes()).split("\0")
