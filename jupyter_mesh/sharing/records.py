"""Where projects are written down, at the site: the owner's records, and the copies for members."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from jupyter_mesh.errors import (
    Conflict,
    InvalidRequest,
    Locked,
    LoginEnded,
    MeshError,
    NotAllowed,
    NotFound,
    SiteError,
    Unavailable,
)
from jupyter_mesh.paths import join, parent_of
from jupyter_mesh.sharing.manifests import COPY, LARGEST, RECORDS, Manifest, record_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_mesh.cs3.client import MeshClient
    from jupyter_mesh.models import Resource

__all__ = ["JOINED", "Records", "changed_elsewhere", "unknown"]

log = logging.getLogger(__name__)

JOINED = "in-"
"""What the id of a project of somebody else begins with: the id in its copy could be anybody's."""

READ_AT_ONCE = 8


class Records:
    """The records of one user, and copies in the folders of others."""

    def __init__(self, client: MeshClient) -> None:
        self._client = client
        self._known: dict[str, tuple[str, Manifest]] = {}
        self._reading = asyncio.Semaphore(READ_AT_ONCE)

    async def add(self, record: Manifest) -> None:
        """Write a new record."""
        await self._client.mkdir(RECORDS, parents=True, exist_ok=True)
        await self._client.upload(record_of(record.id), record.to_json(), if_absent=True)

    async def remove(self, record: Manifest) -> None:
        """Delete a record, and the copy in its folder, if the members let it be deleted."""
        if record.path:
            with suppress(NotFound, NotAllowed, InvalidRequest, Conflict, Locked, SiteError):
                await self._client.delete(join(record.path, COPY))
        await self._client.delete(record_of(record.id))
        self._known.pop(record.id, None)

    async def copy_in(self, folder: str) -> Manifest:
        """The copy in somebody's folder. Raises NotFound, InvalidRequest for one that cannot be read."""
        async with self._reading:
            return Manifest.from_json(await self.read(join(folder, COPY)))

    async def own(self, at_most: int | None = None) -> Sequence[tuple[Manifest, str]]:
        """The owner's records with their etags, those that were changed last; what cannot be read is left out.

        Each is read once, and again when it has changed.
        """
        try:
            there = await self._client.list_folder(RECORDS)
        except NotFound:
            return []
        there.sort(key=lambda one: one.modified, reverse=True)
        found = await asyncio.gather(
            *(self.get(one.name.removesuffix(".json"), one) for one in there[:at_most]),
            return_exceptions=True,
        )
        records = []
        for answer in found:
            if isinstance(answer, LoginEnded | Unavailable):
                raise answer
            if isinstance(answer, tuple):
                records.append(answer)
        return records

    async def get(self, project: str, listed: Resource | None = None) -> tuple[Manifest, str]:
        """The owner's record and its etag, which may be known from a listing. Raises NotFound, NotAllowed for a
        project of somebody else."""
        if project.startswith(JOINED):
            raise NotAllowed("Only the owner of a project can change it.")
        try:
            path = record_of(project)
            async with self._reading:
                there = listed or await self._client.stat(path)
                etag = there.etag
                known = self._known.get(project)
                if known is not None and known[0] == etag:
                    return known[1], etag
                record = Manifest.from_json(await self._content(there))
        except (NotFound, InvalidRequest) as error:
            raise unknown() from error
        self._known[project] = (etag, record)
        return record, etag

    async def read(self, path: str) -> bytes:
        """A file of JSON, unless it is too large to be one of ours. Raises InvalidRequest."""
        return await self._content(await self._client.stat(path))

    async def _content(self, file: Resource) -> bytes:
        if file.size > LARGEST:
            raise InvalidRequest(f"{file.path} is too large to be a list of members.")
        return await self._client.read(file.path)

    async def write(self, record: Manifest, etag: str) -> str:
        try:
            written = await self._client.upload(
                record_of(record.id), record.to_json(), if_match=etag
            )
        except Conflict as error:
            raise changed_elsewhere(record) from error
        self._known[record.id] = (written.etag, record)
        return written.etag

    async def write_copy(self, record: Manifest) -> None:
        """Write the copy for the members. They may be able to write there, too, and to put things in its way: that
        keeps the owner from nothing, and shows as drift."""
        try:
            if await self.copy_differs(record):
                await self._client.mkdir(join(record.path, parent_of(COPY)), exist_ok=True)
                await self._client.upload(join(record.path, COPY), record.copy().to_json())
        except (LoginEnded, Unavailable):
            raise
        except MeshError as error:
            log.info("The list of members was not written into the folder: %s", error)

    async def copy_differs(self, record: Manifest) -> bool:
        """True if the copy is not what the record says, or is none."""
        try:
            return await self.read(join(record.path, COPY)) != record.copy().to_json()
        except (LoginEnded, Unavailable):
            raise
        except MeshError:
            return True

    async def located(self, record: Manifest) -> Manifest:
        """The record with the path and id that the folder has now; no path if it is gone."""
        if record.resource is not None:
            with suppress(NotFound, NotAllowed, SiteError):
                folder = await self._client.locate(record.resource)
                return replace(record, path=folder.path)
        try:
            # Ids of Reva change with the name: what is at the old path counts then.
            folder = await self._client.stat(record.path)
        except NotFound:
            return replace(record, path="")
        moved = record.resource is not None and folder.id != record.resource
        if not folder.is_directory or (moved and (await self._client.flavour()).has_spaces):
            # Another folder under the old name: what is in it was never meant for the members.
            return replace(record, path="")
        return replace(record, resource=folder.id)

    async def at(self, path: str) -> Manifest | None:
        """The record of the project in a folder, if the user owns one there."""
        folder = await self._client.stat(path)
        for record, _ in await self.own():
            if record.path == folder.path or (folder.id and record.resource == folder.id):
                return replace(record, path=folder.path, resource=folder.id)
        return None


def changed_elsewhere(record: Manifest) -> Conflict:
    """The error for a change that would undo another one."""
    return Conflict(
        f'"{record.name}" was changed elsewhere in the meantime. Reload it, then try again.'
    )


def unknown() -> NotFound:
    """The error for a project that is none."""
    return NotFound("There is no such project. Reload the list.")
