"""The embedded site: a correct CS3 gateway and data server over one local folder and SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_mesh.node.consistency import check

if TYPE_CHECKING:
    from jupyter_mesh.node.app import Node

__all__ = ["Node", "check"]


def __getattr__(name: str) -> Any:
    # Late: adding a user or checking a site needs neither grpc nor aiohttp, which take half a second.
    if name == "Node":
        from jupyter_mesh.node.app import Node

        return Node
    raise AttributeError(name)
