"""``<base>/api/mesh/unsaved``: whether a document is stored, and what to do if it is not."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mesh.contents.models import clean
from jupyter_mesh.errors import InvalidRequest, NotFound
from jupyter_mesh.server.events import as_json
from jupyter_mesh.server.handlers.base import MeshHandler

__all__ = ["UnsavedHandler"]


class UnsavedHandler(MeshHandler):
    """Documents that are edited together are saved by the server: here a browser learns how that went."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """``?path=``: ``{"unsaved": null}`` if the last save went well, else the reason."""
        self._answer(clean(self.get_query_argument("path")))

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """``{"path", "action", "hash"?}``: save a shared document again ("retry"), over what others stored
        ("overwrite", the file with this hash only), or give up its text for theirs ("load").

        Answers as GET does, with the reason if it still could not be saved.
        """
        path, action, seen = self.body(path=str, action=str, hash=str | None)
        if action not in ("retry", "overwrite", "load"):
            raise InvalidRequest("The action is one of retry, overwrite and load.")
        path = clean(path)
        rooms = self.mesh.collaboration.rooms(path) if self.mesh.collaboration else []
        if not rooms:
            raise NotFound(f'"{path}" is not edited together here.')
        for room in rooms:
            if action == "load":
                await room.load_theirs()
            else:
                await room.try_again((seen or "") if action == "overwrite" else None)
        self._answer(path)

    def _answer(self, path: str) -> None:
        error = self.mesh.files.save_errors.get(path)
        self.finish({"unsaved": None if error is None else as_json(error)})
