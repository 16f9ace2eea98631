"""Locks of WebDAV (RFC 4918 §6, §7): a table in memory, between the clients of one server.

They are not the locks of a site: those are taken through CS3, by programs that save (``cs3/locks.py``).
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, tostring

from jupyter_mesh.errors import InvalidRequest, Locked
from jupyter_mesh.paths import is_within, parent_of
from jupyter_mesh.webdav.properties import DAV, href_of

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["SUPPORTED", "DavLock", "LockTable", "discovery", "wanted_lock"]

LONGEST = 3600.0
LOCKS_AT_MOST = 10_000
LONGEST_OWNER = 4096

SUPPORTED = "".join(
    f"<d:lockentry><d:lockscope><d:{scope}/></d:lockscope><d:locktype><d:write/></d:locktype></d:lockentry>"
    for scope in ("exclusive", "shared")
)


@dataclass(slots=True)
class DavLock:
    """A write lock."""

    token: str
    root: str
    exclusive: bool
    deep: bool
    owner: str
    """XML as the client sent it."""
    until: float

    def covers(self, path: str) -> bool:
        """True if ``path`` is locked by it."""
        return self.root == path or (self.deep and is_within(path, self.root))


def wanted_lock(body: Element | None) -> tuple[bool, str]:
    """Whether a LOCK wants to be alone, and its owner; raises InvalidRequest for another body."""
    if body is None or body.tag != f"{{{DAV}}}lockinfo":
        raise InvalidRequest("This is not what a LOCK asks.")
    shared = body.find(f"{{{DAV}}}lockscope/{{{DAV}}}shared") is not None
    owner = body.find(f"{{{DAV}}}owner")
    text = "" if owner is None else tostring(owner, "unicode")
    if len(text) > LONGEST_OWNER:
        raise InvalidRequest("The owner of this lock is too long.")
    return not shared, text


def seconds_of(header: str) -> float:
    """How long a lock may last, from a Timeout header."""
    for wish in header.split(","):
        number = wish.strip().lower().removeprefix("second-")
        if number.isascii() and number.isdigit():
            return min(float(number), LONGEST)
    return LONGEST


def discovery(locks: Collection[DavLock], prefix: str) -> str:
    """The content of ``lockdiscovery``."""
    return "".join(
        "<d:activelock><d:locktype><d:write/></d:locktype>"
        f"<d:lockscope><d:{'exclusive' if lock.exclusive else 'shared'}/></d:lockscope>"
        f"<d:depth>{'infinity' if lock.deep else '0'}</d:depth>{lock.owner}"
        f"<d:timeout>Second-{max(0, int(lock.until - time.monotonic()))}</d:timeout>"
        f"<d:locktoken><d:href>{lock.token}</d:href></d:locktoken>"
        f"<d:lockroot><d:href>{prefix}{href_of(lock.root, False)}</d:href></d:lockroot></d:activelock>"
        for lock in locks
    )


class LockTable:
    """All locks of a server. Nothing of it outlives the process."""

    def __init__(self) -> None:
        self._locks: dict[str, DavLock] = {}

    def on(self, path: str) -> list[DavLock]:
        """The locks that cover a path."""
        self._expire()
        return [lock for lock in self._locks.values() if lock.covers(path)]

    def lock(self, path: str, *, exclusive: bool, deep: bool, owner: str, timeout: str) -> DavLock:
        """A new lock. Raises Locked if it does not go together with those that are there."""
        there = self.on(path)
        if deep:
            there += [lock for lock in self._locks.values() if is_within(lock.root, path)]
        if any(exclusive or lock.exclusive for lock in there):
            raise Locked(f"/{path} is locked.")
        if len(self._locks) >= LOCKS_AT_MOST:
            raise Locked("There are too many locks.")
        until = time.monotonic() + seconds_of(timeout)
        lock = DavLock(uuid.uuid4().urn, path, exclusive, deep, owner, until)
        self._locks[lock.token] = lock
        return lock

    def refresh(self, lock: DavLock, timeout: str) -> None:
        """Let a lock last from now on."""
        lock.until = time.monotonic() + seconds_of(timeout)

    def unlock(self, token: str, path: str) -> bool:
        """Give a lock back; False if that path has none of this token."""
        lock = next((lock for lock in self.on(path) if lock.token == token), None)
        if lock is not None:
            del self._locks[token]
        return lock is not None

    def forget(self, path: str) -> None:
        """What was locked is gone, with all below it."""
        for lock in list(self._locks.values()):
            if is_within(lock.root, path):
                del self._locks[lock.token]

    def check(
        self, path: str, tokens: Collection[str], *, names: bool = False, below: bool = False
    ) -> None:
        """Raise Locked unless whoever holds ``tokens`` may write to a path.

        ``names`` if it comes into being or goes, which changes its folder too; ``below`` if all below it goes.
        """
        held = self.on(path)
        if held and not any(lock.token in tokens for lock in held):
            raise Locked(f"/{path} is locked.")
        folder = [lock for lock in self.on(parent_of(path)) if names]
        if folder and not any(lock.token in tokens for lock in folder):
            raise Locked(f"The folder of /{path} is locked.")
        inside = [lock for lock in self._locks.values() if below and is_within(lock.root, path)]
        if any(lock.token not in tokens for lock in inside):
            raise Locked(f"Something in /{path} is locked.")

    def _expire(self) -> None:
        now = time.monotonic()
        for lock in [each for each in self._locks.values() if each.until < now]:
            del self._locks[lock.token]
