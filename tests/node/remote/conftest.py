"""Shares between sites, without the messages of Open Cloud Mesh: who has what is written down by the tests."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from jupyter_mesh.node.ocm.access import RemoteAccess
from jupyter_mesh.node.ocm.wanted import Given, Received
from tests.node.remote.pairs import Pair, Remote, receive, start_site
from tests.node.remote.peers import Peer

DAV = "{DAV:}"


@dataclass
class Book:
    """All shares that two sites know of, as ``store.py`` keeps them."""

    out: dict[str, Given] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    incoming: dict[str, Received] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)

    def given(self, provider_id):
        return self.out.get(provider_id)

    def given_by_token(self, token):
        return self.out.get(self.tokens.get(token, ""))

    def received(self, share):
        return self.incoming.get(share)

    def received_of(self, user):
        return [each for each in self.incoming.values() if each.user == user]

    def lost(self, share):
        self.ended.append(share)
        self.incoming[share] = replace(self.incoming[share], accepted=False)


@dataclass
class Shared:
    """What einstein shares, and how somebody elsewhere asks for it."""

    book: Book
    given: Given
    base: str
    web: aiohttp.ClientSession

    async def ask(self, method, path="", *, secret=None, data=None, **headers):
        """Status, body and headers of one request; ``path`` goes out letter by letter."""
        headers = {key.replace("_", "-"): value for key, value in headers.items()}
        secret = self.given.secret if secret is None else secret
        if secret:
            headers.setdefault("Authorization", f"Bearer {secret}")
        url = URL(self.base + path, encoded=True)
        async with self.web.request(method, url, headers=headers, data=data) as reply:
            return reply.status, await reply.read(), reply.headers


class Serving:
    """The WebDAV of one site on a port of its own."""

    def __init__(self, site, book: Book, stack: AsyncExitStack) -> None:
        self.site = site
        self.book = book
        self.stack = stack
        self.url = ""

    async def start(self):
        app = web.Application()
        RemoteAccess(self.site.node._site, self.book).add_routes(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        self.stack.push_async_callback(runner.cleanup)
        listening = web.TCPSite(runner, "127.0.0.1", 0)
        await listening.start()
        self.url = f"http://localhost:{runner.addresses[0][1]}"
        self.web = await self.stack.enter_async_context(aiohttp.ClientSession())
        return self

    async def share(self, client, path, *, editor=True, base="/dav/ocm", **more) -> Shared:
        """What ``client`` has at ``path``, given to somebody."""
        inside = self.site.node._site
        space = inside.people.spaces_of(inside.people.by_name("einstein"))[0][0]
        place = await inside.run(
            lambda: inside.tree.find(
                space, space.id, tuple(name for name in path.split("/") if name)
            )
        )
        given = Given(
            id=secrets.token_hex(4),
            space=space.id,
            entry=place.entry.id,
            owner=client.user,
            editor=editor,
            secret=secrets.token_urlsafe(24),
            **more,
        )
        self.book.out[given.id] = given
        return Shared(self.book, given, f"{self.url}{base}/{given.id}", self.web)


@pytest.fixture
async def serving_of() -> AsyncIterator[Callable]:
    """Serves the shares of a site."""
    async with AsyncExitStack() as stack:

        async def serve(site) -> Serving:
            return await Serving(site, Book(), stack).start()

        yield serve


@pytest.fixture
async def serving(serving_of, site) -> Serving:
    return await serving_of(site)


MIXED = [("spaces", "paths"), ("paths", "spaces")]
ALIKE = [("spaces", "spaces"), ("paths", "paths")]


@pytest.fixture(params=MIXED, ids="-".join)
async def pair(request, template, tmp_path) -> AsyncIterator[Pair]:
    """Two sites of different flavours: the giver's first."""
    giving, receiving = request.param
    async with AsyncExitStack() as stack:
        giver = await start_site(stack, template, tmp_path / "giver", giving)
        receiver = await start_site(stack, template, tmp_path / "receiver", receiving, "coast")
        yield Pair(giver, receiver, await giver.client(), await receiver.client("marie"))


@pytest.fixture
async def receiving(template, tmp_path) -> AsyncIterator[Callable]:
    """Gives marie, at a site of ours, what a server of another kind shares with her."""
    async with AsyncExitStack() as stack:
        sites = {}

        async def give(server, flavour="spaces", files=None, **values):
            peer = await Peer(server, viewer=not values.get("editor", True)).start(stack)
            peer.files |= files or {}
            if flavour not in sites:
                data = tmp_path / flavour
                site = await start_site(stack, template, data, flavour, "coast")
                sites[flavour] = site, await site.client("marie")
            site, marie = sites[flavour]
            share = await receive(site, marie.user, peer.url, secret=peer.secret, **values)
            return peer, Remote.of(marie, share.id)

        yield give
