"""A Jupyter server with our managers, over a site in a thread of its own."""

import asyncio
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import Mock

import pytest
from pytest_jupyter.jupyter_core import *
from pytest_jupyter.jupyter_server import *
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from jupyter_mesh.auth import write_token_file
from jupyter_mesh.contents.rest import ContentsHandler
from jupyter_mesh.testing.site import RunningSite, run_node


@contextmanager
def in_thread(opened):
    """Enter an async context manager in a loop of its own, which runs until the end of the block.

    The loops of these tests run only while a request does, and each ends with its test.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(30)

    try:
        yield run(opened.__aenter__()), run
        run(opened.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="session", params=["spaces", "paths"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningSite]:
    """A running site of each kind, with a token of its first user in the environment of the servers."""
    folder = tmp_path_factory.mktemp("site")
    with in_thread(run_node(folder / "data", flavour=request.param)) as (site, run):
        write_token_file(folder / "token", run(site.tokens().token()))
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("MESH_SITE", site.settings.name)
            environment.setenv("MESH_GATEWAY", site.gateway)
            environment.setenv("MESH_TOKEN_FILE", str(folder / "token"))
            yield site


@pytest.fixture
def layout(site: RunningSite) -> str:
    """Whether the mesh is the whole tree or one folder of it: each once, the contract has all pairs."""
    return "composite" if site.flavour == "spaces" else "root"


@pytest.fixture
def jp_server_config(layout):
    name = "MeshContentsManager" if layout == "root" else "CompositeContentsManager"
    return {
        "ServerApp": {
            "contents_manager_class": f"jupyter_mesh.contents.{name}",
            "jpserver_extensions": {"jupyter_mesh": True},
        }
    }


@pytest.fixture
def contents(site, jp_serverapp, jp_asyncio_loop):
    """The manager of the server."""
    manager = jp_serverapp.contents_manager
    # Without our extension Jupyter's own handlers would answer most of this as well.
    line = RequestStartLine("GET", jp_serverapp.base_url + "api/contents/a", "HTTP/1.1")
    request = HTTPServerRequest(
        start_line=line, headers=HTTPHeaders(Host="localhost"), connection=Mock()
    )
    assert jp_serverapp.web_app.find_handler(request).handler_class is ContentsHandler
    yield manager
    jp_asyncio_loop.run_until_complete(manager.close())


@pytest.fixture
def folder(contents, jp_asyncio_loop) -> str:
    """The API path of a fresh folder of the site."""
    mesh = f"home/http-{secrets.token_hex(6)}"
    jp_asyncio_loop.run_until_complete(contents.client.mkdir(mesh))
    return contents.api_path(mesh)
