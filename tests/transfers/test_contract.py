"""The contract of moves on the node, as both kinds of site, and on a real site with ``--site``."""

from collections.abc import AsyncIterator

import pytest

from jupyter_mesh.testing.site import RunningSite, run_node
from jupyter_mesh.testing.transfers import TransfersContract


@pytest.fixture(scope="module", params=["spaces", "paths"])
async def node_site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningSite]:
    async with run_node(tmp_path_factory.mktemp("node") / "data", flavour=request.param) as site:
        yield site


class TestNode(TransfersContract):
    @pytest.fixture
    def site(self, node_site: RunningSite) -> RunningSite:
        return node_site


@pytest.mark.site
class TestRealSite(TransfersContract):
    @pytest.fixture
    def site(self, real_site: RunningSite) -> RunningSite:
        return real_site
