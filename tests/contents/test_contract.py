"""The contract of the contents on the node, as both kinds of site, and on a real site with ``--site``."""

from collections.abc import AsyncIterator

import pytest

from jupyter_mesh.testing.contents import ContentsContract
from jupyter_mesh.testing.site import RunningSite, run_node


@pytest.fixture(scope="module", params=["spaces", "paths"])
async def node_site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningSite]:
    async with run_node(tmp_path_factory.mktemp("node"), flavour=request.param) as site:
        yield site


class TestNode(ContentsContract):
    @pytest.fixture
    def site(self, node_site: RunningSite) -> RunningSite:
        return node_site


@pytest.mark.site
class TestRealSite(ContentsContract):
    @pytest.fixture
    def site(self, real_site: RunningSite, grpc_kept: None) -> RunningSite:
        return real_site
