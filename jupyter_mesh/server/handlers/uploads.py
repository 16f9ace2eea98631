"""``<base>/api/mesh/uploads``: uploads of any size that can be resumed, as tus 1.0.0 has it.

https://tus.io/protocols/resumable-upload: the core with creation, termination and expiration. Errors are
answered as everywhere here.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import allow_unauthenticated, authorized
from jupyter_server.utils import url_path_join
from tornado import web
from tornado.http1connection import HTTP1Connection

from jupyter_mesh.errors import InvalidRequest, MeshError, NotFound
from jupyter_mesh.models import TransferKind, TransferState
from jupyter_mesh.server.handlers.base import MeshHandler

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from jupyter_mesh.transfers.uploads import Receiving, Upload, Uploads

__all__ = ["UploadHandler", "UploadsHandler"]

VERSION = "1.0.0"
EXTENSIONS = "creation,expiration,termination"

ANY_SIZE = 1 << 62

PATIENCE = 64 << 20
"""Bytes of a refused body that are passed over, so that the reason can be heard."""


class TusHandler(MeshHandler):
    """What both addresses share."""

    def set_default_headers(self) -> None:
        """Every answer names the protocol."""
        super().set_default_headers()
        self.set_header("Tus-Resumable", VERSION)

    @property
    def uploads(self) -> Uploads:
        """The uploads of this server."""
        return self.mesh.carrier.uploads

    async def prepare(self) -> None:  # type: ignore[override]  # as the base class does
        """Refuse what speaks another version."""
        await super().prepare()
        if (
            self.request.method != "OPTIONS"
            and self.request.headers.get("Tus-Resumable") != VERSION
        ):
            self.set_header("Tus-Version", VERSION)
            raise web.HTTPError(412, "Uploads here speak tus 1.0.0.")

    @allow_unauthenticated
    def options(self, *args: Any, **kwargs: Any) -> None:
        """What this end of the protocol can do."""
        super().options(*args, **kwargs)
        self.set_header("Tus-Version", VERSION)
        self.set_header("Tus-Extension", EXTENSIONS)

    def number(self, name: str) -> int:
        """A header that must be a count of bytes."""
        text = self.request.headers.get(name, "")
        if not text.isascii() or not text.isdigit() or len(text) > 18:
            raise InvalidRequest(f"{name} must be a number of bytes.")
        return int(text)

    def describe(self, upload: Upload) -> None:
        """Where the upload stands."""
        self.set_header("Upload-Offset", str(upload.offset))
        self.set_header("Upload-Expires", upload.expires.strftime("%a, %d %b %Y %H:%M:%S GMT"))


class UploadsHandler(TusHandler):
    """Creation."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Announce an upload: 201 and its address, or why there can be none."""
        if "Upload-Defer-Length" in self.request.headers:
            raise InvalidRequest("Say how long the upload is: Upload-Length.")
        size = self.number("Upload-Length")
        metadata = self.request.headers.get("Upload-Metadata", "")
        told = metadata_of(metadata)
        path = told.get("path", "")
        if not path:
            raise InvalidRequest("Upload-Metadata must hold the path that the file is to get.")
        upload = await self.uploads.create(path, size, told.get("replace", ""), metadata)
        self.set_status(201)
        self.set_header("Location", url_path_join(self.base_url, "api/mesh/uploads", upload.id))
        self.describe(upload)
        self.finish()


@web.stream_request_body
class UploadHandler(TusHandler):
    """One upload: where it stands, more of it, the end of it."""

    _receiving: Receiving | None = None
    _failure: MeshError | web.HTTPError | None = None
    """Told when the body is through: whoever still sends does not hear an earlier answer."""
    _prepared = False

    async def prepare(self) -> None:  # type: ignore[override]  # as the base class does
        """Before the body of a PATCH comes, see whether it may."""
        await super().prepare()
        if self.request.method == "PATCH":
            length = self._length()
            try:
                await self._begin(length)
            except (MeshError, web.HTTPError) as error:
                if self.current_user is None or length is None or length > PATIENCE:
                    raise
                self._failure = error
        self._prepared = True

    def _length(self) -> int | None:
        return self.number("Content-Length") if "Content-Length" in self.request.headers else None

    @authorized
    async def _begin(self, length: int | None) -> None:
        kind = self.request.headers.get("Content-Type", "")
        if kind != "application/offset+octet-stream":
            raise web.HTTPError(415, "The bytes must come as application/offset+octet-stream.")
        offset = self.number("Upload-Offset")
        id = self.request.path.rstrip("/").rpartition("/")[2]
        self._receiving = await self.uploads.receive(id, offset, length)
        if isinstance(self.request.connection, HTTP1Connection):
            self.request.connection.set_max_body_size(ANY_SIZE)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """An error before the body ends the connection: say so."""
        if not self._prepared:
            self.set_header("Connection", "close")
        super().write_error(status_code, **kwargs)

    def data_received(self, chunk: bytes) -> Coroutine[Any, Any, None] | None:
        """Take the next bytes; tornado reads on when they are taken."""
        if self._receiving is None or self._failure is not None:
            return None
        return self._take(self._receiving, chunk)

    async def _take(self, receiving: Receiving, chunk: bytes) -> None:
        try:
            await receiving.add(chunk)
        except MeshError as error:
            # Raised here it would close the connection, and nobody would read the sentence.
            self._failure = error

    def on_connection_close(self) -> None:
        """Keep what came before the connection broke."""
        super().on_connection_close()
        if self._receiving is not None:
            self.mesh.carrier.later(self._receiving.abort())

    @web.authenticated
    @authorized
    async def patch(self, id: str) -> None:
        """All bytes of the request are here."""
        receiving, self._receiving = self._receiving, None
        if receiving is not None and self._failure is not None:
            await receiving.abort()
        if self._failure is not None:
            raise self._failure
        upload = await self.uploads.get(id)
        if receiving is not None:
            await receiving.end()
        self.describe(upload)
        self.set_status(204)
        self.finish()

    @web.authenticated
    @authorized
    async def head(self, id: str) -> None:
        """Where the upload stands; all is here once it is at the site."""
        try:
            upload = await self.uploads.get(id)
        except NotFound:
            transfer = self.mesh.carrier.transfers.get(id)
            stored = (TransferState.RUNNING, TransferState.DONE)
            if transfer.kind is not TransferKind.UPLOAD or transfer.state not in stored:
                raise
            size = str(transfer.total)
            self.set_header("Upload-Offset", size)
            self.set_header("Upload-Length", size)
        else:
            self.describe(upload)
            self.set_header("Upload-Length", str(upload.size))
            self.set_header("Upload-Metadata", upload.metadata)
        self.finish()

    @web.authenticated
    @authorized
    async def delete(self, id: str) -> None:
        """Give the upload up, whether it still comes in, goes on to the site, or has failed there."""
        await self.uploads.get(id)
        await self.mesh.carrier.transfers.remove(id)
        self.set_status(204)
        self.finish()


def metadata_of(header: str) -> dict[str, str]:
    """The pairs of an Upload-Metadata header; raises InvalidRequest for what is none."""
    told = {}
    for pair in filter(None, header.split(",")):
        key, _, value = pair.strip().partition(" ")
        try:
            told[key] = b64decode(value, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise InvalidRequest(
                "Upload-Metadata must hold names with base64 of UTF-8 text."
            ) from error
    return told
