"""WebDAV of what our users share with people at other sites.

``/dav/ocm/<providerId>[/rel]`` and ``/remote.php/dav/ocm/<providerId>[/rel]`` show one share, to whoever has its
secret or a token that the secret was exchanged for (``facts/ocm-wire.md`` §6). Real peers send ``/.``, ``/./`` and
a final ``/`` on files; all of it means the same.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import logging
import time
from base64 import b64decode
from dataclasses import replace
from typing import TYPE_CHECKING

from aiohttp import web

from jupyter_mesh.errors import LoginEnded, MeshError
from jupyter_mesh.node.address import reach
from jupyter_mesh.node.ocm.access_locks import Locking, held_by
from jupyter_mesh.node.ocm.access_tree import ShareTree
from jupyter_mesh.node.refusal import Refused
from jupyter_mesh.node.tokens import Transfer
from jupyter_mesh.webdav import WebDAV
from jupyter_mesh.webdav.addresses import path_of
from jupyter_mesh.webdav.answers import error_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_mesh.node.ocm.wanted import Given, Shares
    from jupyter_mesh.node.site import Site

__all__ = ["PREFIXES", "RemoteAccess"]

log = logging.getLogger(__name__)

PREFIXES = ("/dav/ocm", "/remote.php/dav/ocm")
"""Where shares are: as OpenCloud and as Reva have it. Both work in both flavours."""

_WRONG_AT_MOST = 30
_WINDOW = 60.0
_REMEMBERED = 10_000


class RemoteAccess:
    """Answers requests from other sites. ``shares`` is asked in the worker thread, at each step of each request."""

    def __init__(self, site: Site, shares: Shares) -> None:
        self._site = site
        self._shares = shares
        self._guesses = _Guesses()

    def add_routes(self, app: web.Application) -> None:
        """Serve the shares in ``app``."""
        for prefix in PREFIXES:
            app.router.add_route("*", prefix + r"/{share:[^/]+}{rest:[\s\S]*}", self.handle)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request. Whatever is wrong with the credentials is 401, whether there is such a share or not."""
        share = request.match_info["share"]
        secret = _secret_of(request.headers.get("Authorization", ""))
        # Each share for itself: a site that still asks for many that have ended keeps those that it has.
        who = f"{request.remote} {share}"
        if not secret:
            return _refusal(401)

        def standing() -> Given:
            return self._standing(share, secret)

        try:
            await self._site.run(standing)
        except LoginEnded:
            return _refusal(429 if self._guesses.has_too_many(who, secret) else 401)
        return await self._serve(request, _prefix_of(request, share), standing)

    async def _serve(
        self, request: web.Request, prefix: str, standing: Callable[[], Given]
    ) -> web.StreamResponse:
        locks = held_by(request)
        tree = ShareTree(self._site, standing, locks)
        try:
            if self._site.flavour.locks and request.method in ("LOCK", "UNLOCK"):
                path = path_of(request.raw_path, prefix)
                return await Locking(tree, prefix).handle(request, path)
        except MeshError as error:
            return error_answer(error, request.method)
        response = await WebDAV(tree, prefix=prefix).handle(request)
        if request.method == "OPTIONS" and self._site.flavour.locks:
            response.headers["DAV"] = "1, 2"
            response.headers["Allow"] += ", LOCK, UNLOCK"
        return response

    def _standing(self, share: str, secret: str) -> Given:
        """The share, if that secret or token opens it now; raises LoginEnded."""
        given = self._shares.given(share)
        fits = _same(given.secret if given else "", secret)
        if given is not None and (not fits or given.must_exchange):
            by_token = self._shares.given_by_token(secret)
            fits = by_token is not None and by_token.id == given.id
        if given is None or not fits or (given.expires and given.expires <= time.time()):
            raise LoginEnded("This is not shared, or no longer.")
        return self._allowed(given)

    def _allowed(self, given: Given) -> Given:
        """The share with no more rights than who gave it has now; raises LoginEnded when that is nothing.

        That is nothing, too, while the site of the receiver is not trusted: it comes back with the trust.
        """
        if given.domain and self._site.federation.trust.title(given.domain) is None:
            raise LoginEnded("This is not shared, or no longer.")
        if not given.sharer:
            return given
        try:
            by = Transfer(user=given.sharer)
            address = reach(self._site, by, given.space, given.entry, ())
        except Refused:
            raise LoginEnded("This is not shared, or no longer.") from None
        if "initiate_file_download" not in address.rights:
            raise LoginEnded("This is not shared, or no longer.")
        return replace(given, editor=given.editor and "initiate_file_upload" in address.rights)


def _same(secret: str, said: str) -> bool:
    """Compare two secrets without telling by the time how alike they are; none is the same as ""."""
    known, tried = (hashlib.sha256(text.encode()).digest() for text in (secret, said))
    return hmac.compare_digest(known, tried) and bool(secret)


def _secret_of(authorization: str) -> str:
    """What a request shows: of Bearer the token, of Basic the user name, as OCM 1.0 has it."""
    scheme, _, value = authorization.strip().partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return value
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(value, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _prefix_of(request: web.Request, share: str) -> str:
    """The address of the share as the request writes it, for the addresses in the answer."""
    return next(
        f"{prefix}/{share}" for prefix in PREFIXES if request.path.startswith(f"{prefix}/{share}")
    )


def _refusal(status: int) -> web.Response:
    text = {
        401: "This is not shared, or no longer.",
        429: "Too many wrong secrets. Try again in a minute.",
    }[status]
    headers = {"WWW-Authenticate": 'Bearer realm="Open Cloud Mesh"'}
    return web.Response(
        status=status, text=text, headers=headers if status == 401 else {"Retry-After": "60"}
    )


class _Guesses:
    """Wrong secrets by address and share: who sent too many different ones is told to wait.

    Whoever knows a secret is let in at any time: others behind the same proxy cannot shut a site out, and secrets
    of 256 bits are not guessed. The same one again is no further guess: real sites go on asking for shares that
    have ended.
    """

    def __init__(self) -> None:
        self._wrong: dict[str, tuple[float, set[bytes]]] = {}

    def has_too_many(self, who: str, secret: str) -> bool:
        """Count a wrong secret; True when there were too many before it."""
        since, guesses = self._wrong.pop(who, (0.0, set[bytes]()))
        if time.monotonic() - since > _WINDOW:
            since, guesses = time.monotonic(), set()
        too_many = len(guesses) >= _WRONG_AT_MOST
        if not too_many:
            guesses.add(hashlib.sha256(secret.encode()).digest())
        self._wrong[who] = since, guesses
        while len(self._wrong) > _REMEMBERED:
            del self._wrong[next(iter(self._wrong))]
        return too_many
