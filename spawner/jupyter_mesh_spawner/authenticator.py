"""Logins that keep a storage token: what every mesh authenticator does."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jupyterhub.utils import maybe_future
from traitlets import TraitError, default
from traitlets.config import Configurable

from jupyter_mesh.errors import LoginEnded, MeshError
from jupyter_mesh.placement import MeshPlacement
from jupyter_mesh_spawner import audit, links
from jupyter_mesh_spawner.credential import Credential
from jupyter_mesh_spawner.gateway import MeshGatewayMixin
from jupyter_mesh_spawner.metrics import count_refresh, reason_of
from jupyter_mesh_spawner.states import STAMP, AuthStates, new_login, same_login
from jupyter_mesh_spawner.tokens import MeshTokenHandler

if TYPE_CHECKING:
    from collections.abc import Coroutine

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

NEVER = float("-inf")


class MeshAuthenticatorMixin(MeshGatewayMixin, Base):
    """Keeps a user's storage token fresh on the hub. Mix it in before an Authenticator.

    A subclass says in ``mesh_renew`` or ``mesh_next`` how the next token is had. Spawners and our hub handler
    take tokens from ``mesh_credential``. All that changes the auth_state of a user is done in turn.
    """

    @default("enable_auth_state")
    def _keep_tokens(self) -> bool:
        return True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.mesh_states = AuthStates()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._asked: dict[str, float] = {}
        self._refused: dict[str, MeshError] = {}
        self._checked: dict[str, float] = {}
        self._background: set[asyncio.Task[None]] = set()

    async def mesh_next(self, user: User, held: Credential | None) -> Credential:
        """Get the next credential of a user, in turn. ``held`` is the one at hand.

        Raises LoginEnded if only the user can help. What must not be used any more is out of auth_state then.
        """
        if held is None:
            raise LoginEnded(self.mesh_login_ended)
        return await self.mesh_renew(held)

    async def mesh_renew(self, held: Credential) -> Credential:
        """As ``mesh_next``, for those to whom ``held`` says enough."""
        raise LoginEnded(self.mesh_login_ended)

    @property
    def mesh_login_ended(self) -> str:
        """The sentence for users whose token can be renewed by themselves alone."""
        return f"Your login at {self.mesh_site} has ended. Log in again to get to your files."

    async def mesh_held(self, user: User) -> Credential | None:
        """What auth_state holds for the user, good or not."""
        return Credential.from_state((await self.mesh_states.read(user)).get(STATE))

    async def mesh_keep(self, user: User, credential: Credential | None) -> None:
        """Put a credential into auth_state, or take it out, and leave the rest as it is."""
        state = await self.mesh_states.read(user)
        state.pop(STATE, None)
        if credential is not None:
            state[STATE] = credential.to_state()
        await self.mesh_states.save(user, state)

    async def mesh_credential(self, user: User, *, force: bool = False) -> Credential:
        """A credential whose token will do for some minutes, renewed if need be.

        One renewal at a time for each user, and all who wait get its result. With ``force`` the site has refused
        a token that looked good. Raises LoginEnded when the user must log in again; Unavailable and its kin only
        when the token at hand has ended too.
        """
        async with self._turns[user.name]:
            return await self._mesh_credential(user, force=force)

    async def _mesh_credential(self, user: User, *, force: bool = False) -> Credential:
        """As ``mesh_credential``, for whoever has the turn."""
        before = await self.mesh_states.read(user)
        held = Credential.from_state(before.get(STATE))
        now = time.time()
        asked_lately = time.monotonic() - self._asked.get(user.name, NEVER) < ASK_AGAIN
        if (
            held is not None
            and held.is_alive(now)
            and (asked_lately or (held.is_fresh(now) and not force))
        ):
            return held
        if asked_lately and user.name in self._refused:
            raise self._refused[user.name]
        self._asked[user.name] = time.monotonic()
        self._refused.pop(user.name, None)
        try:
            renewed = await self.mesh_next(user, held)
        except MeshError as error:
            self._mesh_count(user, error)
            self.log.warning("No new token at %s for %s: %s", self.mesh_site, user.name, error)
            # Not the one from before: the end of a session has taken it out.
            held = await self.mesh_held(user)
            if (
                held is not None
                and held.is_alive(time.time())
                and not (force and isinstance(error, LoginEnded))
            ):
                return held
            self._refused[user.name] = error
            raise
        self._mesh_count(user)
        return await self._mesh_keep_renewed(user, before, renewed)

    async def _mesh_keep_renewed(
        self, user: User, before: dict[str, Any], renewed: Credential
    ) -> Credential:
        """Keep what was brought, unless the user has logged in or out meanwhile: that counts more."""
        state = await self.mesh_states.read(user)
        held, latest = (Credential.from_state(one.get(STATE)) for one in (before, state))
        if held is not None and (latest is None or latest.label != held.label):
            return latest or renewed
        if latest is not None:
            renewed = replace(renewed, logged_out=latest.logged_out)
        if same_login(before, state):
            await self.mesh_states.save(user, {**state, STATE: renewed.to_state()})
        return renewed

    def _mesh_count(self, user: User, error: MeshError | None = None) -> None:
        count_refresh(error)
        outcome = "done" if error is None else "failed"
        reason = None if error is None else reason_of(error)
        audit.record(user.settings, user.name, "token", outcome, site=self.mesh_site, reason=reason)

    async def mesh_check(self, user: User, handler: Any) -> bool | dict[str, Any]:
        """See, in turn, whether a login still holds: what the authenticator below says, and the storage token.

        Answers as ``refresh_user``; raises LoginEnded when it does not hold, another MeshError when nobody knows.
        """
        checked = await self.mesh_below(user, handler)
        if checked:
            await self._mesh_credential(user)
        return checked

    async def mesh_below(self, user: User, handler: Any) -> bool | dict[str, Any]:
        """What the authenticator below answers to ``refresh_user``; the state it brings is saved, with our part."""
        state = await self.mesh_states.read(user)
        checked: bool | dict[str, Any] = await super().refresh_user(user, handler)
        if isinstance(checked, dict) and checked.get("auth_state") is not None:
            ours = {name: state[name] for name in (STATE, STAMP) if name in state}
            await self.mesh_states.save(user, {**checked["auth_state"], **ours})
            # The hub saves it again, and would leave out what is ours.
            checked = {**checked, "auth_state": await self.mesh_states.read(user)}
        return checked

    async def refresh_user(self, user: User, handler: Any = None) -> bool | dict[str, Any]:
        """Keep a login fresh; send a user to the login page only if nothing else helps.

        What does not answer logs nobody out, and a page request alone can lead to a login: requests with an API
        token go on, and whoever needs the storage token is told then. One check serves all who wait for it.
        """
        came = time.monotonic()
        async with self._turns[user.name]:
            if self._checked.get(user.name, NEVER) > came:
                return True
            try:
                checked = await self.mesh_check(user, handler)
            except LoginEnded as error:
                return not _send_to_login(user, handler, str(error))
            except MeshError as error:
                self.log.warning("%s stays logged in without fresh files: %s", user.name, error)
                checked = True
            if checked:
                self._checked[user.name] = time.monotonic()
            return checked

    async def run_post_auth_hook(
        self, handler: RequestHandler, auth_model: dict[str, Any]
    ) -> dict[str, Any]:
        """Stamp the state of a login that the hub lets in; what was refused before it is forgotten."""
        model: dict[str, Any] = await super().run_post_auth_hook(handler, auth_model)
        if model:
            audit.record(handler.settings, model["name"], "login", site=self.mesh_site)
        if model and model.get("auth_state") is not None:
            model["auth_state"] = new_login(model["auth_state"])
            self._asked.pop(model["name"], None)
            self._refused.pop(model["name"], None)
        return model

    async def mesh_forget(self, user: User) -> Credential | None:
        """Take the user's secrets out of auth_state; what was held, for ``mesh_revoke``."""
        held = await self.mesh_held(user)
        await self.mesh_keep(user, None)
        return held

    async def mesh_revoke(self, held: Credential | None) -> None:
        """Make what was held useless at the site, as far as that can be done."""

    async def mesh_logged_out(self, user: User) -> None:
        """Forget a user's secrets now, or when the last of the user's servers has stopped."""
        held = await self.mesh_held(user)
        if held is not None and user.active:
            await self.mesh_keep(user, replace(held, logged_out=True))
        else:
            self.mesh_later(self.mesh_revoke(await self.mesh_forget(user)))

    async def post_spawn_stop(self, user: User, spawner: Any) -> None:
        """The second half of a logout that left a server running."""
        await maybe_future(super().post_spawn_stop(user, spawner))
        others = any(other.active for other in user.spawners.values() if other is not spawner)
        held = None if others else await self.mesh_held(user)
        if held is not None and held.logged_out:
            # Waited for: a hub that stops its servers and then itself would drop it.
            await self.mesh_revoke(await self.mesh_forget(user))

    async def delete_user(self, user: User) -> None:
        """Leave nothing at the site of a user who is removed from the hub."""
        self.mesh_later(self.mesh_revoke(await self.mesh_held(user)))
        await maybe_future(super().delete_user(user))

    def mesh_later(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something nobody waits for."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

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


def _send_to_login(user: User, handler: Any, sentence: str) -> bool:
    """Whether a request can lead to a login: a page of the user's own. Its handler then knows why."""
    # JupyterHub 5 calls this before it has set whose request it is: then it is this user's own.
    if handler is None or getattr(handler, "_jupyterhub_user", user) is not user:
        return False
    if handler.get_token() is not None:
        return False
    if handler.request.method != "GET":
        # Such as a form that starts a server: JupyterHub would say "auth has expired", and the spawner says why.
        return False
    # JupyterHub 6.1.1 reads this on page requests too, where nothing has set it.
    handler._token_authenticated = False
    handler.mesh_login_ended = sentence
    return True
