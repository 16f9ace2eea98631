"""The contract of the filesystem on the node, as both kinds of site, and on a real site with ``--site``."""

from collections.abc import Iterator

import pytest

from jupyter_mesh.testing.filesystem import FilesystemContract, known_site
from jupyter_mesh.testing.site import RunningSite


class TestNode(FilesystemContract):
    pass


@pytest.mark.site
class TestRealSite(FilesystemContract):
    @pytest.fixture(scope="class")
    @classmethod
    def site(cls, real_site: RunningSite) -> RunningSite:
        return real_site

    @pytest.fixture(scope="class")
    @classmethod
    def logins(
        cls, site: RunningSite, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[list[str]]:
        with known_site(site, tmp_path_factory.mktemp("logins")) as logins:
            yield logins
