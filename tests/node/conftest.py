"""A running node and clients that speak to it with the raw stubs: nothing of our own client is in between."""

import io
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import grpc
import pytest
from cs3.gateway.v1beta1 import gateway_api_pb2 as gateway
from cs3.gateway.v1beta1 import gateway_api_pb2_grpc as stubs
from cs3.rpc.v1beta1 import code_pb2
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import resources_pb2 as resources
from cs3.storage.provider.v1beta1 import spaces_api_pb2 as spaces
from cs3.types.v1beta1 import types_pb2 as types

from jupyter_mesh.node import Node
from jupyter_mesh.node.users import add_project, add_user

MACHINE_KEY = "key-of-the-machines"
PASSWORD = "relativity-1905"
CHANNEL = [("grpc.max_receive_message_length", 64 << 20)]


@pytest.fixture(params=["spaces", "paths"])
def flavour(request):
    return request.param


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """A data folder with people in it: hashing passwords takes longer than most tests."""
    data = tmp_path_factory.mktemp("template")
    add_user(
        data,
        "einstein",
        PASSWORD,
        display="Albert",
        mail="albert@alpine.example",
        groups=["physics"],
    )
    add_user(data, "marie", PASSWORD)
    add_user(data, "stranger", PASSWORD)
    add_user(data, "poor", PASSWORD, quota=1000)
    add_project(data, "dimuon", {"einstein": "owner", "marie": "viewer"})
    return data


@pytest.fixture
def data(template, tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(template, folder)
    return folder


def code(reply) -> str:
    """The name of a CS3 status code, without its prefix."""
    return code_pb2.Code.Name(reply.status.code).removeprefix("CODE_")


def opaque(**values: str) -> types.Opaque:
    return types.Opaque(
        map={
            key: types.OpaqueEntry(decoder="plain", value=value.encode())
            for key, value in values.items()
        }
    )


@dataclass
class Client:
    """One user at one node."""

    node: Node
    stub: stubs.GatewayAPIStub
    web: aiohttp.ClientSession
    token: str
    user: str
    flavour: str
    roots: dict[str, resources.ResourceId] = field(default_factory=dict)

    async def call(self, name, request):
        return await getattr(self.stub, name)(
            request, metadata=(("x-access-token", self.token),), timeout=30
        )

    def ref(self, path: str, space: str = "home") -> resources.Reference:
        """A reference in the way that the flavour prefers; shares are opened by id in both."""
        root = self.roots.get(space)
        if self.flavour == "spaces" or (root is not None and root.opaque_id):
            return resources.Reference(
                resource_id=self.roots[space], path=f"./{path}" if path else "."
            )
        mount = "/home" if space == "home" else f"/projects/{space}"
        return resources.Reference(path=f"{mount}/{path}" if path else mount)

    async def spaces(self):
        return (
            await self.call("ListStorageSpaces", spaces.ListStorageSpacesRequest())
        ).storage_spaces

    async def stat(self, path, space="home"):
        return await self.call("Stat", provider.StatRequest(ref=self.ref(path, space)))

    async def info(self, path, space="home"):
        reply = await self.stat(path, space)
        assert code(reply) == "OK", reply.status.message
        return reply.info

    async def ls(self, path="", space="home"):
        reply = await self.call(
            "ListContainer", provider.ListContainerRequest(ref=self.ref(path, space))
        )
        assert code(reply) == "OK", reply.status.message
        return {info.name or info.path.rpartition("/")[2]: info for info in reply.infos}

    async def mkdir(self, path, space="home"):
        return code(
            await self.call(
                "CreateContainer", provider.CreateContainerRequest(ref=self.ref(path, space))
            )
        )

    async def touch(self, path, space="home"):
        return code(
            await self.call("TouchFile", provider.TouchFileRequest(ref=self.ref(path, space)))
        )

    async def delete(self, path, space="home", **options):
        return code(
            await self.call("Delete", provider.DeleteRequest(ref=self.ref(path, space), **options))
        )

    async def move(self, source, target, space="home", **options):
        request = provider.MoveRequest(
            source=self.ref(source, space), destination=self.ref(target, space), **options
        )
        return code(await self.call("Move", request))

    async def start_upload(self, path, size=None, space="home", opaque_values=None, **options):
        values = dict(opaque_values or {})
        if size is not None:
            values["Upload-Length"] = str(size)
        request = provider.InitiateFileUploadRequest(
            ref=self.ref(path, space), opaque=opaque(**values) if values else None, **options
        )
        return await self.call("InitiateFileUpload", request)

    def headers(self, protocol, **more):
        return {"x-access-token": self.token, "X-Reva-Transfer": protocol.token, **more}

    async def send(self, started, content, headers=None):
        """The PUT of an upload that was started."""
        protocol = started.protocols[0]
        url = protocol.upload_endpoint
        data = io.BytesIO(content) if isinstance(content, bytes) else content
        async with self.web.put(
            url, data=data, headers=self.headers(protocol, **(headers or {}))
        ) as reply:
            return reply.status, reply.headers

    async def put(self, path, content, space="home", **options):
        """A whole upload: the CS3 code if it was refused at the start, else the HTTP status."""
        started = await self.start_upload(path, len(content), space, **options)
        if code(started) != "OK":
            return code(started)
        return (await self.send(started, content))[0]

    async def start_download(self, path, space="home", ref=None, **values):
        request = provider.InitiateFileDownloadRequest(
            ref=ref or self.ref(path, space), opaque=opaque(**values)
        )
        return await self.call("InitiateFileDownload", request)

    async def fetch(self, started, method="GET", **headers):
        protocol = started.protocols[0]
        url = protocol.download_endpoint
        headers = {key.replace("_", "-"): value for key, value in headers.items()}
        async with self.web.request(
            method, url, headers=self.headers(protocol, **headers)
        ) as reply:
            return reply.status, await reply.read(), reply.headers

    async def get(self, path, space="home"):
        """Content; or the CS3 code, or the HTTP status, if it cannot be had."""
        started = await self.start_download(path, space)
        if code(started) != "OK":
            return code(started)
        status, content, _ = await self.fetch(started)
        return content if status == 200 else status


@dataclass
class Site:
    """A running node, and clients by the name of the user."""

    node: Node
    data: Path
    flavour: str
    stack: AsyncExitStack

    async def client(self, user="einstein") -> Client:
        options = [*CHANNEL, ("grpc.use_local_subchannel_pool", 1)]
        channel = await self.stack.enter_async_context(
            grpc.aio.insecure_channel(self.node.gateway, options=options)
        )
        web = await self.stack.enter_async_context(aiohttp.ClientSession())
        stub = stubs.GatewayAPIStub(channel)
        login = await stub.Authenticate(
            gateway.AuthenticateRequest(type="machine", client_id=user, client_secret=MACHINE_KEY)
        )
        assert code(login) == "OK", login.status.message
        client = Client(self.node, stub, web, login.token, login.user.id.opaque_id, self.flavour)
        assert code(await client.call("CreateHome", provider.CreateHomeRequest())) == "OK"
        for space in await client.spaces():
            client.roots["home" if space.space_type == "personal" else space.name] = space.root
        return client

    @property
    def home(self) -> Path:
        """The folder of einstein's files on disk."""
        return self.data / "home" / "einstein"


@pytest.fixture
async def start(data) -> AsyncIterator[Callable]:
    """Starts a node on the data folder of the test, and stops it."""
    async with AsyncExitStack() as stack:

        async def run(flavour="spaces", **options) -> Site:
            inner = await stack.enter_async_context(AsyncExitStack())
            node = await inner.enter_async_context(
                Node(
                    name="alpine",
                    data=data,
                    flavour=flavour,
                    **{"machine_key": MACHINE_KEY, **options},
                )
            )
            return Site(node, data, flavour, inner)

        yield run


@pytest.fixture
async def site(start, flavour):
    """A running node of each flavour."""
    return await start(flavour)


@pytest.fixture
async def einstein(site):
    return await site.client()


@pytest.fixture
async def spaces_site(start):
    return await start("spaces")


@pytest.fixture
async def paths_site(start):
    return await start("paths")
