"""DocumentProcess: the process in which large documents are converted, seen from the server."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import subprocess
import sys
from typing import Any, BinaryIO

from nbformat.sign import NotebookNotary, SQLiteSignatureStore

from jupyter_mesh.errors import MeshError, QuotaExceeded

__all__ = ["DocumentProcess", "environment", "signing_of"]

DEADLINE = 300.0
"""Seconds for one document: several times what the largest that opens takes."""

IDLE = 120.0
"""Seconds without work after which the process ends: it keeps the memory that its largest document took."""

PIECE = 1 << 16

NEEDED = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
"""What a process of ours gets of the environment, beside Python's own settings: no token of anybody is in it."""

KEEP = {"MALLOC_MMAP_THRESHOLD_": "1073741824", "MALLOC_TRIM_THRESHOLD_": "1073741824"}
"""glibc keeps the memory of long strings for the next ones: to get it anew from the kernel takes half of the time."""

BROKEN = "The process that converts documents broke off: this one may need more memory than there is. Try again."


def signing_of(notary: Any) -> dict[str, str] | None:
    """How ``notary`` signs, for another process; None if another one cannot do the same.

    May read the file of the secret.
    """
    if type(notary) is not NotebookNotary or type(notary.store) is not SQLiteSignatureStore:
        return None
    if notary.store.db_file == ":memory:":
        return None
    secret = base64.b64encode(notary.secret).decode()
    return {"algorithm": notary.algorithm, "secret": secret, "db_file": notary.store.db_file}


class DocumentProcess:
    """Started with the first document, and again after it ended for whatever reason. One document at a time.

    ``close()`` ends the process.
    """

    def __init__(self) -> None:
        self._signing: dict[str, str] = {}
        self._turn = asyncio.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[Any]] = set()

    async def convert(
        self,
        way: str,
        source: BinaryIO,
        target: BinaryIO,
        signing: dict[str, str] | None = None,
        **facts: Any,
    ) -> dict[str, Any]:
        """Have one file made from another; the answer that ``documents/serve.py`` describes.

        ``signing`` is what ``signing_of`` told, for the ways that read and save notebooks; it goes through the
        socket alone. ``facts`` are what the way wants to know beside the file. Raises MeshError if the process
        ends or takes too long, QuotaExceeded when the disk is full.
        """
        signing = signing or {}
        async with self._turn:
            if self._idle is not None:
                self._idle.cancel()
            try:
                async with asyncio.timeout(DEADLINE):
                    ended = self._process is not None and self._process.poll() is not None
                    if ended or signing != self._signing:
                        await self._end()
                    link = self._socket or await self._start(signing)
                    request = json.dumps({"way": way, **facts}).encode() + b"\n"
                    files = [source.fileno(), target.fileno()]
                    socket.send_fds(link, [request], files)
                    answer = await self._line(link)
            except (OSError, EOFError, TimeoutError) as error:
                await self._end()
                raise MeshError(BROKEN) from error
            except BaseException:
                await asyncio.shield(self._end())
                raise
            self._idle = asyncio.get_running_loop().call_later(IDLE, self._retire)
        if "errno" in answer:
            raise QuotaExceeded(
                "The Jupyter server has no room left for this document. Free some of its disk and try again."
            )
        return answer

    async def close(self) -> None:
        """End the process, also in the middle of a document."""
        await self._end()
        if self._ending:
            await asyncio.wait(self._ending)

    async def _start(self, signing: dict[str, str]) -> socket.socket:
        self._signing = signing
        ours, its = socket.socketpair()
        ours.setblocking(False)
        try:
            with its:
                self._process = await asyncio.to_thread(_spawn, its)
            self._socket = ours
            await asyncio.get_running_loop().sock_sendall(
                ours, json.dumps(signing).encode() + b"\n"
            )
            await self._line(ours)
        except BaseException:
            ours.close()
            raise
        return ours

    async def _line(self, link: socket.socket) -> dict[str, Any]:
        loop, line = asyncio.get_running_loop(), bytearray()
        while not line.endswith(b"\n"):
            piece = await loop.sock_recv(link, PIECE)
            if not piece:
                raise EOFError
            line += piece
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _retire(self) -> None:
        task = asyncio.create_task(self._end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        link, self._socket = self._socket, None
        process, self._process = self._process, None
        if link is not None:
            link.close()
        if process is not None:
            process.kill()
            await asyncio.to_thread(process.wait)


def environment() -> dict[str, str]:
    """The part of this process's environment for one that only computes."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in NEEDED or name.startswith("PYTHON")
    }


def _spawn(stdin: socket.socket) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "jupyter_mesh.documents"],
        stdin=stdin.fileno(),
        stdout=subprocess.DEVNULL,
        env=environment() | KEEP,
    )
