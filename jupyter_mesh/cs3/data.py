"""The data gateway of a site: content over HTTP, ranged and streamed, and uploads in one or many pieces.

Both tokens go only to hosts that the settings name, never after a redirect, never through a proxy of the
environment. URLs of transfers can hold tokens, so no error and no log names one.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import aiohttp

from jupyter_mesh.auth import Secret
from jupyter_mesh.config import PLAINTEXT, SiteSettings, is_loopback
from jupyter_mesh.cs3.failures import Refusal
from jupyter_mesh.cs3.gateway import USER_AGENT
from jupyter_mesh.cs3.meter import Meter
from jupyter_mesh.cs3.receiving import received
from jupyter_mesh.errors import InvalidRequest, NotAllowed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

__all__ = ["DataGateway", "Transfer", "UploadKey"]

log = logging.getLogger(__name__)

CHUNK = 1 << 20
CONNECTIONS = 32

SENDING = aiohttp.ClientTimeout(total=None, sock_connect=10)

STALL = 60.0
"""Seconds in which a site has to take the next piece of an upload, and to answer after the last one."""

STORED_PER_SECOND = 2 << 20
STORING_AT_MOST = 600.0
"""A site may take minutes to store what it has received; nothing is heard from it meanwhile."""

BY_HTTP_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "LOCKED",
    410: "NOT_FOUND",
    412: "ABORTED",
    413: "TOO_LARGE",
    416: "OUT_OF_RANGE",
    419: "DATA_LOSS",
    423: "LOCKED",
    425: "TOO_EARLY",
    429: "UNAVAILABLE",
    460: "DATA_LOSS",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    507: "INSUFFICIENT_STORAGE",
}


class UploadKey(NamedTuple):
    """Where an announced upload takes its bytes, and what opens it there. A secret: whoever has it can send them."""

    url: str
    token: str

    def __repr__(self) -> str:
        return "UploadKey()"


class Transfer:
    """Where a transfer goes and what opens it. Its repr shows neither."""

    def __init__(self, protocol: str, url: str, token: str, access_token: str) -> None:
        self.protocol = protocol
        self.url = Secret(url)
        self._headers = {"x-access-token": Secret(access_token)}
        if token:
            self._headers["X-Reva-Transfer"] = Secret(token)

    def headers(self, **more: str) -> dict[str, str]:
        """Both tokens and whatever else the request carries; ``_`` in a name stands for ``-``."""
        return self._headers | {
            name.replace("_", "-"): value for name, value in more.items() if value
        }

    def renewed(self, access_token: str) -> Transfer:
        """The same transfer for a newer token of the user."""
        return Transfer(
            self.protocol, self.url, self._headers.get("X-Reva-Transfer", ""), access_token
        )

    @property
    def key(self) -> UploadKey:
        """What another process needs to go on with it, beside a token of the user."""
        return UploadKey(self.url, self._headers.get("X-Reva-Transfer", ""))

    @property
    def access_token(self) -> str:
        """The token of the user that it is sent with."""
        return self._headers["x-access-token"]

    def __repr__(self) -> str:
        return f"Transfer({self.protocol})"


class DataGateway:
    """HTTP towards the data hosts of one site. Lives in the loop of its first request.

    Every method raises Refusal for what the site answers, as the gateway does. Whoever builds it awaits
    ``close()``.
    """

    def __init__(self, settings: SiteSettings, meter: Meter | None = None) -> None:
        self._settings = settings
        self._meter = meter or Meter()
        self._session: aiohttp.ClientSession | None = None
        self._reading = aiohttp.ClientTimeout(
            total=None, sock_connect=10, sock_read=settings.timeout
        )
        self._opening = asyncio.Lock()

    async def close(self) -> None:
        """Close all connections. May be awaited twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def check(self, url: str) -> None:
        """Raise NotAllowed unless this host may receive the user's token."""
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = urlsplit("")
        host = parts.hostname or ""
        mine = self._settings.host.strip("[]").lower()
        named = {name.strip("[]").lower() for name in self._settings.data_hosts}
        known = host == mine or host in named or (is_loopback(host) and is_loopback(mine))
        if not known:
            raise NotAllowed(
                f"{self._settings.name} keeps its content at {host or 'an unknown host'}, which is not among the hosts "
                "that may receive your token. If it belongs to the site, add it to MESH_DATA_HOSTS."
            )
        open_allowed = is_loopback(host) or self._settings.gateway.startswith(PLAINTEXT)
        if parts.scheme != "https" and not (parts.scheme == "http" and open_allowed):
            raise NotAllowed(
                f"{self._settings.name} wants the content of files sent without encryption. Nothing was sent."
            )

    async def answers(self, url: str) -> bool:
        """True if something is at this address of the site, for anybody. Sends no token."""
        self.check(url)
        reply = await self._ask("GET", Transfer("", url, "", ""), {}, None)
        reply.close()
        return reply.status < 400 or reply.status == 401

    async def get(self, transfer: Transfer, *, range_: str = "") -> aiohttp.ClientResponse:
        """Open a download: a reply with status 200 or 206, its body unread. The caller closes it."""
        reply = await self._send("GET", transfer, transfer.headers(Range=range_))
        if reply.status not in (200, 206):
            raise _refusal("GET", reply)
        return reply

    async def views(
        self, reply: aiohttp.ClientResponse, count: int
    ) -> AsyncGenerator[memoryview, None]:
        """The first ``count`` bytes of an open download, each piece good until the next one is asked for."""
        failure = None
        try:
            async with aclosing(received(reply, count, self._settings.timeout)) as views:
                async for view in views:
                    self._meter.received += len(view)
                    yield view
        except TimeoutError:
            failure = Refusal("GET", "DEADLINE_EXCEEDED")
        except (aiohttp.ClientError, ConnectionError) as error:
            failure = Refusal("GET", "DATA_LOSS", type(error).__name__)
        if failure is not None:
            raise failure

    async def put(
        self,
        transfer: Transfer,
        body: AsyncIterator[bytes],
        size: int,
        *,
        lock_id: str = "",
        holder: str = "",
    ) -> str:
        """Send a whole file; returns its new ETag, or "" where the site does not tell it."""
        headers = transfer.headers(
            Content_Length=str(size),
            Upload_Length=str(size),
            Content_Type="application/octet-stream",
            X_Lock_Id=lock_id,
            X_Lock_Holder=holder,
        )
        pieces = self._counted(body) if size else _nothing()
        reply = await self._send("PUT", transfer, headers, pieces)
        # 206 is the answer to chunked encoding: nothing was stored.
        if reply.status not in (200, 201, 204):
            raise _refusal("PUT", reply)
        reply.release()
        return reply.headers.get("ETag", "") or reply.headers.get("OC-ETag", "")

    async def offset(self, transfer: Transfer) -> int:
        """How much of a tus upload the site has."""
        reply = await self._send("HEAD", transfer, transfer.headers(Tus_Resumable="1.0.0"))
        return _offset_of("HEAD", reply)

    async def patch(
        self, transfer: Transfer, body: AsyncIterator[bytes], size: int, offset: int
    ) -> int:
        """Send the next ``size`` bytes of a tus upload; returns the new offset."""
        headers = transfer.headers(
            Content_Length=str(size),
            Content_Type="application/offset+octet-stream",
            Tus_Resumable="1.0.0",
            Upload_Offset=str(offset),
        )
        return _offset_of(
            "PATCH", await self._send("PATCH", transfer, headers, self._counted(body))
        )

    async def _counted(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for piece in body:
            self._meter.sent += len(piece)
            yield piece

    async def _send(
        self,
        method: str,
        transfer: Transfer,
        headers: dict[str, str],
        body: AsyncIterator[bytes] | None = None,
    ) -> aiohttp.ClientResponse:
        self.check(transfer.url)
        started, result = time.monotonic(), "cancelled"
        try:
            reply = await self._ask(method, transfer, headers, body)
            result = "ok" if reply.status < 400 else _code_of(reply)
            return reply
        except Refusal as refusal:
            result = refusal.code
            raise
        finally:
            self._meter.note(method, result, time.monotonic() - started)

    async def _ask(
        self,
        method: str,
        transfer: Transfer,
        headers: dict[str, str],
        body: AsyncIterator[bytes] | None,
    ) -> aiohttp.ClientResponse:
        session = self._session or await self._open()
        try:
            async with asyncio.timeout(None) as deadline:
                reply = await session.request(
                    method,
                    transfer.url,
                    headers=headers,
                    data=None if body is None else _watched(body, deadline),
                    allow_redirects=False,
                    timeout=self._reading if body is None else SENDING,
                )
        except TimeoutError:
            failure = Refusal(method, "DEADLINE_EXCEEDED")
        except (aiohttp.ClientError, ConnectionError) as error:
            # Its text can hold the URL and the headers of the request: neither may go on.
            failure = Refusal(method, "UNAVAILABLE", type(error).__name__)
        else:
            log.debug("%s %s: %s", self._settings.name, method, reply.status)
            return reply
        raise failure

    async def _open(self) -> aiohttp.ClientSession:
        async with self._opening:
            if self._session is None:
                tls = await asyncio.to_thread(_trust, self._settings)
                self._session = aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(limit=CONNECTIONS, ssl=tls),
                    headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
                    auto_decompress=False,
                    read_bufsize=CHUNK,
                    trust_env=False,
                    cookie_jar=aiohttp.DummyCookieJar(),
                )
            return self._session


async def _nothing() -> AsyncIterator[bytes]:
    pieces: tuple[bytes, ...] = ()
    for piece in pieces:
        yield piece


async def _watched(body: AsyncIterator[bytes], deadline: asyncio.Timeout) -> AsyncIterator[bytes]:
    """The pieces of a body; whenever one has been taken, the deadline moves on."""
    now = asyncio.get_running_loop().time
    sent = 0
    deadline.reschedule(now() + STALL)
    async for piece in body:
        deadline.reschedule(now() + STALL)
        yield piece
        sent += len(piece)
    deadline.reschedule(now() + min(STALL + sent / STORED_PER_SECOND, STORING_AT_MOST))


def _trust(settings: SiteSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        raise InvalidRequest(
            f"The file of trusted certificates {settings.ca_file} cannot be read. Check MESH_CA_FILE."
        ) from error


def _refusal(method: str, reply: aiohttp.ClientResponse) -> Refusal:
    reply.release()
    return Refusal(method, _code_of(reply), f"HTTP {reply.status}")


def _code_of(reply: aiohttp.ClientResponse) -> str:
    return BY_HTTP_STATUS.get(reply.status, "INTERNAL" if reply.status >= 400 else "DATA_LOSS")


def _offset_of(method: str, reply: aiohttp.ClientResponse) -> int:
    if reply.status not in (200, 204):
        raise _refusal(method, reply)
    reply.release()
    text = reply.headers.get("Upload-Offset", "")
    if not text.isdigit():
        raise Refusal(method, "UNIMPLEMENTED", "no Upload-Offset")
    return int(text)
