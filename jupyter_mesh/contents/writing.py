"""The writing half of the manager: content on its way to the site, and what is said when it may not go there."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from traitlets import Bool

from jupyter_mesh.contents.history import MeshHistory
from jupyter_mesh.contents.models import hash_of
from jupyter_mesh.contents.questions import RECENT
from jupyter_mesh.cs3.body import Body
from jupyter_mesh.errors import Conflict, Locked, LockEnded, MeshError, NotFound
from jupyter_mesh.paths import HOME, is_within

if TYPE_CHECKING:
    from jupyter_mesh.contents.models import Model
    from jupyter_mesh.models import Resource

__all__ = ["MeshWriter", "base_in"]


def base_in(model: Model) -> str:
    """The hash of the state that a front end says its text replaces; "" where it says nothing."""
    told = model.get("mesh")
    base = told.get("base") if isinstance(told, dict) else None
    return base if isinstance(base, str) else ""


class MeshWriter(MeshHistory):
    """Saves over what was read, and over nothing else."""

    lock_while_saving = Bool(
        False,
        help=(
            "Files are locked while they are being saved from here: others find them locked, with the user's "
            "name, until five minutes have passed without a save or a look. On sites without locks nothing changes."
        ),
    ).tag(config=True)

    async def _store(self, path: str, mesh: str, data: bytes | Body, base: str) -> Resource:
        """Save over the state with the hash ``base``, or over what this front end read last."""
        async with self._locks.hold(mesh):
            known = self._memory.base_of(mesh)
            if not base and known is not None and not self._memory.was_missed(mesh, RECENT):
                base = hash_of(known)
            if base and known is not None and not known.etag:
                # A mount without etags: only a look tells whether it is another by now.
                if hash_of(await self._present(path, mesh)) != base:
                    raise await self._conflict(path, mesh)
                base = ""
            if_absent = not base and self._memory.was_absent(mesh, RECENT)
            size = data.size if isinstance(data, Body) else len(data)
            return await self._upload(path, mesh, data, size, base, if_absent)

    async def _present(self, path: str, mesh: str) -> Resource:
        try:
            return await self.client.stat(mesh)
        except NotFound as error:
            raise await self._conflict(path, mesh) from error

    async def _upload(
        self,
        path: str,
        mesh: str,
        content: bytes | Body,
        size: int,
        if_match: str,
        if_absent: bool,
    ) -> Resource:
        send = partial(self.client.upload, mesh, size=size, if_match=if_match, if_absent=if_absent)
        known = self._memory.base_of(mesh)
        lock_id = await self.savelocks.take(known, self.lock_while_saving)
        try:
            try:
                resource = await send(content, lock_id=lock_id)
            except LockEnded:
                # It protects no more; whether somebody saved since is what the condition tells.
                self.savelocks.lost(mesh)
                lock_id = ""
                resource = await send(content)
        except Conflict as error:
            raise await self._conflict(path, mesh) from error
        except Locked as error:
            self.savelocks.lost(mesh)
            raise await self._locked(path, mesh) from error
        except MeshError:
            self._memory.doubt(mesh)
            raise
        self._memory.wrote(resource)
        self.authors.sign(resource, lock_id)
        return resource

    async def _locked(self, path: str, mesh: str) -> Locked:
        """The sentence for a save to a file that somebody else has locked, with the name if the site tells it."""
        self._memory.doubt(mesh)
        lock: Model | None = None
        with suppress(MeshError):
            found = await self.client.stat(mesh)
            await self.savelocks.learn(found)
            lock = self.savelocks.told(found)
        holder = lock["holder"] if lock else ""
        return Locked(
            f'"{path}" is locked by {holder or "somebody else"}: nothing was saved. '
            "Try again later, or save your text under another name."
        )

    async def _conflict(self, path: str, mesh: str) -> Conflict:
        """The sentence for a save over a later change: by whom and when, as far as the site tells it now."""
        self._memory.doubt(mesh)
        try:
            when = await self.change_of(mesh)
        except NotFound:
            # Nothing is left to overwrite: the next save or upload makes it anew.
            self._memory.saw(mesh, None)
            return Conflict(
                f'"{path}" was deleted after it was opened here. Save or upload it again to keep yours.'
            )
        return Conflict(
            f'"{path}" was changed{when}, after it was opened here. '
            "Nothing was overwritten: reload it, or save your text under another name."
        )

    async def change_of(self, mesh: str) -> str:
        """By whom and when a file was changed last, to go on in a sentence; raises NotFound."""
        where = " in another place" if is_within(mesh, HOME) else ""
        try:
            found = await self.client.stat(mesh)
            if author := await self.authors.of(found):
                where = " by you in another place" if author.mine else f" by {author.name}"
            return f"{where} at {found.modified:%H:%M:%S} UTC on {found.modified:%d %B}"
        except NotFound:
            raise
        except MeshError:
            return where
