"""A Jupyter server with our managers, over a site in a thread of its own."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import BlockBuster
from pytest_jupyter.jupyter_core import *
from pytest_jupyter.jupyter_server import *

sys.path.insert(0, str(Path(__file__).parent))

from site_under_test import Site, running_site


class Every(frozenset[str]):
    """All names there are."""

    def __contains__(self, name: object) -> bool:
        return True


@pytest.fixture(autouse=True)
def no_blocking_calls() -> Iterator[None]:
    """Turn a blocking call that our code makes inside the event loop into an error."""
    guard = BlockBuster("jupyter_mesh")
    for function in guard.functions.values():
        # Jupyter's manager for local files blocks here and there, and so does its start.
        for module in ("filemanager", "fileio", "filecheckpoints", "largefilemanager"):
            function.can_block_in(f"jupyter_server/services/contents/{module}.py", Every())
        function.can_block_in("jupyter_server/serverapp.py", {"initialize"})
    guard.activate()
    yield
    guard.deactivate()


@pytest.fixture(scope="session", params=["spaces", "paths"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A running site of each kind."""
    with running_site(tmp_path_factory.mktemp("site"), request.param) as site:
        yield site


@pytest.fixture
def mesh_environment(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a user's server."""
    monkeypatch.setenv("MESH_SITE", "alpine")
    monkeypatch.setenv("MESH_GATEWAY", site.gateway)
    monkeypatch.setenv("MESH_TOKEN_FILE", str(site.token_file))
