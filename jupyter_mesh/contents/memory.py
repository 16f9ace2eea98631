"""What a server remembers of the site: short-lived sightings, and what its users last read."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from jupyter_mesh.contents.bases import Bases, front_end
from jupyter_mesh.contents.flights import Flights
from jupyter_mesh.contents.listings import Listed, Listing, Listings
from jupyter_mesh.paths import is_within, parent_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from jupyter_mesh.models import Resource

__all__ = ["Memory", "PathLocks"]

LIMIT = 4096

K = TypeVar("K")
V = TypeVar("V")


class Memory:
    """Sightings by mesh path, each with its age, and the etag that a user's text is based on.

    A sighting spares a question that was answered a moment ago; the caller says how old it may be. A
    base is the content that a user's front end got last, so that saving over a later one is noticed.
    All is bounded. Every write of ours must be told, with ``wrote``, ``doubt`` or ``forget``: listings
    that are kept or under way are outdated by it, too.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[float, Resource | None]] = OrderedDict()
        self._bases = Bases()
        self._missed: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._written: OrderedDict[tuple[str, str], tuple[float, Resource]] = OrderedDict()
        self.writes = 0
        """How many changes were told so far: what was asked before one may be older than it."""
        self.listings = Listings()
        self.looks: Flights[Resource] = Flights()
        self.lists: Flights[Listed] = Flights()
        self.pages: Flights[Listing] = Flights()

    def saw(self, path: str, resource: Resource | None, *, asked: int | None = None) -> None:
        """Remember what was at ``path`` just now; None for nothing.

        ``asked`` is what ``writes`` was when the site was asked: an answer that a write has overtaken is passed over.
        """
        if asked is not None and asked != self.writes:
            return
        if resource is None:
            self._bases.forget(path)
        _put(self._seen, path, (time.monotonic(), resource))

    def last(self, path: str, age: float) -> Resource | None:
        """What was at ``path`` within the last ``age`` seconds, if that is known and was not nothing."""
        at, resource = self._seen.get(path, (float("-inf"), None))
        return resource if time.monotonic() - at <= age else None

    def etag_of(self, path: str) -> str:
        """The etag seen last at ``path``, however long ago; "" if none was seen."""
        _, resource = self._seen.get(path, (0.0, None))
        return resource.etag if resource is not None else ""

    def was_absent(self, path: str, age: float) -> bool:
        """True if nothing was at ``path`` within the last ``age`` seconds, by the last look or as the user was told."""
        if self.was_missed(path, age):
            return True
        at, resource = self._seen.get(path, (float("-inf"), None))
        return resource is None and time.monotonic() - at <= age

    def was_missed(self, path: str, age: float) -> bool:
        """True if the user was told within the last ``age`` seconds that nothing is at ``path``."""
        at = self._missed.get((path, front_end.get()), float("-inf"))
        return time.monotonic() - at <= age

    def read(self, resource: Resource) -> None:
        """A user got to know this state of a file or folder."""
        self.saw(resource.path, resource)
        self._missed.pop((resource.path, front_end.get()), None)
        if not resource.is_directory:
            self._bases.read(resource)

    def base_of(self, path: str) -> Resource | None:
        """What the user's text for ``path`` is based on; None where nobody read it here."""
        return self._bases.get(path)

    def moved(self, old: str, resource: Resource) -> None:
        """What was at ``old`` is at the path of ``resource`` now; the user's text is still based on the same.

        A rename must not pass off as read what somebody else saved before it.
        """
        bases = self._bases.of(old)
        self.forget(old)
        self.forget(resource.path)
        self.saw(resource.path, resource)
        self._bases.moved(bases, resource)

    def wrote(self, resource: Resource) -> None:
        """We made this state: the next save builds on it, and its folder is another than before."""
        self._changed(resource.path)
        self._seen.pop(parent_of(resource.path), None)
        self.read(resource)
        _put(self._written, (resource.path, front_end.get()), (time.monotonic(), resource))

    def just_written(self, path: str, age: float) -> Resource | None:
        """What the user made at ``path`` within the last ``age`` seconds; told once, since it may be another by now."""
        mine = (path, front_end.get())
        at, resource = self._written.pop(mine, (float("-inf"), None))
        return resource if time.monotonic() - at <= age else None

    def doubt(self, path: str) -> None:
        """What is at ``path`` or below has to be looked at again; the user's text is still based on the same."""
        self._changed(path)
        self._written.pop((path, front_end.get()), None)
        self._seen.pop(parent_of(path), None)
        for known in [each for each in self._seen if is_within(each, path)]:
            del self._seen[known]

    def missed(self, path: str) -> None:
        """A user was told that nothing is there: what comes there since is not the user's to replace."""
        self.forget(path)
        _put(self._missed, (path, front_end.get()), time.monotonic())

    def forget(self, path: str) -> None:
        """Drop all that is known of ``path``, of what is below, and of the state of its folder."""
        self._changed(path)
        self._seen.pop(parent_of(path), None)
        for known in [each for each in self._seen if is_within(each, path)]:
            del self._seen[known]
        self._bases.forget(path)
        for mine in [each for each in self._written if is_within(each[0], path)]:
            del self._written[mine]
        for mine in [each for each in self._missed if is_within(each[0], path)]:
            del self._missed[mine]

    async def close(self) -> None:
        """Give up the questions that are under way, and drop the listings."""
        for flights in (self.pages, self.lists, self.looks):
            await flights.close()
        self.listings.clear()

    def _changed(self, path: str) -> None:
        self.writes += 1
        self.listings.forget(path)
        self.looks.outdate(path)
        self.lists.outdate(path)
        self.pages.outdate(path)


def _put(mapping: OrderedDict[K, V], key: K, value: V) -> None:
    mapping[key] = value
    mapping.move_to_end(key)
    if len(mapping) > LIMIT:
        mapping.popitem(last=False)


class PathLocks:
    """One asyncio lock per path, kept only while somebody holds or awaits it."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def hold(self, path: str) -> AsyncIterator[None]:
        """Let one writer at a time work on ``path``."""
        lock, users = self._locks.get(path, (asyncio.Lock(), 0))
        self._locks[path] = lock, users + 1
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks.pop(path)
            if users > 1:
                self._locks[path] = lock, users - 1
