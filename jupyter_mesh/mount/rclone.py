"""rclone as a process of ours that is driven over its remote control: found, started, asked, ended."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from jupyter_mesh.errors import DeadlineExceeded, InvalidRequest, SiteError, Unavailable

if TYPE_CHECKING:
    from jupyter_mesh.mount.folder import StateFolder

__all__ = ["Rclone", "RcloneFailed", "find_rclone"]

log = logging.getLogger(__name__)

OLDEST = (1, 75)
"""Older ones wait 10 ms between any two requests, and have no socket for WebDAV."""
INSTALL = 'Install it with: pip install "jupyter-mesh[mount]".'
START_WITHIN = 30.0
ASK_WITHIN = 10.0
ORPHAN = Path(__file__).with_name("orphan.py")


class RcloneFailed(SiteError):
    """Raised when rclone refuses what it was asked; the sentence is rclone's own."""


async def find_rclone() -> str:
    """The rclone to use: the one beside this Python, else the first in PATH.

    Raises InvalidRequest when there is none, or only one that is too old.
    """
    beside = Path(sys.executable).with_name("rclone")
    program = str(beside) if os.access(beside, os.X_OK) else shutil.which("rclone")
    if program is None:
        raise InvalidRequest(f"The mount needs rclone, which is not installed. {INSTALL}")
    process = await asyncio.create_subprocess_exec(
        program, "version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(START_WITHIN):
            text, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise DeadlineExceeded(f"{program} does not say which version it is.") from None
    found = re.match(rb"rclone v(\d+)\.(\d+)(\.\d+)?", text)
    if found is None or (int(found[1]), int(found[2])) < OLDEST:
        version = found[0].decode() if found else "not rclone"
        raise InvalidRequest(
            f"{program} is {version}; the mount needs rclone {OLDEST[0]}.{OLDEST[1]} or newer, since older ones "
            f"lose files. {INSTALL}"
        )
    return program


class Rclone:
    """One rclone process. It ends with us, also when we are killed.

    ``start`` and ``stop`` belong together; ``ended`` tells when it has ended by itself.
    """

    def __init__(self, program: str, folder: StateFolder) -> None:
        self._program = program
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Its number, 0 before the start."""
        return self._process.pid if self._process else 0

    async def start(self) -> None:
        """Start it and wait until it answers; raises Unavailable with the reason when it does not."""
        # Relative names, with the state folder as its place: sockets have short names only, and the names of
        # what it keeps must not depend on where the folder is.
        command = [self._program, "rcd", "--rc-addr", "unix://rc.sock", "--rc-no-auth"]
        command += ["--cache-dir", "cache", "--config", ""]
        # The adapter has deadlines of its own; an upload may take as long as the site needs.
        command += ["--timeout", "0"]
        # "é" in one piece and in two are two names, as everywhere in the mesh.
        command += ["--no-unicode-normalization"]
        out = await asyncio.to_thread(self._open_log)
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-S",
                str(ORPHAN),
                str(os.getpid()),
                *command,
                cwd=self._folder.path,
                # Nothing of the user's may change what it does, and it needs no secret.
                env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self._folder.path)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                # Ctrl-C in the terminal is for us alone: rclone ends after the queue.
                start_new_session=True,
            )
        finally:
            os.close(out)
        loop = asyncio.get_running_loop()
        end = loop.time() + START_WITHIN
        while True:
            try:
                await self.ask("rc/noop")
                return
            except Unavailable as error:
                if self._process.returncode is not None:
                    raise Unavailable(
                        f"rclone did not start. Its reason is in {self._folder.log}."
                    ) from error
                if loop.time() > end:
                    await self.stop()
                    raise Unavailable(
                        f"rclone does not answer. Its log is {self._folder.log}."
                    ) from error
                await asyncio.sleep(0.02)

    def _open_log(self) -> int:
        (self._folder.path / "rc.sock").unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        return os.open(self._folder.log, flags, 0o600)

    async def ended(self) -> int:
        """Wait until it has ended; returns its exit code, negative for a signal."""
        return await self._process.wait() if self._process else 0

    async def stop(self) -> None:
        """End it. Unmount first: it does not."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        # One that was stopped would not see it.
        self._process.send_signal(signal.SIGCONT)
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            self.kill()
            await self._process.wait()

    def kill(self) -> None:
        """End it at once. What waits for its upload is on the disk."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def ask(self, verb: str, within: float = ASK_WITHIN, **body: Any) -> dict[str, Any]:
        """One call of the remote control.

        Raises RcloneFailed when rclone refuses, Unavailable when it is gone, DeadlineExceeded when it is silent.
        """
        try:
            async with asyncio.timeout(within):
                status, answer = await self._request(verb, body)
        except TimeoutError:
            raise DeadlineExceeded(f"rclone did not answer {verb} in {within:g} s.") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"rclone is gone ({verb}).") from error
        if status != 200:
            raise RcloneFailed(str(answer.get("error", f"{verb}: {status}")))
        return answer

    async def _request(self, verb: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        with self._folder.opened() as short:
            connector = aiohttp.UnixConnector(str(short / "rc.sock"))
            async with (
                aiohttp.ClientSession(connector=connector) as session,
                session.post(f"http://rclone/{verb}", json=body) as reply,
            ):
                return reply.status, json.loads(await reply.read())
