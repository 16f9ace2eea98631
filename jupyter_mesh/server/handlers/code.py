"""``GET <base>/api/mesh/code``: how code reaches a file, and the lines that open it."""

from __future__ import annotations

import os

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mesh.contents.models import clean
from jupyter_mesh.errors import InvalidRequest
from jupyter_mesh.paths import AREAS, HOME, is_within, name_of, parent_of, to_url
from jupyter_mesh.server.handlers.base import MeshHandler
from jupyter_mesh.snippets import Address, snippet

__all__ = ["CodeHandler"]

AT_ONCE = 100


class CodeHandler(MeshHandler):
    """Paths where the files are mounted, URLs elsewhere."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """``{"url", "path", "lines"}`` for ``?path=``: ``path`` is null without a mount that works.

        Several paths get one set of lines; ``all`` holds the url and path of each. For code of the notebook
        ``?from=`` paths in ``lines`` are relative where both lie in the same area, project or share.
        """
        files = self.mesh.files
        paths = [clean(path) for path in self.get_query_arguments("path", strip=False)]
        if not 0 < len(paths) <= AT_ONCE:
            raise InvalidRequest(f"Name what code shall open: one path, or up to {AT_ONCE}.")
        origin = clean(self.get_query_argument("from", "", strip=False))
        folder = await files.mounted.folder()
        told, addresses = [], []
        for path in paths:
            mesh = files.mesh_path(path)
            url = to_url(self.mesh.site["name"], mesh)
            place = None if folder is None else os.path.join(folder, mesh)
            told.append({"url": url, "path": place})
            text = url if place is None else place
            if place is not None and is_within(origin, files.prefix):
                text = _relative(mesh, files.mesh_path(origin)) or text
            is_folder = await files.dir_exists(path)
            addresses.append(Address(text, name_of(mesh), is_folder))
        self.finish(told[0] | {"lines": snippet(addresses), "all": told})


def _relative(path: str, origin: str) -> str | None:
    """The way from the notebook ``origin``; None where the two may lie apart on another machine."""
    if _whole(path) != _whole(origin):
        return None
    there, here = path.split("/"), parent_of(origin).split("/")
    while there and here and there[0] == here[0]:
        del there[0], here[0]
    return "/".join([*(".." for _ in here), *there]) or "."


def _whole(path: str) -> list[str]:
    """What is always mounted as a whole: the home, a project, a share."""
    parts = path.split("/")
    return parts[:1] if parts[0] == HOME or parts[0] not in AREAS else parts[:2]
