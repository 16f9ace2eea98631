"""The public suites of fsspec: 137 cases, on the node as both kinds of site, and on a real site with ``--site``."""

import posixpath
import secrets
from collections.abc import Callable, Iterator

import pytest
from fsspec.tests import abstract

from jupyter_mesh.fs import CS3FileSystem
from jupyter_mesh.testing.filesystem import known_site
from jupyter_mesh.testing.site import RunningSite


class Fixtures(abstract.AbstractFixtures):
    """What the suites need of a filesystem: itself, and a fresh folder."""

    @pytest.fixture
    def fs(self, logins: list[str]) -> CS3FileSystem:
        return CS3FileSystem()

    @pytest.fixture
    def fs_path(self, fs: CS3FileSystem) -> Iterator[str]:
        path = f"/home/abstract-{secrets.token_hex(6)}"
        fs.mkdir(path)
        yield path
        fs.rm(path, recursive=True)

    @pytest.fixture
    def fs_join(self) -> Callable[..., str]:
        return posixpath.join


class OnRealSite(Fixtures):
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


class TestCopy(abstract.AbstractCopyTests, Fixtures):
    pass


class TestGet(abstract.AbstractGetTests, Fixtures):
    pass


class TestPut(abstract.AbstractPutTests, Fixtures):
    pass


class TestPipe(abstract.AbstractPipeTests, Fixtures):
    pass


class TestOpen(abstract.AbstractOpenTests, Fixtures):
    pass


@pytest.mark.site
class TestRealCopy(abstract.AbstractCopyTests, OnRealSite):
    pass


@pytest.mark.site
class TestRealGet(abstract.AbstractGetTests, OnRealSite):
    pass


@pytest.mark.site
class TestRealPut(abstract.AbstractPutTests, OnRealSite):
    pass


@pytest.mark.site
class TestRealPipe(abstract.AbstractPipeTests, OnRealSite):
    pass


@pytest.mark.site
class TestRealOpen(abstract.AbstractOpenTests, OnRealSite):
    pass
