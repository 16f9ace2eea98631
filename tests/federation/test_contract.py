"""The contract of federation between two nodes of both kinds, and between two real sites with ``--site``."""

from collections.abc import AsyncIterator

import pytest

from jupyter_mesh.testing.federation import FederationContract
from jupyter_mesh.testing.site import RunningSite, federated_nodes

Pair = tuple[RunningSite, RunningSite]


@pytest.fixture(scope="module", params=["spaces to paths", "paths to spaces"])
async def nodes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pair]:
    first, _, second = request.param.partition(" to ")
    async with federated_nodes(
        tmp_path_factory.mktemp("nodes"), flavours=(first, second)
    ) as started:
        yield started


class TestNodes(FederationContract):
    @pytest.fixture
    def pair(self, nodes: Pair) -> Pair:
        return nodes


@pytest.mark.site
class TestRealSites(FederationContract):
    @pytest.fixture
    def pair(self, real_site: RunningSite, grpc_kept: None) -> Pair:
        if real_site.peer is None:
            pytest.skip("the file of the site names no [peer]")
        return real_site, real_site.peer
