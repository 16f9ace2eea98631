"""CS3Authenticator: log in to the hub with the user name and password of the site."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from jupyterhub.auth import Authenticator
from tornado.web import HTTPError, RequestHandler
from traitlets import Bool, Integer, Unicode

from jupyter_mesh.cs3.login import Login, app_password, revoke_app_password
from jupyter_mesh.errors import InvalidRequest, LoginEnded, MeshError, SiteError
from jupyter_mesh_spawner.authenticator import STATE, MeshAuthenticatorMixin
from jupyter_mesh_spawner.credential import Credential
from jupyter_mesh_spawner.pages import MeshLoginHandler, MeshLogoutHandler

__all__ = ["CS3Authenticator"]


class CS3Authenticator(MeshAuthenticatorMixin, Authenticator):
    """Asks the site whether name and password are right, and never keeps the password.

    What renews the token later is an app password of the site: named after the hub, expiring, revocable by the
    user, kept in the encrypted auth_state alone.
    """

    mesh_app_passwords = Bool(
        True,
        help=(
            "Whether each login makes an app password at the site, with which the hub gets the next tokens. "
            "Without it, or at a site that has none, users log in again when their token ends."
        ),
    ).tag(config=True)
    mesh_app_password_days = Integer(
        14,
        min=1,
        help=(
            "Days after which the app password of a login ends. "
            "Take what JupyterHub.cookie_max_age_days says."
        ),
    ).tag(config=True)
    mesh_machine_key_file = Unicode(
        help=(
            "File with the site's machine key, for sites without app passwords. Whoever has this key can act as "
            "every user of the site, so the file must be readable by the hub alone. It never leaves the hub."
        )
    ).tag(config=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A wrong address is told when the hub starts, not to the first user.
        self.mesh_check_settings()

    def normalize_username(self, username: str) -> str:
        """The name as the site writes it: two accounts that differ in case only stay two users."""
        mapped: str = self.username_map.get(username, username)
        return mapped

    async def authenticate(
        self, handler: RequestHandler, data: dict[str, str]
    ) -> dict[str, Any] | None:
        """Log in at the site; None for a wrong name or password.

        Raises HTTPError with one sentence for the login page when the site cannot be asked.
        """
        username, password = data.get("username", ""), data.get("password", "")
        if not username or not password:
            return None
        try:
            login = await self.mesh_login("basic", username, password)
        except (LoginEnded, InvalidRequest):
            return None
        except MeshError as error:
            self.log.warning("Login of %r at %s failed: %s", username[:64], self.mesh_site, error)
            sentence = f"{self.mesh_site} cannot check your password right now. Try again in a few minutes."
            raise HTTPError(503, sentence) from error
        return {
            "name": login.user.username,
            "auth_state": {STATE: self.mesh_credential_of(login).to_state()},
            "user_info": {"display_name": login.user.display_name or login.user.username},
        }

    async def run_post_auth_hook(
        self, handler: RequestHandler, auth_model: dict[str, Any]
    ) -> dict[str, Any]:
        """Make the app password, here and not before: now the hub has let the user in."""
        model: dict[str, Any] = await super().run_post_auth_hook(handler, auth_model)
        state = (model or {}).get("auth_state") or {}
        credential = Credential.from_state(state.get(STATE))
        if credential is not None and self.mesh_app_passwords:
            credential = await self._with_app_password(credential, handler.request.host)
            model["auth_state"] = {**state, STATE: credential.to_state()}
        return model

    async def mesh_renew(self, held: Credential) -> Credential:
        """Log in with the app password, or with the machine key where the operator gave one."""
        if held.app_password:
            try:
                return self._renewed(
                    held, await self.mesh_login("appauth", held.username, held.app_password)
                )
            except (LoginEnded, SiteError):
                # Ended, or revoked by the user at the site. OpenCloud answers INTERNAL then.
                if not self.mesh_machine_key_file:
                    raise LoginEnded(self.mesh_login_ended) from None
        if self.mesh_machine_key_file:
            try:
                key = await asyncio.to_thread(Path(self.mesh_machine_key_file).read_text)
            except OSError as error:
                self.log.exception("The machine key cannot be read")
                raise LoginEnded(self.mesh_login_ended) from error
            return self._renewed(held, await self.mesh_login("machine", held.username, key.strip()))
        raise LoginEnded(self.mesh_login_ended)

    async def mesh_revoke(self, held: Credential | None) -> None:
        """Make the app password of a credential useless at the site. A failure is logged: it ends by itself."""
        if held is None or not held.label:
            return
        try:
            if not held.is_alive(time.time()):
                held = await self.mesh_renew(held)
            await revoke_app_password(self.mesh_settings, held.token, held.label)
        except MeshError as error:
            self.log.warning("%r stays at %s until it ends: %s", held.label, self.mesh_site, error)

    def get_handlers(self, app: Any) -> list[tuple[str, type[RequestHandler]]]:
        """Login and logout pages that know about app passwords, before those they replace."""
        return [
            ("/login", MeshLoginHandler),
            ("/logout", MeshLogoutHandler),
            *super().get_handlers(app),
        ]

    def _renewed(self, held: Credential, login: Login) -> Credential:
        new = self.mesh_credential_of(login)
        if new.user != held.user:
            self.log.error("%s answered for another user than %s", self.mesh_site, held.username)
            raise LoginEnded(self.mesh_login_ended)
        return replace(held, token=new.token, received=new.received, expires=new.expires)

    async def _with_app_password(self, credential: Credential, hub: str) -> Credential:
        # The label revokes: it must be this login's own.
        label = f"jupyter-mesh @ {hub} ({secrets.token_hex(3)})"
        expires = datetime.now(UTC) + timedelta(days=self.mesh_app_password_days)
        try:
            password = await app_password(self.mesh_settings, credential.token, label, expires)
        except MeshError as error:
            self.log.warning(
                "%s makes no app password for %s, who logs in again when the token ends: %s",
                self.mesh_site,
                credential.username,
                error,
            )
            return credential
        return replace(credential, app_password=password, label=label)
