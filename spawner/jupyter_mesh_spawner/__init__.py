"""The hub side of jupyter-mesh: spawners, logins, token hand-over."""

from jupyter_mesh_spawner._version import __version__
from jupyter_mesh_spawner.defaults import apply_defaults

__all__ = ["__version__", "apply_defaults"]
