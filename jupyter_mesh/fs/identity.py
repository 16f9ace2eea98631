"""Who a filesystem acts for: one instance per user, and no secret in any of them.

fsspec keeps instances by their arguments, gives the kept one without running ``__init__``, and writes the
arguments into pickles, JSON and the graphs of Dask. So a token is never an argument for long: ``PerUser`` puts
it into a store of this process, keyed by (site, identity), and the instance keeps these two names alone.

=====================  ==========================================================================
given                  identity of the instance
=====================  ==========================================================================
``identity=``          that, any text that is no secret
``token=``             a keyed hash of the token: what a token says of its user can be forged
``token_provider=``    must be given with ``identity=``
``token_ref=``         the user of the login found there
nothing                the user of the site's login (``find_site``), who may be another one tomorrow
=====================  ==========================================================================

``token_ref`` says where the login is, is no secret, travels in pickles and is looked up where it is used:

``env:NAME``
    The variable NAME holds the *path* of a file with a login.
``file:PATH``
    A file with a login: a token, or what ``CS3FileSystem.delegate`` has made. ``~`` is the home there.
``site:NAME``
    The login that ``jupyter mesh login NAME`` has kept, whatever the environment says.
``hub:``
    The token that the hub gives this user's server.
``memory:``
    What was given as ``token`` or ``token_provider``: it never leaves the process, nor do copies work elsewhere.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import inspect
import secrets
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fsspec.config import apply_config
from fsspec.spec import _Cached

from jupyter_mesh.auth import FileToken, TokenSource, check_token, expiry_of, owner_of
from jupyter_mesh.cs3.login import user_of_token
from jupyter_mesh.cs3.renewal import SiteToken
from jupyter_mesh.errors import InvalidRequest, LoginEnded
from jupyter_mesh.fs.delegation import DelegatedToken
from jupyter_mesh.fs.references import open_reference, site_of
from jupyter_mesh.sites import find_site

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from jupyter_mesh.config import SiteSettings

    Given = str | tuple[str, float | datetime | None]
    Provider = Callable[[], Given | Awaitable[Given]]

__all__ = ["Login", "PerUser"]

MEMORY = "memory:"

RENEW_BEFORE = 60.0
"""Seconds before the end of a token at which its provider is asked for the next one."""

_KEY = secrets.token_bytes(32)


class PerUser(_Cached):
    """The metaclass of filesystems with users: it names the user before fsspec looks for a kept instance.

    ``__init__`` of the class gets ``site``, ``identity`` and, where there is one, ``token_ref``: what makes a
    ``Login``. ``token`` and ``token_provider`` never get that far.
    """

    def __call__(cls, site: str | None = None, **options: Any) -> Any:
        """An instance for this site and user; raises InvalidRequest or LoginEnded if they cannot be told.

        May read the token file, to know whose it is now.
        """
        options = apply_config(cls, {**options, **({"site": site} if site else {})})
        for name in options:
            if name not in _options_of(cls):
                # fsspec would keep it, and write it into pickles: it may be a password.
                known = ", ".join(sorted(_options_of(cls)))
                raise TypeError(f'{cls.__name__} has no option "{name}". It has: {known}.')
        login = login_of(
            options.pop("site", None) or "",
            options.pop("identity", None),
            options.pop("token_ref", None),
            options.pop("token", None),
            options.pop("token_provider", None),
        )
        if login.token_ref is not None:
            options["token_ref"] = login.token_ref
        return super().__call__(site=login.site, identity=login.identity, **options)


@dataclass(frozen=True, slots=True)
class Login:
    """A user at a site, and where the login is: what an instance keeps. None of it is a secret."""

    site: str
    identity: str
    token_ref: str | None = None

    def open(self) -> tuple[SiteSettings, TokenSource]:
        """How to reach the site as this user; the login is found now, on this machine.

        The source raises LoginEnded once the login is another user's. Blocks on the disk for small files.
        Raises InvalidRequest for an unknown site or a bad reference, LoginEnded if there is no login.
        """
        settings: SiteSettings
        source: TokenSource
        if self.token_ref == MEMORY:
            settings, source = find_site(self.site), HeldToken(self.site, self.identity)
        else:
            settings, source = open_reference(self.site, self.token_ref)
        return settings, OneUser(settings, source, self.identity)


def _options_of(cls: type) -> set[str]:
    named = inspect.signature(cls.__init__).parameters.values()  # type: ignore[misc]  # of the class itself
    return {"token", "token_provider", "skip_instance_cache", "max_paths"} | {
        one.name for one in named if one.kind is not one.VAR_KEYWORD and one.name != "self"
    }


def login_of(
    site: str,
    identity: str | None,
    token_ref: str | None,
    token: str | None,
    provider: Provider | None,
) -> Login:
    """The login that these arguments of a filesystem mean; a token goes into the store of this process."""
    if identity is not None and (not identity or not isinstance(identity, str)):
        raise InvalidRequest("identity must be a text that names the user, such as a user name.")
    given = [
        name
        for name, value in (
            ("token", token),
            ("token_provider", provider),
            ("token_ref", token_ref if token_ref != MEMORY else None),
        )
        if value is not None
    ]
    if len(given) > 1:
        raise InvalidRequest(f"Give one login, not {' and '.join(given)}.")
    site = site or site_of(token_ref)
    if provider is not None:
        if identity is None:
            raise InvalidRequest(
                "A token_provider needs identity= as well: the name of the user it gives tokens for."
            )
        if not (
            isinstance(held := _held.get((site, identity)), _Held) and held.provider is provider
        ):
            _held[site, identity] = _Held(provider)
        return Login(site, identity, MEMORY)
    if token is not None:
        token = check_token(token)
        identity = identity or _hash(token)
        _held[site, identity] = _Held(None, token)
        return Login(site, identity, MEMORY)
    if identity is None:
        if token_ref == MEMORY:
            raise InvalidRequest('token_ref="memory:" needs identity=: whose token it was.')
        identity = _identity_of(open_reference(site, token_ref)[1])
    return Login(site, identity, token_ref)


def _identity_of(source: TokenSource) -> str:
    """Whose login lies there now."""
    if isinstance(source, DelegatedToken):
        return f"login:{source.label}"
    if isinstance(source, SiteToken):
        token, label = source.read()
        if not token:
            return f"login:{label}"
    else:
        assert isinstance(source, FileToken)  # noqa: S101  there are no others
        token = source.read()
    owner = owner_of(token)
    return _text(owner) if owner else _hash(token)


def _hash(token: str) -> str:
    """A name for who has this token: not even a guessed token can be checked against it."""
    return "token:" + hmac.new(_KEY, token.encode(), hashlib.sha256).hexdigest()[:32]


def _text(owner: tuple[str, str]) -> str:
    return f"user:{owner[0]}@{owner[1]}"


@dataclass(slots=True, eq=False)
class _Held:
    """What a program gave for one (site, identity)."""

    provider: Provider | None
    token: str = field(default="", repr=False)
    old_at: float = float("inf")


_held: dict[tuple[str, str], _Held] = {}
"""The tokens of this process, outside all instances: a new one reaches an instance that is kept already."""


class HeldToken(TokenSource):
    """The token that this process was given for a user, asked for again at each use."""

    def __init__(self, site: str, identity: str) -> None:
        self._key = site, identity
        self._lock = asyncio.Lock()

    async def token(self, *, refresh: bool = False) -> str:
        """The latest one. Raises LoginEnded in a process that was given none."""
        held = _held.get(self._key)
        if held is None:
            raise LoginEnded(
                f"The token for {self._key[0]} was given to another process and does not travel. Make the "
                "filesystem here, or send one that was made with token_ref= or delegate()."
            )
        if held.provider is None:
            return held.token
        seen = held.token
        if refresh or not seen or time.time() >= held.old_at:
            async with self._lock:
                if held.token == seen:
                    await _ask(held, held.provider)
        return held.token


async def _ask(held: _Held, provider: Provider) -> None:
    if inspect.iscoroutinefunction(provider):
        given = await provider()
    else:
        given = await asyncio.to_thread(provider)
        if inspect.isawaitable(given):
            given = await given
    token, expires = given if isinstance(given, tuple) else (given, None)
    token = check_token(token)
    ends = expires if expires is not None else expiry_of(token)
    if isinstance(ends, datetime):
        ends = ends.timestamp()
    held.token, held.old_at = token, ends - RENEW_BEFORE if ends is not None else float("inf")


class OneUser(TokenSource):
    """Lets the tokens of one user pass: what an instance keeps of another's files must not be shown to the next.

    The user is the one that the identity names, else that of the first token. Whose an opaque token is, is
    asked of the site, once for each token.
    """

    def __init__(self, settings: SiteSettings, source: TokenSource, identity: str) -> None:
        self._settings = settings
        self._source = source
        self._seen = ""
        self._owner: tuple[str, str] | None = None
        kind, _, who = identity.partition(":")
        if kind == "user":
            name, _, provider = who.rpartition("@")
            self._owner = name, provider

    async def token(self, *, refresh: bool = False) -> str:
        """The token of the source; raises LoginEnded if it speaks for another user."""
        token = await self._source.token(refresh=refresh)
        if token != self._seen:
            owner = owner_of(token) or await self._asked(token)
            if owner is not None:
                self._owner = self._owner or owner
                if not _same(owner, self._owner):
                    raise LoginEnded(
                        f"The login at {self._settings.name} now belongs to another user. "
                        "Make a new filesystem for that user."
                    )
                self._seen = token
        return token

    async def _asked(self, token: str) -> tuple[str, str] | None:
        try:
            user = await user_of_token(self._settings, token)
        except LoginEnded:
            return None  # A dead token shows nothing; the call it is for tells so.
        return user.id, user.idp


def _same(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """True for the same user; not every token names the identity provider."""
    return one[0] == other[0] and (one[1] == other[1] or not one[1] or not other[1])
