"""Looking for people and groups, in both forms that sites have, and what is told of them."""

import grpc
import pytest
from cs3.identity.group.v1beta1 import group_api_pb2 as group_api
from cs3.identity.group.v1beta1 import resources_pb2 as groups
from cs3.identity.user.v1beta1 import resources_pb2 as people
from cs3.identity.user.v1beta1 import user_api_pb2 as user_api

from jupyter_mesh.node.users import add_user

from .conftest import PASSWORD, code

SERVICE = "/cs3.gateway.v1beta1.GatewayAPI/"
REPLIES = {"FindUsers": user_api.FindUsersResponse, "FindGroups": group_api.FindGroupsResponse}


async def search(client, name, text, form=""):
    """A search in the form of the site, or in the one named."""
    if (form or client.flavour) == "spaces":
        body = text.encode()
        content = b"\x12" + bytes([len(body)]) + body
    elif name == "FindUsers":
        one = user_api.Filter(type=user_api.Filter.TYPE_QUERY, query=text)
        content = user_api.FindUsersRequest(filters=[one]).SerializeToString()
    else:
        one = group_api.Filter(type=group_api.Filter.TYPE_QUERY, query=text)
        content = group_api.FindGroupsRequest(filters=[one]).SerializeToString()
    return await raw(client, name, content)


async def raw(client, name, content):
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(client.node.gateway, options=options) as channel:
        call = channel.unary_unary(
            SERVICE + name,
            request_serializer=lambda content: content,
            response_deserializer=REPLIES[name].FromString,
        )
        return await call(content, metadata=(("x-access-token", client.token),), timeout=10)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("marie", ["marie"]),
        ("MAR", ["marie"]),
        ("Albert", ["einstein"]),
        ("alpine.example", ["einstein"]),
        ("e", ["einstein", "marie", "stranger"]),
        ("nobody", []),
        ("%", []),
    ],
)
async def test_users(einstein, text, names):
    reply = await search(einstein, "FindUsers", text)
    assert code(reply) == "OK"
    assert sorted(user.username for user in reply.users) == names
    assert not [user for user in reply.users if user.id.opaque_id != einstein.user and user.mail]


async def test_groups(einstein):
    reply = await search(einstein, "FindGroups", "PHYS")
    assert [(group.id.opaque_id, len(group.members)) for group in reply.groups] == [("physics", 1)]
    assert not (await search(einstein, "FindGroups", "chess")).groups


@pytest.mark.parametrize("name", REPLIES)
async def test_the_other_form(einstein, flavour, name):
    """An old site takes filters for a name that nobody has; a new one cannot read a text."""
    if flavour == "spaces":
        reply = await search(einstein, name, "einstein", "paths")
        assert code(reply) == "OK"
        assert not (reply.users if name == "FindUsers" else reply.groups)
        for nobody in ("", "*"):
            assert not (await search(einstein, "FindUsers", nobody)).users
    else:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await search(einstein, name, "einstein", "spaces")
        assert caught.value.code() is grpc.StatusCode.INTERNAL
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await raw(einstein, name, b"")
        assert caught.value.code() is grpc.StatusCode.UNKNOWN
        assert len((await search(einstein, "FindUsers", "")).users) == 4


async def test_rubbish(einstein):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await raw(einstein, "FindUsers", b"\x12\xff\xff")
    assert caught.value.code() is grpc.StatusCode.INTERNAL


async def test_a_search_needs_a_token(einstein):
    einstein.token = "rubbish"
    with pytest.raises(grpc.aio.AioRpcError):
        await search(einstein, "FindUsers", "marie")


async def test_one_user(einstein, site):
    marie = await site.client("marie")
    asked = user_api.GetUserRequest(user_id={"opaque_id": einstein.user})
    mine = (await einstein.call("GetUser", asked)).user
    assert (mine.mail, list(mine.groups)) == ("albert@alpine.example", ["physics"])
    told = (await marie.call("GetUser", asked)).user
    assert (told.display_name, told.mail, list(told.groups)) == ("Albert", "", [])
    for claim, value in (("username", "einstein"), ("mail", mine.mail), ("userid", einstein.user)):
        asked = user_api.GetUserByClaimRequest(claim=claim, value=value)
        assert (await marie.call("GetUserByClaim", asked)).user == told
    for claim, value in (("username", "nobody"), ("mail", ""), ("shoe size", "43")):
        asked = user_api.GetUserByClaimRequest(claim=claim, value=value)
        assert code(await marie.call("GetUserByClaim", asked)) == "NOT_FOUND"
    asked = user_api.GetUserGroupsRequest(user_id=people.UserId(opaque_id=einstein.user))
    assert list((await einstein.call("GetUserGroups", asked)).groups) == ["physics"]
    assert not (await marie.call("GetUserGroups", asked)).groups


async def test_one_group(einstein, site):
    marie = await site.client("marie")
    physics = groups.GroupId(opaque_id="physics")
    reply = await marie.call("GetGroup", group_api.GetGroupRequest(group_id=physics))
    assert (reply.group.display_name, len(reply.group.members)) == ("physics", 1)
    asked = group_api.GetGroupRequest(group_id=physics, skip_fetching_members=True)
    assert not (await marie.call("GetGroup", asked)).group.members
    members = await marie.call("GetMembers", group_api.GetMembersRequest(group_id=physics))
    assert [one.opaque_id for one in members.members] == [einstein.user]
    for client, expected in ((einstein, True), (marie, False)):
        asked = group_api.HasMemberRequest(group_id=physics, user_id={"opaque_id": client.user})
        assert (await marie.call("HasMember", asked)).ok == expected
    nobody = groups.GroupId(opaque_id="chess")
    for name, asked in (
        ("GetGroup", group_api.GetGroupRequest(group_id=nobody)),
        ("GetMembers", group_api.GetMembersRequest(group_id=nobody)),
        ("HasMember", group_api.HasMemberRequest(group_id=nobody)),
        ("GetGroupByClaim", group_api.GetGroupByClaimRequest(claim="group_name", value="chess")),
    ):
        assert code(await marie.call(name, asked)) == "NOT_FOUND"


async def test_somebody_who_came_later(einstein, site):
    add_user(site.data, "zoe", PASSWORD, display="Zoë Ångström")
    assert [user.username for user in (await search(einstein, "FindUsers", "ZOË")).users] == ["zoe"]
