"""What each front end read last: the state of a file that its next save builds on.

Two windows of one user are two readers. If they shared what was read, the save of one would stand for a look
of the other, whose text would then replace it unseen.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from contextvars import ContextVar
from typing import TYPE_CHECKING

from jupyter_mesh.paths import is_within

if TYPE_CHECKING:
    from tornado.httputil import HTTPServerRequest

    from jupyter_mesh.models import Resource

__all__ = ["Bases", "front_end", "front_end_of"]

FILES = 4096
FRONT_ENDS = 32

front_end: ContextVar[str] = ContextVar("front_end", default="")
"""Which front end the work at hand is done for; "" where nobody told."""

WORKSPACE = re.compile(r"/workspaces/([^/?#]*)")


def front_end_of(request: HTTPServerRequest) -> str:
    """What tells one browser window from another, as far as requests do; it means nothing else.

    Lab gives each window a workspace of its own, which stands in the address of its page; each browser has an
    _xsrf of its own.
    """
    headers = request.headers
    workspace = WORKSPACE.search(headers.get("Referer", ""))
    marks = (
        headers.get("X-XSRFToken", ""),
        headers.get("User-Agent", ""),
        workspace[1] if workspace else "",
    )
    return hashlib.blake2b("\0".join(marks).encode(), digest_size=8).hexdigest()


class Bases:
    """The last state of each file that each front end read or made. Bounded in files and in front ends."""

    def __init__(self) -> None:
        self._bases: OrderedDict[str, OrderedDict[str, Resource]] = OrderedDict()

    def read(self, resource: Resource) -> None:
        """The present front end knows this state."""
        readers = self._bases.setdefault(resource.path, OrderedDict())
        self._bases.move_to_end(resource.path)
        readers[front_end.get()] = resource
        readers.move_to_end(front_end.get())
        if len(readers) > FRONT_ENDS:
            readers.popitem(last=False)
        if len(self._bases) > FILES:
            self._bases.popitem(last=False)

    def get(self, path: str) -> Resource | None:
        """What the present front end read last, or any other if it read nothing; None if nobody did."""
        readers = self._bases.get(path)
        if not readers:
            return None
        return readers.get(front_end.get()) or next(reversed(readers.values()))

    def of(self, path: str) -> dict[str, Resource]:
        """What was read at ``path``, by front end."""
        return dict(self._bases.get(path, {}))

    def moved(self, bases: dict[str, Resource], resource: Resource) -> None:
        """What was read under another path is at the path of ``resource`` now.

        Some sites give a renamed file another etag: with the time and size that were read, it is the same content.
        """
        kept = OrderedDict(
            (name, resource if _same(base, resource) else base) for name, base in bases.items()
        )
        if kept:
            self._bases[resource.path] = kept

    def forget(self, path: str) -> None:
        """Nobody has read what is at ``path`` or below."""
        for known in [each for each in self._bases if is_within(each, path)]:
            del self._bases[known]


def _same(one: Resource, other: Resource) -> bool:
    return (one.modified, one.size) == (other.modified, other.size)
