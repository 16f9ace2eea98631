"""``<base>/mesh/open?path=…``: a link to a place of the mesh, for mails and other pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin
from jupyter_server.utils import url_path_join
from tornado import web

from jupyter_mesh.errors import InvalidRequest
from jupyter_mesh.paths import is_within, normalise

if TYPE_CHECKING:
    from jupyter_mesh.server.app import MeshExtension

__all__ = ["OpenHandler"]


class OpenHandler(ExtensionHandlerMixin, JupyterHandler):
    """Leads to JupyterLab, which opens the place in the Mesh panel. Changes nothing."""

    auth_resource = "contents"

    @web.authenticated
    @authorized
    def get(self) -> None:
        """Redirect to ``/lab?mesh=<path>``, never to another host; 400 for what is no path of the mesh."""
        root = cast("MeshExtension", self.extensionapp).root
        try:
            path = normalise(self.get_query_argument("path", root))
        except InvalidRequest as error:
            raise web.HTTPError(400, str(error).replace("%", "%%")) from error
        if not is_within(path, root):
            raise web.HTTPError(400, f'A link of the mesh begins with "{root}/".')
        lab = url_path_join(self.base_url, "lab")
        self.redirect(f"{lab}?mesh={quote(path, safe='/')}")
