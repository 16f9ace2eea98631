"""The site that a hub is for: which it is, and how the hub logs in there."""

from __future__ import annotations

import time
from pathlib import Path

from traitlets import Unicode
from traitlets.config import LoggingConfigurable

from jupyter_mesh.config import SiteSettings
from jupyter_mesh.cs3.login import Login, LoginKind, authenticate
from jupyter_mesh.errors import InvalidRequest
from jupyter_mesh_spawner.credential import ASSUMED_LIFE, Credential

__all__ = ["MeshGatewayMixin"]


class MeshGatewayMixin(LoggingConfigurable):
    """Knows the gateway of the site, and logs in there."""

    mesh_site = Unicode(help="Name of the site whose files users get, as they read it.").tag(
        config=True
    )
    mesh_gateway = Unicode(help="Address of the site's CS3 gateway as host:port.").tag(config=True)
    mesh_ca_file = Unicode(
        help="File with the certificates to trust at the gateway instead of the system's."
    ).tag(config=True)

    @property
    def mesh_settings(self) -> SiteSettings:
        """The site's gateway; raises InvalidRequest for a wrong address."""
        return SiteSettings(
            name=self.mesh_site,
            gateway=self.mesh_gateway,
            ca_file=Path(self.mesh_ca_file) if self.mesh_ca_file else None,
        )

    def mesh_check_settings(self) -> None:
        """End the hub with one sentence when its operator has not said which site it is for."""
        try:
            self.mesh_settings  # noqa: B018  building them checks them
        except InvalidRequest as error:
            message = f"{type(self).__name__} needs mesh_site and mesh_gateway. {error}"
            self.log.critical(message)
            raise SystemExit(1) from error

    async def mesh_login(self, kind: LoginKind, username: str, secret: str) -> Login:
        """Log in at the site; raises as ``jupyter_mesh.cs3.login.authenticate``."""
        return await authenticate(self.mesh_settings, kind, username, secret)

    def mesh_credential_of(self, login: Login, until: float = float("inf")) -> Credential:
        """What is kept of a login, to be used until then at most."""
        now = time.time()
        ends = login.expires.timestamp() if login.expires else float("inf")
        expires = min(ends, until)
        return Credential(
            token=login.token,
            received=now,
            expires=expires if expires < float("inf") else now + ASSUMED_LIFE,
            username=login.user.username,
            user=f"{login.user.idp}!{login.user.id}",
        )
