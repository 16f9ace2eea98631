"""The files of the mesh as Jupyter's contents: as the whole tree, or beside local files."""

from jupyter_mesh.contents.composite import CompositeContentsManager
from jupyter_mesh.contents.manager import MeshContentsManager

__all__ = ["CompositeContentsManager", "MeshContentsManager"]
