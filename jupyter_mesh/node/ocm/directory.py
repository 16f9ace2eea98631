"""Signed lists of sites (``facts/ocm.md`` §6): the one that this node serves, and those that it trusts."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import import_key

from jupyter_mesh.errors import MeshError, SiteError
from jupyter_mesh.node.ocm.addresses import canonical_domain, is_loopback, origin_of
from jupyter_mesh.node.ocm.reading import BadJson, parse_json, shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jupyter_mesh.node.ocm.federation import Federation
    from jupyter_mesh.node.ocm.keys import SigningKey

__all__ = ["Directories", "read_directory", "write_directory"]

log = logging.getLogger(__name__)
_ALGORITHMS = ("Ed25519", "ES256", "ES384", "PS256", "RS256")
_AGAIN = 900.0
_MOST_BYTES = 1 << 20
_MOST_SITES = 10_000


def write_directory(key: SigningKey, federation: str, servers: Mapping[str, str]) -> dict[str, Any]:
    """A signed list (JWS, flattened JSON): ``servers`` are display names by URL."""
    payload = {
        "federation": federation,
        "servers": [{"url": url, "displayName": name} for url, name in servers.items()],
    }
    found = jws.serialize_json(
        {"protected": {"alg": "Ed25519", "typ": "JOSE+JSON"}},
        json.dumps(payload).encode(),
        key.jose,
        algorithms=["Ed25519"],
    )
    return dict(found)


def read_directory(body: bytes, key: Any, *, allow_loopback: bool = False) -> dict[str, str]:
    """Title by domain of the sites in a list that was signed with ``key``; entries that cannot be are left out.

    Compact, flattened and general JSON are read. Raises SiteError when it is none, or the signature is bad.
    """
    try:
        text = body.strip()
        if text.startswith(b"{"):
            signed: Any = jws.deserialize_json(parse_json(text), key, algorithms=_ALGORITHMS)
        else:
            signed = jws.deserialize_compact(text, key, algorithms=_ALGORITHMS)
        payload = parse_json(signed.payload)
    except (JoseError, BadJson, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SiteError("The list of sites is not signed as it should be.") from error
    servers = payload.get("servers") if isinstance(payload, dict) else None
    if not isinstance(servers, list):
        raise SiteError("The list of sites names none.")
    found = {}
    for server in servers[:_MOST_SITES]:
        url = server.get("url") if isinstance(server, dict) else None
        if isinstance(url, str) and (domain := _domain(url, allow_loopback=allow_loopback)):
            title = server.get("displayName")
            found[domain] = (shown(title, 200) if isinstance(title, str) else "") or domain
    return found


def _domain(url: str, *, allow_loopback: bool) -> str:
    """The domain of a site's URL that has scheme, host and port alone; "" if it is not one."""
    try:
        if url.rstrip("/").lower() != origin_of(url):
            return ""
        domain = canonical_domain(url)
    except ValueError:
        return ""
    if url.lower().startswith("https://"):
        return domain
    return domain if allow_loopback and is_loopback(domain) else ""


class Directories:
    """Keeps the signed lists that the operator named, and asks for them again every quarter of an hour."""

    def __init__(self, federation: Federation, sources: Mapping[str, Path]) -> None:
        self._federation = federation
        self._keys = {url: _key(path) for url, path in sources.items()}
        self._sites: dict[str, dict[str, str]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to ask, in the background of the running loop."""
        if self._keys and self._task is None:
            self._task = asyncio.ensure_future(self._follow())

    async def close(self) -> None:
        """Stop asking."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def refresh(self) -> None:
        """Ask for all lists now. One that cannot be had keeps what it said before."""
        for url, key in self._keys.items():
            try:
                reply = await self._federation.client.get(url, limit=_MOST_BYTES)
                if reply.status != 200:
                    raise SiteError(f"It answers with the status {reply.status}.")
                allow = self._federation.settings.allow_loopback
                self._sites[url] = await asyncio.to_thread(
                    read_directory, reply.body, key, allow_loopback=allow
                )
            except MeshError as error:
                log.warning("The list of sites %s was not read: %s", url, error)
        merged: dict[str, str] = {}
        for sites in self._sites.values():
            merged = sites | merged
        self._federation.trust.listed(merged)

    async def _follow(self) -> None:
        while True:
            await self.refresh()
            await asyncio.sleep(_AGAIN)

    async def served(self) -> dict[str, Any]:
        """The signed list of this node: itself, and all sites that it deals with."""
        federation = self._federation
        sites = await federation.site.run(federation.trust.sites)
        sites.pop(federation.domain, None)
        servers = {federation.origin: federation.title}
        for domain, title in sorted(sites.items()):
            servers[federation.client.origins(domain)[0]] = title
        return await asyncio.to_thread(write_directory, federation.key, federation.title, servers)


def _key(path: Path) -> Any:
    """The public key in a JWK file; raises MeshError."""
    try:
        found = json.loads(path.read_text())
        found.pop("alg", None)
        key: Any = import_key(found)
        if key.key_type == "oct":
            raise ValueError("a shared secret is no public key")  # noqa: TRY301
    except (OSError, ValueError, JoseError, AttributeError) as error:
        raise MeshError(f"{path} holds no public key (JWK) of a signed list of sites.") from error
    return key
