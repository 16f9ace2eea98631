"""Notebooks that run where the data lives: Jupyter on the files of the science mesh."""

from typing import Any

from jupyter_mesh._version import __version__

__all__ = ["__version__"]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Where JupyterLab finds the built front end (called by Jupyter, by this name)."""
    return [{"src": "labextension", "dest": "@jupyter-mesh/labextension"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """The server extension (called by Jupyter, by this name)."""
    from jupyter_mesh.server.app import MeshExtension

    return [{"module": "jupyter_mesh.server.app", "app": MeshExtension}]
