"""The embedded site: a correct CS3 gateway and data server over one local folder and SQLite."""

from jupyter_mesh.node.app import Node
from jupyter_mesh.node.check import check

__all__ = ["Node", "check"]
