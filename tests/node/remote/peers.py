"""Other servers of shares, as they were recorded: ``facts/ocm-wire.md`` §6. One file tree in memory each."""

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from urllib.parse import quote, unquote, urlsplit
from xml.sax.saxutils import escape

from aiohttp import web

__all__ = ["BARE", "BUSY", "OPENCLOUD", "REVA", "Peer", "Server"]


@dataclass(frozen=True)
class Server:
    """How one kind of server answers."""

    name: str
    root: str
    lower: bool = False
    """Percent-encoding in lower case."""
    etags: bool = True
    dates: str = "Sat, 21 Nov 2026 10:00:00 GMT"
    ranges: bool = True
    get_folder: int = 200
    compares: bool = False
    no_parent: int = 409
    moves: bool = True
    delete_missing: int = 404
    viewer_writes: int = 403
    no_secret: int = 401
    infinity: int = 207
    works: int = 0
    """Looks for which it works on a file that was saved: it tells all of it with another status, and gives none."""


REVA = Server(
    "reva",
    "/remote.php/dav/ocm/7",
    lower=True,
    dates="Sat, 21 Nov 2026 10:00:00 +0000",
    ranges=False,
    get_folder=501,
    compares=True,
    no_parent=500,
    moves=False,
    delete_missing=500,
    viewer_writes=500,
)
OPENCLOUD = Server("opencloud", "/dav/ocm/1f0c-uuid", no_secret=500, infinity=400)
BUSY = replace(OPENCLOUD, name="opencloud at work", works=2)
BARE = Server("bare", "/dav/ocm/9", etags=False, dates="", ranges=False)


@dataclass
class Peer:
    """A running server of one share. ``files`` maps a path to its content, None for a folder."""

    server: Server
    secret: str = "the-secret"
    viewer: bool = False
    files: dict[str, bytes | None] = field(default_factory=lambda: {"": None})
    saves: dict[str, int] = field(default_factory=dict)
    working: dict[str, int] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    instead: Callable | None = None
    """Answers in place of all else; None goes on."""
    url: str = ""

    async def start(self, stack: AsyncExitStack) -> "Peer":
        runner = web.ServerRunner(web.Server(self.handle, access_log=None), shutdown_timeout=0.2)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        listening = web.TCPSite(runner, "127.0.0.1", 0)
        await listening.start()
        self.url = f"http://localhost:{runner.addresses[0][1]}{self.server.root}"
        return self

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = self._path(request.raw_path)
        self.asked.append((request.method, path))
        if self.instead is not None:
            answer = await self.instead(request, path)
            if answer is not None:
                return answer
        if request.headers.get("Authorization") != f"Bearer {self.secret}":
            return web.Response(status=self.server.no_secret)
        if self.viewer and request.method not in ("PROPFIND", "GET", "HEAD"):
            await request.read()
            return web.Response(status=self.server.viewer_writes)
        return await getattr(self, request.method.lower())(request, path)

    def _path(self, raw: str) -> str:
        path = unquote(urlsplit(raw).path)
        assert path.startswith(self.server.root), path
        parts = path.removeprefix(self.server.root).split("/")
        # Of a shared file every address below is the file.
        return "/".join(part for part in parts if part not in ("", ".")) if self.is_folder else ""

    @property
    def is_folder(self) -> bool:
        return self.files.get("") is None

    def etag(self, path: str) -> str:
        content = self.files[path]
        digest = hashlib.md5(content or b"", usedforsecurity=False).hexdigest()
        return f'"{digest}:{self.saves.get(path, 0)}"'

    def no_parent(self, path: str) -> bool:
        parent = path.rpartition("/")[0]
        return self.files.get(parent, b"") is not None

    def _below(self, path: str) -> list[str]:
        front = f"{path}/" if path else ""
        return [each for each in self.files if each and each.startswith(front) and each != path]

    async def propfind(self, request, path):
        body = await request.read()
        assert b"propfind" in body
        if path not in self.files:
            return web.Response(status=404)
        depth = request.headers["Depth"]
        assert depth in ("0", "1"), "a whole tree is never asked for"
        shown = [path]
        if depth == "1" and self.files[path] is None:
            shown += [
                each
                for each in self._below(path)
                if each.count("/") == path.count("/") + bool(path)
            ]
        text = "".join(map(self._response, shown))
        xml = f'<?xml version="1.0"?><d:multistatus xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns">{text}</d:multistatus>'
        return web.Response(status=207, body=xml.encode(), content_type="application/xml")

    def _response(self, path: str) -> str:
        href = quote(f"{self.server.root}/{path}" if path else f"{self.server.root}/")
        if self.server.lower:
            href = _lower(href)
        content = self.files[path]
        props = "<d:resourcetype><d:collection/></d:resourcetype>"
        if content is not None:
            props = f"<d:resourcetype/><d:getcontentlength>{len(content)}</d:getcontentlength>"
        elif not href.endswith("/"):
            href += "/"
        missing = ""
        if self.server.etags:
            props += f"<d:getetag>{escape(self.etag(path))}</d:getetag>"
        else:
            props += "<d:getetag>&lt;nil&gt;</d:getetag>"
        if self.server.dates:
            props += f"<d:getlastmodified>{self.server.dates}</d:getlastmodified>"
        else:
            missing = (
                "<d:propstat><d:prop><d:getlastmodified/><oc:none/></d:prop>"
                "<d:status>HTTP/1.1 404 Not Found</d:status></d:propstat>"
            )
        status = "200 OK"
        if self.working.get(path):
            self.working[path] -= 1
            status, missing = "425 TOO EARLY", ""
        return (
            f"<d:response><d:href>{href}</d:href><d:propstat><d:prop>{props}</d:prop>"
            f"<d:status>HTTP/1.1 {status}</d:status></d:propstat>{missing}</d:response>"
        )

    async def get(self, request, path):
        if path not in self.files:
            return web.Response(status=404)
        if self.working.get(path):
            return web.Response(status=425)
        content = self.files[path]
        if content is None:
            return web.Response(status=self.server.get_folder)
        asked = request.headers.get("Range", "")
        if asked and not self.server.ranges:
            return web.Response(status=416)
        if asked:
            first, last = asked.removeprefix("bytes=").split("-")
            part = content[int(first) : int(last) + 1]
            told = {"Content-Range": f"bytes {first}-{last}/{len(content)}"}
            return web.Response(status=206, body=part, headers=told)
        return web.Response(body=content, headers={"ETag": self.etag(path)})

    async def put(self, request, path):
        assert "chunked" not in request.headers.get("Transfer-Encoding", ""), "OpenCloud keeps none"
        content = await request.read()
        if self.no_parent(path) and path:
            return web.Response(status=self.server.no_parent)
        known = request.headers.get("If-Match")
        if self.server.compares and known and (path not in self.files or known != self.etag(path)):
            return web.Response(status=412)
        new = path not in self.files
        self.files[path] = content
        self.saves[path] = self.saves.get(path, 0) + 1
        self.working[path] = self.server.works
        return web.Response(status=201 if new else 204, headers={"ETag": self.etag(path)})

    async def mkcol(self, request, path):
        if path in self.files:
            return web.Response(status=405)
        if self.no_parent(path):
            return web.Response(status=409)
        self.files[path] = None
        return web.Response(status=201)

    async def delete(self, request, path):
        assert path, "what is shared is never deleted from outside"
        if path not in self.files:
            return web.Response(status=self.server.delete_missing)
        for each in [path, *self._below(path)]:
            del self.files[each]
        return web.Response(status=204)

    async def move(self, request, path):
        if not self.server.moves:
            return web.Response(status=500)
        answer = await self.copy(request, path)
        if answer.status == 201:
            for each in [path, *self._below(path)]:
                del self.files[each]
        return answer

    async def copy(self, request, path):
        assert request.headers["Overwrite"] == "F"
        target = self._path(request.headers["Destination"])
        if target in self.files:
            return web.Response(status=412)
        for each in [path, *self._below(path)]:
            self.files[target + each.removeprefix(path)] = self.files[each]
        return web.Response(status=201)


def _lower(href: str) -> str:
    parts = href.split("%")
    return parts[0] + "".join(f"%{part[:2].lower()}{part[2:]}" for part in parts[1:])


async def silence(request, path):
    """Never answers."""
    await asyncio.sleep(3600)
