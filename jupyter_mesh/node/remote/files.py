"""The files of one received share at its peer, over WebDAV, whatever server the peer runs.

Real ones deviate in known ways (``facts/ocm-wire.md`` §6): a status here is looked at twice before it is believed.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from jupyter_mesh.errors import MeshError, Withdrawn
from jupyter_mesh.node.refusal import Reason, Refused
from jupyter_mesh.node.remote.multistatus import Found, names_of, read_multistatus
from jupyter_mesh.node.remote.statuses import READS, refusal_by

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable

    import aiohttp

    from jupyter_mesh.node.ocm.wanted import Peers, Received
    from jupyter_mesh.node.remote.credentials import Credentials

__all__ = ["Names", "PeerFiles"]

_SMALL = 20.0
"""Seconds for one question about one file or folder."""

_LISTING = 60.0
_SILENCE = 30.0
"""Seconds without a byte, or with none taken, after which a transfer is given up."""

_SAVING = 120.0
"""Seconds that a peer may need to store a file after its last byte."""

_WORKING = 20.0
"""Seconds to wait for a peer that works on a file (for viruses, for example)."""

_LOOK_AGAIN = 0.5

_PROPFIND = (
    b'<?xml version="1.0" encoding="utf-8"?>\n<d:propfind xmlns:d="DAV:"><d:prop><d:resourcetype/>'
    b"<d:getcontentlength/><d:getlastmodified/><d:getetag/></d:prop></d:propfind>"
)

Names = tuple[str, ...]


class PeerFiles:
    """What a user of ours may see of a share. Names lead from its root; () is the root, a file or a folder.

    Everything raises Refused with one sentence, or Withdrawn, once ``ended`` was awaited, when the share is over.
    ``folders`` keeps, between requests, which shares that are called files are folders.
    """

    def __init__(
        self,
        peers: Peers,
        credentials: Credentials,
        share: Received,
        ended: Callable[[], Awaitable[None]],
        folders: dict[str, bool],
    ) -> None:
        self.share = share
        self._folders = folders
        self._peers = peers
        self._credentials = credentials
        self._ended = ended
        parts = urlsplit(share.url)
        self._host = parts.netloc.rpartition("@")[2]
        self._path = names_of(share.url, self._host) or ()
        self._base = f"{parts.scheme}://{parts.netloc}{quote('/' + '/'.join(self._path))}"

    # Looking

    async def find(self, names: Names) -> Found:
        """One file or folder. Of a share of a file, nothing is below the root, whatever the peer answers."""
        found = await self._propfind(names, "0")
        same = [each for each in found if each.names == names]
        # Of a shared file some tell the name below the root: one answer to one question is the answer.
        if not same and len(found) != 1:
            raise self._broken("does not say what was asked")
        return replace((same or found)[0], names=names)

    async def settled(self, names: Names) -> Found:
        """As ``find``, once the peer has finished working on what was saved last, or after some time."""
        give_up, pause = time.monotonic() + _WORKING, 0.05
        while (found := await self.find(names)).busy and time.monotonic() < give_up:
            await asyncio.sleep(pause)
            pause = min(2 * pause, 1.0)
        return found

    async def listing(self, names: Names) -> list[Found]:
        """All that is in a folder; raises Refused(NOT_FOLDER)."""
        found = await self._propfind(names, "1")
        top = next((each for each in found if each.names == names), None)
        if not found:
            raise self._broken("does not say what was asked")
        if top is not None and not top.folder:
            raise Refused(Reason.NOT_FOLDER, f'"{self._name(names)}" is not a folder.')
        depth = len(names) + 1
        below = {
            each.names: each
            for each in found
            if len(each.names) == depth and each.names[:-1] == names
        }
        return list(below.values())

    async def _inside(self, names: Names) -> None:
        """Raise Refused(MISSING) for what is below a shared file: peers answer there as for the file itself.

        Some say "file" of a folder, too: the root is looked at once.
        """
        if names and self.share.is_file:
            if self.share.id not in self._folders:
                root = await self.find(())
                self._folders[self.share.id] = root.folder
            if not self._folders[self.share.id]:
                raise Refused(Reason.MISSING, f'"{self._name(names)}" is not there.')

    async def _propfind(self, names: Names, depth: str) -> list[Found]:
        await self._inside(names)
        headers = {"Depth": depth, "Content-Type": "application/xml; charset=utf-8"}
        url = self._url(names, slash=not names or depth == "1")
        async with (
            self._within(_SMALL if depth == "0" else _LISTING),
            self._ask("PROPFIND", url, headers, _PROPFIND) as reply,
        ):
            if reply.status != 207:
                raise await self._refusal("PROPFIND", names, reply.status)
            return await read_multistatus(reply.content.iter_any(), self._path, self._host)

    # Content

    @asynccontextmanager
    async def content(
        self, found: Found, start: int, stop: int
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Bytes [start, stop) of a file as it is now; as many, or Refused(BROKEN) in the middle.

        Peers without ranges send it all, and what comes before is thrown away.
        """
        whole = (start, stop) == (0, found.size)
        for ranged in (False,) if whole else (True, False):
            headers = {"Accept-Encoding": "identity"}
            if ranged:
                headers["Range"] = f"bytes={start}-{stop - 1}"
            url = self._url(found.names)
            async with self._ask("GET", url, headers, patience=_SILENCE) as reply:
                if ranged and reply.status == 416:
                    continue
                if reply.status not in (200, 206):
                    raise await self._refusal("GET", found.names, reply.status)
                if reply.headers.get("Content-Encoding", "identity").lower() != "identity":
                    raise self._broken("sends a file in an encoding that was not asked for")
                skip = start
                if reply.status == 206:
                    if not reply.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                        raise self._broken("sends another part of the file than was asked for")
                    skip = 0
                yield self._cut(reply, skip, stop - start)
                return

    async def _cut(
        self, reply: aiohttp.ClientResponse, skip: int, length: int
    ) -> AsyncIterator[bytes]:
        try:
            async for piece in reply.content.iter_any():
                if skip:
                    passed = min(skip, len(piece))
                    skip -= passed
                    piece = piece[passed:]
                if piece and length:
                    piece = piece[:length]
                    length -= len(piece)
                    yield piece
                if not length:
                    return
        except (OSError, ValueError) as error:
            raise self._broken("broke off in the middle of the file") from error
        if length:
            raise self._broken("sent less than the whole file")

    async def save(
        self,
        names: Names,
        content: AsyncIterable[bytes] | None,
        size: int,
        *,
        if_match: str = "",
        if_absent: bool = False,
        mtime: int | None = None,
    ) -> Found:
        """Write a file, an empty one without ``content``; returns how it is now. Whatever goes wrong, the old content stays at the peer.

        The condition was checked by ``agree`` just before, since not every peer checks it.
        """
        await self._inside(names)
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(size),
        }
        if if_match:
            headers["If-Match"] = f'"{if_match}"'
        if if_absent:
            headers["If-None-Match"] = "*"
        if mtime is not None:
            headers["X-OC-Mtime"] = str(mtime // 10**9)
        loop = asyncio.get_running_loop()

        def wait(seconds: float) -> None:
            # The body can be asked for once more when all is over.
            with suppress(RuntimeError):
                limit.reschedule(loop.time() + seconds)

        async def awake(pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
            async for piece in pieces:
                wait(_SILENCE)
                yield piece
            wait(_SAVING)

        async with (
            self._within(_SILENCE) as limit,
            self._ask(
                "PUT",
                self._url(names),
                headers,
                b"" if content is None else awake(content),
                patience=_SAVING,
            ) as reply,
        ):
            wait(_SMALL)
            status, told = reply.status, reply.headers.get("ETag", "")
            if not 200 <= status < 300 or status == 206:
                wait(3 * _SMALL)
                raise await self._refusal("PUT", names, status)
        found = await self.settled(names)
        if found.size != size and found.told and found.etag == told.removeprefix("W/").strip('"'):
            raise self._broken("did not store all of the file: save it again")
        return found

    async def agree(
        self, names: Names, *, if_match: str = "", if_absent: bool = False
    ) -> Found | None:
        """What is there before a save; raises Refused: IS_FOLDER, or CHANGED or EXISTS by the condition."""
        there = await self.there(names)
        if there is not None and there.folder:
            raise Refused(Reason.IS_FOLDER, f'"{self._name(names)}" is a folder.')
        if if_absent and there is not None:
            raise Refused(Reason.EXISTS, f'"{self._name(names)}" exists already.')
        if if_match and (there is None or there.etag != if_match):
            raise Refused(
                Reason.CHANGED,
                f'"{self._name(names)}" was changed meanwhile: the etag is another one.',
            )
        return there

    async def there(self, names: Names) -> Found | None:
        """As ``find``; None when there is nothing."""
        try:
            return await self.find(names)
        except Refused as refused:
            if refused.reason is not Reason.MISSING:
                raise
            return None

    # Names

    async def mkdir(self, names: Names) -> None:
        """Make a folder in a folder that is there."""
        await self._do("MKCOL", names, self._url(names, slash=True))

    async def delete(self, names: Names) -> None:
        """Remove a file or folder; never the root."""
        await self._do("DELETE", names, self._url(names))

    async def move(self, source: Found, target: Names) -> bool:
        """Rename to a free name; False where the peer fails inside, as those do that cannot rename."""
        url = self._url(source.names)
        async with (
            self._within(3 * _SMALL),
            self._ask("MOVE", url, self._to(target)) as reply,
        ):
            if reply.status in (500, 501) and self.share.editor:
                return False
            if not 200 <= reply.status < 300:
                raise await self._refusal("MOVE", source.names, reply.status)
            return True

    async def copy(self, source: Found, target: Names) -> None:
        """Copy to a free name, a folder with all that is in it."""
        await self._do("COPY", source.names, self._url(source.names), self._to(target))

    def _to(self, target: Names) -> dict[str, str]:
        return {"Destination": self._url(target), "Overwrite": "F"}

    async def _do(
        self, method: str, names: Names, url: str, headers: dict[str, str] | None = None
    ) -> None:
        await self._inside(names)
        async with (
            self._within(3 * _SMALL),
            self._ask(method, url, headers or {}) as reply,
        ):
            if not 200 <= reply.status < 300:
                raise await self._refusal(method, names, reply.status)
            if reply.status == 207:
                raise self._broken("did only a part of it")

    # One request

    @asynccontextmanager
    async def _ask(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        data: bytes | AsyncIterable[bytes] | None = None,
        *,
        patience: float = _SMALL,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            for last in (False, True):
                bearer = await self._credentials.bearer(self.share)
                asked = {"Authorization": f"Bearer {bearer}", **headers}
                async with self._peers.request(
                    method, url, headers=asked, data=data, patience=patience
                ) as reply:
                    # A token can end before its time; a body that streams is sent once.
                    again = not last and isinstance(data, bytes | None)
                    if (
                        reply.status == 401
                        and self._credentials.refuse(self.share, bearer)
                        and again
                    ):
                        continue
                    yield reply
                    return
        except Withdrawn:
            await self._ended()
            raise
        except MeshError as error:
            raise Refused(Reason.BROKEN, str(error)) from error

    @asynccontextmanager
    async def _within(self, seconds: float) -> AsyncIterator[asyncio.Timeout]:
        try:
            async with asyncio.timeout(seconds) as limit:
                yield limit
        except TimeoutError:
            raise self._broken("does not answer in time") from None

    async def _refusal(self, method: str, names: Names, status: int) -> Exception:
        """Why a peer said no: what its status means, after a look at the root where it can mean several things."""
        name = self._name(names)
        at_root = method == "PROPFIND" and not names
        if (status in (401, 500) or (status == 404 and not names)) and await self.is_over(
            status if at_root else 0
        ):
            return Withdrawn(f'"{self.share.name}" is no longer shared by {self.share.domain}.')
        writes = method not in READS
        if status == 500 and writes:
            if not self.share.editor:
                # Reva fails inside where it should refuse.
                status = 403
            elif method in ("PUT", "MKCOL") and len(names) > 1 and not await self.there(names[:-1]):
                status = 409
            elif method in ("DELETE", "MOVE") and await self.there(names) is None:
                status = 404
        return refusal_by(method, status, name) or self._broken(f"answered {status}")

    async def is_over(self, status: int = 0) -> bool:
        """True if the peer does not open the root any more. ``status`` is what it just said of it, 0 for unknown."""
        looks = 1 if status else 2
        while looks and status in (0, 500):
            if status:
                await asyncio.sleep(_LOOK_AGAIN)
            status, looks = await self._root_status(), looks - 1
        # OpenCloud says 500 for 401; a server in trouble says so too, but not for long.
        return status in (401, 404, 500)

    async def _root_status(self) -> int:
        headers = {"Depth": "0", "Content-Type": "application/xml; charset=utf-8"}
        async with (
            self._within(_SMALL),
            self._ask("PROPFIND", self._url((), slash=True), headers, _PROPFIND) as reply,
        ):
            return reply.status

    def _broken(self, what: str) -> Refused:
        return Refused(Reason.BROKEN, f"{self.share.domain} {what}.")

    def _name(self, names: Names) -> str:
        return names[-1] if names else self.share.name

    def _url(self, names: Names, *, slash: bool = False) -> str:
        quoted = "".join(f"/{quote(name, safe='')}" for name in names)
        return self._base + quoted + ("/" if slash else "")
