"""Writing files so that nothing is lost: of the old content, of the new one, or of somebody else's.

The order of things, and the sites that need it: ``facts/opencloud.md`` §3, ``facts/cs3.md`` §10 and §11.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider

from jupyter_mesh.cs3.body import Body, Content, body_of
from jupyter_mesh.cs3.data import Transfer
from jupyter_mesh.cs3.failures import Refusal, error_of, refusal_of, sentence
from jupyter_mesh.cs3.flavour import Feature
from jupyter_mesh.cs3.tree import Tree
from jupyter_mesh.cs3.tus import BREAKS, Pieces, Resumption, told
from jupyter_mesh.cs3.wire import checksum_text, etag_of, is_stand_in, opaque
from jupyter_mesh.errors import (
    AlreadyExists,
    Conflict,
    InvalidRequest,
    IsADirectory,
    Locked,
    LockEnded,
    MeshError,
    NotADirectory,
    NotAllowed,
    NotFound,
    NotSupported,
    SiteError,
    TransferFailed,
)
from jupyter_mesh.paths import SHARES, MeshPath

if TYPE_CHECKING:
    from datetime import datetime

    from jupyter_mesh.cs3.data import UploadKey
    from jupyter_mesh.cs3.place import Place
    from jupyter_mesh.models import Checksum, Resource

__all__ = ["APP_NAME", "TUS_FROM", "Progress", "Writing"]

Progress = Callable[[int], None]
"""Told how many bytes have been sent so far."""

APP_NAME = "jupyter-mesh"
TUS_FROM = 16 << 20
"""Bytes from which on a file is sent so that it can go on after a break."""

BLINK = 0.1
NO_SUCH_ETAG = "no-such-etag-jupyter-mesh-asks-whether-conditions-count"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Save:
    """One save: where, what, and under which conditions."""

    place: Place
    body: Body
    told: Checksum | None = None
    """What the caller says that the checksum is."""
    if_match: str = ""
    if_absent: bool = False
    lock_id: str = ""
    modified: datetime | None = None
    progress: Progress | None = None
    resumption: Resumption | None = None

    @property
    def checksum(self) -> Checksum | None:
        """Of the content; None while it passes through here and no site has told it."""
        return self.told or self.body.checksum

    @property
    def doing(self) -> str:
        return f"save {self.place.path}"


class Writing(Tree):
    """Writing the content of files."""

    async def upload(
        self,
        path: str,
        content: Content,
        *,
        size: int | None = None,
        checksum: Checksum | None = None,
        if_match: str = "",
        if_absent: bool = False,
        lock_id: str = "",
        modified: datetime | None = None,
        progress: Progress | None = None,
        resumption: Resumption | None = None,
    ) -> Resource:
        """Write a file, all or nothing, and return it as the site has it then.

        The old content stays until the new one is complete, and becomes a version where the site has them.
        ``if_match`` is the etag that the file must still have, ``if_absent`` demands that nothing is there;
        sites that do not know conditions are asked just before and just after instead, which leaves a small
        gap. ``size`` and ``checksum``, if given, must be those of the content; ``modified`` becomes its time where
        the site lets clients choose. In steady state a conditional save is InitiateFileUpload, PUT and Stat;
        others need a Stat first. With ``resumption`` an upload that an earlier process began under the same
        conditions goes on where it broke off, and a break is raised at once, for the caller to go on with later.

        Raises Conflict if the file was changed or deleted, AlreadyExists, Locked, IsADirectory, NotFound
        without a parent folder, QuotaExceeded, TransferFailed. After any of them nothing was saved, except
        where the sentence says that it is unknown.
        """
        if if_match and if_absent:
            raise InvalidRequest(
                f"Could not save {path}: a file cannot match an etag and be absent."
            )
        parsed = MeshPath.parse(path)
        if parsed.is_area or (parsed.is_space_root and parsed.area != SHARES):
            raise IsADirectory(f"Could not save {path}: it is a folder.")
        place = await self._places.find(parsed)
        async with body_of(content, size) as body:
            known = body.checksum
            same_kind = checksum and known and checksum.algorithm == known.algorithm
            if same_kind and checksum != known:
                raise TransferFailed(
                    f"Could not save {path}: the content is not what its checksum says."
                )
            return await self._save(
                _Save(
                    place=place,
                    body=body,
                    told=checksum,
                    if_match=etag_of(if_match),
                    if_absent=if_absent,
                    lock_id=lock_id,
                    modified=modified,
                    progress=progress,
                    resumption=resumption,
                )
            )

    async def _touch(self, place: Place) -> None:
        try:
            await super()._touch(place)
        except NotSupported:
            if not place.is_remote:
                raise
            # Reva can make no empty file at another site, and upload one.
            await self._must_be_new(place, f"make {place.path}")
            async with body_of(b"", 0) as body:
                await self._send(_Save(place=place, body=body), "")

    async def _save(self, save: _Save) -> Resource:
        flavour = await self.flavour()
        enforced = flavour.can(Feature.CONDITIONS, save.place.scope)
        if save.resumption is not None and (key := await save.resumption.begun()) is not None:
            done = await self._go_on(save, save.resumption, key)
            if done is not None:
                return done
        there: Resource | None = None
        asked = (save.if_match and not is_stand_in(save.if_match)) or save.if_absent
        if not (enforced and asked and save.body.size):
            there = await self._stat_if_there(save.place)
            if there is None and save.if_match:
                there = await self._stat_again(save.place)
            self._check(save, there)
            if enforced is None and save.if_match and asked:
                await self._probe_conditions(save)
        before = there.etag if there else save.if_match
        if not save.body.size and there is None:
            try:
                await self._touch(save.place)
            except AlreadyExists:
                if save.if_absent:
                    raise
            else:
                return await self._stat(save.place)
        # Whether a file must not be there yet can be asked only where one is: once it has been written.
        asks = enforced is None and save.if_absent
        try:
            etag = await self._send(save, before)
        except Conflict as conflict:
            raise await self._explain(save, conflict) from conflict
        except (SiteError, NotFound) as error:
            if isinstance(error, TransferFailed):
                raise
            explained = await self._explain(save, error)
            if explained is error:
                raise
            raise explained from error
        written = await self._verified(save, etag)
        if asks:
            await self._probe_conditions(save)
        return written

    async def _go_on(self, save: _Save, resumption: Resumption, key: UploadKey) -> Resource | None:
        """End an upload that was begun earlier; None if the site does not know it: it was finished, or is lost."""
        transfer = Transfer("tus", *key, await self._gateway.tokens.token())
        pieces = Pieces(self._data, self._gateway)
        try:
            offset = await pieces.offset(transfer)
            if offset is None:
                await resumption.lost()
                return None
            self._check(save, await self._stat_if_there(save.place))
            await pieces.send(transfer, save.body, offset, save.progress)
        except Refusal as refusal:
            if save.body.failure is not None:
                raise save.body.failure from refusal
            if refusal.code not in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
                await resumption.lost()
            raise await self._explain(save, error_of(refusal, save.doing, self.site)) from refusal
        return await self._verified(save, "")

    async def _stat_again(self, place: Place) -> Resource | None:
        """A second look: while somebody saves a file, Reva has none of that name for a moment."""
        await asyncio.sleep(BLINK)
        return await self._stat_if_there(place)

    def _check(self, save: _Save, there: Resource | None) -> None:
        """The conditions, for sites that do not check them, and the folder that an upload would destroy."""
        if there is not None and there.is_directory:
            raise IsADirectory(f"Could not {save.doing}: it is a folder.")
        if save.if_absent and there is not None:
            raise AlreadyExists(sentence(AlreadyExists, save.doing, self.site))
        if save.if_match and there is None:
            raise Conflict(
                f"Could not {save.doing}: it was deleted or renamed. Save it under a new name."
            )
        if save.if_match and there is not None and there.etag != save.if_match:
            raise Conflict(sentence(Conflict, save.doing, self.site))

    async def _probe_conditions(self, save: _Save) -> None:
        """Find out whether the site checks conditions: announce an upload that must not be let through.

        The upload has its true length and is never sent, so nothing changes where it is let through.
        """
        flavour = await self.flavour()
        request = self._request(save)
        request.if_match = NO_SUCH_ETAG
        try:
            await self._call("InitiateFileUpload", request, save.doing)
        except Conflict:
            flavour.learn(Feature.CONDITIONS, True, save.place.scope)
        except MeshError:
            return  # A lock, a quota: the save itself will tell.
        else:
            flavour.learn(Feature.CONDITIONS, False, save.place.scope)

    def _request(self, save: _Save) -> provider.InitiateFileUploadRequest:
        entries = {"Upload-Length": str(save.body.size)}
        if save.body.size and save.checksum is not None:
            entries["Upload-Checksum"] = checksum_text(save.checksum)
        if save.modified is not None and save.modified.timestamp() >= 0:
            entries["X-OC-Mtime"] = f"{save.modified.timestamp():f}"
        return provider.InitiateFileUploadRequest(
            ref=save.place.ref, opaque=opaque(entries), lock_id=save.lock_id
        )

    async def _announce(self, save: _Save) -> list[Transfer]:
        request = self._request(save)
        if save.if_absent:
            request.if_not_exist = True
        elif save.if_match and not is_stand_in(save.if_match):
            request.if_match = (await self.flavour()).etag_form(save.if_match)
        reply = await self._patiently(save.place, "InitiateFileUpload", request, save.doing)
        access = await self._gateway.tokens.token()
        return [
            Transfer(offer.protocol, offer.upload_endpoint, offer.token, access)
            for offer in reply.protocols
            if offer.upload_endpoint
        ]

    async def _send(self, save: _Save, before: str) -> str:
        """Send the content; returns its ETag, or "" where the site does not tell."""
        flavour = await self.flavour()
        for last in (False, True):
            pieces = Pieces(self._data, self._gateway)
            offers = {transfer.protocol: transfer for transfer in await self._announce(save)}
            large = (
                save.body.size >= TUS_FROM
                and flavour.can(Feature.TUS, save.place.scope) is not False
            )
            protocol = "tus" if "tus" in offers and (large or "simple" not in offers) else "simple"
            if protocol not in offers and save.body.size:
                raise NotSupported(
                    f"Could not {save.doing}: {self.site} offers no way to upload that is known here."
                )
            try:
                if protocol == "tus":
                    if save.resumption is not None:
                        await save.resumption.begin(offers[protocol].key)
                    await pieces.send(offers[protocol], save.body, 0, save.progress)
                    return ""
                if protocol in offers:
                    return await self._send_simple(save, offers[protocol])
                return ""
            except Refusal as refusal:
                if save.body.failure is not None:
                    raise save.body.failure from refusal
                if protocol == "tus" and save.resumption is not None and refusal.code in BREAKS:
                    raise error_of(refusal, save.doing, self.site) from refusal
                # Some sites let transfers end after seconds: only one request may take longer.
                ended = refusal.code == "PERMISSION_DENIED" and pieces.reached > 0
                if protocol == "tus" and (refusal.code == "UNIMPLEMENTED" or ended):
                    flavour.learn(Feature.TUS, False, save.place.scope)
                    if save.resumption is not None:
                        await save.resumption.lost()
                elif refusal.code in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
                    if await self._arrived(save, before, refusal):
                        return ""
                    if refusal.code == "DEADLINE_EXCEEDED":
                        raise error_of(refusal, save.doing, self.site) from refusal
                elif refusal.code == "INTERNAL" and not last and await self._unharmed(save, before):
                    continue  # Reva fails when two save the same file at once.
                elif not save.body.size:
                    return ""  # The site was done when it was announced; the Stat decides.
                elif refusal.code not in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
                    raise error_of(refusal, save.doing, self.site) from refusal
                if last:
                    raise error_of(refusal, save.doing, self.site) from refusal
        raise AssertionError("the loop returns or raises")

    async def _send_simple(self, save: _Save, transfer: Transfer) -> str:
        holder = APP_NAME if save.lock_id else ""
        etag = await self._data.put(
            transfer,
            told(save.body.chunks(), save.progress),
            save.body.size,
            lock_id=save.lock_id,
            holder=holder,
        )
        return etag_of(etag)

    async def _unharmed(self, save: _Save, before: str) -> bool:
        """True if a file that the site failed to save may be saved once more."""
        there = await self._stat_if_there(save.place)
        if there is None or there.is_directory or save.if_absent:
            return False
        return not save.if_match or there.etag == before

    async def _arrived(self, save: _Save, before: str, refusal: Refusal) -> bool:
        """After a break of unknown outcome: True if the content is there, False if it surely is not.

        Raises the error of the break if that cannot be known.
        """
        there = await self._stat_if_there(save.place)
        if there is None or there.etag == before:
            return False
        if there.checksum is not None and there.checksum == save.checksum:
            return True
        error = error_of(refusal, save.doing, self.site)
        raise type(error)(
            f"The connection broke while {save.place.path} was saved, and it is unknown what {self.site} has now. "
            "Reload it before you save again."
        ) from refusal

    async def _explain(self, save: _Save, error: MeshError) -> MeshError:
        """What a refused save was really about: one Stat tells lock, change, folder and missing parent apart."""
        there = await self._stat_if_there(save.place)
        if there is None:
            folder = save.place.parent
            above = await self._stat_if_there(folder) if folder else None
            if folder is not None and above is None:
                return NotFound(f"Could not {save.doing}: the folder {folder.path} does not exist.")
            if folder is not None and above is not None and not above.is_directory:
                return NotADirectory(f"Could not {save.doing}: {folder.path} is a file.")
            if save.place.is_remote and above is not None and not above.permissions.write:
                return NotAllowed(sentence(NotAllowed, save.doing, self.site))
            if save.if_match:
                return Conflict(
                    f"Could not {save.doing}: it was deleted or renamed. Save it under a new name."
                )
            if isinstance(error, Conflict) and folder is not None:
                # Nothing is there to be in conflict with: somebody else makes the folder at this moment.
                return NotFound(
                    f"Could not {save.doing}: the folder {folder.path} was not there yet. Try again."
                )
            return error
        if there.is_directory:
            return IsADirectory(f"Could not {save.doing}: it is a folder.")
        if save.place.is_remote and not there.permissions.write:
            # Other sites say 500 for it.
            return NotAllowed(sentence(NotAllowed, save.doing, self.site))
        if there.lock is not None and there.lock.id != save.lock_id:
            return Locked(sentence(Locked, save.doing, self.site))
        said = refusal_of(error)
        if save.lock_id and there.lock is None and said is not None and said.says("not locked"):
            return LockEnded(
                f"Could not {save.doing}: its lock has ended. Look at it, then lock it again."
            )
        if save.if_absent and isinstance(error, Conflict):
            return AlreadyExists(sentence(AlreadyExists, save.doing, self.site))
        return error

    async def _verified(self, save: _Save, etag: str) -> Resource:
        """The resource after the save; its etag is that of our content, even if another writer came at once."""
        try:
            found = await self._processed(save.place)
        except NotFound:
            await asyncio.sleep(BLINK)
            found = await self._processed(save.place)
        if is_stand_in(found.etag):
            etag = ""  # What came with the bytes is not told again.
        if not etag and not _is_sent(save, found):
            # Seen in shares of OpenCloud under load: what is told just after a save is not what was saved.
            await asyncio.sleep(BLINK)
            found = await self._processed(save.place)
        same = _is_sent(save, found)
        if same and etag in ("", found.etag):
            return found
        if etag and etag != found.etag:
            # Somebody saved right after us: with our etag, the caller's next save finds that out.
            return replace(found, etag=etag, size=save.body.size, checksum=save.checksum)
        if etag:
            raise TransferFailed(
                f"{self.site} took {save.place.path} but holds other content than was sent. Save it again."
            )
        raise Conflict(
            f"{save.place.path} holds other content than was sent: somebody else saved it at the same time. "
            "Reload it and compare."
        )


def _is_sent(save: _Save, found: Resource) -> bool:
    """False where size or checksum tell another content than was sent."""
    mine = save.checksum
    return found.size == save.body.size and (
        found.checksum is None
        or mine is None
        or found.checksum.algorithm != mine.algorithm
        or found.checksum == mine
    )
