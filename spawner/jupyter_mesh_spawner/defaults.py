"""What every hub with our login and spawners needs, set in one call from ``jupyterhub_config.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jupyterhub

from jupyter_mesh.tracing import set_up
from jupyter_mesh_spawner.invitations import hide_invitations

if TYPE_CHECKING:
    from traitlets.config import Config

__all__ = ["TOKEN_SCOPE", "TOKEN_SCOPES", "apply_defaults"]

TOKEN_SCOPE = "custom:mesh:token"  # noqa: S105  the name of a scope
TOKEN_SCOPES = {TOKEN_SCOPE: {"description": "Get a token for the user's files at the mesh site"}}

OWN_TOKEN = f"{TOKEN_SCOPE}!user"
# The two that JupyterHub gives to servers by itself; a list of our own replaces them.
SERVER_SCOPES = ["users:activity!user", "access:servers!server", OWN_TOKEN]


def apply_defaults(c: Config) -> None:
    """Let logins keep storage tokens, encrypted, and let each server fetch the token of its own user.

    Call it once in ``jupyterhub_config.py``, before settings of your own: what you assign later wins.
    Encryption needs a key (``JUPYTERHUB_CRYPT_KEY`` or ``c.CryptKeeper.keys``); without one the hub
    refuses to start and says so. Tokens of invitations stay out of the hub's log. Where
    ``OTEL_EXPORTER_OTLP_ENDPOINT`` names a collector, starts are traced (``jupyter-mesh-spawner[tracing]``).
    """
    hide_invitations()
    set_up("jupyter-mesh-hub")
    c.Authenticator.enable_auth_state = True
    c.Authenticator.refresh_pre_spawn = True
    c.JupyterHub.custom_scopes.update(TOKEN_SCOPES)
    if jupyterhub.version_info >= (6,):
        c.JupyterHub.extra_user_scopes.update({OWN_TOKEN})
        c.Spawner.server_token_scopes = SERVER_SCOPES
    else:
        # JupyterHub 5 adds nothing to a role: its definition is replaced as a whole.
        c.JupyterHub.load_roles.extend(
            [
                {"name": "user", "scopes": ["self", OWN_TOKEN]},
                {"name": "server", "scopes": SERVER_SCOPES},
            ]
        )
