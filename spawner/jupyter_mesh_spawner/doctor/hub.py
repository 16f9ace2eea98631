"""The hub itself: version, encryption, logins, scopes, proxy."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jupyterhub
from jupyterhub.crypto import CryptKeeper, EncryptionUnavailable
from traitlets import TraitError

from jupyter_mesh.cli.checks import Finding
from jupyter_mesh_spawner._version import __version__
from jupyter_mesh_spawner.authenticator import MeshAuthenticatorMixin
from jupyter_mesh_spawner.defaults import OWN_TOKEN, TOKEN_SCOPE

if TYPE_CHECKING:
    from jupyter_mesh_spawner.doctor.settings import HubSettings

__all__ = ["around_the_hub"]

SAFE = (5, 5, 1)
"""From here on the sharing of servers has no known hole (GHSA-c4gm-pwx9-9w8j)."""

WHO = (
    *("allow_all", "allow_existing_users", "allowed_users", "admin_users"),
    *("allowed_groups", "any_allow_config"),
)
"""Settings by which an authenticator lets somebody in."""


def around_the_hub(settings: HubSettings) -> list[Finding]:
    """All that can be seen without asking anybody. Blocks on the disk."""
    return [
        _versions(),
        _crypt_key(settings),
        _login(settings),
        _scopes(settings),
        _proxy(settings),
    ]


def _versions() -> Finding:
    text = f"JupyterHub {jupyterhub.__version__}, jupyter-mesh-spawner {__version__}"
    if tuple(jupyterhub.version_info[:3]) < SAFE:
        return Finding(
            "versions",
            False,
            f"{text}. This JupyterHub has a known hole in the sharing of servers: update it to 5.5.1 or newer.",
        )
    return Finding("versions", True, text)


def _crypt_key(settings: HubSettings) -> Finding:
    if not settings.authenticator.enable_auth_state:
        text = (
            "Logins do not keep their tokens. Call apply_defaults(c) in the configuration, "
            "and do not set Authenticator.enable_auth_state to False."
        )
        return Finding("crypt key", False, text)
    try:
        CryptKeeper(parent=settings.app).check_available()
    except (EncryptionUnavailable, ValueError, TraitError) as error:
        text = (
            f"Tokens cannot be kept encrypted ({error}). Set JUPYTERHUB_CRYPT_KEY for the hub, "
            "to what this prints once: openssl rand -hex 32"
        )
        return Finding("crypt key", False, text)
    return Finding("crypt key", True, "tokens are kept encrypted")


def _login(settings: HubSettings) -> Finding:
    authenticator = settings.authenticator
    name = type(authenticator).__name__
    if not isinstance(authenticator, MeshAuthenticatorMixin):
        text = (
            f"{name} keeps no tokens for the site, so no server gets any. Set JupyterHub.authenticator_class "
            'to "mesh-cs3" or "mesh-oidc", or mix MeshAuthenticatorMixin into your own class.'
        )
        return Finding("login", False, text)
    if not any(getattr(authenticator, trait, None) for trait in WHO):
        text = (
            f"Nobody may log in. Set {name}.allow_all = True, or {name}.allowed_users to who may."
        )
        return Finding("login", False, text)
    return Finding("login", True, f"{name}, for {authenticator.mesh_site}")


def _scopes(settings: HubSettings) -> Finding:
    app: Any = settings.app
    again = "Call apply_defaults(c) in the configuration, and keep what it sets."
    if TOKEN_SCOPE not in app.custom_scopes:
        text = f"The scope {TOKEN_SCOPE} does not exist, so no server gets a new token. {again}"
        return Finding("scopes", False, text)
    roles = {role["name"]: set(role.get("scopes", ())) for role in app.load_roles}
    users = roles.get("user", set(getattr(app, "extra_user_scopes", ())))
    if not _grants(users):
        text = f"Users do not have the scope {OWN_TOKEN}, so their servers get no new token."
        if "user" in roles:
            text += f' Add it to the role "user" in JupyterHub.load_roles: your definition replaces ours. {again}'
            return Finding("scopes", False, text)
        return Finding("scopes", False, f"{text} {again}")
    asked = settings.of_spawner("server_token_scopes")
    if callable(asked):
        return Finding("scopes", None, "Spawner.server_token_scopes is a function: not looked at.")
    servers = set(asked or roles.get("server", ()))
    if not _grants(servers):
        where = "Spawner.server_token_scopes" if asked else 'the role "server"'
        text = f"Servers do not have the scope {OWN_TOKEN}: add it to {where}."
        return Finding("scopes", False, text)
    return Finding("scopes", True, "servers may fetch the token of their own user")


def _grants(scopes: set[str]) -> bool:
    return any(scope.split("!")[0] == TOKEN_SCOPE for scope in scopes) or "inherit" in scopes


def _proxy(settings: HubSettings) -> Finding:
    kind = settings.app.proxy_class
    if kind.__name__ != "ConfigurableHTTPProxy":
        return Finding("proxy", True, f"{kind.__name__}")
    configured = settings.app.config.get("ConfigurableHTTPProxy", {})
    if configured.get("should_start") is False:
        return Finding("proxy", True, "configurable-http-proxy, started by somebody else")
    command = configured.get("command", ["configurable-http-proxy"])
    program = command if isinstance(command, str) else command[0]
    found = shutil.which(program, path=os.environ.get("PATH"))
    install = "Run: npm install -g configurable-http-proxy"
    if found is None:
        return Finding("proxy", False, f"{program} is not on the PATH of the hub. {install}")
    if b"python" in _first_line(Path(found)):
        text = (
            f"{found} is the Python package of that name: it breaks collaboration and large downloads. "
            f"Remove it (pip uninstall configurable-http-proxy). {install}"
        )
        return Finding("proxy", False, text)
    return Finding("proxy", True, f"configurable-http-proxy, {found}")


def _first_line(program: Path) -> bytes:
    try:
        with program.open("rb") as file:
            return file.readline(200)
    except OSError:
        return b""
