"""Collaboration: what we add to jupyter-collaboration, if it is installed and enabled.

Its rooms take no notice of a save that failed, and drop unsaved text when a file changes outside. There is
no setting for the class of a room, so ours takes the place of theirs in the modules that make rooms; a test
guards the names. Documents outside the mesh keep the stock behaviour.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_core.paths import jupyter_data_dir
from traitlets.config import Config

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

    from jupyter_mesh.server.room import MeshRoom

__all__ = ["POLL_INTERVAL", "Collaboration"]

EXTENSION, FILE_IDS = "jupyter_server_ydoc", "jupyter_server_fileid"

POLL_INTERVAL = 20.0
"""Seconds between two looks at the file of an open document, unless the operator says otherwise. Each is
one Stat, whoever has it open; the stock interval of one second is meant for a local disk."""


class Collaboration:
    """The documents that are edited together on this server."""

    def __init__(self, extension: Any) -> None:
        self._extension = extension

    @classmethod
    def find(cls, serverapp: ServerApp) -> Collaboration | None:
        """Join jupyter-collaboration and its file ids before they are loaded; None where it is not enabled."""
        apps = serverapp.extension_manager.extension_apps
        for file_ids in apps.get(FILE_IDS, ()):
            if "file_id_manager_class" not in file_ids.config.FileIdExtension:
                from jupyter_mesh.server.file_ids import PathFileIds

                file_ids.file_id_manager_class = PathFileIds
        if not apps.get(EXTENSION):
            return None
        from jupyter_mesh.server.room import install

        install()
        extension = next(iter(apps[EXTENSION]))
        if "file_poll_interval" not in extension.config.YDocExtension:
            extension.file_poll_interval = POLL_INTERVAL
        if "db_path" not in extension.config.SQLiteYStore:
            # Stock, it goes wherever the server was started.
            history = str(Path(jupyter_data_dir(), "jupyter_ystore.db"))
            extension.update_config(Config({"SQLiteYStore": {"db_path": history}}))
        return cls(extension)

    def rooms(self, path: str) -> list[MeshRoom]:
        """The rooms in which the document at an API path is edited: those with text to store, if any.

        There may be two: one for whoever has it open as a notebook, one for whoever has it open as text.
        """
        from jupyter_mesh.server.room import MeshRoom

        every = self._extension.ywebsocket_server.rooms.values()
        rooms = [
            room for room in every if isinstance(room, MeshRoom) and room.document_path == path
        ]
        return [room for room in rooms if room.is_behind] or rooms
