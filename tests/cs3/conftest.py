"""A node with traps around it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.testing.site import RunningSite, run_node

Node = Callable[..., AbstractAsyncContextManager[tuple[RunningSite, MeshClient]]]


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """Starts a node with traps around it, and a client of its first user."""

    @asynccontextmanager
    async def start(*around, flavour: str = "spaces", middlewares=()):
        async with (
            run_node(
                tmp_path / "data", flavour=flavour, interceptors=around, middlewares=middlewares
            ) as site,
            site.client() as mesh,
        ):
            yield site, mesh

    return start
