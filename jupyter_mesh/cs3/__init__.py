"""The wire: everything that speaks gRPC or the data gateway's HTTP."""

from jupyter_mesh.cs3.client import Download, MeshClient, connect
from jupyter_mesh.cs3.renewal import token_source

__all__ = ["Download", "MeshClient", "connect", "token_source"]
