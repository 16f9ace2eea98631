"""A node of each flavour, and an adapter before it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.mount.adapter import Adapter
from jupyter_mesh.testing.site import RunningSite, run_node
from tests.webdav.davs import Dav, adapted


@pytest.fixture(scope="module", params=["spaces", "paths"])
async def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningSite]:
    data = tmp_path_factory.mktemp("site") / "data"
    async with run_node(data, flavour=request.param) as running:
        yield running


@pytest.fixture
async def mesh(site: RunningSite) -> AsyncIterator[MeshClient]:
    async with site.client() as client:
        yield client


@pytest.fixture
async def folder(mesh: MeshClient, request: pytest.FixtureRequest) -> str:
    """A folder at the site for this test."""
    path = f"home/{request.node.originalname}"
    await mesh.mkdir(path, exist_ok=True)
    return path


@pytest.fixture
async def pair(mesh: MeshClient, tmp_path: Path) -> AsyncIterator[tuple[Adapter, Dav]]:
    async with adapted(mesh, tmp_path) as both:
        yield both


@pytest.fixture
def adapter(pair: tuple[Adapter, Dav]) -> Adapter:
    return pair[0]


@pytest.fixture
def dav(pair: tuple[Adapter, Dav]) -> Dav:
    return pair[1]
