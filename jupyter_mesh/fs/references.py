"""``token_ref``: where a login is, in words that are no secret; see ``identity.py`` for the list."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_mesh.auth import FileToken
from jupyter_mesh.cs3.renewal import token_source
from jupyter_mesh.errors import InvalidRequest, LoginEnded
from jupyter_mesh.fs.delegation import DelegatedToken, read_delegation
from jupyter_mesh.hub_token import HubToken
from jupyter_mesh.sites import find_site

if TYPE_CHECKING:
    from jupyter_mesh.auth import TokenSource
    from jupyter_mesh.config import SiteSettings

__all__ = ["open_reference", "site_of"]


def open_reference(site: str, token_ref: str | None) -> tuple[SiteSettings, TokenSource]:
    """The site and the login that a reference means here and now; without one, the site's own login.

    Raises InvalidRequest for a bad reference or an unknown site, LoginEnded where there is no such login.
    Blocks on the disk for small files.
    """
    if token_ref is None:
        settings = find_site(site)
        return settings, token_source(settings)
    kind, colon, rest = token_ref.partition(":")
    if kind == "site" and colon:
        settings = find_site(rest or site, _logins_only())
        return settings, token_source(settings)
    if kind == "hub":
        hub = HubToken.from_environment()
        if hub is None:
            raise LoginEnded(
                'token_ref="hub:" works in a server that a hub started, and here only.'
            )
        return find_site(site), hub
    path = _file_of(token_ref)
    delegation = read_delegation(path)
    if delegation is None:
        return find_site(site), FileToken(path)
    if site and delegation.settings.name != site:
        raise InvalidRequest(
            f"The login in {path} is for {delegation.settings.name}, not for {site}."
        )
    return delegation.settings, DelegatedToken(delegation)


def site_of(token_ref: str | None) -> str:
    """The name of the site where none was given: that of the login, else that of this environment."""
    if token_ref is not None and token_ref.startswith(("env:", "file:", "site:")):
        return open_reference("", token_ref)[0].name
    return find_site().name


def _file_of(token_ref: str) -> Path:
    kind, _, rest = token_ref.partition(":")
    if kind == "env" and rest:
        path = os.environ.get(rest, "")
        if not path:
            raise LoginEnded(
                f"{rest} is not set here: it must hold the path of a file with a login."
            )
    elif kind == "file" and rest:
        path = rest
    else:
        # What stands there is not shown: it may be a token, given by mistake.
        raise InvalidRequest(
            "token_ref says where a login is: env:NAME, file:PATH, site:NAME or hub: - not what it is."
        )
    found = Path(path).expanduser()
    if not found.exists():
        raise LoginEnded(
            f"There is no login in {found} on this machine. Put the file there, or log in again."
        )
    return found


def _logins_only() -> dict[str, str]:
    return {name: text for name, text in os.environ.items() if not name.startswith("MESH_")}
