"""Sites to test against: a node in this process, a node in its own, or a real site from a file."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import tomllib
from collections import Counter
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import grpc
from aiohttp import web

from jupyter_mesh.auth import PasswordToken
from jupyter_mesh.config import SiteSettings
from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.cs3.login import authenticate
from jupyter_mesh.errors import AlreadyExists

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from aiohttp.typedefs import Handler, Middleware

__all__ = [
    "RunningSite",
    "SiteUser",
    "federated_nodes",
    "in_thread",
    "run_node",
    "site_from_file",
    "start_node",
]

T = TypeVar("T")

READY_WITHIN = 30.0


@dataclass(frozen=True, slots=True)
class SiteUser:
    """Somebody who can log in."""

    name: str
    password: str = field(repr=False)
    groups: tuple[str, ...] = ()
    """Groups of a node that this user is in."""


USERS = (
    SiteUser("einstein", "relativity of simultaneity"),
    SiteUser("marie", "radioactivity of thorium"),
)
PROJECT = "dimuon"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningSite:
    """A site that answers, its users, and what it was asked.

    ``calls`` counts RPCs by name and data requests by method ("Stat", "PUT"); it stays empty for a site
    outside this process. ``process`` is set for a node in its own process, so that a test can kill it.
    """

    settings: SiteSettings
    users: Sequence[SiteUser]
    flavour: str = ""
    """"spaces" or "paths"; "" where nobody said."""
    url: str = ""
    domain: str = ""
    """What other sites call it; "" where nobody said."""
    data: Path | None = None
    calls: Counter[str] = field(default_factory=Counter)
    process: asyncio.subprocess.Process | None = None
    peer: RunningSite | None = None
    """Another site that this one federates with, where the file of a real site names one."""
    _tokens: dict[str, PasswordToken] = field(default_factory=dict, repr=False)

    @property
    def gateway(self) -> str:
        """The gateway as ``host:port``."""
        return self.settings.target

    def tokens(self, user: int = 0) -> PasswordToken:
        """Logs in as the user of this number when a token is needed, once for all clients."""
        who = self.users[user]

        async def login() -> str:
            return (await authenticate(self.settings, "basic", who.name, who.password)).token

        return self._tokens.setdefault(who.name, PasswordToken(login))

    def client(self, user: int = 0) -> MeshClient:
        """A new client for a user; whoever asks closes it."""
        return MeshClient(self.settings, self.tokens(user))


class _CountCalls(grpc.aio.ServerInterceptor):
    def __init__(self, calls: Counter[str]) -> None:
        self._calls = calls

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        self._calls[handler_call_details.method.rpartition("/")[2]] += 1
        return await continuation(handler_call_details)


def _count_requests(calls: Counter[str]) -> Middleware:
    @web.middleware
    async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
        calls[request.method] += 1
        return await handler(request)

    return count


def _settle(data: Path, users: Sequence[SiteUser]) -> None:
    # Late, as below: against a real site, the node's extra need not be installed.
    from jupyter_mesh.node.users import add_project, add_user

    for user in users:
        with suppress(AlreadyExists):
            add_user(data, user.name, user.password, groups=user.groups)
    with suppress(AlreadyExists):
        add_project(data, PROJECT, {users[0].name: "owner"})


@asynccontextmanager
async def run_node(
    data: Path,
    *,
    flavour: str = "spaces",
    name: str = "alpine",
    users: Sequence[SiteUser] = USERS,
    interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
    middlewares: Sequence[Middleware] = (),
    options: Mapping[str, Any] | None = None,
) -> AsyncIterator[RunningSite]:
    """A node in this process and loop, with users and the project "dimuon" of the first one.

    ``interceptors`` and ``middlewares`` run inside the counting ones, so that what they refuse is counted;
    ``options`` go to the Node as they are. Users that are there already stay.
    """
    from jupyter_mesh.node import Node

    await asyncio.to_thread(_settle, data, users)
    calls: Counter[str] = Counter()
    node = Node(
        name=name,
        data=data,
        flavour=flavour,
        interceptors=[_CountCalls(calls), *interceptors],
        middlewares=[_count_requests(calls), *middlewares],
        **(options or {}),
    )
    async with node:
        yield RunningSite(
            settings=SiteSettings(name=name, gateway=node.gateway, timeout=10),
            users=users,
            flavour=flavour,
            url=node.url,
            domain=node.domain,
            data=data,
            calls=calls,
        )


PEER_USERS = (
    SiteUser("noether", "symmetry of conservation"),
    SiteUser("hopper", "nanoseconds of wire"),
)


@asynccontextmanager
async def federated_nodes(
    data: Path,
    *,
    flavours: tuple[str, str] = ("spaces", "spaces"),
    federation: Mapping[str, Any] | None = None,
    interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
    middlewares: Sequence[Middleware] = (),
) -> AsyncIterator[tuple[RunningSite, RunningSite]]:
    """Two nodes in this process, "alpine" and "coast", that trust each other and find each other on loopback.

    ``federation`` are more settings of both, as FederationSettings takes them; ``interceptors`` and
    ``middlewares`` are for the second.
    """
    from jupyter_mesh.node.ocm.settings import FederationSettings
    from jupyter_mesh.node.ocm.trust import add_peer

    settings = FederationSettings(**{"allow_loopback": True, **(federation or {})})
    async with (
        run_node(
            data / "alpine",
            flavour=flavours[0],
            options={"federation": replace(settings, title="Alpine University")},
        ) as alpine,
        run_node(
            data / "coast",
            flavour=flavours[1],
            name="coast",
            users=PEER_USERS,
            interceptors=interceptors,
            middlewares=middlewares,
            options={"federation": replace(settings, title="Coast Institute")},
        ) as coast,
    ):
        assert alpine.data is not None
        assert coast.data is not None
        await asyncio.to_thread(add_peer, alpine.data, f"{coast.domain}=Coast Institute")
        await asyncio.to_thread(add_peer, coast.data, f"{alpine.domain}=Alpine University")
        yield alpine, coast


@asynccontextmanager
async def start_node(
    data: Path,
    *,
    flavour: str = "spaces",
    name: str = "alpine",
    users: Sequence[SiteUser] = USERS,
    gateway_port: int = 0,
    http_port: int = 0,
) -> AsyncIterator[RunningSite]:
    """A node in its own process, for tests that kill it; stopped at the end if it still runs.

    Start it again on the same data and ports to see what survived. Users that are there already stay.
    """
    if not await asyncio.to_thread(data.exists):
        await asyncio.to_thread(_settle, data, users)
    ready = data.parent / f"{data.name}.ready.json"
    await asyncio.to_thread(ready.unlink, missing_ok=True)
    command = ["-m", "jupyter_mesh.cli", "node", "--name", name, "--data", str(data)]
    command += ["--flavour", flavour, "--ready-file", str(ready)]
    command += ["--gateway-port", str(gateway_port), "--http-port", str(http_port)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(READY_WITHIN):
            while not await asyncio.to_thread(ready.exists):
                assert process.returncode is None, "the node ended before it was ready"
                await asyncio.sleep(0.02)
        facts = json.loads(await asyncio.to_thread(ready.read_text))
        yield RunningSite(
            settings=SiteSettings(name=name, gateway=facts["gateway"], timeout=10),
            users=users,
            flavour=flavour,
            url=facts["url"],
            domain=facts["domain"],
            data=data,
            process=process,
        )
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 10)
            except TimeoutError:
                process.kill()
                await process.wait()


@contextmanager
def in_thread(start: Callable[[], AbstractAsyncContextManager[T]]) -> Iterator[T]:
    """What an async context manager gives, kept open in the loop of a thread of its own.

    ``in_thread(lambda: run_node(data))`` is a site for synchronous code, which would wait in its own way.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="site")
    thread.start()
    try:
        manager = start()
        given = asyncio.run_coroutine_threadsafe(_given(manager), loop).result()
        try:
            yield given
        finally:
            asyncio.run_coroutine_threadsafe(_ended(manager), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _given(manager: AbstractAsyncContextManager[T]) -> T:
    return await manager.__aenter__()


async def _ended(manager: AbstractAsyncContextManager[object]) -> None:
    await manager.__aexit__(None, None, None)


def site_from_file(path: Path) -> RunningSite:
    """A real site as its file describes it.

    ``name``, ``gateway``, at least two ``[[users]]`` with ``name`` and ``password``; optional are ``flavour``,
    ``ca`` (a file of certificates to trust), ``data_hosts``, ``link_address``, and a second site with the same keys under
    ``[peer]``: each of the two lists the other one as a site that it federates with.
    """
    return _site_of(tomllib.loads(path.read_text()), path.parent)


def _site_of(facts: dict[str, Any], folder: Path) -> RunningSite:
    ca = facts.get("ca", "")
    return RunningSite(
        settings=SiteSettings(
            name=facts["name"],
            gateway=facts["gateway"],
            ca_file=folder / ca if ca else None,
            data_hosts=tuple(facts.get("data_hosts", ())),
            link_address=facts.get("link_address", ""),
        ),
        users=[SiteUser(user["name"], user["password"]) for user in facts["users"]],
        flavour=facts.get("flavour", ""),
        peer=_site_of(facts["peer"], folder) if "peer" in facts else None,
    )
