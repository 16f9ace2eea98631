"""Login at an OpenID Connect provider that keeps its sessions alive, and the user's files with them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass, field
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Self

from oauthenticator.generic import GenericOAuthenticator
from tornado.httpclient import HTTPClientError
from tornado.web import HTTPError
from traitlets import Unicode

from jupyter_mesh.errors import LoginEnded, MeshError, SiteError, Unavailable
from jupyter_mesh_spawner.authenticator import NEVER
from jupyter_mesh_spawner.bearer import MeshBearerMixin
from jupyter_mesh_spawner.credential import Bearer, Credential, Lasting
from jupyter_mesh_spawner.exchange import FAILURES, exchange_params, meaning_of
from jupyter_mesh_spawner.oidc_pages import (
    OIDCLoginHandler,
    OIDCLogoutHandler,
)
from jupyter_mesh_spawner.states import STAMP

if TYPE_CHECKING:
    from jupyterhub.user import User
    from oauthenticator.oauth2 import OAuthenticator as Base
    from tornado.web import RequestHandler
else:
    Base = object

__all__ = ["MeshOIDCAuthenticator", "MeshOIDCMixin"]

EXCHANGED = "mesh_exchanged"
"""Our key in auth_state for tokens of other audiences."""
RECEIVED = "mesh_received"
"""Our key in ``token_response``: when it was asked for, by the clock of this hub."""

DEADLINE = 15.0
"""Seconds for an answer of the provider."""
AWAY = 5.0
"""Seconds for which a provider that did not answer is not asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session(Lasting):
    """What the provider has given: tokens, and until when the access token lives."""

    token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    response: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, state: dict[str, Any]) -> Self | None:
        """The session in auth_state; None when there is none, or none any more."""
        response = state.get("token_response") or {}
        if not response.get("access_token"):
            return None
        received = float(response.get(RECEIVED, 0.0))
        life = response.get("expires_in")
        return cls(
            token=response["access_token"],
            refresh_token=state.get("refresh_token") or "",
            response=response,
            received=received,
            expires=received + float(life) if life else float("inf"),
        )


class MeshOIDCMixin(MeshBearerMixin, Base):
    """Keeps sessions at an OpenID Connect provider alive. Mix it in before an OAuthenticator.

    Access tokens are replaced before they end, in turn: a refresh token that is used twice ends the session
    where they rotate. While the provider is away nobody is logged out. When it ends a session, nothing that is
    left of it is used any more, and the user reads why.
    """

    mesh_audience = Unicode(
        help=(
            "Name of the site at the provider (the client id of its storage). Tokens for it are then got by token "
            "exchange (RFC 8693). Left empty, the site gets the access token of the login itself, which is good for "
            "everything that trusts the provider."
        )
    ).tag(config=True)
    mesh_exchange_scope = Unicode(
        help="Scope to ask for in the exchange. Keycloak wants the optional scope that adds the audience."
    ).tag(config=True)
    mesh_logout_url = Unicode(
        help=(
            "Address at the provider that ends its session too (end_session_endpoint). Logging out of the hub then "
            "logs out of the provider, without a question. Allow <hub>/hub/logout there as the address to come back to."
        )
    ).tag(config=True)

    login_page_handler = OIDCLoginHandler
    logout_handler = OIDCLogoutHandler

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._away_until = NEVER
        self.mesh_check_settings()

    @property
    def mesh_login_ended(self) -> str:
        """The sentence for users whose session is over."""
        return f"Your session at {self.login_service} has ended. Log in again to get to your files."

    async def authenticate(
        self, handler: RequestHandler, data: Any = None, **kwargs: Any
    ) -> dict[str, Any] | None:
        """As ever; a provider that does not answer now is one sentence on the page."""
        try:
            model: dict[str, Any] | None = await super().authenticate(handler, data, **kwargs)
        except FAILURES as error:
            if isinstance(error, HTTPError) and error.status_code < 500:
                raise
            problem = meaning_of(error, self.login_service)
            # Not what OAuthenticator writes into its own: an ID token, where that cannot be read.
            why = error.status_code if isinstance(error, HTTPError) else error
            self.log.warning("A login at %s failed: %s", self.login_service, why)
            if isinstance(problem, Unavailable):
                raise HTTPError(503, str(problem)) from error
            raise HTTPError(
                403, f"Your sign-in at {self.login_service} failed. Try again."
            ) from error
        return model

    async def get_token_info(self, handler: Any, params: dict[str, Any]) -> dict[str, Any]:
        """As ever, with the time: the life that the provider tells is counted from there, by our clock alone."""
        asked = time.time()
        info: dict[str, Any] = await super().get_token_info(handler, params)
        self._away_until = NEVER
        return {**info, RECEIVED: asked}

    async def mesh_bearer(self, user: User, *, anew: bool = False) -> Bearer:
        """The token for the site: exchanged where it has a name at the provider, else that of the login."""
        session = await self._mesh_session(user, force=anew)
        if self.mesh_audience:
            return await self.mesh_exchanged(
                user, self.mesh_audience, self.mesh_exchange_scope, anew=anew
            )
        return Bearer(token=session.token, received=session.received, expires=session.expires)

    async def mesh_exchanged(
        self, user: User, audience: str, scope: str, *, anew: bool = False
    ) -> Bearer:
        """A token of the user for another audience, kept in auth_state. In turn; raises as ``mesh_bearer``."""
        key = f"{audience} {scope}"
        session = await self._mesh_session(user)
        kept = (await self.mesh_states.read(user)).get(EXCHANGED, {}).get(key)
        if kept and not anew and (bearer := Bearer(**kept)).is_fresh(time.time()):
            return bearer
        try:
            info = await self._mesh_ask(exchange_params(session.token, audience, scope))
        except (SiteError, LoginEnded):
            # A token that was revoked or has ended is refused in the same words as a wrong question.
            renewed = await self._mesh_session(user, force=True)
            if renewed.token == session.token:
                raise
            info = await self._mesh_ask(exchange_params(renewed.token, audience, scope))
        received = info[RECEIVED]
        # Where its life is not told it is asked for again with the next access token.
        ends = received + float(info["expires_in"]) if "expires_in" in info else session.expires
        bearer = Bearer(token=info["access_token"], received=received, expires=ends)
        state = await self.mesh_states.read(user)
        exchanged = {**state.get(EXCHANGED, {}), key: asdict(bearer)}
        await self.mesh_states.save(user, {**state, EXCHANGED: exchanged})
        return bearer

    async def mesh_check(self, user: User, handler: Any) -> bool | dict[str, Any]:
        """Ask the provider who this is: groups follow it, and a session that it has ended is seen at once."""
        session = await self._mesh_session(user)
        if self.refresh_user_hook is not None:
            answer: bool | dict[str, Any] | None = await self._call_refresh_user_hook(
                user, await self.mesh_states.read(user)
            )
            if answer is not None:
                return answer
        if not self.userdata_url:
            return True
        model = await self._mesh_model(session)
        if model is None:
            refused, session = session, await self._mesh_session(user, force=True)
            if session.token == refused.token:
                return True
            model = await self._mesh_model(session)
        if model is None:
            raise await self._mesh_end(user, "a fresh token is refused, too")
        state = await self.mesh_states.read(user)
        latest = Session.of(state)
        if latest is None or latest.token != session.token:
            # Logged in or out meanwhile.
            return True
        return {**model, "auth_state": {**state, **model["auth_state"]}}

    async def _mesh_model(self, session: Session) -> dict[str, Any] | None:
        """What a login with these tokens would bring; None when the provider refuses them."""
        try:
            async with asyncio.timeout(DEADLINE):
                model: dict[str, Any] = await self._token_to_auth_model(session.response)
        except FAILURES as error:
            problem = meaning_of(error, self.login_service)
            if isinstance(error, HTTPClientError) and not isinstance(problem, Unavailable):
                return None
            raise problem from error
        return model

    async def _mesh_session(self, user: User, *, force: bool = False) -> Session:
        """The user's session, refreshed when it is near its end or with ``force``.

        While the provider is away, the one at hand for as long as its token lives. Raises LoginEnded when it is
        over, and takes what is left of it out of auth_state.
        """
        state = await self.mesh_states.read(user)
        session = Session.of(state)
        if session is None:
            raise LoginEnded(self.mesh_login_ended)
        if session.is_fresh(time.time()) and not force:
            return session
        if not session.refresh_token:
            if session.is_alive(time.time()) and not force:
                return session
            raise await self._mesh_end(user, "there is no refresh token")
        try:
            info = await self._mesh_ask(
                self.build_refresh_token_request_params(session.refresh_token), signed=True
            )
        except LoginEnded as error:
            raise await self._mesh_end(user, str(error.__cause__)) from error
        except MeshError as error:
            if not session.is_alive(time.time()):
                raise
            self.log.warning("The session of %s is not refreshed: %s", user.name, error)
            return session
        return await self._mesh_refreshed(user, state, info)

    async def _mesh_refreshed(
        self, user: User, state: dict[str, Any], info: dict[str, Any]
    ) -> Session:
        """Save what a refresh has brought, before anybody else has a turn."""
        # Providers leave out what has not changed.
        for name in ("refresh_token", "id_token"):
            if not info.get(name) and state.get(name):
                info[name] = state[name]
        built = self.build_auth_state_dict(info, state.get(self.user_auth_state_key))
        if isawaitable(built):
            built = await built
        if self.modify_auth_state_hook is not None:
            built = await self._call_modify_auth_state_hook(built)
        if not await self.mesh_states.save(user, {**state, **built}):
            # Logged in or out meanwhile.
            latest = Session.of(await self.mesh_states.read(user))
            if latest is None:
                raise LoginEnded(self.mesh_login_ended)
            return latest
        refreshed = Session.of(built)
        assert refreshed is not None  # noqa: S101  get_token_info has seen the access token
        return refreshed

    async def _mesh_end(self, user: User, why: str) -> LoginEnded:
        """Take all tokens out of auth_state; the error to raise."""
        self.log.info("The session of %s at %s is over: %s", user.name, self.login_service, why)
        state = await self.mesh_states.read(user)
        kept = (self.user_auth_state_key, STAMP)
        await self.mesh_states.save(user, {name: state[name] for name in kept if name in state})
        return LoginEnded(self.mesh_login_ended)

    async def _mesh_ask(self, params: dict[str, Any], *, signed: bool = False) -> dict[str, Any]:
        """Ask the token endpoint, with a deadline; raises LoginEnded, Unavailable or SiteError."""
        if time.monotonic() < self._away_until:
            raise Unavailable(f"{self.login_service} does not answer. Try again in a few minutes.")
        if not signed and not self.basic_auth:
            params |= {"client_id": self.client_id, "client_secret": self.client_secret}
        try:
            async with asyncio.timeout(DEADLINE):
                return await self.get_token_info(None, params)
        except FAILURES as error:
            problem = meaning_of(error, self.login_service)
            if isinstance(problem, Unavailable):
                self._away_until = time.monotonic() + AWAY
            raise problem from error

    async def mesh_forget(self, user: User) -> Credential | None:
        """Everything: the provider's tokens are the user's, too."""
        await self.mesh_states.forget(user)
        return None

    def get_handlers(self, app: Any) -> list[tuple[str, type[RequestHandler]]]:
        """A login page that says why somebody is there again, before the one that it replaces."""
        return [("/login", self.login_page_handler), *super().get_handlers(app)]


class MeshOIDCAuthenticator(MeshOIDCMixin, GenericOAuthenticator):
    """Logs users in at any OpenID Connect provider. Its addresses are set as for GenericOAuthenticator."""
