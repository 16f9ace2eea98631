"""Shares, links, invitations, contacts, sites and projects, over a MeshClient."""

from jupyter_mesh.sharing.facade import Sharing

__all__ = ["Sharing"]
