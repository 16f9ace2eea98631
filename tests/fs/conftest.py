"""Nodes of both kinds, each the site of the environment while its tests run."""

import tempfile
from collections.abc import Iterator

import pytest

from jupyter_mesh.testing.filesystem import known_site
from jupyter_mesh.testing.site import RunningSite, in_thread, run_node


@pytest.fixture(scope="module", params=["spaces", "paths"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningSite]:
    """A node with two users."""
    data = tmp_path_factory.mktemp("node")
    with in_thread(lambda: run_node(data, flavour=request.param, name=request.param)) as site:
        yield site


@pytest.fixture(scope="module")
def logins(site: RunningSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """A ``token_ref`` for each user of the node, which is the site of the environment."""
    with known_site(site, tmp_path_factory.mktemp("logins")) as logins:
        yield logins


@pytest.fixture(autouse=True)
def kept_here(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be saved is kept for its user: here, and not among the files of whoever runs the tests."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("kept")))
