"""Logging in to a site, and app passwords for those who must log in later without the user.

Nothing here keeps a secret: it is sent once, over the channel that the settings describe.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from cs3.auth.applications.v1beta1 import applications_api_pb2 as apps
from cs3.auth.provider.v1beta1 import resources_pb2 as auth_resources
from cs3.gateway.v1beta1 import gateway_api_pb2 as gw
from cs3.types.v1beta1 import types_pb2 as types

from jupyter_mesh.auth import StaticToken, TokenSource, check_token, expiry_of, remember_secret
from jupyter_mesh.config import SiteSettings
from jupyter_mesh.cs3.gateway import Gateway
from jupyter_mesh.cs3.wire import user_of
from jupyter_mesh.errors import LoginEnded, NotAllowed, NotFound

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from jupyter_mesh.models import User

__all__ = [
    "Login",
    "LoginKind",
    "app_password",
    "authenticate",
    "revoke_app_password",
    "user_of_token",
]

LoginKind = Literal["basic", "bearer", "machine", "appauth"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """The result of a login. Its repr does not show the token."""

    token: str = field(repr=False)
    expires: datetime | None
    """None where the token does not tell."""
    user: User


async def authenticate(
    gateway: str | SiteSettings,
    kind: LoginKind,
    client_id: str,
    secret: str,
    *,
    deadline: float = 15.0,
) -> Login:
    """Log in and return the token with its user.

    =========  ====================================  ==============================
    kind       client_id                             secret
    =========  ====================================  ==============================
    basic      user name                             password
    bearer     ""                                    access token of the identity provider
    machine    user name                             machine key of the site (hub only)
    appauth    user name                             app password
    =========  ====================================  ==============================

    ``gateway`` is ``host:port`` or complete settings (for a CA file). Raises LoginEnded if the site does not
    accept the secret, with the same sentence for an unknown user; Unavailable if the site does not answer.
    """
    async with _gateway(gateway, _NoToken()) as wire:
        request = gw.AuthenticateRequest(type=kind, client_id=client_id, client_secret=secret)
        remember_secret(secret)
        try:
            reply = await wire.call(
                "Authenticate",
                request,
                doing=f"log in to {wire.site}",
                timeout=deadline,
                signed=False,
            )
        except (LoginEnded, NotAllowed, NotFound) as error:
            # One sentence for all: whether a user exists is nobody's business.
            raise LoginEnded(
                f"{wire.site} does not accept this user name and password. Check both and try again.",
                trace=error.trace,
            ) from error
        token = check_token(reply.token)
        return Login(token=token, expires=expiry_of(token), user=user_of(reply.user))


async def user_of_token(settings: SiteSettings, token: str) -> User:
    """Whom a token speaks for, as the site says. WhoAmI; raises LoginEnded for a token it does not accept."""
    async with _gateway(settings, StaticToken(token)) as wire:
        return user_of(await wire.whoami())


async def app_password(
    gateway: str | SiteSettings, token: str, label: str, expires: datetime | None = None
) -> str:
    """Make an app password with all rights of the user, to be used with ``kind="appauth"``.

    ``label`` names it in the user's list and is what revokes it. GenerateAppPassword.
    """
    # A password without a scope logs in and then sees nothing: facts/opencloud.md §2.
    scope = auth_resources.Scope(
        resource=types.OpaqueEntry(decoder="json", value=b'{"path":"/"}'),
        role=auth_resources.ROLE_OWNER,
    )
    request = apps.GenerateAppPasswordRequest(token_scope={"user": scope}, label=label)
    if expires is not None:
        request.expiration.seconds = int(expires.astimezone(UTC).timestamp())
    async with _gateway(gateway, StaticToken(token)) as wire:
        reply = await wire.call("GenerateAppPassword", request, doing="make an app password")
    password: str = reply.app_password.password
    remember_secret(password)
    return password


async def revoke_app_password(gateway: str | SiteSettings, token: str, label: str) -> int:
    """Make every app password with this label useless; returns how many there were."""
    async with _gateway(gateway, StaticToken(token)) as wire:
        doing = "revoke an app password"
        listed = await wire.call(
            "ListAppPasswords", apps.ListAppPasswordsRequest(), doing=doing, repeat=True
        )
        found = [entry.password for entry in listed.app_passwords if entry.label == label]
        for key in found:
            # Sites list and take the hash here, not the password itself.
            await wire.call(
                "InvalidateAppPassword",
                apps.InvalidateAppPasswordRequest(password=key),
                doing=doing,
            )
        return len(found)


class _NoToken(TokenSource):
    """Stands where a gateway wants a token before there is one."""

    async def token(self, *, refresh: bool = False) -> str:
        raise LoginEnded("You are not logged in. Log in first.")


@asynccontextmanager
async def _gateway(gateway: str | SiteSettings, token: TokenSource) -> AsyncIterator[Gateway]:
    settings = (
        gateway
        if isinstance(gateway, SiteSettings)
        else SiteSettings(name=gateway, gateway=gateway)
    )
    wire = Gateway(settings, token)
    try:
        yield wire
    finally:
        await wire.close()
