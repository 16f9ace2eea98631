"""Nodes of both kinds for tests of sharing."""

from collections.abc import AsyncIterator

import pytest

from jupyter_mesh.testing.site import RunningSite, run_node


@pytest.fixture(scope="module", params=["spaces", "paths"])
async def node_site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningSite]:
    async with run_node(tmp_path_factory.mktemp("node"), flavour=request.param) as site:
        yield site
