"""The user's files with a token that somebody else's authenticator keeps in auth_state."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from traitlets import Unicode

from jupyter_mesh.auth import expiry_of, issue_of
from jupyter_mesh.errors import LoginEnded
from jupyter_mesh_spawner.bearer import MeshBearerMixin
from jupyter_mesh_spawner.credential import Bearer
from jupyter_mesh_spawner.exchange import FAILURES, meaning_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyterhub.user import User

__all__ = ["MeshKeptTokenMixin"]


class MeshKeptTokenMixin(MeshBearerMixin):
    """Takes the token for the site from where another authenticator keeps it. Mix it in before that one.

    That authenticator goes on to own its login and its tokens: what it does at ``refresh_user`` is how the next
    token is had, unless it leaves that to us and says where its refresh token is.
    """

    mesh_token_path = Unicode(
        "access_token",
        help=(
            "Where in auth_state the token for the site is: keys with slashes between them, as in "
            "exchanged_tokens/cernbox-service."
        ),
    ).tag(config=True)
    mesh_refresh_token_path = Unicode(
        help=(
            "Where in auth_state a refresh token is, for an authenticator of OAuthenticator's kind that never uses "
            "it. It is used before the token ends, and both are replaced where they are. Left empty, the "
            "authenticator is asked to refresh."
        )
    ).tag(config=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.mesh_check_settings()

    async def mesh_bearer(self, user: User, *, anew: bool = False) -> Bearer:
        """What is kept; when it has little left, what is kept after a refresh."""
        now = time.time()
        kept = _bearer(await self.mesh_states.read(user), self.mesh_token_path)
        if kept is not None and kept.is_fresh(now) and not anew:
            return kept
        try:
            await self._mesh_refresh(user)
        except FAILURES as error:
            problem = meaning_of(error, self.login_service or "The identity provider")
            if kept is not None and kept.is_alive(now) and not isinstance(problem, LoginEnded):
                return kept
            raise problem from error
        latest = _bearer(await self.mesh_states.read(user), self.mesh_token_path)
        if latest is None or not latest.is_alive(time.time()):
            raise LoginEnded(self.mesh_login_ended)
        return latest

    async def _mesh_refresh(self, user: User) -> None:
        if not self.mesh_refresh_token_path:
            if not await self.mesh_below(user, None):
                raise LoginEnded(self.mesh_login_ended)
            return
        state = await self.mesh_states.read(user)
        refresh_token = _at(state, self.mesh_refresh_token_path)
        if not refresh_token:
            raise LoginEnded(self.mesh_login_ended)
        info = await self.get_token_info(
            None, self.build_refresh_token_request_params(refresh_token)
        )
        state = _with(state, self.mesh_token_path, info["access_token"])
        if info.get("refresh_token"):
            state = _with(state, self.mesh_refresh_token_path, info["refresh_token"])
        await self.mesh_states.save(user, state)


def _bearer(state: Mapping[str, Any], path: str) -> Bearer | None:
    """The token at a path. When it was received is not known: what it says of its times is all there is."""
    token = _at(state, path)
    if not token:
        return None
    made, ends = (when and when.timestamp() for when in (issue_of(token), expiry_of(token)))
    return Bearer(token=token, received=made or 0.0, expires=ends or float("inf"))


def _at(state: Mapping[str, Any], path: str) -> str:
    """The text at a path; "" where there is none."""
    found: Any = state
    for key in path.split("/"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""


def _with(state: Mapping[str, Any], path: str, value: str) -> dict[str, Any]:
    """The state with another text at a path."""
    key, _, rest = path.partition("/")
    inner = state.get(key)
    return {
        **state,
        key: _with(inner if isinstance(inner, dict) else {}, rest, value) if rest else value,
    }
