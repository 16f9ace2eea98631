"""``<base>/mesh/download?path=…[&path=…]``: a folder, or a selection of one folder, as a zip."""

from __future__ import annotations

from contextlib import aclosing

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.iostream import StreamClosedError

from jupyter_mesh.contents.answers import break_off
from jupyter_mesh.contents.archive import Archive
from jupyter_mesh.contents.models import clean, is_hidden
from jupyter_mesh.errors import InvalidRequest, NotFound
from jupyter_mesh.paths import MOUNT
from jupyter_mesh.server.handlers.base import MeshHandler

__all__ = ["DownloadHandler"]


class DownloadHandler(MeshHandler):
    """The zip is made while it is sent, as fast as the browser takes it."""

    @web.authenticated
    @authorized
    async def head(self) -> None:
        """Whether a download would begin, and under which name: ask it first to show an error in place."""
        self._describe(await self._archive())
        self.finish(set_content_type="application/zip")

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The zip. What fails before it begins is answered as ever; later the connection breaks."""
        archive = await self._archive()
        self._describe(archive)
        async with aclosing(archive.chunks()) as chunks:
            try:
                async for chunk in chunks:
                    self.write(chunk)
                    await self.flush()
            except StreamClosedError:
                self.log.debug("The browser ended the download of %s", archive.name)
            except Exception:
                if self._headers_written:
                    self.log.warning("The download of %s failed", archive.name, exc_info=True)
                    break_off(self)
                    return
                raise
        self.finish(set_content_type="application/zip")

    async def _archive(self) -> Archive:
        # Pages of other sites must not read files through the user's cookies.
        self.check_xsrf_cookie()
        contents = self.mesh.carrier.contents
        wanted = self.get_query_arguments("path", strip=False)
        paths = list(dict.fromkeys(clean(path) for path in wanted))
        for path in paths:
            if not path or path == MOUNT == self.mesh.root:
                raise InvalidRequest(
                    "Choose a folder below: not everything can be downloaded at once."
                )
            if not contents.allow_hidden and is_hidden(path):
                raise NotFound(f'There is no "{path}".')
        await self.mesh.files.flush(*paths)
        archive = Archive(
            contents.tree(paths[0] if paths else ""), paths, hidden=contents.allow_hidden
        )
        await archive.check()
        return archive

    def _describe(self, archive: Archive) -> None:
        self.set_header("Content-Type", "application/zip")
        self.set_header("Cache-Control", "no-store")
        self.set_attachment_header(archive.name)
