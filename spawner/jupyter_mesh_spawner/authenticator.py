"""Logins that keep a storage token: what every mesh authenticator does."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from traitlets import TraitError, Unicode
from traitlets.config import Configurable

from jupyter_mesh.errors import LoginEnded, MeshError
from jupyter_mesh.placement import MeshPlacement
from jupyter_mesh_spawner import audit, links
from jupyter_mesh_spawner.credential import Credential
from jupyter_mesh_spawner.metrics import count_refresh, reason_of
from jupyter_mesh_spawner.tokens import MeshTokenHandler

if TYPE_CHECKING:
    # What it is mixed into; at run time the mixin brings its own traits alone.
    from jupyterhub.auth import Authenticator as Base
    from jupyterhub.user import User
    from tornado.web import RequestHandler
else:
    Base = Configurable

__all__ = ["STATE", "MeshAuthenticatorMixin"]

STATE = "mesh"
"""Our key in auth_state; the rest of it belongs to the authenticator this is mixed into."""

ASK_AGAIN = 5.0
"""Seconds for which the site is not asked again for the token of a user, whatever it answered."""


class MeshAuthenticatorMixin(Base):
    """Keeps a user's storage token fresh on the hub. Mix it in before an Authenticator.

    A login puts ``Credential.to_state()`` into ``auth_state["mesh"]``; a subclass says in ``mesh_renew`` how
    the next token is had. Spawners and our hub handler take tokens from ``mesh_credential``.
    """

    mesh_site = Unicode(help="Name of the site whose files users get, as they read it.").tag(
        config=True
    )
    mesh_gateway = Unicode(help="Address of the site's CS3 gateway as host:port.").tag(config=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._renewing: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._asked: dict[str, float] = {}
        self._refused: dict[str, MeshError] = {}

    async def mesh_renew(self, held: Credential) -> Credential:
        """Get the next token for whom ``held`` speaks for; raises LoginEnded if only the user can."""
        raise LoginEnded(self.mesh_login_ended)

    @property
    def mesh_login_ended(self) -> str:
        """The sentence for users whose token can be renewed by themselves alone."""
        return f"Your login at {self.mesh_site} has ended. Log in again to get to your files."

    async def mesh_held(self, user: User) -> Credential | None:
        """What auth_state holds for the user, good or not."""
        state = await user.get_auth_state() or {}
        return Credential.from_state(state.get(STATE))

    async def mesh_keep(self, user: User, credential: Credential | None) -> None:
        """Put a credential into auth_state, or take it out, and leave the rest as it is."""
        state = dict(await user.get_auth_state() or {})
        state.pop(STATE, None)
        if credential is not None:
            state[STATE] = credential.to_state()
        await user.save_auth_state(state or None)

    async def mesh_credential(self, user: User, *, force: bool = False) -> Credential:
        """A credential whose token will do for some minutes, renewed if need be.

        One renewal at a time for each user, and all who wait get its result. With ``force`` the site has refused
        a token that looked good. Raises LoginEnded when the user must log in again; Unavailable and its kin only
        when the token at hand has ended too.
        """
        async with self._renewing[user.name]:
            held = await self.mesh_held(user)
            if held is None:
                raise LoginEnded(self.mesh_login_ended)
            now = time.time()
            asked_lately = time.monotonic() - self._asked.get(user.name, float("-inf")) < ASK_AGAIN
            if held.is_alive(now) and (asked_lately or (held.is_fresh(now) and not force)):
                return held
            if asked_lately and user.name in self._refused:
                raise self._refused[user.name]
            self._asked[user.name] = time.monotonic()
            self._refused.pop(user.name, None)
            try:
                renewed = await self.mesh_renew(held)
            except MeshError as error:
                self._mesh_count(user, error)
                self.log.warning("No new token at %s for %s: %s", self.mesh_site, user.name, error)
                if held.is_alive(time.time()) and not (force and isinstance(error, LoginEnded)):
                    return held
                self._refused[user.name] = error
                raise
            self._mesh_count(user)
            latest = await self.mesh_held(user)
            if latest is None or latest.label != held.label:
                # The user has logged in or out meanwhile: that counts, not what we brought.
                return latest or renewed
            renewed = replace(renewed, logged_out=latest.logged_out)
            await self.mesh_keep(user, renewed)
            return renewed

    def _mesh_count(self, user: User, error: MeshError | None = None) -> None:
        count_refresh(error)
        outcome = "done" if error is None else "failed"
        reason = None if error is None else reason_of(error)
        audit.record(user, "token", outcome, site=self.mesh_site, reason=reason)

    async def refresh_user(self, user: User, handler: Any = None) -> bool | dict[str, Any]:
        """Keep the storage token fresh; send a user to the login page only if nothing else helps.

        A site that does not answer logs nobody out, and a page request alone can lead to a login: requests with
        an API token go on, and whoever needs the storage token is told then.
        """
        checked: bool | dict[str, Any] = await super().refresh_user(user, handler)
        if not checked:
            return checked
        try:
            await self.mesh_credential(user)
        except LoginEnded as error:
            # JupyterHub 5 calls this before it has set whose request it is: then it is this user's own.
            if handler is None or getattr(handler, "_jupyterhub_user", user) is not user:
                return checked
            if handler.get_token() is not None:
                return checked
            # JupyterHub 6.1.1 reads this on page requests too, where nothing has set it.
            handler._token_authenticated = False
            handler.mesh_login_ended = str(error)
            return False
        except MeshError as error:
            self.log.warning("%s stays logged in without fresh files: %s", user.name, error)
        return checked

    def get_handlers(self, app: Any) -> list[tuple[str, type[RequestHandler]]]:
        """Those of the authenticator, the one from which servers get their tokens, and those of form and links."""
        try:
            # Wrong rules are told when the hub starts, not to the first user.
            MeshPlacement(parent=app)
        except TraitError as error:
            self.log.critical(str(error))
            raise SystemExit(1) from error
        return [
            # Before those of JupyterHub that they stand in for.
            *links.HANDLERS,
            *super().get_handlers(app),
            (r"/api/mesh/users/([^/]+)/token", MeshTokenHandler),
        ]
