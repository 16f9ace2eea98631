"""WebDAV over any tree of files: what speaks HTTP to programs that know nothing of CS3."""

from jupyter_mesh.webdav.application import WebDAV
from jupyter_mesh.webdav.locks import LockTable
from jupyter_mesh.webdav.tree import Opened, Tree

__all__ = ["LockTable", "Opened", "Tree", "WebDAV"]
