"""Two nodes that trust each other, and the raw stubs to ask them."""

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import grpc
import pytest
from aiohttp import web
from cs3.gateway.v1beta1 import gateway_api_pb2_grpc as stubs
from cs3.ocm.invite.v1beta1 import invite_api_pb2 as invites
from cs3.rpc.v1beta1 import code_pb2
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import resources_pb2 as resources

from jupyter_mesh.node.ocm.federation import Federation
from jupyter_mesh.node.ocm.keys import SigningKey
from jupyter_mesh.node.ocm.settings import FederationSettings
from jupyter_mesh.node.ocm.signatures import sign
from jupyter_mesh.testing.site import federated_nodes, run_node


def code(reply) -> str:
    """The name of a CS3 status code, without its prefix."""
    return code_pb2.Code.Name(reply.status.code).removeprefix("CODE_")


class Person:
    """A user at a site, asking its gateway."""

    def __init__(self, site, channel, token, number):
        self.site = site
        self._stub = stubs.GatewayAPIStub(channel)
        self._token = token
        self.name = site.users[number].name

    async def call(self, name, request):
        return await getattr(self._stub, name)(
            request, metadata=(("x-access-token", self._token),), timeout=30
        )

    async def invite(self) -> str:
        reply = await self.call("GenerateInviteToken", invites.GenerateInviteTokenRequest())
        assert code(reply) == "OK", reply.status.message
        return reply.invite_token.token

    async def accept(self, token, domain):
        request = invites.ForwardInviteRequest()
        request.invite_token.token = token
        request.origin_system_provider.domain = domain
        return await self.call("ForwardInvite", request)

    async def contacts(self, text=""):
        request = invites.FindAcceptedUsersRequest(filter=text)
        return (await self.call("FindAcceptedUsers", request)).accepted_users

    async def folder(self, name):
        """The id of a folder at home, made if it is not there."""
        home = (await self.call("GetHome", provider.GetHomeRequest())).path
        await self.call("CreateHome", provider.CreateHomeRequest())
        where = resources.Reference(path=f"{home}/{name}")
        await self.call("CreateContainer", provider.CreateContainerRequest(ref=where))
        reply = await self.call("Stat", provider.StatRequest(ref=where))
        assert code(reply) == "OK", reply.status.message
        return reply.info.id


async def until(holds, within=30.0):
    """Wait for something that happens in the background."""
    async with asyncio.timeout(within):
        # The other node has no event for us.
        while not await holds():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def person(site, number, stack) -> Person:
    channel = grpc.aio.insecure_channel(site.gateway)
    stack.push_async_callback(channel.close)
    return Person(site, channel, await site.tokens(number).token(), number)


@pytest.fixture(scope="module", params=["spaces", "paths"])
def flavour(request):
    return request.param


@pytest.fixture(scope="module")
async def pair(flavour, tmp_path_factory):
    """Two federated nodes of the same flavour."""
    async with federated_nodes(
        tmp_path_factory.mktemp("pair"), flavours=(flavour, flavour)
    ) as sites:
        yield sites


@pytest.fixture(scope="module")
async def people(pair):
    """Two people at each of the sites: einstein, marie; noether, hopper."""
    async with AsyncExitStack() as stack:
        yield [await person(site, number, stack) for site in pair for number in (0, 1)]


class FakePeer:
    """Another site that says and answers what a test wants: as Reva does, which signs nothing, unless told so."""

    def __init__(self, folder):
        (folder / ".node").mkdir(parents=True)
        self.key = SigningKey(folder)
        self.document: dict = {}
        self.jwks: dict = {}
        self.answers = {}
        self.seen = []
        self.domain = ""

    def describe(self, **changes):
        """Say this from now on at ``/.well-known/ocm``."""
        origin = f"http://{self.domain}"
        kinds = [
            {"name": kind, "shareTypes": ["user"], "protocols": {"webdav": "/dav/ocm"}}
            for kind in ("file", "folder")
        ]
        self.document = {
            "enabled": True,
            "apiVersion": "1.3.0",
            "endPoint": f"{origin}/ocm",
            "provider": "Peer",
            "resourceTypes": kinds,
            "capabilities": ["invites"],
            "inviteAcceptDialog": "/accept",
            **changes,
        }
        self.jwks = self.key.jwks(self.domain)

    async def handle(self, request):
        if request.path == "/.well-known/ocm":
            return web.json_response(self.document)
        if request.path == "/.well-known/jwks.json":
            return web.json_response(self.jwks)
        self.seen.append(
            (request.method, request.path, dict(request.headers), await request.read())
        )
        answer = self.answers.get(request.path)
        if callable(answer):
            return await answer(request)
        return web.json_response(answer or {}, status=200 if answer else 404)


@asynccontextmanager
async def fake_peer(folder):
    """A FakePeer that answers."""
    peer = FakePeer(folder)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", peer.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        peer.domain = f"localhost:{runner.addresses[0][1]}"
        peer.describe()
        yield peer
    finally:
        await runner.cleanup()


class Stranger:
    """Speaks to a node as a peer does, or as somebody who says to be one."""

    def __init__(self, session, site):
        self._session = session
        self.site = site

    async def post(self, path, value, *, peer=None, headers=None, kind="application/json"):
        """POST JSON (or bytes); signed by ``peer`` when it is given. Returns status and answer."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        url = f"http://{self.site.domain}{path}"
        sent = {"Content-Type": kind}
        if peer is not None:
            sent |= sign(peer.key, peer.domain, "POST", url, sent, body)
        sent |= headers or {}
        async with self._session.post(url, data=body, headers=sent) as reply:
            text = await reply.text()
            return reply.status, json.loads(text) if text.startswith("{") else text

    async def get(self, path, **options):
        url = f"http://{self.site.domain}{path}"
        async with self._session.get(url, allow_redirects=False, **options) as reply:
            return reply.status, reply.headers, await reply.text()


@pytest.fixture(scope="module")
async def peer(tmp_path_factory):
    async with fake_peer(tmp_path_factory.mktemp("peer")) as peer:
        yield peer


@pytest.fixture(scope="module")
async def node(peer, opened, tmp_path_factory):
    """A node that trusts the fake peer alone."""
    settings = FederationSettings(
        allow_loopback=True,
        title="Alpine University",
        accept_url="https://hub.alpine.example/hub/user-redirect/mesh/accept",
        peers={peer.domain: "Peer"},
    )
    folder = tmp_path_factory.mktemp("node") / "data"
    async with run_node(folder, options={"federation": settings}) as site:
        yield site


@pytest.fixture(scope="module")
def node_federation(node, opened):
    """The inner side of the node, to see what it keeps."""
    (site,) = [site for site in opened if site.data == node.data.absolute()]
    return site.federation


@pytest.fixture(scope="module")
def opened():
    """All sites that were opened in this module."""
    found = []
    with pytest.MonkeyPatch.context() as patch:
        original = Federation.__init__

        def note(self, site, settings):
            original(self, site, settings)
            found.append(site)

        patch.setattr(Federation, "__init__", note)
        yield found


@pytest.fixture(scope="module")
async def stranger(node):
    async with aiohttp.ClientSession() as session:
        yield Stranger(session, node)


@pytest.fixture(scope="module")
async def einstein(node):
    async with AsyncExitStack() as stack:
        yield await person(node, 0, stack)


@pytest.fixture(autouse=True)
def peer_as_ever(request):
    """The fake peer says at each test what it says at first, and is asked anew."""
    yield
    if "peer" in request.fixturenames:
        peer = request.getfixturevalue("peer")
        peer.describe()
        peer.answers.clear()
        peer.seen.clear()
