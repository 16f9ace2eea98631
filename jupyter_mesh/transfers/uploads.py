"""Uploads that can be resumed: received into a spool, then sent to the site as a transfer of the same id."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from jupyter_mesh.errors import InvalidRequest, Locked, MeshError, NotFound, OutOfOrder, TooLarge
from jupyter_mesh.models import Transfer, TransferKind, TransferState
from jupyter_mesh.transfers.spools import DAY

if TYPE_CHECKING:
    from jupyter_mesh.cs3.body import Body
    from jupyter_mesh.transfers.registry import Progress, Transfers
    from jupyter_mesh.transfers.spools import Spool, SpoolFolder

__all__ = ["Receiving", "Upload", "UploadStore", "Uploads"]

log = logging.getLogger(__name__)

KIND = "upload"

BLOCK = 1 << 20
"""Bytes that are gathered before a thread writes them."""

HUNG = 5.0
"""Seconds of silence after which another request may take over an upload."""


class UploadStore(Protocol):
    """Where complete uploads go."""

    async def check(self, path: str, size: int, replace: str) -> None:
        """Raise what would keep ``size`` bytes from being stored at ``path``, before any byte is sent.

        ``replace`` is the hash of the file that may be overwritten; "" demands that nothing is there.
        """

    async def store(self, path: str, body: Body, replace: str, progress: Progress) -> None:
        """Store the bytes, all or nothing, under the same conditions."""


class Upload:
    """One upload on its way into this server."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.lock = asyncio.Lock()
        self.receiving: Receiving | None = None

    @property
    def id(self) -> str:
        """Its id, also as a transfer."""
        return self.spool.id

    @property
    def path(self) -> str:
        """API path that it goes to."""
        return str(self.spool.facts["path"])

    @property
    def size(self) -> int:
        """Bytes that it will have."""
        return int(self.spool.facts["size"])

    @property
    def offset(self) -> int:
        """Bytes that are here."""
        return self.spool.size

    @property
    def metadata(self) -> str:
        """What the client said of it, in its own form."""
        return str(self.spool.facts["metadata"])

    @property
    def expires(self) -> datetime:
        """When it is dropped if nothing more comes."""
        return datetime.fromtimestamp(self.spool.touched + DAY, UTC)


class Receiving:
    """One request that brings the next bytes of an upload; ``end`` or ``abort`` closes it."""

    def __init__(self, uploads: Uploads, upload: Upload) -> None:
        self._uploads = uploads
        self._upload = upload
        self._pieces: list[bytes] = []
        self._waiting = 0
        self.heard = time.monotonic()

    async def add(self, data: bytes) -> None:
        """Take some bytes; returns when there is room for more of them.

        Raises Locked once another request has taken over, TooLarge for more bytes than were announced, and
        QuotaExceeded; what arrived before stays.
        """
        self.heard = time.monotonic()
        self._check_mine()
        self._pieces.append(data)
        self._waiting += len(data)
        if self._upload.offset + self._waiting > self._upload.size:
            self._pieces.clear()
            raise TooLarge(
                f'More bytes came for "{self._upload.path}" than its upload had announced.'
            )
        if self._waiting >= BLOCK:
            await self._write()

    async def end(self) -> int:
        """Keep the last bytes; returns how many are here. The site gets a complete upload."""
        try:
            await self._write()
        finally:
            self._free()
        self._uploads.received(self._upload)
        return self._upload.offset

    async def abort(self) -> None:
        """Keep what came before the connection broke, if there is room for it: nobody is there to be told.

        If that was all, the site gets it: whoever asks hears that nothing is missing, and sends nothing more.
        """
        try:
            if self._upload.receiving is self:
                await self._write()
                self._uploads.received(self._upload)
        except MeshError as error:
            log.warning("The end of an upload was lost: %s", error)
        finally:
            self._free()

    async def _write(self) -> None:
        pieces, self._pieces, self._waiting = self._pieces, [], 0
        async with self._upload.lock:
            self._check_mine()
            if pieces:
                await self._upload.spool.append(*pieces)
                self._uploads.told(self._upload)

    def _check_mine(self) -> None:
        if self._upload.receiving is not self:
            raise Locked(f'Another request continues the upload of "{self._upload.path}".')

    def _free(self) -> None:
        if self._upload.receiving is self:
            self._upload.receiving = None


class Uploads:
    """The uploads of one server. It owns neither the folder of spools nor the transfers."""

    def __init__(self, folder: SpoolFolder, transfers: Transfers, store: UploadStore) -> None:
        self._folder = folder
        self._transfers = transfers
        self._store = store
        self._uploads: dict[str, Upload] = {}
        self._opening = asyncio.Lock()
        self._opened = False

    async def open(self) -> None:
        """List what an earlier server left, and what was dropped. Everything else awaits it first."""
        async with self._opening:
            if self._opened:
                self._tell_dropped()
                return
            for spool in await self._folder.spools(KIND):
                upload = self._keep(spool)
                complete = upload.offset == upload.size
                state = TransferState.FAILED if complete else TransferState.RECEIVING
                self._list(upload, state)
                if complete:
                    message = (
                        f'The Jupyter server was restarted, and it is unknown whether "{upload.path}" was stored '
                        "at the site before: look before you retry."
                    )
                    self._transfers.note(upload.id, message=message, status=503)
            self._opened = True

    def _tell_dropped(self) -> None:
        for upload in [each for each in self._uploads.values() if each.spool.closed]:
            del self._uploads[upload.id]
            self._transfers.note(
                upload.id,
                state=TransferState.FAILED,
                status=404,
                message=f'Nothing came for "{upload.path}" for a day. Upload the file again.',
            )

    async def create(self, path: str, size: int, replace: str, metadata: str) -> Upload:
        """Announce an upload; everything that can be known to refuse it is asked first."""
        await self.open()
        if size < 0:
            raise InvalidRequest("An upload cannot have less than no bytes.")
        await self._store.check(path, size, replace)
        spool = await self._folder.create(
            KIND, path=path, size=size, replace=replace, metadata=metadata
        )
        upload = self._keep(spool)
        self._list(upload, TransferState.RECEIVING)
        self.received(upload)
        return upload

    async def get(self, id: str) -> Upload:
        """The upload; raises NotFound for one that was dropped, or is at the site."""
        await self.open()
        upload = self._uploads.get(id)
        if upload is None:
            raise NotFound(
                "There is no such upload: it was cancelled, or nothing came for too long."
            )
        return upload

    async def receive(self, id: str, offset: int, length: int | None) -> Receiving:
        """Begin a request that brings bytes from ``offset`` on.

        Raises OutOfOrder if that is not where the upload stands, TooLarge if ``length`` bytes are too many,
        and Locked while another request brings bytes; a silent one is taken over.
        """
        upload = await self.get(id)
        current = upload.receiving
        if current is not None and time.monotonic() - current.heard < HUNG:
            raise Locked(f'"{upload.path}" is just being uploaded by another request.')
        async with upload.lock:
            if upload.offset != offset:
                raise OutOfOrder(
                    f'The upload of "{upload.path}" goes on at byte {upload.offset}, not {offset}.'
                )
            if length is not None and offset + length > upload.size:
                raise TooLarge(
                    f'More bytes came for "{upload.path}" than its upload had announced.'
                )
            upload.receiving = Receiving(self, upload)
            return upload.receiving

    async def retry(self, id: str, replace: str | None) -> Transfer:
        """Send a complete upload to the site once more; ``replace`` is what may be overwritten now."""
        upload = await self.get(id)
        async with upload.lock:
            if self._transfers.get(id).state is not TransferState.FAILED:
                raise OutOfOrder(f'The upload of "{upload.path}" has not failed.')
            await upload.spool.note(replace=replace or "")
            return self._send(upload)

    def received(self, upload: Upload) -> None:
        """A request has brought bytes, or none: once all are here the site gets them, one time."""
        if upload.offset < upload.size or upload.id not in self._uploads:
            return
        if self._transfers.get(upload.id).state is TransferState.RECEIVING:
            self._send(upload)

    def _send(self, upload: Upload) -> Transfer:

        async def work(progress: Progress) -> None:
            body = await upload.spool.body()
            progress(0, upload.size)
            replace = str(upload.spool.facts["replace"])
            await self._store.store(upload.path, body, replace, progress)

        return self._transfers.run(upload.id, work)

    def told(self, upload: Upload) -> None:
        """Tell how much has arrived."""
        self._transfers.note(upload.id, done=upload.offset)

    def _keep(self, spool: Spool) -> Upload:
        upload = self._uploads[spool.id] = Upload(spool)
        return upload

    def _list(self, upload: Upload, state: TransferState) -> None:
        async def release() -> None:
            self._uploads.pop(upload.id, None)
            upload.receiving = None
            async with upload.lock:
                await upload.spool.drop()

        self._transfers.add(
            TransferKind.UPLOAD,
            upload.path,
            id=upload.id,
            state=state,
            release=release,
            done=upload.offset,
            total=upload.size,
            started=datetime.fromtimestamp(float(upload.spool.facts["created"]), UTC),
        )
