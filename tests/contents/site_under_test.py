"""A site in a thread of its own, so that many tests and their event loops can use one."""

import asyncio
import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from jupyter_mesh.auth import write_token_file
from jupyter_mesh.cs3.login import authenticate
from jupyter_mesh.node import Node
from jupyter_mesh.node.users import add_project, add_user

PASSWORD = "correct horse battery"


class CountCalls(grpc.aio.ServerInterceptor):
    """Counts the RPCs by name."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()

    async def intercept_service(self, continuation, handler_call_details):
        self.counted[handler_call_details.method.rpartition("/")[2]] += 1
        return await continuation(handler_call_details)


@dataclass
class Site:
    """A running site with the user ada, who is a member of the project lofar."""

    gateway: str
    token_file: Path
    flavour: str
    calls: Counter[str]
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def unique(self) -> str:
        """A name nobody has used here."""
        return f"t{next(self._numbers)}"


@contextmanager
def running_site(folder: Path, flavour: str) -> Iterator[Site]:
    """Start a site and log in; stop it at the end."""
    data = folder / "data"
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(30)

    counter = CountCalls()
    node = Node(name="alpine", data=data, flavour=flavour, interceptors=[counter])
    add_user(data, "ada", PASSWORD)
    add_project(data, "lofar", {"ada": "owner"})
    try:
        run(node.start())
        login = run(authenticate(node.gateway, "basic", "ada", PASSWORD))
        write_token_file(folder / "token", login.token)
        yield Site(node.gateway, folder / "token", flavour, counter.counted)
    finally:
        run(node.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
