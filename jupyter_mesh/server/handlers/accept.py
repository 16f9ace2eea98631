"""``<base>/mesh/accept?token=&providerDomain=``: where an invitation arrives. Nothing is accepted here."""

from __future__ import annotations

from jupyter_server.auth.decorator import allow_unauthenticated, authorized
from jupyter_server.utils import url_path_join
from tornado import web

from jupyter_mesh.errors import MeshError
from jupyter_mesh.server.handlers.pages import PageHandler

__all__ = ["AcceptHandler", "ArrivedHandler"]


class AcceptHandler(PageHandler):
    """Takes the token out of the address before anything else: logins keep addresses, and log them."""

    async def prepare(self) -> None:  # type: ignore[override]  # as jupyter-server has it
        """Whatever is logged of this request, the token is not."""
        self.request.uri = self.request.path
        await super().prepare()

    @allow_unauthenticated
    async def get(self) -> None:
        """Keep the invitation, and lead to where only somebody who has logged in gets on."""
        try:
            nonce = self.mesh.live_sharing.handed.keep(
                self.get_query_argument("token", ""), self.get_query_argument("providerDomain", "")
            )
        except MeshError as error:
            self.explain(error.status, "This is not an invitation", str(error))
            return
        self.redirect(url_path_join(self.base_url, "mesh/accept", nonce))


class ArrivedHandler(PageHandler):
    """After the login."""

    @web.authenticated
    @authorized
    async def get(self, nonce: str) -> None:
        """Lead to JupyterLab, which takes the nonce out of the address and shows who invites."""
        self.redirect(self.lab(f"mesh-invitation={nonce}"))
