"""Checkpoints of Jupyter = versions that the site keeps anyway."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from jupyter_server.services.contents.checkpoints import AsyncCheckpoints

from jupyter_mesh.contents.answers import Refusal, answers

if TYPE_CHECKING:
    from jupyter_mesh.contents.composite import CompositeContentsManager
    from jupyter_mesh.contents.manager import MeshContentsManager
    from jupyter_mesh.contents.models import Model

__all__ = ["CURRENT", "CompositeCheckpoints", "MeshCheckpoints", "from_id", "to_id"]

CURRENT = "current"
"""Id of the newest entry, which is the file as it is. No version's id can be this text (see to_id)."""


def to_id(key: str) -> str:
    """The id in URLs of the version ``key``: base64url, since routes take letters, digits, "-" and "_" only."""
    return base64.urlsafe_b64encode(key.encode()).decode("ascii").rstrip("=")


def from_id(checkpoint_id: str) -> str:
    """The version key behind an id; 404 for an id that ``to_id`` cannot have made."""
    try:
        padded = checkpoint_id + "=" * (-len(checkpoint_id) % 4)
        key = base64.urlsafe_b64decode(padded).decode()
    except (binascii.Error, ValueError):
        key = ""
    if not key or to_id(key) != checkpoint_id:
        raise Refusal(404, f'There is no checkpoint "{checkpoint_id}".')
    return key


class MeshCheckpoints(AsyncCheckpoints):
    """Lists and restores what the site keeps: it stores a version whenever a file is overwritten.

    The list always ends with the file as it is, so it is never empty and Lab asks for no checkpoint when
    it opens a file. Creating one needs no work: the next save leaves the present content as a version.
    """

    parent: MeshContentsManager

    async def list_checkpoints(self, path: str) -> list[Model]:
        """The versions of a file, oldest first, and the file as it is."""
        versions = await self.parent.versions(path)
        older: list[Model] = [
            {"id": to_id(version.key), "last_modified": version.modified}
            for version in sorted(versions, key=lambda each: each.modified)
        ]
        return [*older, await self._current(path)]

    @answers
    async def create_checkpoint(self, contents_mgr: Any, path: str) -> Model:
        """The entry for the file as it is, with what code wrote to it. Nothing is copied."""
        await self.parent.flush(path)
        return await self._current(path)

    async def _current(self, path: str) -> Model:
        return {"id": CURRENT, "last_modified": await self.parent.modified(path)}

    async def restore_checkpoint(self, contents_mgr: Any, checkpoint_id: str, path: str) -> None:
        """Have the site put a version back; what is there now becomes a version."""
        if checkpoint_id == CURRENT:
            await self.parent.modified(path)
        else:
            await self.parent.restore_version(path, from_id(checkpoint_id))

    async def delete_checkpoint(self, checkpoint_id: str, path: str) -> None:
        """Refused: no site lets a single version be deleted."""
        raise Refusal(403, "Versions are kept by the site: they cannot be deleted one by one.")

    async def rename_all_checkpoints(self, old_path: str, new_path: str) -> None:
        """Nothing to do: versions follow their file."""

    async def delete_all_checkpoints(self, path: str) -> None:
        """Nothing to do: versions go to the bin with their file."""


class CompositeCheckpoints(AsyncCheckpoints):
    """Leaves checkpoints to the part that holds the file."""

    parent: CompositeContentsManager

    @answers
    async def create_checkpoint(self, contents_mgr: Any, path: str) -> Model:
        """Each part in its own way."""
        part = self.parent.part(path)
        return await part.checkpoints.create_checkpoint(part, path)  # type: ignore[no-any-return]  # untyped there

    @answers
    async def restore_checkpoint(self, contents_mgr: Any, checkpoint_id: str, path: str) -> None:
        """Each part in its own way."""
        part = self.parent.part(path)
        await part.checkpoints.restore_checkpoint(part, checkpoint_id, path)

    @answers
    async def list_checkpoints(self, path: str) -> list[Model]:
        """Each part in its own way."""
        return await self.parent.part(path).checkpoints.list_checkpoints(path)  # type: ignore[no-any-return]  # untyped there

    @answers
    async def rename_checkpoint(self, checkpoint_id: str, old_path: str, new_path: str) -> None:
        """Each part in its own way."""
        checkpoints = self.parent.part(old_path).checkpoints
        await checkpoints.rename_checkpoint(checkpoint_id, old_path, new_path)

    @answers
    async def delete_checkpoint(self, checkpoint_id: str, path: str) -> None:
        """Each part in its own way."""
        await self.parent.part(path).checkpoints.delete_checkpoint(checkpoint_id, path)
