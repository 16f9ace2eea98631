"""LOCK and UNLOCK, and what locks mean for every other request (RFC 4918 §7, §9.10, §10.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from jupyter_mesh.errors import Conflict, InvalidRequest, MeshError, NotFound
from jupyter_mesh.webdav.addresses import destination_of
from jupyter_mesh.webdav.bodies import read_xml
from jupyter_mesh.webdav.conditions import Conditions
from jupyter_mesh.webdav.locks import LockTable, discovery, wanted_lock
from jupyter_mesh.webdav.ranges import entity_tag

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from jupyter_mesh.models import Resource
    from jupyter_mesh.webdav.tree import Tree

__all__ = ["Locking"]

WRITES = {"PUT", "DELETE", "MKCOL", "COPY", "MOVE", "PROPPATCH"}


class Locking:
    """A table of locks before a tree."""

    def __init__(self, tree: Tree, table: LockTable, prefix: str) -> None:
        self.table = table
        self._tree = tree
        self._prefix = prefix

    async def check(self, request: web.BaseRequest, path: str) -> None:
        """Raise Conflict if the If header is not true, Locked if somebody else's lock is in the way of a write."""
        method = request.method
        if method not in WRITES and method != "LOCK":
            return
        conditions = Conditions(request.headers.get("If", ""), path, self._prefix)

        async def etag_of(resource: str) -> str:
            there = await self._there(resource)
            return entity_tag(there.etag) if there and there.etag else ""

        def locks_on(resource: str) -> set[str]:
            return {lock.token for lock in self.table.on(resource)}

        if not await conditions.hold(locks_on, etag_of):
            raise Conflict(f"/{path} is not what the request names.")
        tokens = conditions.tokens
        if method in ("COPY", "MOVE"):
            target = destination_of(request, self._prefix)
            made = await self._there(target) is None
            self.table.check(target, tokens, names=made, below=True)
        if method in WRITES and method != "COPY":
            gone = method in ("DELETE", "MOVE")
            made = method == "MKCOL" or (method == "PUT" and await self._there(path) is None)
            self.table.check(path, tokens, names=gone or made, below=gone)

    async def lock(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """A new lock, or a longer life for one; a name that is free becomes an empty file."""
        timeout = request.headers.get("Timeout", "")
        body = await read_xml(request.content)
        status, headers = 200, {"Content-Type": "application/xml; charset=utf-8"}
        if body is None:
            tokens = Conditions(request.headers.get("If", ""), path, self._prefix).tokens
            held = [lock for lock in self.table.on(path) if lock.token in tokens]
            if not held:
                return web.Response(status=412)
            for each in held:
                self.table.refresh(each, timeout)
        else:
            exclusive, owner = wanted_lock(body)
            deep = request.headers.get("Depth", "infinity").lower() != "0"
            there = await self._there(path)
            lock = self.table.lock(
                path, exclusive=exclusive, deep=deep, owner=owner, timeout=timeout
            )
            headers["Lock-Token"] = f"<{lock.token}>"
            if there is None:
                try:
                    await self._tree.upload(path, _nothing(), size=0, if_absent=True)
                except MeshError:
                    self.table.unlock(lock.token, path)
                    raise
                status = 201
        text = (
            '<?xml version="1.0" encoding="utf-8"?>\n<d:prop xmlns:d="DAV:"><d:lockdiscovery>'
            f"{self.discovery(path)}</d:lockdiscovery></d:prop>"
        )
        return web.Response(status=status, body=text.encode(), headers=headers)

    async def unlock(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """Give a lock back."""
        token = request.headers.get("Lock-Token", "").strip().removeprefix("<").removesuffix(">")
        if not token:
            raise InvalidRequest("An UNLOCK names its lock.")
        return web.Response(status=204 if self.table.unlock(token, path) else 409)

    def discovery(self, path: str) -> str:
        """The content of ``lockdiscovery``."""
        return discovery(self.table.on(path), self._prefix)

    async def _there(self, path: str) -> Resource | None:
        try:
            return await self._tree.stat(path)
        except NotFound:
            return None


async def _nothing() -> AsyncIterator[bytes]:
    yield b""
