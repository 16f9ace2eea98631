"""Bytes of the mesh <-> the ``content`` of a model: text, base64 and notebooks."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TypeVar

import pybase64
from jupyter_server.services.contents.manager import ContentsManager

from jupyter_mesh.contents.answers import Refusal
from jupyter_mesh.contents.process import DocumentProcess, signing_of
from jupyter_mesh.documents.notebook import notebook_of, stored_form, to_notebook

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_mesh.contents.models import Model
    from jupyter_mesh.cs3.body import Body

__all__ = ["LIGHT", "Notebooks", "Stored", "decode", "encode"]

R = TypeVar("R")

BLOCK = 3 << 18
"""Bytes that are turned into base64 at once: a multiple of 3, so that the texts can be joined."""

LIGHT = 1 << 20
"""Bytes up to which a hop to a thread costs more than it saves."""

LIGHT_TO_DECODE = 8 << 20
"""The same for base64 on its way in, which takes 0.1 ms per MiB."""

NO_NOTEBOOK = 'What was to be saved as "{}" is not a notebook.'

TRUST = ("check_and_sign", "mark_trusted_cells", "validate_notebook_model")
"""What a manager may do in its own way with notebooks."""


async def encode(data: bytes, path: str, format: str | None) -> tuple[str, str]:
    """``content`` and ``format`` of a file: UTF-8 text where it is text, else base64.

    Raises 400 "bad format" if text was asked for and it is none.
    """
    work = partial(_encode, data, path, format)
    return await asyncio.to_thread(work) if len(data) > LIGHT else work()


def _encode(data: bytes, path: str, format: str | None) -> tuple[str, str]:
    if format != "base64":
        try:
            return data.decode("utf-8"), "text"
        except UnicodeDecodeError as error:
            if format == "text":
                raise Refusal(
                    400, f'"{path}" is not UTF-8 encoded text.', reason="bad format"
                ) from error
    view = memoryview(data)
    blocks = (view[at : at + BLOCK] for at in range(0, len(data), BLOCK))
    return b"".join(map(pybase64.b64encode, blocks)).decode("ascii"), "base64"


async def decode(model: Model, path: str) -> bytes:
    """The bytes that a model of type "file" carries; raises 400 where ``content`` and ``format`` disagree."""
    content = model["content"]
    if model.get("format") not in ("text", "base64"):
        raise Refusal(400, "Must specify format of file contents as 'text' or 'base64'")
    if not isinstance(content, str):
        raise Refusal(400, f'The content of "{path}" must be a string.')
    work = partial(_decode, content, model["format"], path)
    return await asyncio.to_thread(work) if len(content) > LIGHT_TO_DECODE else work()


def _decode(content: str, format: str, path: str) -> bytes:
    try:
        if format == "text":
            return content.encode("utf-8")
        # Some encoders break lines; anything else beyond the alphabet is damage, not to be dropped.
        if "\n" in content or "\r" in content:
            content = content.replace("\n", "").replace("\r", "")
        return pybase64.b64decode(content, validate=True)
    except ValueError as error:
        raise Refusal(400, f"Encoding error saving {path}: {error}") from error


@dataclass(frozen=True, slots=True)
class Stored:
    """The ``content`` of a file or notebook that has been made into the bytes to store already."""

    body: Body
    message: str = ""


class Trust(Protocol):
    """The part of a contents manager that knows which notebooks the user trusts."""

    log: Any
    notary: Any

    def mark_trusted_cells(self, nb: Any, path: str = "") -> None: ...
    def check_and_sign(self, nb: Any, path: str = "") -> None: ...
    def validate_notebook_model(self, model: Model, validation_error: Any = None) -> Model: ...


class Notebooks:
    """Reads and writes notebooks in one thread of its own.

    Parsing blocks for up to seconds, and the notary's SQLite connection belongs to the thread that opened
    it. Large ones are converted in another process, from file to file. ``close()`` ends both.
    """

    def __init__(self, manager: Trust) -> None:
        self._manager = manager
        self._process = DocumentProcess()
        self._thread: ThreadPoolExecutor | None = None

    async def _run(self, function: Callable[..., R], *args: Any) -> R:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="jupyter-mesh-notebooks")
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)

    async def read(self, data: bytes, path: str) -> Model:
        """``content``, ``format`` and perhaps ``message`` for the bytes of a notebook; 400 if unreadable."""
        return await self._run(self._read, data, path)

    async def convert(
        self, way: str, source: BinaryIO, target: BinaryIO, path: str
    ) -> dict[str, Any] | None:
        """Have a file made from another in the process for documents ("read" or "save").

        Its answer holds "size", "sha1" and "message"; None where only this process can do it: a store of
        signatures of another kind, or a manager with its own idea of trust. Raises 400 for what is no notebook.
        """
        signing = await self._run(self._signing)
        if signing is None:
            return None
        answer = await self._process.convert(way, source, target, signing)
        if answer.get("unusual") or answer.get("invalid"):
            return None
        if "refused" in answer and way == "read":
            raise Refusal(400, f"Unreadable Notebook: {path} {answer['refused']}")
        if "refused" in answer:
            raise Refusal(400, NO_NOTEBOOK.format(path))
        if answer.get("trusted") is False:
            self._manager.log.warning("Notebook %s is not trusted", path)
        return answer

    async def write(self, content: Any, path: str) -> tuple[bytes, str]:
        """The bytes for the ``content`` of a notebook, signed if trusted, and what its validation says."""
        return await self._run(self._write, content, path)

    async def trust(self, data: bytes, path: str) -> None:
        """Sign the notebook in ``data``: its author is trusted from now on."""
        await self._run(self._trust, data, path)

    async def close(self) -> None:
        """Close the notary's database, end the thread and the process."""
        await self._process.close()
        if self._thread is not None:
            thread, self._thread = self._thread, None
            await asyncio.get_running_loop().run_in_executor(thread, self._close_store)
            await asyncio.to_thread(thread.shutdown)

    def _parse(self, data: bytes, path: str, errors: dict[str, Any]) -> Any:
        try:
            return notebook_of(data, errors)
        except Exception as error:
            # nbformat lets through whatever its parsers and converters raise.
            raise Refusal(400, f"Unreadable Notebook: {path} {error!r}") from error

    def _read(self, data: bytes, path: str) -> Model:
        errors: dict[str, Any] = {}
        notebook = self._parse(data, path, errors)
        self._manager.mark_trusted_cells(notebook, path)
        model = {"content": notebook, "format": "json"}
        return self._manager.validate_notebook_model(model, validation_error=errors)

    def _write(self, content: Any, path: str) -> tuple[bytes, str]:
        errors: dict[str, Any] = {}
        try:
            notebook = to_notebook(content)
            self._manager.check_and_sign(notebook, path)
            data = stored_form(notebook, errors)
        except Exception as error:
            # As above: what is no notebook fails in nbformat in many ways, all of them the request's fault.
            raise Refusal(400, NO_NOTEBOOK.format(path)) from error
        model = self._manager.validate_notebook_model({}, validation_error=errors)
        return data, model.get("message", "")

    def _trust(self, data: bytes, path: str) -> None:
        notebook = self._parse(data, path, {})
        self._manager.notary.mark_cells(notebook, True)
        self._manager.check_and_sign(notebook, path)

    def _signing(self) -> dict[str, str] | None:
        own = type(self._manager)
        if any(getattr(own, name) is not getattr(ContentsManager, name) for name in TRUST):
            return None
        return signing_of(self._manager.notary)

    def _close_store(self) -> None:
        self._manager.notary.store.close()
