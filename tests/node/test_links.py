"""Public links over the gateway: made, changed, listed, ended, and entered by whoever has them."""

import logging
import time

import grpc
import pytest
from cs3.gateway.v1beta1 import gateway_api_pb2 as gateway
from cs3.sharing.collaboration.v1beta1 import collaboration_api_pb2 as shares
from cs3.sharing.link.v1beta1 import link_api_pb2 as api
from cs3.sharing.link.v1beta1 import resources_pb2 as messages
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import resources_pb2 as resources

from jupyter_mesh.node.rights import VIEWER
from jupyter_mesh.node.users import USER

from .conftest import Client, code
from .sharing import accept, booleans, link, share, with_user

SECRET = "Marker-Secret-1905!"
UPDATE = api.UpdatePublicShareRequest.Update
FILTER = api.ListPublicSharesRequest.Filter


@pytest.fixture
async def docs(einstein):
    await einstein.mkdir("docs")
    await einstein.put("docs/f", b"content")
    await einstein.put("private", b"private")
    return einstein


def ref(made):
    return messages.PublicShareReference(id=made.id)


async def update(client, made, **values):
    request = api.UpdatePublicShareRequest(ref=ref(made), update=UPDATE(**values))
    return await client.call("UpdatePublicShare", request)


async def listed(client, *filters):
    request = api.ListPublicSharesRequest(filters=filters)
    return (await client.call("ListPublicShares", request)).share


async def by_token(client, token, password=""):
    request = api.GetPublicShareByTokenRequest(
        token=token, authentication={"password": password} if password else None
    )
    return await client.stub.GetPublicShareByToken(request)


async def login(client, token, password=""):
    request = gateway.AuthenticateRequest(
        type="publicshares", client_id=token, client_secret=f"password|{password}"
    )
    return await client.stub.Authenticate(request)


async def visitor(client, made, password=""):
    """Somebody who came through a link."""
    reply = await login(client, made.token, password)
    assert code(reply) == "OK", reply.status.message
    return Client(
        client.node, client.stub, client.web, reply.token, "", "spaces", {"home": made.resource_id}
    )


async def test_a_link_is_told(docs, site):
    made = await link(docs, "docs", password=SECRET, life=3600, name="For the press")
    assert made.resource_id == (await docs.info("docs")).id
    assert (made.display_name, made.password_protected) == ("For the press", True)
    assert made.expiration.seconds > time.time()
    assert len(made.token) >= 20
    reply = await docs.call("ListPublicShares", api.ListPublicSharesRequest())
    assert list(reply.share) == [made]
    address = reply.opaque.map["link-address"].value.decode()
    assert address == f"http://localhost:{site.node.url.rpartition(':')[2]}/s/"
    second = await link(docs, "docs")
    assert second.token != made.token
    assert len(await listed(docs)) == 2
    at = FILTER(type=FILTER.TYPE_RESOURCE_ID, resource_id=(await docs.info("private")).id)
    assert not await listed(docs, at)
    assert not await listed(await site.client("marie"))


async def test_changes_one_by_one(docs):
    made = await link(docs, "docs")
    grant = messages.Grant(permissions={"permissions": booleans("editor")})
    reply = await update(docs, made, type=UPDATE.TYPE_PERMISSIONS, grant=grant)
    assert reply.share.permissions.permissions.create_container
    reply = await update(docs, made, type=UPDATE.TYPE_DISPLAYNAME, display_name="New")
    assert reply.share.display_name == "New"
    reply = await update(docs, made, type=UPDATE.TYPE_PASSWORD, grant={"password": SECRET})
    assert reply.share.password_protected
    soon = int(time.time()) + 60
    reply = await update(
        docs, made, type=UPDATE.TYPE_EXPIRATION, grant={"expiration": {"seconds": soon}}
    )
    assert reply.share.expiration.seconds == soon
    reply = await update(docs, made, type=UPDATE.TYPE_EXPIRATION, grant=messages.Grant())
    assert not reply.share.HasField("expiration")
    reply = await update(docs, made, type=UPDATE.TYPE_PASSWORD, grant={"password": ""})
    assert not reply.share.password_protected
    assert reply.share.token == made.token
    assert reply.share.permissions.permissions.create_container
    assert code(await update(docs, made)) in ("INVALID_ARGUMENT", "INTERNAL")


async def test_links_that_are_not_ones_own(docs, site):
    made = await link(docs, "docs")
    marie = await site.client("marie")
    assert code(await update(marie, made, type=UPDATE.TYPE_DISPLAYNAME)) == "NOT_FOUND"
    remove = api.RemovePublicShareRequest(ref=ref(made))
    assert code(await marie.call("RemovePublicShare", remove)) == "NOT_FOUND"
    got = await marie.call("GetPublicShare", api.GetPublicShareRequest(ref=ref(made)))
    assert code(got) == "NOT_FOUND"
    info = await docs.info("docs")
    asked = api.CreatePublicShareRequest(resource_info=info)
    assert code(await marie.call("CreatePublicShare", asked)) == "NOT_FOUND"
    await accept(marie, await share(docs, "docs", with_user(marie), "editor"))
    assert code(await marie.call("CreatePublicShare", asked)) == "PERMISSION_DENIED"
    home = api.CreatePublicShareRequest(resource_info=await docs.info(""))
    assert code(await docs.call("CreatePublicShare", home)) == "PERMISSION_DENIED"
    assert code(await docs.call("RemovePublicShare", remove)) == "OK"
    assert code(await docs.call("RemovePublicShare", remove)) == "NOT_FOUND"


ENTERED = {
    "no password": ("", "PERMISSION_DENIED"),
    "a wrong password": ("wrong", "PERMISSION_DENIED"),
    "the password": (SECRET, "OK"),
}


@pytest.mark.parametrize("case", ENTERED)
async def test_entering(docs, case):
    made = await link(docs, "docs", password=SECRET)
    password, expected = ENTERED[case]
    assert code(await by_token(docs, made.token, password)) == expected
    reply = await login(docs, made.token, password)
    assert code(reply) == expected
    assert not reply.user.mail


async def test_links_that_lead_nowhere(docs, flavour):
    ended = await link(docs, "docs", life=-10)
    for token in (ended.token, "no-such-token", ""):
        assert code(await by_token(docs, token)) == "NOT_FOUND"
        assert code(await login(docs, token)) == "NOT_FOUND"
    assert len(await listed(docs)) == (0 if flavour == "spaces" else 1)


async def test_a_visitor_sees_what_the_link_leads_to(docs):
    made = await link(docs, "docs")
    guest = await visitor(docs, made)
    assert set(await guest.ls()) == {"f"}
    assert await guest.get("f") == b"content"
    path = resources.Reference(path=f"/public/{made.token}/f")
    reply = await guest.call("Stat", provider.StatRequest(ref=path))
    assert (code(reply), reply.info.path) == ("OK", path.path)
    assert await guest.put("f", b"changed") == "PERMISSION_DENIED"
    for outside in (await docs.info("private"), await docs.info("")):
        away = resources.Reference(resource_id=outside.id, path=".")
        assert code(await guest.call("Stat", provider.StatRequest(ref=away))) == "NOT_FOUND"
    for path in ("/home/private", f"/users/{docs.user}/private", "/public/other/f", "/home"):
        away = resources.Reference(path=path)
        assert code(await guest.call("Stat", provider.StatRequest(ref=away))) == "NOT_FOUND"
    other = await link(docs, "private")
    away = resources.Reference(path=f"/public/{other.token}")
    assert code(await guest.call("Stat", provider.StatRequest(ref=away))) == "NOT_FOUND"


async def test_a_visitor_is_not_the_owner(docs):
    """The login names the owner, as at real sites, and does nothing in the owner's name."""
    made = await link(docs, "docs", "editor")
    guest = await visitor(docs, made)
    info = await docs.info("docs")
    for name, asked in (
        ("ListShares", shares.ListSharesRequest()),
        ("CreateShare", shares.CreateShareRequest(resource_info=info)),
        ("ListPublicShares", api.ListPublicSharesRequest()),
        ("CreatePublicShare", api.CreatePublicShareRequest(resource_info=info)),
        ("ListRecycle", provider.ListRecycleRequest(ref=docs.ref("docs"))),
        ("CreateHome", provider.CreateHomeRequest()),
        ("GetHome", provider.GetHomeRequest()),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await guest.call(name, asked)
        assert caught.value.code() in (
            grpc.StatusCode.PERMISSION_DENIED,
            grpc.StatusCode.UNAUTHENTICATED,
        ), name
    assert await guest.put("new", b"new") == 200
    assert await docs.get("docs/new") == b"new"
    assert await guest.delete("") != "OK"


async def test_a_visit_ends_with_the_link(docs):
    made = await link(docs, "docs", "editor")
    guest = await visitor(docs, made)
    down = await guest.start_download("f")
    up = await guest.start_upload("f", 5)
    await docs.call("RemovePublicShare", api.RemovePublicShareRequest(ref=ref(made)))
    assert code(await guest.stat("f")) == "NOT_FOUND"
    assert (await guest.fetch(down))[0] in (403, 404)
    assert (await guest.send(up, b"wrong"))[0] in (403, 404)
    assert await docs.get("docs/f") == b"content"


async def test_transfers_of_a_visitor_are_the_visitors(docs):
    """A token of the owner does not continue what a link began, and the other way round."""
    made = await link(docs, "docs")
    guest = await visitor(docs, made)
    theirs = await guest.start_download("f")
    mine = await docs.start_download("private")
    assert (await docs.fetch(theirs))[0] == 404
    assert (await guest.fetch(mine))[0] == 404


async def test_passwords_are_tried_ten_times(docs):
    made = await link(docs, "docs", password=SECRET)
    for _ in range(10):
        assert code(await by_token(docs, made.token, "wrong")) == "PERMISSION_DENIED"
    assert code(await by_token(docs, made.token, SECRET)) == "PERMISSION_DENIED"
    other = await link(docs, "docs", password=SECRET)
    assert code(await by_token(docs, other.token, SECRET)) == "OK"


async def test_no_secret_is_kept_or_logged(docs, site, caplog):
    caplog.set_level(logging.DEBUG)
    made = await link(docs, "docs", password=SECRET)
    await by_token(docs, made.token, SECRET)
    await login(docs, made.token, "Marker-Wrong")
    for file in (site.data / ".node").glob("index.sqlite*"):
        assert SECRET.encode() not in file.read_bytes()
    for marker in (SECRET, "Marker-Wrong", made.token):
        assert marker not in caplog.text


async def test_long_texts(docs, flavour):
    info = await docs.info("docs")
    asked = api.CreatePublicShareRequest(resource_info=info, description="x" * 501)
    assert code(await docs.call("CreatePublicShare", asked)) == (
        "INVALID_ARGUMENT" if flavour == "spaces" else "INTERNAL"
    )


async def test_a_link_gives_no_more_than_its_maker_has(einstein, site):
    """Whoever has lost a project cannot widen the links that he made while he had it."""
    await einstein.mkdir("sub", "dimuon")
    made = await link(einstein, "sub", space="dimuon")
    inside = site.node._site
    (member,) = await inside.run(
        lambda: [
            one
            for one in inside.shares.with_grantee(USER, einstein.user)
            if "remove_grant" in one.rights
        ]
    )
    wish = {"permissions": {"permissions": booleans("editor")}}
    await inside.run(lambda: inside.shares.update(member.id, rights=VIEWER))
    assert code(await update(einstein, made, type=UPDATE.TYPE_PERMISSIONS, grant=wish)) == "OK"
    kept = await inside.run(lambda: inside.links.get(made.id.opaque_id))
    assert "initiate_file_upload" not in kept.rights
    assert "initiate_file_download" in kept.rights
    await inside.run(lambda: inside.shares.remove([member.id]))
    for wanted in (UPDATE.TYPE_PERMISSIONS, UPDATE.TYPE_EXPIRATION):
        assert code(await update(einstein, made, type=wanted, grant=wish)) == "NOT_FOUND"
