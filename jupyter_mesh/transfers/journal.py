"""The journal: every transfer of every program of this user on this machine, in one folder.

``$XDG_STATE_HOME/jupyter-mesh/transfers/<id>.json`` tells of one transfer, and survives its program. A lock on
``<id>.lock`` shows that the program lives, whatever its number; ``<id>.cancel`` asks it to stop. Nothing in
them is a secret.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from jupyter_mesh.errors import Cancelled, MeshError, NotFound, OutOfOrder, Unavailable
from jupyter_mesh.models import Transfer, TransferKind, TransferState
from jupyter_mesh.transfers.disk import (
    local_error,
    lock,
    private_folder,
    state_folder,
    write_private,
)
from jupyter_mesh.transfers.notes import Notes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Journal", "Record", "Retry", "Work"]

log = logging.getLogger(__name__)

EVERY = 0.5
"""Seconds between two looks at what was asked for, and between two notes of the progress at least."""

DONE_KEPT, FAILED_KEPT = 20, 100
"""Ended transfers that are remembered."""

INTERRUPTED = "It was interrupted. Retry it: it goes on where it stopped."

Progress = Callable[[int, int | None], None]
"""Told how many bytes have arrived, and of how many, if that is known by now."""

Work = Callable[[Progress], Awaitable[None]]
"""What a transfer does. When it is cancelled, nothing half done has the final name."""

Retry = Callable[["Record"], Awaitable[None]]
"""Does once more what a record tells, as its ``resume`` says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One transfer as the journal has it."""

    transfer: Transfer
    pid: int
    program: str
    """Which program of ours runs it: "jupyter mesh put", for example."""
    site: str
    local: str = ""
    """The absolute local path, if there is one."""
    resume: dict[str, Any] = field(default_factory=dict)
    """What a retry needs to know: plain JSON, the program's own."""
    alive: bool = False
    """True while its program works on it."""

    @property
    def can_retry(self) -> bool:
        """True for what has failed or was cancelled and can be done once more."""
        ended = self.transfer.state in (TransferState.FAILED, TransferState.CANCELLED)
        return ended and bool(self.resume)


Records = list[Record]


class Journal:
    """The transfers of all programs that share a state folder. Holds nothing open by itself.

    ``folder`` is the one of this user by default. Everything on the disk is done in threads.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or state_folder("transfers")

    async def list(self) -> Records:
        """All transfers, oldest first. One whose program is gone has failed: it was interrupted."""
        return await asyncio.to_thread(self._list)

    async def get(self, id: str) -> Record:
        """One transfer; raises NotFound."""
        record = await asyncio.to_thread(self._read, id)
        if record is None:
            raise NotFound("There is no such transfer: it was forgotten.")
        return record

    async def watch(self) -> AsyncIterator[Records]:
        """The whole list now, and again whenever it has changed, at most twice a second; never ends."""
        before: Records | None = None
        while True:
            records = await self.list()
            if records != before:
                yield records
            before = records
            await asyncio.sleep(EVERY)

    async def cancel(self, id: str) -> None:
        """Ask the program that runs a transfer to stop it, which it does within a second. Raises NotFound.

        Nothing happens to one that has ended.
        """
        record = await self.get(id)
        if record.alive:
            await asyncio.to_thread(write_private, self._path(id, "cancel"), "")

    async def forget(self, id: str) -> None:
        """Drop one that has ended, with all that a retry would go on with.

        Raises NotFound, and OutOfOrder while its program works on it.
        """
        record = await self.get(id)
        if record.alive:
            raise OutOfOrder(f"{record.transfer.path} is still being moved. Cancel it first.")
        await Notes(self.folder.with_name("resume")).discard(id)
        await asyncio.to_thread(self._unlink, id)

    async def run(
        self,
        kind: TransferKind,
        path: str,
        work: Work,
        *,
        site: str,
        source: str = "",
        local: str = "",
        program: str = "",
        resume: dict[str, Any] | None = None,
        id: str = "",
    ) -> None:
        """Do ``work`` as a transfer that everybody can see and cancel; raises what it raises.

        When it was cancelled through the journal, raises Cancelled; when the task is cancelled (Ctrl-C),
        the transfer counts as interrupted and can be retried. With the ``id`` of an ended one it takes that
        one's place in the list.
        """
        transfer = Transfer(
            id=id or secrets.token_urlsafe(12),
            kind=kind,
            path=path,
            source=source,
            state=TransferState.RUNNING,
            started=datetime.now(UTC),
        )
        record = Record(
            transfer=transfer,
            pid=os.getpid(),
            program=program or Path(sys.argv[0]).name,
            site=site,
            local=local,
            resume=resume or {},
        )
        await _Running(self, record).run(work)

    async def retry(self, id: str, again: Retry) -> None:
        """Do an ended transfer once more, in this process, going on where it stopped.

        ``again`` knows how to do what the record tells, and does it with ``run(…, id=record.transfer.id)``.
        Raises NotFound, OutOfOrder for one that runs or cannot be retried, and what ``again`` raises.
        """
        record = await self.get(id)
        if not record.can_retry:
            raise OutOfOrder(f"The transfer of {record.transfer.path} cannot be retried now.")
        await again(record)

    # On the disk, in threads

    def _path(self, id: str, suffix: str) -> Path:
        return self.folder / f"{id}.{suffix}"

    def _list(self) -> Records:
        try:
            ids = [path.stem for path in self.folder.glob("*.json")]
        except OSError:
            return []
        records = [record for id in ids if (record := self._read(id)) is not None]
        return sorted(records, key=lambda record: record.transfer.started)

    def _read(self, id: str) -> Record | None:
        # An id comes from a request: it names a file of this folder and nothing else.
        if not id or not all(char.isalnum() or char in "-_" for char in id):
            return None
        try:
            record = _record_of(json.loads(self._path(id, "json").read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if record.transfer.id != id or record.transfer.has_ended:
            return record if record.transfer.id == id else None
        if self._is_held(id, record.pid):
            return replace(record, alive=True)
        failed = replace(
            record.transfer, state=TransferState.FAILED, message=INTERRUPTED, status=503
        )
        return replace(record, transfer=failed)

    def _is_held(self, id: str, pid: int) -> bool:
        try:
            with self._path(id, "lock").open("rb") as file:
                held = lock(file, shared=True)
        except OSError:
            return False
        return _lives(pid) if held is None else not held

    def _unlink(self, id: str) -> None:
        for suffix in ("json", "cancel", "lock"):
            self._path(id, suffix).unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Forget the oldest of those that have ended."""
        records = [record for record in self._list() if not record.alive]
        done = [each for each in records if each.transfer.state is TransferState.DONE]
        others = [each for each in records if each.transfer.state is not TransferState.DONE]
        for record in (*done[:-DONE_KEPT], *others[:-FAILED_KEPT]):
            self._unlink(record.transfer.id)


class _Running:
    """A transfer of this process."""

    def __init__(self, journal: Journal, record: Record) -> None:
        self._journal = journal
        self._record = record
        self._written: Record | None = None
        self._writing = threading.Lock()
        self._cancelled = False

    async def run(self, work: Work) -> None:
        try:
            held = await asyncio.to_thread(self._begin)
        except OSError as error:
            raise local_error(error, "list the transfer", self._journal.folder) from error
        task = asyncio.ensure_future(work(self._progress))
        keeper = asyncio.create_task(self._keep(task))
        try:
            await self._wait_for(task)
        finally:
            keeper.cancel()
            await asyncio.shield(asyncio.to_thread(self._finish, held))

    async def _wait_for(self, task: asyncio.Future[None]) -> None:
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            # Ctrl-C, or somebody's word in the journal. It may have ended all the same.
            task.cancel()
            await asyncio.wait({task})
            if task.cancelled() and self._cancelled:
                self._end(TransferState.CANCELLED)
                path = self._record.transfer.path
                raise Cancelled(f"The transfer to {path} was cancelled.") from None
            if task.cancelled():
                self._end(TransferState.FAILED, INTERRUPTED, Unavailable.status)
                raise
            self._ended(task.exception())
            raise
        except BaseException as error:
            self._ended(error)
            raise
        else:
            self._ended(None)

    def _ended(self, error: BaseException | None) -> None:
        if error is None:
            self._end(TransferState.DONE)
        elif isinstance(error, MeshError):
            self._end(TransferState.FAILED, str(error), error.status)
        else:
            # The caller hears what it was; the list says at least that it did not end well.
            self._end(TransferState.FAILED, "Something went wrong in jupyter-mesh.", 500)

    def _progress(self, done: int, total: int | None) -> None:
        transfer = replace(self._record.transfer, done=done, total=total)
        self._record = replace(self._record, transfer=transfer)

    def _end(self, state: TransferState, message: str = "", status: int = 0) -> None:
        transfer = replace(self._record.transfer, state=state, message=message, status=status)
        self._record = replace(self._record, transfer=transfer)

    async def _keep(self, task: asyncio.Future[None]) -> None:
        while True:
            await asyncio.sleep(EVERY)
            if await asyncio.to_thread(self._look):
                self._cancelled = True
                task.cancel()

    # On the disk, in threads

    def _begin(self) -> BinaryIO:
        """Take the place in the list; raises OutOfOrder if another program has it."""
        journal, id = self._journal, self._record.transfer.id
        private_folder(journal.folder)
        path = journal._path(id, "lock")
        file = open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")  # noqa: SIM115 - held until the end
        for _ in range(5):
            # Whoever lists the transfers looks for a moment whether it is held.
            if (mine := lock(file)) is not False:
                break
            time.sleep(0.02)
        if mine is False:
            file.close()
            raise OutOfOrder(f"Another program moves {self._record.transfer.path} already.")
        journal._path(id, "cancel").unlink(missing_ok=True)
        self._write()
        journal._sweep()
        return file

    def _look(self) -> bool:
        """Note how far it is; true if it shall stop."""
        self._write()
        return self._journal._path(self._record.transfer.id, "cancel").exists()

    def _finish(self, held: BinaryIO) -> None:
        self._write()
        for suffix in ("cancel", "lock"):
            self._journal._path(self._record.transfer.id, suffix).unlink(missing_ok=True)
        held.close()

    def _write(self) -> None:
        # The latest word is written last, whichever thread comes late.
        with self._writing:
            record = self._record
            if record != self._written:
                text = json.dumps(_facts_of(record))
                try:
                    write_private(self._journal._path(record.transfer.id, "json"), text)
                except OSError as error:
                    # A full disk of the notes is no reason to give up what is moved.
                    log.warning("The list of transfers cannot be written: %s", error.strerror)
                else:
                    self._written = record


def _facts_of(record: Record) -> dict[str, Any]:
    transfer = record.transfer
    return {
        **{name: getattr(transfer, name) for name in _PLAIN},
        "started": transfer.started.isoformat(),
        "pid": record.pid,
        "program": record.program,
        "site": record.site,
        "local": record.local,
        "resume": record.resume,
    }


_PLAIN = ("id", "kind", "path", "source", "state", "done", "total", "message", "status")


def _record_of(facts: dict[str, Any]) -> Record:
    transfer = Transfer(
        **{name: facts[name] for name in _PLAIN}
        | {
            "kind": TransferKind(facts["kind"]),
            "state": TransferState(facts["state"]),
            "started": datetime.fromisoformat(facts["started"]),
        }
    )
    return Record(
        transfer=transfer,
        **{name: facts[name] for name in ("pid", "program", "site", "local", "resume")},
    )


def _lives(pid: int) -> bool:
    """True if there is a process of this number: all that can be known where the disk has no locks."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True
