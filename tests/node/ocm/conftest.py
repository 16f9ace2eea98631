"""Two nodes that trust each other, and the raw stubs to ask them."""

import asyncio
from contextlib import AsyncExitStack

import grpc
import pytest
from cs3.gateway.v1beta1 import gateway_api_pb2_grpc as stubs
from cs3.ocm.invite.v1beta1 import invite_api_pb2 as invites
from cs3.rpc.v1beta1 import code_pb2
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import resources_pb2 as resources

from jupyter_mesh.testing.site import federated_nodes


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
