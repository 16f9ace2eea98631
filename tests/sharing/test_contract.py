"""The contract of sharing on the node, as both kinds of site, and on a real site with ``--site``."""

import pytest

from jupyter_mesh.testing.sharing import SharingContract
from jupyter_mesh.testing.site import RunningSite


class TestNode(SharingContract):
    @pytest.fixture
    def site(self, node_site: RunningSite) -> RunningSite:
        return node_site


@pytest.mark.site
class TestRealSite(SharingContract):
    @pytest.fixture
    def site(self, real_site: RunningSite) -> RunningSite:
        return real_site
