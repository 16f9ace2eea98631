"""LOCK and UNLOCK within a share: they take the locks of the site, the same that local users see."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

from aiohttp import web

from jupyter_mesh.errors import InvalidRequest, MeshError
from jupyter_mesh.node.locks import Wanted
from jupyter_mesh.webdav.bodies import read_xml
from jupyter_mesh.webdav.conditions import Conditions
from jupyter_mesh.webdav.locks import DavLock, discovery, seconds_of, wanted_lock

if TYPE_CHECKING:
    from jupyter_mesh.node.ocm.access_tree import ShareTree

__all__ = ["Locking", "held_by"]

_EXCLUSIVE = 3
"""LOCK_TYPE_EXCL of CS3."""


def held_by(request: web.Request) -> set[str]:
    """The lock tokens that a request names in If or Lock-Token; an empty one is none (OpenCloud sends "<>")."""
    tokens = {request.headers.get("Lock-Token", "").strip().strip("<>")}
    try:
        tokens |= Conditions(request.headers.get("If", ""), "").tokens
    except InvalidRequest:
        # Lists of other resources: their addresses are read without knowing where they belong.
        return tokens - {""}
    return tokens - {""}


class Locking:
    """The locks of a share over WebDAV."""

    def __init__(self, tree: ShareTree, prefix: str) -> None:
        self._tree = tree
        self._prefix = prefix

    async def handle(self, request: web.Request, path: str) -> web.StreamResponse:
        """LOCK takes or prolongs a lock, UNLOCK gives it back. Raises Locked, NotFound, NotAllowed."""
        if request.method == "UNLOCK":
            token = request.headers.get("Lock-Token", "").strip().strip("<>")
            if not token:
                raise InvalidRequest("An UNLOCK names its lock.")
            try:
                await self._tree.unlock(path, _wanted(token, 0))
            except MeshError:
                return web.Response(status=409)
            return web.Response(status=204)
        timeout = seconds_of(request.headers.get("Timeout", ""))
        body = await read_xml(request.content)
        if body is None:
            token = await self._tree.prolong(path, _wanted("", timeout).expires)
            if not token:
                return web.Response(status=412)
            exclusive, owner = True, ""
        else:
            exclusive, owner = wanted_lock(body)
            token = uuid.uuid4().urn
            await self._tree.lock(path, _wanted(token, timeout))
        lock = DavLock(token, path, exclusive, False, owner, time.monotonic() + timeout)
        text = (
            '<?xml version="1.0" encoding="utf-8"?>\n<d:prop xmlns:d="DAV:"><d:lockdiscovery>'
            f"{discovery([lock], self._prefix)}</d:lockdiscovery></d:prop>"
        )
        headers = {"Content-Type": "application/xml; charset=utf-8"}
        if body is not None:
            headers["Lock-Token"] = f"<{token}>"
        return web.Response(body=text.encode(), headers=headers)


def _wanted(token: str, seconds: float) -> Wanted:
    """An exclusive lock for that long."""
    expires = time.time_ns() + int(seconds * 1e9)
    return Wanted(id=token, kind=_EXCLUSIVE, app="", user="", expires=expires)
