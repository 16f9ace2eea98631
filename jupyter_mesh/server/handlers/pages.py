"""What the pages of ours below ``<base>/mesh/`` have in common."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin
from jupyter_server.utils import url_path_join
from tornado.template import Template

if TYPE_CHECKING:
    from jupyter_mesh.server.app import MeshExtension

__all__ = ["PageHandler"]

PAGE = Template((Path(__file__).parents[1] / "page.html").read_text(), autoescape="xhtml_escape")


class PageHandler(ExtensionHandlerMixin, JupyterHandler):
    """A page that leads on or says why not. It runs no script, is kept nowhere, and passes its address to nobody."""

    auth_resource = "contents"

    @property
    def mesh(self) -> MeshExtension:
        """The extension that made this handler."""
        return cast("MeshExtension", self.extensionapp)

    @property
    def content_security_policy(self) -> str:
        """Nothing but what stands in the page."""
        return f"default-src 'none'; style-src 'unsafe-inline'; {super().content_security_policy}"

    def set_default_headers(self) -> None:
        """What is in the address stays here."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")
        self.set_header("Referrer-Policy", "no-referrer")

    def lab(self, query: str = "") -> str:
        """The address of JupyterLab on this server."""
        return url_path_join(self.base_url, "lab") + (f"?{query}" if query else "")

    def explain(self, status: int, title: str, *lines: str, ask: str = "") -> None:
        """Answer with a page of a few sentences; ``ask`` is a text to ask somebody for access with."""
        page: dict[str, Any] = {"title": title, "lines": lines, "ask": ask, "back": self.lab()}
        self.set_status(status)
        self.finish(PAGE.generate(**page))
