"""``GET /hub/api/mesh/users/{name}/token``: where a user's server gets the next storage token."""

from __future__ import annotations

import json

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.scopes import define_custom_scopes, needs_scope
from jupyterhub.user import User
from tornado.web import HTTPError

from jupyter_mesh.errors import MeshError
from jupyter_mesh_spawner.defaults import TOKEN_SCOPE, TOKEN_SCOPES

__all__ = ["MeshTokenHandler"]

# needs_scope looks the scope up when it decorates.
define_custom_scopes(TOKEN_SCOPES)


class MeshTokenHandler(APIHandler):
    """Answers ``{"token", "expires"}``, expires in seconds since the epoch; never what renews the token.

    401: the user must log in to the hub again. 404: another user's token was asked for. 503 and its kin: the
    site does not answer; ask again later. ``?force=1`` says that the site has refused the last token.
    """

    # JupyterHub 6.1.1 reads this also where nothing has set it.
    _token_authenticated = False

    @needs_scope(TOKEN_SCOPE)  # type: ignore[untyped-decorator]  # JupyterHub has no types
    async def get(self, user_name: str) -> None:
        """Give the token of ``user_name`` to a server of that user."""
        if self.get_token() is None:
            # Came with a browser's cookie: a storage token never goes to a page.
            raise HTTPError(403, "A storage token is given to servers only.")
        # Mostly it is who asks, whom the hub has looked up already: a quarter of the work.
        asking = self.current_user
        own = isinstance(asking, User) and asking.name == user_name
        user = asking if own else self.find_user(user_name)
        if user is None:
            raise HTTPError(404)
        try:
            credential = await self.authenticator.mesh_credential(
                user, force=self.get_argument("force", "") == "1"
            )
        except MeshError as error:
            raise HTTPError(error.status, str(error)) from error
        self.set_header("Cache-Control", "no-store")
        self.write(json.dumps({"token": credential.token, "expires": credential.expires}))
