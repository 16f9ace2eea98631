"""Login and logout pages of the hub that leave no app password behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyterhub.handlers.login import LoginHandler, LogoutHandler

from jupyter_mesh_spawner import audit

if TYPE_CHECKING:
    from jupyterhub.user import User

__all__ = ["MeshLoginHandler", "MeshLogoutHandler"]


class MeshLoginHandler(LoginHandler):
    """The login page. It says why somebody who was logged in is here again."""

    mesh_login_ended = ""
    """Set by ``refresh_user`` of our authenticators."""

    def _render(
        self, login_error: str | None = None, username: str | None = None, **kwargs: Any
    ) -> Any:
        return super()._render(
            login_error=login_error or self.mesh_login_ended or None, username=username, **kwargs
        )

    async def auth_to_user(self, authenticated: Any, user: User | None = None) -> User:
        """Save the login; the app password of the one before it is then of no use to anybody."""
        known = self.find_user(authenticated["name"]) if user is None else None
        before = await self.authenticator.mesh_held(known) if known else None
        saved = await super().auth_to_user(authenticated, user)
        if before is not None:
            self.authenticator.mesh_later(self.authenticator.mesh_revoke(before))
        return saved


class MeshLogoutHandler(LogoutHandler):
    """The logout page: revokes what renews the user's token, unless a server still needs it."""

    async def handle_logout(self) -> None:
        """Part of logging out that is ours."""
        await super().handle_logout()
        user = self._jupyterhub_user
        if user is not None:
            await self.authenticator.mesh_logged_out(user)
            audit.record(self.settings, user.name, "logout", site=self.authenticator.mesh_site)
