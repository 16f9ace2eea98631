"""Runs: notebooks that this server executes in processes of their own, while nobody looks."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from jupyter_mesh.batch.parameters import check_names, is_python, parameters_of
from jupyter_mesh.batch.run import NEEDED
from jupyter_mesh.config import MeshSite
from jupyter_mesh.errors import InvalidRequest, MeshError, NotFound, NotSupported, TooLarge
from jupyter_mesh.sites import site_of_server

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_mesh.batch.parameters import Parameter
    from jupyter_mesh.contents import MeshContentsManager

__all__ = ["Run", "Runs"]

AT_ONCE = 4
"""Notebooks that run at the same time; further ones wait for their turn."""

REMEMBERED = 50
"""Ended runs that are kept until they are forgotten."""

NOTEBOOK_AT_MOST = 64 << 20
SAVED_WITHIN = 30.0
"""Seconds that a run has to save what there is when the server ends."""

State = Literal["waiting", "running", "done", "failed", "cancelled"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as it is now."""

    id: str
    path: str
    """Mesh path of the notebook."""
    started: datetime
    output: str = ""
    """Mesh path of the result; "" until it is made."""
    state: State = "waiting"
    done: int = 0
    total: int | None = None
    message: str = ""

    @property
    def has_ended(self) -> bool:
        """True once nothing changes any more."""
        return self.state not in ("waiting", "running")


@dataclass(slots=True)
class _Entry:
    run: Run
    task: asyncio.Task[None] | None = None
    process: asyncio.subprocess.Process | None = None


class Runs:
    """The runs of one server, oldest first. Whoever builds it awaits ``close()``.

    They end with the server, which saves what there is.
    """

    def __init__(self, files: MeshContentsManager) -> None:
        self._files = files
        self._entries: dict[str, _Entry] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        """Also those of runs that are forgotten while their process still ends."""
        self._turns = asyncio.Semaphore(AT_ONCE)

    def listed(self) -> list[Run]:
        """All of them."""
        return [entry.run for entry in self._entries.values()]

    def get(self, id: str) -> Run:
        """One of them; raises NotFound."""
        return self._entry(id).run

    async def parameters(self, path: str) -> tuple[list[Parameter], str]:
        """What the notebook at an API path can be given, and a sentence where that cannot be told.

        One Stat and one download. Raises NotSupported without papermill.
        """
        _need_papermill()
        _, mesh = self._files.open(path)
        if (await self._files.client.stat(mesh)).size > NOTEBOOK_AT_MOST:
            raise TooLarge(f'"{path}" is too large to look into. Run it with jupyter mesh run.')
        content = await self._files.client.read(mesh)
        notebook = await asyncio.to_thread(_parsed, content)
        found = await asyncio.to_thread(parameters_of, notebook)
        if found is not None:
            return found, ""
        if not is_python(notebook):
            return [], "The parameters of a notebook that is not in Python cannot be read here."
        return [], (
            'No cell of this notebook has the tag "parameters": it runs as it is. '
            "Give the tag to the cell that assigns what may change."
        )

    def start(self, path: str, parameters: Mapping[str, Any]) -> Run:
        """Run the notebook at an API path, with the result beside it. Raises NotSupported without papermill."""
        _need_papermill()
        _, mesh = self._files.open(path)
        if not mesh.endswith(".ipynb"):
            raise InvalidRequest(f'"{path}" is no notebook.')
        check_names(parameters)
        run = Run(id=secrets.token_urlsafe(12), path=mesh, started=datetime.now(UTC))
        entry = self._entries[run.id] = _Entry(run)
        entry.task = asyncio.create_task(self._work(entry, dict(parameters)), name=f"run-{run.id}")
        self._tasks.add(entry.task)
        entry.task.add_done_callback(self._tasks.discard)
        self._forget_old()
        return run

    async def remove(self, id: str) -> None:
        """Have it stop while it runs, and save what there is; forget it when it has ended."""
        entry = self._entry(id)
        if entry.run.has_ended:
            del self._entries[id]
        elif entry.process is None and entry.task is not None:
            entry.task.cancel()
        else:
            _stop(entry)

    async def close(self) -> None:
        """Stop all, and wait until what they have is saved."""
        for entry in self._entries.values():
            if entry.process is None and entry.task is not None:
                entry.task.cancel()
            else:
                _stop(entry)
        if tasks := list(self._tasks):
            _, late = await asyncio.wait(tasks, timeout=SAVED_WITHIN)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _entry(self, id: str) -> _Entry:
        try:
            return self._entries[id]
        except KeyError:
            raise NotFound("This run is not known any more.") from None

    def _forget_old(self) -> None:
        ended = [id for id, entry in self._entries.items() if entry.run.has_ended]
        for id in ended[: max(0, len(ended) - REMEMBERED)]:
            del self._entries[id]

    async def _work(self, entry: _Entry, parameters: dict[str, Any]) -> None:
        """Execute; whatever happens, the run has ended when this returns."""
        try:
            async with self._turns:
                _note(entry, state="running")
                # Code may have written the notebook in the mount a moment ago.
                await self._files.mounted.flush(entry.run.path)
                task = {"notebook": entry.run.path, "output": "", "parameters": parameters}
                await self._execute(entry, json.dumps(task).encode())
        except asyncio.CancelledError:
            _note(entry, state="cancelled")
        except (MeshError, OSError) as error:
            _note(entry, state="failed", message=str(error))
        if not entry.run.has_ended:
            _note(entry, state="failed", message="The process of this run was ended.")

    async def _execute(self, entry: _Entry, task: bytes) -> None:
        environment = await asyncio.to_thread(self._environment)
        entry.process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "jupyter_mesh.batch",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        assert process.stdin is not None  # noqa: S101  it was asked for
        assert process.stdout is not None  # noqa: S101  it was asked for
        try:
            with suppress(BrokenPipeError, ConnectionResetError):
                process.stdin.write(task)
                await process.stdin.drain()
            process.stdin.close()
            async for line in process.stdout:
                self._told(entry, json.loads(line))
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    def _told(self, entry: _Entry, facts: dict[str, Any]) -> None:
        """Take what the process tells, by name."""
        known = {
            name: facts[name] for name in ("done", "total", "state", "message") if name in facts
        }
        _note(entry, output=facts["output"] or entry.run.output, **known)
        if entry.run.state == "failed":
            log.warning("The run of %s ended: %s", entry.run.path, entry.run.message)

    def _environment(self) -> dict[str, str]:
        """That of this server, with its site."""
        site = site_of_server(MeshSite(parent=self._files))
        told = {
            "MESH_SITE": site.name,
            "MESH_GATEWAY": site.gateway,
            "MESH_TOKEN_FILE": str(site.token_file or ""),
            "MESH_CA_FILE": str(site.ca_file or ""),
            "MESH_DATA_HOSTS": ",".join(site.data_hosts),
        }
        return os.environ | told


def _note(entry: _Entry, **changes: Any) -> None:
    entry.run = replace(entry.run, **changes)


def _stop(entry: _Entry) -> None:
    if entry.process is not None and entry.process.returncode is None:
        with suppress(ProcessLookupError):
            entry.process.terminate()


def _need_papermill() -> None:
    if find_spec("papermill") is None:
        raise NotSupported(NEEDED)


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        notebook = json.loads(content)
    except (ValueError, RecursionError):
        notebook = None
    if not isinstance(notebook, dict):
        raise InvalidRequest("This is no notebook that can be read.")
    return notebook
