"""A Jupyter server with our extension, over a site in a thread of its own."""

import asyncio
import json
import secrets
import threading
from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster
from pytest_jupyter import jupyter_server
from pytest_jupyter.jupyter_core import *
from pytest_jupyter.jupyter_server import *
from tornado.httpclient import HTTPClientError

from jupyter_mesh.auth import write_token_file
from jupyter_mesh.testing.site import RunningSite, run_node
from tests.server import described


class Every(frozenset[str]):
    """All names there are."""

    def __contains__(self, name: object) -> bool:
        return True


@pytest.fixture(autouse=True)
def no_blocking_calls() -> Iterator[None]:
    """Turn a blocking call that our code makes inside the event loop into an error."""
    guard = BlockBuster("jupyter_mesh")
    for function in guard.functions.values():
        # Jupyter's manager for local files asks for the working directory.
        function.can_block_in("jupyter_server/services/contents/fileio.py", Every())
        # It looks at them, too.
        function.can_block_in("jupyter_server/services/contents/filemanager.py", Every())
        function.can_block_in("jupyter_core/paths.py", Every())
        # The start of Jupyter's server blocks, and our extension starts with it.
        function.can_block_in("jupyter_server/serverapp.py", Every())
        # File ids are in a local database, which theirs asks inside the loop.
        function.can_block_in("jupyter_server_fileid/manager.py", Every())
    guard.activate()
    yield
    guard.deactivate()


@pytest.fixture(scope="session")
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningSite]:
    """A running site, of the flavour that a test gives as parameter."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(30)

    flavour = getattr(request, "param", "spaces")
    node = run_node(tmp_path_factory.mktemp("site") / "data", flavour=flavour)
    site = run(node.__aenter__())
    write_token_file(token_file_of(site), run(site.tokens().token()))
    yield site
    run(node.__aexit__(None, None, None))
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def token_file_of(site: RunningSite):
    return site.data.parent / "token"


@pytest.fixture
def token_file(site, tmp_path):
    """The token file of this test alone."""
    path = tmp_path / "mesh-token"
    write_token_file(path, token_file_of(site).read_text().strip())
    return path


@pytest.fixture
def gateway(site) -> str:
    """Address of the gateway; a test that needs a broken one gives another."""
    return site.gateway


@pytest.fixture
def manager() -> str:
    """The contents manager of the server."""
    return "jupyter_mesh.contents.CompositeContentsManager"


@pytest.fixture
def jp_server_config(gateway, token_file, manager):
    return {
        "ServerApp": {
            "contents_manager_class": manager,
            "jpserver_extensions": {"jupyter_mesh": True},
        },
        "MeshSite": {"name": "alpine", "gateway": gateway, "token_file": str(token_file)},
        "MeshExtension": {"site_title": "Alpine University"},
    }


unchecked_fetch = jupyter_server.jp_fetch


@pytest.fixture
def jp_fetch(unchecked_fetch):
    """The client of the server. What it gets from ``api/mesh/`` is held against openapi.yaml."""

    async def fetch(*parts, **kwargs):
        method = kwargs.get("method", "GET")
        path = "/".join(["", *parts]).replace("//", "/")
        ours = path.startswith("/api/mesh/")
        try:
            reply = await unchecked_fetch(*parts, **kwargs)
        except HTTPClientError as error:
            if ours and error.response is not None:
                described.check(
                    method, path[9:], error.code, error.response.headers, error.response.body
                )
            raise
        if ours:
            described.check(method, path[9:], reply.code, reply.headers, reply.body)
            if reply.code < 300:
                described.check_request(method, path[9:], kwargs.get("body"))
        return reply

    return fetch


@pytest.fixture
def status(jp_fetch):
    """Asks for the status; gives it as JSON."""

    async def ask(**query):
        reply = await jp_fetch("api", "mesh", "status", params=query)
        assert reply.headers["Cache-Control"] == "no-store"
        return json.loads(reply.body)

    return ask


@pytest.fixture
def ask(jp_fetch):
    """Sends a request to ``api/mesh/…``; gives status and body, as JSON where it is JSON."""

    async def ask(method, *parts, json_body=None, **query):
        body = None if json_body is None else json.dumps(json_body)
        try:
            reply = await jp_fetch(
                *("api", "mesh", *parts),
                method=method,
                body=body,
                params=query,
                # A busy machine.
                request_timeout=60,
            )
        except HTTPClientError as error:
            if error.response is None:
                raise
            reply = error.response
        is_json = reply.headers.get("Content-Type", "").startswith("application/json")
        return reply.code, json.loads(reply.body) if is_json else reply

    return ask


@pytest.fixture
def client(jp_serverapp):
    """The client of the server, to prepare files past REST."""
    return jp_serverapp.contents_manager.client


@pytest.fixture
def folder(client, jp_asyncio_loop):
    """Mesh path of a fresh folder."""
    path = f"home/{secrets.token_hex(6)}"
    jp_asyncio_loop.run_until_complete(client.mkdir(path))
    return path


@pytest.fixture
def events(jp_serverapp):
    """What the server told of files, each as (action, path)."""
    told = []
    schema = "https://events.jupyter.org/jupyter_server/contents_service/v1"

    async def listen(logger, schema_id, data):
        told.append((data["action"], data["path"]))

    jp_serverapp.event_logger.add_listener(schema_id=schema, listener=listen)
    return told
