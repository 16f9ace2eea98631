"""Shares, links, invitations, contacts, sites and projects, over a MeshClient."""
