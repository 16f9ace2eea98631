"""Notebooks that run where the data lives: Jupyter on the files of the science mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_mesh._version import __version__

if TYPE_CHECKING:
    from jupyter_mesh.folder import Folder

__all__ = ["__version__", "here"]


def here() -> Folder:
    """The folder of this notebook in the mesh: ``.url`` is its ``cs3://`` address, ``.path`` is where it is mounted.

    ``here() / "data.csv"`` is a file in it. Raises NotFound (a FileNotFoundError) where it is not known.
    """
    from jupyter_mesh.folder import find_folder

    return find_folder()


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Where JupyterLab finds the built front end (called by Jupyter, by this name)."""
    return [{"src": "labextension", "dest": "@jupyter-mesh/labextension"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """The server extension (called by Jupyter, by this name)."""
    from jupyter_mesh.server.app import MeshExtension

    return [{"module": "jupyter_mesh.server.app", "app": MeshExtension}]
