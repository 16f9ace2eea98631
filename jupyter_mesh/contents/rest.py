"""``/api/contents`` over our managers: the answers of Jupyter's own handlers, made without holding up the server."""

from __future__ import annotations

import hashlib
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from jupyter_client.jsonutil import json_default
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import path_regex
from jupyter_server.services.contents import handlers as stock
from tornado import web

from jupyter_mesh.contents.listings import page_of, to_json

if TYPE_CHECKING:
    from jupyter_mesh.contents.models import Model

__all__ = ["contents_handlers"]

KINDS = {None, "directory", "file", "notebook"}


class ContentsHandler(stock.ContentsHandler):
    """Jupyter's handler, with other ways to JSON. The manager is one of ours."""

    _etag: str | None = None

    @web.authenticated
    @authorized
    async def get(self, path: str = "") -> None:
        """The model of a file or folder."""
        kind = self.get_query_argument("type", default=None)
        if kind not in KINDS:
            kind = "file"
        form = self.get_query_argument("format", default=None)
        if form not in {None, "text", "base64"}:
            raise web.HTTPError(400, f"Format {form!r} is invalid")
        content = self._flag("content", "1", "Content {!r} is invalid")
        hashed = self._flag("hash", "0", "Hash argument {!r} is invalid. It must be '0' or '1'.")
        manager: Any = self.contents_manager
        if not manager.allow_hidden and await manager.is_hidden(path):
            await self._missing(path)
            return
        try:
            await self._answer(path, kind, form, content, hashed)
        except web.HTTPError as error:
            if error.status_code == HTTPStatus.NOT_FOUND:
                await self._missing(path)
            raise

    async def _answer(
        self, path: str, kind: str | None, form: str | None, content: bool, hashed: bool
    ) -> None:
        manager: Any = self.contents_manager
        part = manager.site_part(path)
        if part is not None and content and kind in (None, "directory"):
            page = await part.page(path, kind, hashed)
            if page is not None:
                folder, listing = page
                head = to_json(folder)
                self._etag = f'"{hashlib.sha1(head + listing.digest.encode(), usedforsecurity=False).hexdigest()}"'
                self._describe(folder)
                self.finish(page_of(folder, listing))
                return
        model = await manager.get(
            path=path, type=kind, format=form, content=content, require_hash=hashed
        )
        stock.validate_model(model, expect_content=content, expect_hash=hashed)
        self._finish_model(model, location=False)

    def _finish_model(self, model: Model, location: bool = True) -> None:
        if location:
            self.set_header("Location", self.location_url(model["path"]))
        self._describe(model)
        if model["content"] is None:
            self.finish(to_json(model))
        else:
            self.finish(json.dumps(model, default=json_default))

    def _describe(self, model: Model) -> None:
        self.set_header("Last-Modified", model["last_modified"])
        self.set_header("Content-Type", "application/json")

    def _flag(self, name: str, default: str, refusal: str) -> bool:
        value = self.get_query_argument(name, default=default)
        if value not in {"0", "1"}:
            raise web.HTTPError(400, refusal.format(value))
        return value == "1"

    async def _missing(self, path: str) -> None:
        await self._finish_error(HTTPStatus.NOT_FOUND, f"file or directory {path!r} does not exist")

    def compute_etag(self) -> str | None:
        """The etag that is known already, or one of the whole answer."""
        return self._etag or super().compute_etag()


class Action(ContentsHandler):
    """An address that is an action on what lies before it, or, behind a folder, a thing in that folder."""

    name = ""
    action: type[web.RequestHandler]
    """Jupyter's handler of the action."""

    async def get(self, path: str = "", checkpoint_id: str = "") -> None:
        await self._do("get", path, checkpoint_id)

    async def post(self, path: str = "", checkpoint_id: str = "") -> None:
        await self._do("post", path, checkpoint_id)

    async def put(self, path: str = "", checkpoint_id: str = "") -> None:
        await self._do("put", path, checkpoint_id)

    async def patch(self, path: str = "", checkpoint_id: str = "") -> None:
        await self._do("patch", path, checkpoint_id)

    async def delete(self, path: str = "", checkpoint_id: str = "") -> None:
        await self._do("delete", path, checkpoint_id)

    async def _do(self, verb: str, path: str, rest: str) -> None:
        manager: Any = self.contents_manager
        # Whoever is not logged in learns nothing: both refuse.
        if self.current_user and await manager.dir_exists(path):
            handler: type[web.RequestHandler] = ContentsHandler
            args = ["/".join(filter(None, [path, self.name, rest]))]
        else:
            handler = self.action
            args = [path, rest] if rest else [path]
        await getattr(handler, verb)(self, *args)


class CheckpointsHandler(Action):
    """The checkpoints of a file."""

    name = "checkpoints"
    action = stock.CheckpointsHandler


class CheckpointHandler(Action):
    """One checkpoint."""

    name = "checkpoints"
    action = stock.ModifyCheckpointsHandler


class TrustHandler(Action):
    """The trust in a notebook."""

    name = "trust"
    action = stock.TrustNotebooksHandler


def contents_handlers() -> list[tuple[str, type[web.RequestHandler]]]:
    """The addresses and who answers them, in the place of Jupyter's."""
    contents = rf"/api/contents{path_regex}"
    return [
        (f"{contents}/checkpoints", CheckpointsHandler),
        (rf"{contents}/checkpoints/(?P<checkpoint_id>[\w-]+)", CheckpointHandler),
        (f"{contents}/trust", TrustHandler),
        (contents, ContentsHandler),
    ]
