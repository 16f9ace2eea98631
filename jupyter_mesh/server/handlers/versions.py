"""``<base>/api/mesh/versions``: what a site keeps of a file, shown, downloaded, put back."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.iostream import StreamClosedError

from jupyter_mesh.contents.checkpoints import from_id, to_id
from jupyter_mesh.contents.models import hash_of
from jupyter_mesh.paths import name_of
from jupyter_mesh.server.handlers.base import MeshHandler

__all__ = ["VersionContentHandler", "VersionRestoreHandler", "VersionsHandler"]

ANY_BYTES = "application/octet-stream"


class VersionsHandler(MeshHandler):
    """The list."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The versions of ``?path=``, newest first, and the file as it is."""
        past = await self.mesh.files.past(self.get_query_argument("path"))
        self.finish(
            {
                "versions": [
                    {
                        "id": to_id(version.key),
                        "modified": version.modified.isoformat(),
                        "size": version.size,
                        # No site tells who made a version: CS3 has no field for it.
                        "author": None,
                    }
                    for version in past.versions
                ],
                "current": {
                    "modified": past.current.modified.isoformat(),
                    "size": past.current.size,
                    "hash": hash_of(past.current),
                },
                "kept": past.kept,
                "canShow": past.shown,
            }
        )


class VersionContentHandler(MeshHandler):
    """The bytes of a version. They are a user's: the browser runs nothing in them."""

    @property
    def content_security_policy(self) -> str:
        """No script, no form, no origin of ours."""
        return f"{super().content_security_policy}; sandbox"

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The version ``?id=`` of ``?path=``, streamed; ``&download=1`` as an attachment with its time."""
        # Pages of other sites must not read files through the user's cookies.
        self.check_xsrf_cookie()
        path = self.get_query_argument("path")
        key = from_id(self.get_query_argument("id"))
        name = name_of(path.strip("/"))
        async with self.mesh.files.state(path, key) as download:
            self.set_header("Content-Type", ANY_BYTES)
            self.set_header("Content-Length", download.stop - download.start)
            self.set_header("X-Content-Type-Options", "nosniff")
            if self.get_query_argument("download", ""):
                self.set_attachment_header(_dated(name, download.resource.modified))
            try:
                async for chunk in download:
                    self.write(chunk)
                    await self.flush()
                self.finish(set_content_type=ANY_BYTES)
            except StreamClosedError:
                self.log.debug("The browser ended the download of a version of %s", path)

    def compute_etag(self) -> None:
        """No etag over the body: a version is not asked for twice."""


class VersionRestoreHandler(MeshHandler):
    """Back to an earlier state."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Restore ``{"path", "id"}``: the present content becomes a version itself. The file as it is then."""
        path, id = self.body(path=str, id=str)
        resource = await self.mesh.files.restore_version(path, from_id(id))
        self.finish(
            {
                "modified": resource.modified.isoformat(),
                "size": resource.size,
                "hash": hash_of(resource),
            }
        )


def _dated(name: str, modified: Any) -> str:
    """ "fit.ipynb" -> "fit (2026-11-12 14.02.33).ipynb": a version never replaces the file in a download folder."""
    stem, dot, suffix = name.rpartition(".")
    when = f"{modified:%Y-%m-%d %H.%M.%S}"
    return f"{stem} ({when}).{suffix}" if dot and stem else f"{name} ({when})"
