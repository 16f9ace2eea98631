"""What the adapter knows of the files that rclone has seen, in a table that survives its end.

rclone asks for a file, keeps it, and sends it back minutes or restarts later without a word about what it was
based on. So the adapter remembers: the state of each file as it was served, listed or stored, which answers are
still owed, and what was deleted but may come back at once.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from jupyter_mesh.paths import is_within, join, name_of, parent_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from jupyter_mesh.models import Resource

__all__ = ["ABSENT", "Known", "Memory", "Owed", "Receipt", "state_of"]

log = logging.getLogger(__name__)

T = TypeVar("T")

ABSENT = ""
"""The state of a name that nothing had."""

FILES_AT_MOST = 200_000
NAMES_AT_MOST = 1_000_000

RECONSIDERED = 60.0
"""Seconds for which saves go on being conflicts after the other content was shown: what was being written when it
was shown knew nothing of it."""

RECEIPT_LASTS = 60.0
DELETE_FROM, DELETE_UNTIL = 0.8, 10.0
"""Seconds after a failed PUT between which rclone deletes what it failed to replace: it waits for exactly 1."""
DELETE_LATEST = 86_400.0
"""Seconds until which a DELETE may still be that one: where the machine was asleep, or was too busy for rclone."""

SENDING_AT_MOST = 16

CREATE = (
    "CREATE TABLE IF NOT EXISTS facts (kind TEXT, path TEXT, value TEXT, PRIMARY KEY (kind, path))"
)


def state_of(resource: Resource) -> str:
    """What tells one content of a file from another: its etag, else (on mounts of other sites) time and size."""
    return resource.etag or f"~{resource.modified.timestamp():.6f}-{resource.size}"


@dataclass(slots=True)
class Known:
    """A file as the copy of it on this machine is based on it."""

    state: str
    size: int = 0
    modified: float | None = None
    """The time that was asked for, where the site keeps another one; true as long as the state is."""
    sha1: str = ""
    """Of the content, where it passed through here."""
    lost: str = ""
    """State of somebody else's content that a save of this one would have replaced."""
    copy: str = ""
    """Where that save went instead."""
    shown: float = 0.0
    """When the other content was listed first, in seconds since 1970; 0 before."""


@dataclass(slots=True)
class Receipt:
    """What rclone has to hear once about a file that it has just sent: exactly what it sent."""

    size: int
    modified: float | None
    sha1: str
    made: float


@dataclass(slots=True)
class Owed:
    """PUTs of a path that failed or run, each to be followed by a DELETE that nobody asked for."""

    failed: list[float]
    """When they failed, in seconds since 1970."""
    running: int = 0


class Memory:
    """The table. ``open`` and ``close`` belong together; what is noted in between is written by one thread.

    Everything can be read at once, from memory. ``settled()`` waits until all notes are in the table: whoever
    answers rclone awaits it first where a crash must not lose the note.
    """

    def __init__(self, file: Path) -> None:
        self.files: OrderedDict[str, Known] = OrderedDict()
        self.listings: OrderedDict[str, dict[str, tuple[str, int]]] = OrderedDict()
        """State and size of the files in each folder, as they were told last."""
        self.receipts: dict[str, Receipt] = {}
        self.owed: dict[str, Owed] = {}
        self.sending: dict[str, list[tuple[int, str]]] = {}
        """Size and SHA1 of what was sent to each path, and may have been stored without an answer."""
        self.held: dict[str, str] = {}
        """Files that were deleted a moment ago and are still at the site, by their state."""
        self.is_new = True
        self.trouble = ""
        """Why notes could not be written the last time; "" when they were."""
        self._file = file
        self._names = 0
        self._thread = ThreadPoolExecutor(1, "mesh-memory")
        self._table: sqlite3.Connection | None = None
        self._waiting: dict[tuple[str, str], Any] = {}
        self._writing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Read the table. A table that is damaged is begun anew: what it knew is unknown then."""
        rows = await self._run(self._open)
        kinds: dict[str, Callable[[str, Any], object]] = {
            "file": lambda path, value: self.files.__setitem__(path, Known(**value)),
            "listing": lambda path, value: self._keep_listing(
                path, {name: (state, size) for name, (state, size) in value.items()}
            ),
            "receipt": lambda path, value: self.receipts.__setitem__(path, Receipt(**value)),
            "held": lambda path, value: self.held.__setitem__(path, value),
            "sending": lambda path, value: self.sending.__setitem__(
                path, [(size, sha1) for size, sha1 in value]
            ),
            # Whatever was under way has failed by now, and its DELETE may come at any moment.
            "owed": lambda path, value: self.owed.__setitem__(
                path, Owed([time.time() - DELETE_FROM] * (len(value["failed"]) + value["running"]))
            ),
        }
        for kind, path, value in rows:
            self.is_new = False
            if kind in kinds:
                kinds[kind](path, value)
        self._note("started", "", time.time())

    async def close(self) -> None:
        """Write what is left, and let go of the table. May be awaited twice."""
        if self._table is not None:
            await self.settled()
            table, self._table = self._table, None
            await self._run(table.close)
        self._thread.shutdown(wait=False)

    async def settled(self) -> None:
        """Wait until all that was noted so far survives the end of this process.

        Where it cannot be written (the disk is full) this returns all the same, and it is tried again with the
        next note: what is known here is right, and an answer that failed for that would have rclone delete the
        file that was just stored. A restart then knows less, and takes more for conflicts.
        """
        self.trouble = ""
        while not self.trouble and (
            self._waiting or not (self._writing is None or self._writing.done())
        ):
            await asyncio.shield(self._begin())

    # Bases

    def base(self, path: str) -> str | None:
        """The state that the next save of a file may replace; ABSENT for none, None if nothing is known of it."""
        known = self.files.get(path)
        if known is not None:
            reconsidered = known.shown and time.time() - known.shown > RECONSIDERED
            return known.lost if known.lost and reconsidered else known.state
        return self.told(path)[0]

    def told(self, path: str) -> tuple[str | None, int]:
        """State and size of a file as its folder was listed last; None for both where it never was."""
        listing = self.listings.get(parent_of(path))
        return (None, 0) if listing is None else listing.get(name_of(path), (ABSENT, 0))

    def know(self, path: str, known: Known) -> None:
        """A file has been served or stored in this state."""
        self.tell(path, (known.state, known.size))
        if self.files.get(path) == known:
            self.files.move_to_end(path)
            return
        self.files[path] = known
        self.files.move_to_end(path)
        self._note("file", path, asdict(known))
        while len(self.files) > FILES_AT_MOST:
            oldest, _ = self.files.popitem(last=False)
            self._note("file", oldest, None)

    def tell(self, path: str, told: tuple[str, int] | None) -> None:
        """A name has been told to have this state and size, or to be free.

        Not written to the table: what a save needs of it is noted with the file, and a save over a name that is
        free by now makes a new file.
        """
        listing = self.listings.get(parent_of(path))
        if listing is None:
            return
        if told is None:
            listing.pop(name_of(path), None)
        else:
            listing[name_of(path)] = told

    def listed(self, folder: str, resources: Sequence[Resource]) -> None:
        """A folder has been listed."""
        told = {
            each.name: (state_of(each), each.size) for each in resources if not each.is_directory
        }
        folders = {each.path for each in resources if each.is_directory}
        for known_folder in [each for each in self.listings if each and parent_of(each) == folder]:
            if known_folder not in folders:
                self.forget(known_folder)
        for name, (state, _) in told.items():
            known = self.files.get(join(folder, name))
            if known is not None and known.lost == state and not known.shown:
                known.shown = time.time()
                self._note("file", join(folder, name), asdict(known))
        if self.listings.get(folder) != told:
            self._keep_listing(folder, told)
            self._note_listing(folder)

    def forget(self, path: str) -> None:
        """Something is gone, with all below it."""
        is_file = path in self.files or bool(self.told(path)[0])
        self.forget_file(path)
        if is_file:
            # Nothing is below a file: thousands that go one by one need not be compared with all others.
            return
        for file in [each for each in self.files if is_within(each, path)]:
            del self.files[file]
            self._note("file", file, None)
        for folder in [each for each in self.listings if is_within(each, path)]:
            self._names -= len(self.listings.pop(folder))
            self._note("listing", folder, None)

    def forget_file(self, path: str) -> None:
        """A name is free, and was not that of a folder."""
        self.tell(path, None)
        self.answered(path)
        if self.files.pop(path, None) is not None:
            self._note("file", path, None)

    def rename(self, folder: str, to: str) -> None:
        """A folder has another name now, and so has all below it."""
        for file in [each for each in self.files if is_within(each, folder)]:
            self.files[to + file.removeprefix(folder)] = known = self.files.pop(file)
            self._note("file", file, None)
            self._note("file", to + file.removeprefix(folder), asdict(known))
        for file in [each for each in self.sending if is_within(each, folder)]:
            self.sending[to + file.removeprefix(folder)] = sent = self.sending.pop(file)
            self._note("sending", file, None)
            self._note("sending", to + file.removeprefix(folder), sent)
        for old in [each for each in self.listings if is_within(each, folder)]:
            self.listings[to + old.removeprefix(folder)] = self.listings.pop(old)
            self._note("listing", old, None)
            self._note_listing(to + old.removeprefix(folder))

    # Receipts

    def give(self, path: str, receipt: Receipt) -> None:
        """The next question about a file is answered by this."""
        self.receipts[path] = receipt
        self._note("receipt", path, asdict(receipt))

    def claim(self, path: str) -> Receipt | None:
        """The receipt of a file, once."""
        receipt = self.receipts.pop(path, None)
        if receipt is None:
            return None
        self._note("receipt", path, None)
        return receipt if time.time() - receipt.made < RECEIPT_LASTS else None

    # Deletes that nobody asked for

    def began(self, path: str) -> None:
        """A PUT has begun: if this process dies in it, a DELETE follows.

        What rclone has not deleted before it sends the file again, it does not delete any more.
        """
        owed = self.owed.setdefault(path, Owed([]))
        owed.failed = [when for when in owed.failed if time.time() - when < DELETE_UNTIL]
        owed.running += 1
        self._note_owed(path)

    def ended(self, path: str, *, failed: bool) -> None:
        """A PUT has been answered."""
        owed = self.owed[path]
        owed.running -= 1
        if failed:
            owed.failed.append(time.time())
        self._note_owed(path)

    def pays(self, path: str) -> bool:
        """True if a DELETE that comes now is the answer to a failed PUT; it counts as one."""
        owed = self.owed.get(path)
        if owed is None:
            return False
        return self._take(path, owed, DELETE_FROM, DELETE_UNTIL)

    def may_pay(self, path: str) -> bool:
        """True if nobody can say whether a DELETE is the late answer to a failed PUT; it counts as that."""
        owed = self.owed.get(path)
        if owed is None:
            return False
        now = time.time()
        owed.failed = [when for when in owed.failed if now - when < DELETE_LATEST]
        return self._take(path, owed, DELETE_UNTIL, DELETE_LATEST)

    def _take(self, path: str, owed: Owed, first: float, last: float) -> bool:
        now = time.time()
        due = [when for when in owed.failed if first <= now - when < last]
        if due:
            owed.failed.remove(due[0])
        self._note_owed(path)
        return bool(due)

    # Sends without an answer

    def sends(self, path: str, size: int, sha1: str) -> None:
        """A body is on its way to the site: it may be stored, whatever happens to us."""
        sent = [each for each in self.sending.get(path, ()) if each[1] != sha1]
        self.sending[path] = [*sent, (size, sha1)][-SENDING_AT_MOST:]
        self._note("sending", path, self.sending[path])

    def answered(self, path: str) -> None:
        """The site has told what it has."""
        if self.sending.pop(path, None) is not None:
            self._note("sending", path, None)

    # Deletes that may be taken back

    def hold(self, path: str, state: str) -> None:
        """A file counts as deleted, and is still at the site."""
        self.held[path] = state
        self._note("held", path, state)

    def release(self, path: str) -> str | None:
        """A held file is held no more: its state, or None if it was not."""
        state = self.held.pop(path, None)
        if state is not None:
            self._note("held", path, None)
        return state

    # The table

    def _keep_listing(self, folder: str, told: dict[str, tuple[str, int]]) -> None:
        self._names += len(told) - len(self.listings.pop(folder, ()))
        self.listings[folder] = told
        while self._names > NAMES_AT_MOST and len(self.listings) > 1:
            oldest, names = self.listings.popitem(last=False)
            self._names -= len(names)
            self._note("listing", oldest, None)

    def _note_listing(self, folder: str) -> None:
        self._note("listing", folder, dict(self.listings[folder]))

    def _note_owed(self, path: str) -> None:
        owed = self.owed[path]
        if not owed.failed and not owed.running:
            del self.owed[path]
        self._note("owed", path, asdict(owed) if path in self.owed else None)

    def _note(self, kind: str, path: str, value: Any) -> None:
        """Have a fact written, or removed; the latest one of each kind and path counts."""
        self._waiting[kind, path] = value
        self._begin()

    def _begin(self) -> asyncio.Task[None]:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return self._writing

    async def _write(self) -> None:
        """Write all that waits; what is noted meanwhile is written after it, in one go again."""
        while self._waiting:
            batch, self._waiting = self._waiting, {}
            self.trouble = await self._run(lambda batch=batch: self._store(batch))  # type: ignore[misc]
            if self.trouble:
                self._waiting = batch | self._waiting
                return

    def _store(self, batch: dict[tuple[str, str], Any]) -> str:
        """Write notes; why that failed, or ""."""
        table = self._table
        if table is None:
            return ""
        try:
            with table:
                table.executemany(
                    "DELETE FROM facts WHERE kind = ? AND path = ?",
                    [key for key, value in batch.items() if value is None],
                )
                table.executemany(
                    "INSERT OR REPLACE INTO facts VALUES (?, ?, ?)",
                    [
                        (*key, json.dumps(value))
                        for key, value in batch.items()
                        if value is not None
                    ],
                )
        except sqlite3.Error as error:
            log.warning("What the mount has to remember cannot be written: %s", error)
            return "What the mount has to remember cannot be written: is the disk of this machine full?"
        return ""

    def _open(self) -> list[tuple[str, str, Any]]:
        for last in (False, True):
            table = sqlite3.connect(self._file, check_same_thread=False)
            try:
                table.execute("PRAGMA journal_mode = WAL")
                # The end of this process loses nothing; that of the machine may lose the last moments.
                table.execute("PRAGMA synchronous = NORMAL")
                table.execute(CREATE)
                found = table.execute("SELECT kind, path, value FROM facts").fetchall()
                rows = [(kind, path, json.loads(value)) for kind, path, value in found]
            except (sqlite3.DatabaseError, ValueError):
                table.close()
                if last:
                    raise
                for suffix in ("", "-wal", "-shm"):
                    self._file.with_name(self._file.name + suffix).unlink(missing_ok=True)
            else:
                self._table = table
                return rows
        raise AssertionError("the loop returns or raises")

    async def _run(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)
