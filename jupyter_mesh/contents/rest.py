"""``/api/contents`` over our managers: the answers of Jupyter's own handlers, made without holding up the server."""

from __future__ import annotations

import asyncio
import hashlib
import json
from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from jupyter_client.jsonutil import json_default
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import path_regex
from jupyter_server.services.contents import handlers as stock
from tornado import web
from tornado.iostream import StreamClosedError

from jupyter_mesh.contents.answers import break_off
from jupyter_mesh.contents.bases import front_end, front_end_of
from jupyter_mesh.contents.incoming import Incoming
from jupyter_mesh.contents.large import Inline
from jupyter_mesh.contents.listings import page_of, to_json

if TYPE_CHECKING:
    from jupyter_mesh.contents.models import Model

__all__ = ["contents_handlers"]

TAKING = {"PUT", "POST", "PATCH"}
KINDS = {None, "directory", "file", "notebook"}


@web.stream_request_body
class ContentsHandler(stock.ContentsHandler):
    """Jupyter's handler, with other ways to JSON and from it. The manager is one of ours."""

    _etag: str | None = None
    _saving = False

    async def prepare(self) -> None:  # type: ignore[override]  # as of APIHandler
        """Refuse whoever is not logged in before the body comes."""
        self._body = Incoming()
        # What one window has read, another has not.
        front_end.set(front_end_of(self.request))
        await super().prepare()
        if self.request.method in TAKING and not self.current_user:
            raise web.HTTPError(403)

    async def data_received(self, chunk: bytes) -> None:
        """Take a part of the body."""
        await self._body.add(chunk)

    def get_json_body(self) -> Any:
        """The body; raises 413 for more than any request but a PUT has to say."""
        if self._body.file is not None or self._body.failure is not None:
            raise web.HTTPError(413, "This request has a larger body than it can have use for.")
        return self._body.parse()

    def on_finish(self) -> None:
        """Drop the body."""
        self._body.close()
        super().on_finish()

    def on_connection_close(self) -> None:
        """Drop the body of whoever has gone, unless it is worked on: what has begun to be saved is saved."""
        super().on_connection_close()
        if not self._saving:
            self._body.close()

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
                self._etag = _etag_of(head, listing.digest)
                self._describe(folder)
                self.finish(page_of(folder, listing))
                return
        if part is not None and content and kind != "directory":
            async with part.document(path, kind, form, hashed) as answer:
                if isinstance(answer, Inline):
                    await self._stream(answer)
                else:
                    stock.validate_model(answer, expect_content=True, expect_hash=hashed)
                    self._finish_model(answer, location=False)
            return
        model = await manager.get(
            path=path, type=kind, format=form, content=content, require_hash=hashed
        )
        stock.validate_model(model, expect_content=content, expect_hash=hashed)
        self._finish_model(model, location=False)

    async def _stream(self, answer: Inline) -> None:
        head = to_json({name: value for name, value in answer.model.items() if name != "content"})
        self._etag = _etag_of(head, answer.digest)
        self._describe(answer.model)
        self.set_etag_header()
        if self.check_etag_header():
            self.set_status(HTTPStatus.NOT_MODIFIED)
            self.finish()
            return
        self.write(head[:-1] + b',"content":')
        try:
            async for piece in answer.content:
                self.write(piece)
                await self.flush()
            self.finish(b"}")
        except StreamClosedError:
            self.log.debug("The browser ended the request for %s", answer.model["path"])
        except Exception:
            self.log.warning("Opening %s failed", answer.model["path"], exc_info=True)
            break_off(self)

    @web.authenticated
    @authorized
    async def put(self, path: str = "") -> None:
        """Store a file or notebook, or make a folder."""
        if self._body.failure is not None:
            raise self._body.failure
        manager: Any = self.contents_manager
        part = manager.site_part(path)
        self._saving = True
        async with AsyncExitStack() as stack:
            # To give back the room of a large file takes a while.
            stack.push_async_callback(asyncio.to_thread, self._body.close)
            model = None
            if part is not None and not self._body.is_light:
                model = await part.unpack(stack, await self._body.to_file(), path)
            if model is None and self._body.is_light:
                model = self._body.parse()
            elif model is None:
                model = await self._body.parse_all()
            await self._put(model, path)

    async def _put(self, model: Model | None, path: str) -> None:
        manager: Any = self.contents_manager
        if not model:
            await self._new_untitled(path)
            return
        if model.get("copy_from"):
            raise web.HTTPError(400, "Cannot copy with PUT, only POST")
        named = model.get("path")
        if not manager.allow_hidden and (
            (named and await manager.is_hidden(named)) or await manager.is_hidden(path)
        ):
            raise web.HTTPError(400, f"Cannot create file or directory {path!r}")
        exists = await manager.file_exists(path)
        if model.get("type", "") not in {*KINDS, ""}:
            model["type"] = "file"
        if exists:
            await self._save(model, path)
        else:
            await self._upload(model, path)

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


def _etag_of(head: bytes, digest: str) -> str:
    whole = hashlib.sha1(head, usedforsecurity=False)
    whole.update(digest.encode())
    return f'"{whole.hexdigest()}"'


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
