"""Signed lists of sites (OCM directory services): fetched, verified, and read with suspicion."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from jupyter_mesh.config import is_loopback
from jupyter_mesh.cs3.domains import domain_of
from jupyter_mesh.errors import InvalidRequest, SiteError, Unavailable
from jupyter_mesh.models import Site

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

__all__ = ["Directory", "read_directory"]

ALGORITHMS = [
    "Ed25519",
    "EdDSA",
    "ES256",
    "ES384",
    "ES512",
    "PS256",
    "PS384",
    "PS512",
    "RS256",
    "RS384",
    "RS512",
]
"""Asymmetric ones: a shared secret would let every reader write."""

LARGEST = 1 << 20
PATIENCE = aiohttp.ClientTimeout(total=10)
LONGEST_NAME = 200
SIGNATURES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Where a signed list is, and the file of the key that it must be signed with (PEM, JWK or JWKS)."""

    url: str
    key: Path = field(repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        secure = parts.scheme == "https" or (
            parts.scheme == "http" and is_loopback(parts.hostname or "")
        )
        if not secure or not parts.hostname or parts.username or parts.password:
            raise InvalidRequest(
                f'"{parts.hostname or self.url}" is not the address of a list of sites: it has to begin with https://.'
            )

    @classmethod
    def of(cls, facts: Mapping[str, str]) -> Self:
        """A directory out of ``{"url": …, "key": …}``, as it stands in settings; raises InvalidRequest."""
        if set(facts) != {"url", "key"}:
            raise InvalidRequest('A list of sites needs a "url" and a "key", the file of its key.')
        return cls(url=facts["url"], key=Path(facts["key"]))

    async def sites(self) -> list[Site]:
        """The sites on the list. Follows no redirect. Raises Unavailable, SiteError, InvalidRequest (the key)."""
        key = await asyncio.to_thread(_key_of, self.key)
        text = await self._fetched()
        return await asyncio.to_thread(read_directory, text, key)

    async def _fetched(self) -> bytes:
        name = urlsplit(self.url).hostname
        try:
            async with (
                aiohttp.ClientSession(timeout=PATIENCE, trust_env=True) as session,
                session.get(self.url, allow_redirects=False) as reply,
            ):
                if reply.status != 200:
                    raise SiteError(f"The list of sites at {name} cannot be had ({reply.status}).")
                text = await reply.content.read(LARGEST + 1)
                while len(text) <= LARGEST and (more := await reply.content.read(LARGEST)):
                    text += more
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(f"The list of sites at {name} does not answer.") from error
        if len(text) > LARGEST:
            raise SiteError(f"The list of sites at {name} is too long to be one.")
        return text


def read_directory(text: bytes | str, key: Any) -> list[Site]:
    """The sites of a signed list in any serialisation of JWS (compact, flattened, general).

    Entries whose address is not ``https://host[:port]`` are dropped. Raises SiteError if it is no such list, or
    is not signed with this key.
    """
    try:
        payload = json.loads(_payload(text if isinstance(text, str) else text.decode(), key))
        name, servers = payload["federation"], list(payload["servers"])
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise SiteError(
            "A list of sites is not what it should be, or not signed with its key: it is left out."
        ) from error
    found: dict[str, Site] = {}
    for server in servers:
        site = _site_of(server, _shown(str(name)))
        if site is not None:
            found.setdefault(site.domain, site)
    return list(found.values())


def _payload(text: str, key: Any) -> Any:
    text = text.strip()
    registry = jws.JWSRegistry(algorithms=ALGORITHMS)
    if not text.startswith("{"):
        return jws.deserialize_compact(text, key, registry=registry).payload
    message = json.loads(text)
    if "signatures" not in message:
        return jws.deserialize_json(message, key, registry=registry).payload
    # One good signature is enough: the others are of other keys.
    for signature in message["signatures"][:SIGNATURES]:
        one: Any = {"payload": message["payload"], **signature}
        with suppress(JoseError):
            return jws.deserialize_json(one, key, registry=registry).payload
    raise ValueError("There is no signature of this key.")


def _site_of(server: Any, directory: str) -> Site | None:
    """A site out of an entry; None for one that breaks the rules."""
    if not isinstance(server, dict):
        return None
    url, name = server.get("url"), server.get("displayName")
    if not isinstance(url, str) or not isinstance(name, str):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    bare = not (parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc)
    host = parts.hostname or ""
    if parts.scheme != "https" or not bare or not _is_host(host) or port == 0:
        return None
    domain = domain_of(parts.netloc)
    return Site(
        domain=domain, name=_shown(name) or domain, homepage=f"https://{domain}", lists=(directory,)
    )


def _is_host(host: str) -> bool:
    labels = host.split(".")
    return len(labels) > 1 and all(
        label.isascii() and label.replace("-", "").isalnum() and len(label) < 64 for label in labels
    )


def _shown(text: str) -> str:
    words = " ".join(text.split())
    return "".join(char for char in words if char.isprintable())[:LONGEST_NAME]


def _key_of(path: Path) -> Any:
    try:
        text = path.read_text()
        if text.lstrip().startswith("{"):
            facts = json.loads(text)
            return KeySet.import_key_set(facts if "keys" in facts else {"keys": [facts]})
        for kind in (ECKey, OKPKey, RSAKey):
            try:
                return kind.import_key(text)
            except (JoseError, ValueError, TypeError):
                continue
    except (OSError, ValueError, JoseError, KeyError, TypeError) as error:
        raise InvalidRequest(f"The key of a list of sites, {path}, cannot be read.") from error
    raise InvalidRequest(f"The key of a list of sites, {path}, is none.")
