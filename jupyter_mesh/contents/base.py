"""What both managers are: settings, a check and addresses that do not depend on where the files lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_server.services.contents.manager import AsyncContentsManager
from traitlets import Bool, TraitError, validate

from jupyter_mesh.contents.files import FilesHandler
from jupyter_mesh.contents.models import clean
from jupyter_mesh.errors import MeshError

if TYPE_CHECKING:
    from jupyter_mesh.contents.reading import MeshReader

__all__ = ["BaseContents"]


class BaseContents(AsyncContentsManager):
    """A contents manager that holds the files of one site, alone or beside others."""

    delete_to_trash = Bool(
        True,
        help="Deleted files go to the trash (for the mesh: the bin of the site), and folders need not be empty.",
    ).tag(config=True)
    always_delete_dir = Bool(
        False, help="Folders need not be empty to be deleted, also without delete_to_trash."
    ).tag(config=True)

    @validate("preferred_dir")
    def _validate_preferred_dir(self, proposal: dict[str, Any]) -> str:
        # The base class asks for the folder here, on another thread's loop: the client must not be bound there.
        try:
            return clean(proposal["value"])
        except MeshError as error:
            raise TraitError(f"preferred_dir: {error}") from error

    def get_extra_handlers(self) -> list[tuple[str, type[FilesHandler]]]:
        """The way to the bytes of files, with ranges and without JSON."""
        return [(r"/files/(.*)", FilesHandler)]

    def site_part(self, path: str) -> MeshReader | None:
        """The manager that has ``path`` from the site; None for what does not come from there."""
        raise NotImplementedError
