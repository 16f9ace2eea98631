"""LocalContents: the files of this server, as the composite needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

if TYPE_CHECKING:
    from jupyter_mesh.contents.models import Model

__all__ = ["LocalContents"]


class LocalContents(AsyncLargeFileManager):
    """Jupyter's own manager for files on disk, with a hash for folders, and without events.

    It would emit several events for one operation, and one per entry of a listing: the composite emits
    the one that counts.
    """

    def emit(self, data: dict[str, Any]) -> None:
        """Left to the composite."""

    async def get(
        self,
        path: str,
        content: bool = True,
        type: str | None = None,
        format: str | None = None,
        require_hash: bool = False,
    ) -> Model:
        """The stock model. Folders have a hash too, without which asking for one would be a 500."""
        model: Model = await super().get(path, content, type, format, require_hash)
        if require_hash and model["type"] == "directory":
            changed = f"{model['last_modified'].timestamp():.6f}"
            model |= {"hash": changed, "hash_algorithm": "mtime"}
        return model
