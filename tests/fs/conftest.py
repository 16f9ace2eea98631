"""Sites for the filesystem: nodes of both kinds in a thread of their own, since synchronous code waits for them."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any

import pytest

from jupyter_mesh.testing.filesystem import known_site
from jupyter_mesh.testing.site import RunningSite, run_node


@contextmanager
def in_thread(start: Callable[[], AbstractAsyncContextManager[Any]]) -> Iterator[Any]:
    """What an async context manager gives, kept open in the loop of another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="site")
    thread.start()
    manager = start()
    try:
        yield asyncio.run_coroutine_threadsafe(manager.__aenter__(), loop).result(60)
    finally:
        asyncio.run_coroutine_threadsafe(manager.__aexit__(None, None, None), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


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
