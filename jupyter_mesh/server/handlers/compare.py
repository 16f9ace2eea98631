"""``POST <base>/api/mesh/compare``: two states of a file for the compare view, or one for a preview."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.iostream import StreamClosedError

from jupyter_mesh.contents.answers import break_off
from jupyter_mesh.server.handlers.base import MeshHandler

__all__ = ["CompareHandler"]


class CompareHandler(MeshHandler):
    """Passes bytes on: neither the request nor the answer is parsed in the server."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Compare ``{"path", "old", "new"}``: see ``Comparer.compare`` and ``difference``."""
        async with self.mesh.comparer.compare(self.request.body, self.mesh.files) as answer:
            self.set_header("Content-Type", "application/json")
            try:
                async for piece in answer:
                    self.write(piece)
                    await self.flush()
            except StreamClosedError:
                self.log.debug("The browser gave up a comparison")
            except Exception:
                if not self._headers_written:
                    raise
                self.log.warning("A comparison failed", exc_info=True)
                break_off(self)
            else:
                self.finish()

    def compute_etag(self) -> None:
        """No etag over the body: nobody asks for it twice."""
