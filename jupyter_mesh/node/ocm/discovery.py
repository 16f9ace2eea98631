"""``/.well-known/ocm``: what this node says about itself, and what others say, read with their old spellings."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

from yarl import URL

from jupyter_mesh.errors import MeshError, SiteError, Unavailable
from jupyter_mesh.node.ocm.addresses import domain_of, same_origin
from jupyter_mesh.node.ocm.client import Blocked
from jupyter_mesh.node.ocm.reading import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_mesh.node.ocm.client import PeerClient

__all__ = ["Discovery", "PeerInfo", "describe"]

T = TypeVar("T")

API_VERSION = "1.4.0"
WEBDAV_ROOT = {"spaces": "/dav/ocm", "paths": "/remote.php/dav/ocm"}
_KEPT = 300.0
_FAILED = 1.0
_MOST_KEPT = 1000
_OLD_CAPABILITIES = {"invite-accepted": "invites", "mfa-capable": "enforce-mfa"}
_OLD_CRITERIA = {"http-request-signatures": "must-use-http-sig", "invite": "must-invite"}


def describe(origin: str, *, title: str, flavour: str, accept_url: str) -> dict[str, Any]:
    """The discovery document of this node."""
    protocols = {
        "webdav": WEBDAV_ROOT[flavour] + "/",
        "webdav-receive": {"uri": "absolute"},
    }
    document: dict[str, Any] = {
        "enabled": True,
        "apiVersion": API_VERSION,
        "endPoint": f"{origin}/ocm",
        "provider": title,
        "resourceTypes": [
            {"name": kind, "shareTypes": ["user"], "protocols": protocols}
            for kind in ("file", "folder")
        ],
        "capabilities": [
            "exchange-token",
            "http-sig",
            "invites",
            "invite-wayf",
            "notifications",
            "protocol-object",
        ],
        "criteria": ["allowlist", "must-invite"],
        "tokenEndPoint": f"{origin}/ocm/token",
    }
    # Some clients take only a page of the site itself: one on a hub of its own is led to from here.
    if accept_url:
        document["inviteAcceptDialog"] = f"{origin}/ocm/accept"
    return document


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerInfo:
    """What another site says about itself, as OCM 1.4 would say it."""

    domain: str
    origin: str
    end_point: str
    """Base of its OCM calls, without a slash at the end."""
    title: str = ""
    capabilities: frozenset[str] = frozenset()
    criteria: frozenset[str] = frozenset()
    webdav_root: str = ""
    """Absolute path with a slash at its end; "" when it serves no WebDAV."""
    protocols: frozenset[str] = field(default=frozenset())
    """Names of all protocols of all kinds of resources."""
    invite_dialog: str = ""
    """Absolute URL at the same site, or ""."""
    token_end_point: str = ""

    @property
    def signs(self) -> bool:
        """True when the site signs what it sends."""
        return "http-sig" in self.capabilities

    @property
    def exchanges(self) -> bool:
        """True when the site knows the code flow."""
        return "exchange-token" in self.capabilities and bool(self.token_end_point)

    def resolve(self, uri: str) -> str:
        """The absolute URL of a share that this site sent with ``uri``; raises SiteError.

        Only addresses at the site itself: its secret is for nobody else.
        """
        if uri.startswith(("http://", "https://")):
            try:
                parts = URL(uri)
                home = URL(self.origin)
                if not parts.user and domain_of(parts) == domain_of(home):
                    return str(home.join(parts.relative()))
            except ValueError:
                pass
            raise SiteError(f"{self.domain} shares what is not at {self.domain}.")
        if uri.startswith("/"):
            return self.origin + uri
        if not self.webdav_root:
            raise SiteError(f"{self.domain} does not say where its shares are.")
        return self.origin + self.webdav_root + uri


class Discovery:
    """Asks other sites, and keeps their answers for five minutes."""

    def __init__(self, client: PeerClient) -> None:
        self._client = client
        self._known: dict[str, tuple[float, PeerInfo]] = {}
        self._failed: dict[str, tuple[float, MeshError]] = {}
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def known(self, domain: str) -> PeerInfo | None:
        """What the site said last, however long ago."""
        return self._known.get(domain, (0.0, None))[1]

    async def of(self, domain: str, *, fresh: bool = False) -> PeerInfo:
        """What the site with this canonical domain says.

        Raises Blocked, Unavailable or DeadlineExceeded when it does not answer, SiteError when it answers
        what cannot be used. However many wait for an answer, the site is asked once, and after a failure not again
        for a second.
        """
        lock = self._asking.setdefault(domain, asyncio.Lock())
        async with lock:
            until, known = self._known.get(domain, (0.0, None))
            if known is not None and time.monotonic() < until and not fresh:
                return known
            until, failure = self._failed.get(domain, (0.0, None))
            if failure is not None and time.monotonic() < until and not fresh:
                raise failure.with_traceback(None)
            try:
                info = await self._ask(domain)
            except MeshError as error:
                self._keep(self._failed, domain, _FAILED, error)
                raise
            self._failed.pop(domain, None)
            self._keep(self._known, domain, _KEPT, info)
            return info

    def _keep(
        self, known: dict[str, tuple[float, T]], domain: str, seconds: float, what: T
    ) -> None:
        if len(known) >= _MOST_KEPT:
            known.clear()
        known[domain] = (time.monotonic() + seconds, what)

    async def _ask(self, domain: str) -> PeerInfo:
        failure: MeshError = Unavailable(f"{domain} cannot be reached.")
        for origin in self._client.origins(domain):
            for path in ("/.well-known/ocm", "/ocm-provider"):
                try:
                    reply = await self._client.get(origin + path)
                except SiteError as error:
                    failure = error
                    continue
                except Blocked:
                    raise
                except MeshError as error:
                    failure = error
                    break
                if reply.status == 200 and (document := reply.json()):
                    return _read(domain, origin, document)
                failure = SiteError(f"{domain} does not say how it takes part in the mesh.")
        raise failure


def _read(domain: str, origin: str, document: Mapping[str, Any]) -> PeerInfo:
    if document.get("enabled") is not True:
        raise SiteError(f"{domain} does not take part in the mesh.")
    end_point = _text(document, "endPoint").rstrip("/")
    if not same_origin(end_point, origin):
        raise SiteError(f"{domain} names another site as its own address.")
    kinds = [kind for kind in _list(document, "resourceTypes") if isinstance(kind, dict)]
    tables = [found for kind in kinds if isinstance(found := kind.get("protocols"), dict)]
    roots = [root for table in tables if isinstance(root := table.get("webdav"), str) and root]
    return PeerInfo(
        domain=domain,
        origin=origin,
        end_point=end_point,
        title=shown(_text(document, "provider"), 200),
        capabilities=_words(document, "capabilities", _OLD_CAPABILITIES),
        criteria=_words(document, "criteria", _OLD_CRITERIA),
        webdav_root="/" + roots[0].strip("/") + "/" if roots else "",
        protocols=frozenset(str(name) for table in tables for name in table),
        invite_dialog=_at_home(origin, _text(document, "inviteAcceptDialog")),
        token_end_point=_at_home(origin, _text(document, "tokenEndPoint")),
    )


def _at_home(origin: str, url: str) -> str:
    """A URL or path of a discovery document as an absolute URL, "" if it leads to another site."""
    if not url:
        return ""
    try:
        absolute = str(URL(origin).join(URL(url)))
    except ValueError:
        return ""
    return absolute if same_origin(absolute, origin) else ""


def _words(document: Mapping[str, Any], name: str, old: Mapping[str, str]) -> frozenset[str]:
    words = (word.strip("/") for word in _list(document, name) if isinstance(word, str))
    return frozenset(old.get(word, word) for word in words)


def _text(document: Mapping[str, Any], name: str) -> str:
    found = document.get(name)
    return found if isinstance(found, str) else ""


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    found = document.get(name)
    return found if isinstance(found, list) else []
