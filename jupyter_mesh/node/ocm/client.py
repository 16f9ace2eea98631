"""The only way out to other sites: guarded, small, quick, and silent about what it carries.

What an address says is checked before anything is sent, and the address that DNS gives is the one that is
dialled: a name cannot mean a public machine while it is looked at and a private one while it is used.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from jupyter_mesh.errors import DeadlineExceeded, MeshError, NotAllowed, SiteError, Unavailable
from jupyter_mesh.node.ocm.addresses import domain_of, is_loopback
from jupyter_mesh.node.ocm.reading import BadJson, parse_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping

__all__ = ["Blocked", "PeerClient", "PeerReply"]

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Blocked(NotAllowed):
    """Raised for an address that this node does not go to. Says nothing about it: the asker may be testing."""

    def __init__(self) -> None:
        super().__init__("This address cannot be used as a site of the mesh.")


@dataclass(frozen=True, slots=True)
class PeerReply:
    """What a peer answered; the body is not shown by accident."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> dict[str, Any]:
        """The body as a JSON object, whatever the content type; {} when it is none."""
        try:
            found = parse_json(self.body)
        except BadJson:
            return {}
        return found if isinstance(found, dict) else {}


def _public(address: str) -> bool:
    """True for an address of the public internet, also when it hides in another one."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        hidden = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if found in _NAT64:
            hidden = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if hidden is not None:
            found = hidden
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


class _Resolver(AbstractResolver):
    """Gives the connector only addresses that may be dialled."""

    def __init__(self, guard: Callable[[str, str], bool]) -> None:
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        if not found or not all(self._guard(host, str(address[0])) for *_, address in found):
            raise Blocked
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=proto,
                flags=socket.AI_NUMERICHOST,
            )
            for kind, _, proto, _, address in found
        ]

    async def close(self) -> None:
        """Nothing is kept open."""


class PeerClient:
    """Speaks to other sites. Open from the first use until ``close``.

    Only https, to public addresses; with ``allow_loopback`` also this machine, by its own names, over http
    too. No redirects, no proxies or passwords of the environment, no cookies. ``seconds`` bound a whole small
    exchange, ``limit`` bytes its answer. ``sign`` makes the headers of a signature of method, URL, headers
    and body.
    """

    def __init__(
        self,
        *,
        allow_loopback: bool = False,
        seconds: float = 10.0,
        sign: Callable[[str, str, Mapping[str, str], bytes], dict[str, str]] | None = None,
    ) -> None:
        self._allow_loopback = allow_loopback
        self._seconds = seconds
        self._sign = sign
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close all connections. May be repeated."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def origins(self, domain: str) -> list[str]:
        """Where a site with this canonical domain may be found, best first."""
        if self._allow_loopback and is_loopback(domain):
            return [f"http://{domain}", f"https://{domain}"]
        return [f"https://{domain}"]

    def check(self, url: str) -> URL:
        """The parsed URL, if this client would go there; raises Blocked."""
        try:
            parts = URL(url)
            domain = domain_of(parts)
        except ValueError:
            raise Blocked from None
        if parts.user or parts.password or not parts.host:
            raise Blocked
        here = self._allow_loopback and is_loopback(domain)
        if parts.scheme != "https" and not (here and parts.scheme == "http"):
            raise Blocked
        try:
            ipaddress.ip_address(parts.host)
        except ValueError:
            if is_loopback(domain) and not here:
                raise Blocked from None
        else:
            # The resolver is not asked about these.
            if not self._may_dial(parts.host, parts.host):
                raise Blocked
        return parts

    def _may_dial(self, host: str, address: str) -> bool:
        plain = address.partition("%")[0]
        if ipaddress.ip_address(plain).is_loopback:
            domain = f"[{host}]" if ":" in host else host
            return self._allow_loopback and is_loopback(domain.lower())
        return _public(address)

    async def get(self, url: str, *, limit: int = 64 << 10) -> PeerReply:
        """GET a small public document, unsigned; raises as ``request``."""
        return await self._exchange("GET", url, {"Accept": "application/json"}, None, limit)

    async def post_json(
        self, url: str, value: Mapping[str, Any], *, limit: int = 64 << 10
    ) -> PeerReply:
        """POST a JSON object, signed; raises as ``request``."""
        body = json.dumps(value, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        return await self._exchange("POST", url, headers, body, limit)

    async def post_form(
        self, url: str, value: Mapping[str, str], *, limit: int = 64 << 10
    ) -> PeerReply:
        """POST a form, signed; raises as ``request``."""
        body = URL.build(query=value).raw_query_string.encode()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        return await self._exchange("POST", url, headers, body, limit)

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | AsyncIterable[bytes] | None = None,
        patience: float = 30.0,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Any request whose answer the caller reads, in pieces and with limits of its own; unsigned.

        ``patience`` bounds connecting and every silence, not the whole. Raises Blocked for an address that
        this node does not go to, Unavailable and DeadlineExceeded, also while the answer is read.
        """
        parts = self.check(url)
        bounds = aiohttp.ClientTimeout(
            total=None, sock_connect=min(patience, self._seconds), sock_read=patience
        )
        try:
            async with self._open().request(
                method, parts, headers=headers, data=data, timeout=bounds, allow_redirects=False
            ) as reply:
                if reply.headers.get("Content-Encoding", "identity").lower() != "identity":
                    raise SiteError(
                        f"{domain_of(parts)} answers in an encoding that was not asked for."
                    )
                yield reply
        except MeshError:
            raise
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _failure(parts, error) from None

    async def _exchange(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None, limit: int
    ) -> PeerReply:
        parts = self.check(url)
        if body is not None and self._sign is not None:
            headers |= self._sign(method, str(parts), headers, body)
        try:
            async with (
                asyncio.timeout(self._seconds),
                self.request(method, url, headers=headers, data=body) as reply,
            ):
                if 300 <= reply.status < 400:
                    raise SiteError(
                        f"{domain_of(parts)} answers with a redirect, which is not followed."
                    )
                found = bytearray()
                async for piece in reply.content.iter_any():
                    found += piece
                    if len(found) > limit:
                        raise SiteError(f"{domain_of(parts)} answers more than {limit >> 10} KiB.")
                return PeerReply(reply.status, reply.headers, bytes(found))
        except DeadlineExceeded:
            raise
        except TimeoutError as error:
            raise _failure(parts, error) from None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    resolver=_Resolver(self._may_dial), use_dns_cache=False, limit_per_host=16
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
                # A small answer that unpacks to a large one is not for us.
                headers={"User-Agent": "jupyter-mesh", "Accept-Encoding": "identity"},
            )
        return self._session


def _failure(parts: URL, error: Exception) -> MeshError:
    # The connector wraps whatever the resolver raises.
    if isinstance(error.__cause__, Blocked):
        return Blocked()
    if isinstance(error, TimeoutError):
        return DeadlineExceeded(f"{domain_of(parts)} does not answer in time.")
    if isinstance(error, aiohttp.ClientSSLError):
        return Unavailable(f"{domain_of(parts)} shows no certificate that this site can check.")
    return Unavailable(f"{domain_of(parts)} cannot be reached.")
