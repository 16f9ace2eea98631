"""Shares with users and groups of a site: who may give them, how they are told, how they end."""

import json
import time

import grpc
import pytest
from cs3.sharing.collaboration.v1beta1 import collaboration_api_pb2 as api
from cs3.sharing.collaboration.v1beta1 import resources_pb2 as messages
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import resources_pb2 as resources
from google.protobuf.field_mask_pb2 import FieldMask

from jupyter_mesh.node import check
from jupyter_mesh.node.index import Index
from jupyter_mesh.node.ocm.settings import FederationSettings

from .conftest import code, opaque
from .sharing import (
    accept,
    answer,
    booleans,
    given,
    received,
    remove,
    request,
    share,
    stat,
    with_group,
    with_user,
)
from .test_history import purge, recycle, restore


@pytest.fixture
async def marie(site):
    return await site.client("marie")


async def outcome(call):
    """The CS3 code of an answer, or the name of the gRPC error."""
    try:
        return code(await call)
    except grpc.aio.AioRpcError as error:
        return f"gRPC {error.code().name}"


def by_flavour(flavour, spaces, paths):
    return spaces if flavour == "spaces" else paths


async def test_a_share_is_told_to_both_sides(einstein, marie, flavour):
    await einstein.mkdir("docs")
    await einstein.put("docs/f", b"content")
    made = await share(einstein, "docs", with_user(marie), "viewer")
    info = await einstein.info("docs")
    assert made.resource_id == info.id
    assert (made.owner.opaque_id, made.creator.opaque_id) == (einstein.user, einstein.user)
    assert made.grantee.user_id.opaque_id == marie.user
    assert made.ctime.seconds
    assert not made.permissions.permissions.initiate_file_upload
    assert await given(einstein) == [made]
    (mine,) = await received(marie)
    assert mine.share == made
    assert mine.state == by_flavour(
        flavour, messages.SHARE_STATE_PENDING, messages.SHARE_STATE_ACCEPTED
    )
    assert not mine.mount_point.path
    assert not await received(einstein)
    assert not await given(marie)
    await accept(marie, made)
    assert code(await stat(marie, made.resource_id, "f")) == "OK"
    assert code(await remove(einstein, made)) == "OK"
    assert code(await stat(marie, made.resource_id, "f")) == "NOT_FOUND"
    assert not await received(marie)


async def test_what_is_kept_of_the_booleans(einstein, marie, flavour):
    await einstein.mkdir("docs")
    for role in ("viewer", "editor", "uploader", "none"):
        made = await share(einstein, "docs", with_user(marie), role)
        allowed = made.permissions.permissions
        assert allowed.initiate_file_download == (role in ("viewer", "editor"))
        assert allowed.initiate_file_upload == (role in ("editor", "uploader"))
        assert not allowed.add_grant
        if flavour == "spaces":
            assert allowed == booleans(role)
        await remove(einstein, made)


CREATED = {
    "again": ("ALREADY_EXISTS", "gRPC UNKNOWN"),
    "with oneself": ("INVALID_ARGUMENT", "gRPC UNKNOWN"),
    "with nobody of that id": ("OK", "OK"),
    "a resource that is gone": ("NOT_FOUND", "NOT_FOUND"),
    "a resource of somebody else": ("NOT_FOUND", "NOT_FOUND"),
    "all of one's home": ("PERMISSION_DENIED", "PERMISSION_DENIED"),
    "something received": ("PERMISSION_DENIED", "PERMISSION_DENIED"),
    "no grantee": ("INVALID_ARGUMENT", "INTERNAL"),
}


@pytest.mark.parametrize("case", CREATED)
async def test_creating(einstein, marie, flavour, case):
    await einstein.mkdir("docs")
    await einstein.put("docs/f", b"1")
    await marie.mkdir("hers")
    docs, hers = await einstein.info("docs"), await marie.info("hers")
    made = await share(einstein, "docs", with_user(marie), "editor")
    await accept(marie, made)
    caller, asked = einstein, request(docs, with_user(marie))
    if case == "with oneself":
        asked = request(docs, with_user(einstein))
    elif case == "with nobody of that id":
        asked = request(docs, with_user("b7f4c1f0-nobody"))
    elif case == "a resource that is gone":
        gone = await einstein.info("docs/f")
        await einstein.delete("docs/f")
        asked = request(gone, with_user(marie))
    elif case == "a resource of somebody else":
        asked = request(hers, with_user("somebody"))
    elif case == "all of one's home":
        asked = request(await einstein.info(""), with_user(marie))
    elif case == "something received":
        caller, asked = marie, request(docs, with_user("somebody"))
    elif case == "no grantee":
        asked = request(docs, resources.Grantee())
    assert await outcome(caller.call("CreateShare", asked)) == by_flavour(flavour, *CREATED[case])


async def test_a_share_of_a_folder_above_or_below(paths_site):
    einstein, marie = await paths_site.client(), await paths_site.client("marie")
    await einstein.mkdir("docs")
    await einstein.mkdir("docs/sub")
    above = await share(einstein, "docs", with_user(marie), "editor")
    reply = await einstein.call(
        "CreateShare", request(await einstein.info("docs/sub"), with_user(marie), "viewer")
    )
    assert code(reply) == "ABORTED"
    told = json.loads(reply.status.message)
    assert (told["error_type"], told["can_force"]) == ("parent_conflict", False)
    assert [one["id"] for one in told["conflicting_shares"]] == [above.id.opaque_id]
    assert told["conflicting_shares"][0]["path"] == "/home/docs"
    await remove(einstein, above)
    below = await share(einstein, "docs/sub", with_user(marie), "viewer")
    asked = request(await einstein.info("docs"), with_user(marie), "editor")
    reply = await einstein.call("CreateShare", asked)
    told = json.loads(reply.status.message)
    assert (told["error_type"], told["can_force"]) == ("child_conflict", True)
    assert told["conflicting_shares"][0]["id"] == below.id.opaque_id
    asked.opaque.CopyFrom(opaque(force="true"))
    assert code(await einstein.call("CreateShare", asked)) == "OK"
    assert [one.resource_id for one in await given(einstein)] == [(await einstein.info("docs")).id]


async def test_shares_that_are_not_ones_own(einstein, marie, site, flavour):
    await einstein.mkdir("docs")
    made = await share(einstein, "docs", with_user(marie))
    unknown = messages.Share(id={"opaque_id": "4711"})
    missing = by_flavour(flavour, "NOT_FOUND", "gRPC UNKNOWN")
    stranger = await site.client("stranger")
    for client, one in ((stranger, made), (einstein, unknown)):
        ref = messages.ShareReference(id=one.id)
        assert await outcome(client.call("GetShare", api.GetShareRequest(ref=ref))) == missing
        assert await outcome(remove(client, one)) == by_flavour(flavour, "INTERNAL", missing)
        assert await outcome(client.call("UpdateShare", change(one, flavour, "viewer"))) == missing
    assert await outcome(marie.call("UpdateShare", change(made, flavour, "editor"))) == missing
    assert await outcome(remove(marie, made)) == by_flavour(flavour, "INTERNAL", missing)
    assert await given(einstein) == [made]


def change(made, flavour, role=None, life=None, form=""):
    """UpdateShare in the form that a flavour understands, or in the one named."""
    allowed = messages.SharePermissions(permissions=booleans(role)) if role else None
    expires = None if life is None else {"seconds": int(time.time() + life)}
    if (form or flavour) == "spaces":
        named = messages.Share(id=made.id, permissions=allowed, expiration=expires)
        mask = FieldMask(paths=["permissions" if role else "expiration"])
        return api.UpdateShareRequest(share=named, update_mask=mask)
    field = api.UpdateShareRequest.UpdateField(permissions=allowed, expiration=expires)
    return api.UpdateShareRequest(ref=messages.ShareReference(id=made.id), field=field)


async def test_updating(einstein, marie, flavour):
    await einstein.mkdir("docs")
    made = await share(einstein, "docs", with_user(marie), "viewer")
    await accept(marie, made)
    assert await marie.mkdir("new", "shared") == "PERMISSION_DENIED"
    reply = await einstein.call("UpdateShare", change(made, flavour, "editor"))
    assert reply.share.permissions.permissions.initiate_file_upload
    assert await marie.mkdir("new", "shared") == "OK"
    reply = await einstein.call("UpdateShare", change(made, flavour, life=3600))
    assert reply.share.expiration.seconds > time.time()
    other = "paths" if flavour == "spaces" else "spaces"
    wrong = change(made, flavour, "viewer", form=other)
    assert await outcome(einstein.call("UpdateShare", wrong)) == "INTERNAL"
    assert await marie.mkdir("newer", "shared") == "OK"
    await einstein.call("UpdateShare", change(made, flavour, life=-5))
    assert code(await stat(marie, made.resource_id)) == "NOT_FOUND"
    assert not await given(einstein)
    again = await share(einstein, "docs", with_user(marie), "viewer")
    assert again.id != made.id


async def test_what_receivers_make_of_a_share(einstein, marie, flavour):
    await einstein.mkdir("docs")
    made = await share(einstein, "docs", with_user(marie))
    reply = await answer(marie, made, state=messages.SHARE_STATE_REJECTED)
    assert reply.share.state == messages.SHARE_STATE_REJECTED
    reply = await answer(marie, made, hidden=True)
    assert (reply.share.hidden, reply.share.state) == (True, messages.SHARE_STATE_REJECTED)
    reply = await answer(marie, made, state=messages.SHARE_STATE_ACCEPTED)
    assert reply.share.mount_point.path == by_flavour(flavour, "docs", "")
    reply = await marie.call(
        "GetReceivedShare", api.GetReceivedShareRequest(ref=messages.ShareReference(id=made.id))
    )
    assert reply.share == (await received(marie))[0]
    assert set(await einstein.ls()) == {"docs"}, "nothing of it touches the folder"


ANSWERED = {
    "unknown id": ("NOT_FOUND", "INTERNAL"),
    "of somebody else": ("NOT_FOUND", "INTERNAL"),
    "unknown field": ("INVALID_ARGUMENT", "INTERNAL"),
    "no field": ("INVALID_ARGUMENT", "INTERNAL"),
    "no id": ("INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    "no state": ("INVALID_ARGUMENT", "INTERNAL"),
    "a way elsewhere": ("INVALID_ARGUMENT", "INTERNAL"),
}


@pytest.mark.parametrize("case", ANSWERED)
async def test_answering(einstein, marie, site, flavour, case):
    await einstein.mkdir("docs")
    made = await share(einstein, "docs", with_user(marie))
    client = await site.client("stranger") if case == "of somebody else" else marie
    one = {"unknown id": "4711", "no id": ""}.get(case, made.id.opaque_id)
    fields = {"unknown field": ["alias"], "no field": [], "a way elsewhere": ["mount_point"]}
    state = 0 if case == "no state" else messages.SHARE_STATE_ACCEPTED
    wish = messages.ReceivedShare(
        share={"id": {"opaque_id": one}}, state=state, mount_point={"path": "../x"}
    )
    asked = api.UpdateReceivedShareRequest(
        share=wish, update_mask=FieldMask(paths=fields.get(case, ["state"]))
    )
    assert await outcome(client.call("UpdateReceivedShare", asked)) == by_flavour(
        flavour, *ANSWERED[case]
    )


async def test_a_group(site, einstein):
    """Membership counts when something is done, and every member answers for himself."""
    albert, marie = einstein, await site.client("marie")
    await marie.mkdir("docs")
    await marie.put("docs/f", b"1")
    made = await share(marie, "docs", with_group("physics"), "viewer")
    assert made.grantee.group_id.opaque_id == "physics"
    stranger = await site.client("stranger")
    assert not await received(stranger)
    assert code(await stat(stranger, made.resource_id)) == "NOT_FOUND"
    assert [one.share for one in await received(albert)] == [made]
    with Index(site.data) as index, index.change():
        index.run("INSERT INTO memberships VALUES (?, 'physics')", stranger.user)
    assert code(await stat(stranger, made.resource_id, "f")) == "OK"
    await answer(stranger, made, state=messages.SHARE_STATE_REJECTED)
    assert (await received(stranger))[0].state == messages.SHARE_STATE_REJECTED
    assert (await received(albert))[0].state != messages.SHARE_STATE_REJECTED
    with Index(site.data) as index, index.change():
        index.run("DELETE FROM memberships WHERE user = ?", albert.user)
    assert code(await stat(albert, made.resource_id, "f")) == "NOT_FOUND"
    assert not await received(albert)


FILTER = messages.Filter


async def test_filters(site, einstein, marie):
    stranger = await site.client("stranger")
    for name in ("a", "b"):
        await einstein.mkdir(name)
    to_marie = await share(einstein, "a", with_user(marie))
    to_group = await share(einstein, "a", with_group("physics"))
    to_stranger = await share(einstein, "b", with_user(stranger))
    everything = [to_marie, to_group, to_stranger]
    a = (await einstein.info("a")).id

    async def found(*filters):
        return [everything.index(one) for one in await given(einstein, *filters)]

    assert await found() == [0, 1, 2]
    assert await found(FILTER(type=FILTER.TYPE_RESOURCE_ID, resource_id=a)) == [0, 1]
    by_group = FILTER(type=FILTER.TYPE_GRANTEE_TYPE, grantee_type=resources.GRANTEE_TYPE_GROUP)
    assert await found(by_group) == [1]
    assert await found(FILTER(type=FILTER.TYPE_GRANTEE, grantee=with_user(marie))) == [0]
    mine = FILTER(type=FILTER.TYPE_CREATOR, creator={"opaque_id": einstein.user})
    hers = FILTER(type=FILTER.TYPE_OWNER, owner={"opaque_id": marie.user})
    assert await found(mine) == [0, 1, 2]
    assert await found(mine, hers) == []
    both = [FILTER(type=FILTER.TYPE_GRANTEE, grantee=with_user(one)) for one in (marie, stranger)]
    assert await found(*both) == [0, 2]
    pending = FILTER(type=FILTER.TYPE_STATE, state=messages.SHARE_STATE_REJECTED)
    assert not await received(marie, filters=[pending])
    await answer(marie, to_marie, state=messages.SHARE_STATE_REJECTED)
    assert len(await received(marie, filters=[pending])) == 1


async def test_pages(einstein, marie, flavour):
    for count in range(5):
        await einstein.mkdir(f"d{count}")
        await share(einstein, f"d{count}", with_user(marie))
    for client, name, asked in (
        (einstein, "ListShares", api.ListSharesRequest(page_size=2)),
        (marie, "ListReceivedShares", api.ListReceivedSharesRequest(page_size=2)),
    ):
        sizes, seen = [], set()
        while True:
            reply = await client.call(name, asked)
            sizes.append(len(reply.shares))
            seen |= {getattr(one, "share", one).id.opaque_id for one in reply.shares}
            if not reply.next_page_token:
                break
            asked.page_token = reply.next_page_token
        assert (sizes, len(seen)) == ([2, 2, 1], 5)
        asked.page_token = "rubbish"
        assert code(await client.call(name, asked)) == by_flavour(
            flavour, "INVALID_ARGUMENT", "INTERNAL"
        )


async def test_lists_with_resources(einstein, marie, flavour):
    await einstein.mkdir("docs")
    await einstein.put("docs/f", b"12345")
    made = await share(einstein, "docs/f", with_user(marie), "viewer")
    for client, name, asked in (
        (einstein, "ListExistingShares", api.ListSharesRequest()),
        (marie, "ListExistingReceivedShares", api.ListReceivedSharesRequest()),
    ):
        if flavour == "spaces":
            assert await outcome(client.call(name, asked)) == "gRPC UNKNOWN"
            continue
        (one,) = (await client.call(name, asked)).share_infos
        assert (one.resource_info.id, one.resource_info.size) == (made.resource_id, 5)
        ref = resources.Reference(path=one.resource_info.path)
        by_path = await client.call("Stat", provider.StatRequest(ref=ref))
        assert by_path.info.id == made.resource_id


async def test_a_share_follows_its_entry(einstein, marie, flavour):
    """Through renames, moves, the bin and back; a file as well as a folder."""
    await einstein.mkdir("a")
    await einstein.mkdir("b")
    await einstein.put("a/f", b"content")
    await share(einstein, "a/f", with_user(marie))
    assert await einstein.move("a/f", "b/g") == "OK"

    async def told():
        (one,) = await received(marie)
        assert one.share.resource_id == (await einstein.info("b/g")).id
        return one.share

    assert code(await stat(marie, (await told()).resource_id)) == "OK"
    assert await einstein.move("b", "c") == "OK"
    assert await einstein.move("c", "b") == "OK"
    made = await told()
    assert await einstein.delete("b") == "OK"
    assert not await received(marie)
    assert not await given(einstein)
    assert code(await stat(marie, made.resource_id)) == "NOT_FOUND"
    (item,) = await recycle(einstein)
    assert await restore(einstein, item.key, "b") == "OK"
    assert code(await stat(marie, (await told()).resource_id)) == "OK"


async def test_shares_survive_a_restart(start, flavour):
    settings = FederationSettings(public_url="https://alpine.example")
    site = await start(flavour, federation=settings)
    einstein, marie = await site.client(), await site.client("marie")
    await einstein.mkdir("docs")
    made = await share(einstein, "docs", with_user(marie), life=3600)
    await accept(marie, made)
    before = await received(marie)
    await site.stack.aclose()
    assert check(site.data) == []
    again = await start(flavour, federation=settings)
    assert await received(await again.client("marie")) == before
    assert await given(await again.client()) == [made]
    await again.stack.aclose()
    with Index(site.data) as index, index.change():
        index.run("UPDATE shares SET node = 'elsewhere' WHERE id = ?", made.id.opaque_id)
    assert check(site.data)


async def test_many_shares_are_listed_at_once(site, einstein, marie, flavour):
    """A thousand, without a question per share: counted in statements of the database."""
    await einstein.mkdir("docs")
    with Index(site.data) as index, index.change():
        root = index.row("SELECT * FROM nodes WHERE name = 'docs'")
        for count in range(1000):
            (site.home / "docs" / f"d{count}").mkdir()
    await einstein.ls("docs")
    with Index(site.data) as index, index.change():
        index.run(
            "INSERT INTO shares SELECT 'share-' || name, id, 1, ?, 'stat list_container', ?, 1, 1, 0, '' "
            "FROM nodes WHERE parent = ?",
            marie.user,
            einstein.user,
            root["id"],
        )
    database = einstein.node._site.index
    for client, name, asked in (
        (einstein, "ListShares", api.ListSharesRequest()),
        (marie, "ListReceivedShares", api.ListReceivedSharesRequest()),
    ):
        statements = []
        database._db.set_trace_callback(statements.append)
        began = time.monotonic()
        reply = await client.call(name, asked)
        took = time.monotonic() - began
        database._db.set_trace_callback(None)
        assert len(reply.shares) == 1000
        assert len(statements) < 15
        assert took < 5


async def test_members_of_a_project(site, einstein, flavour):
    """A share of the root of a project makes a member, and is told to who asks for that root."""
    stranger = await site.client("stranger")
    root = await einstein.info("", "dimuon")
    at_root = FILTER(type=FILTER.TYPE_RESOURCE_ID, resource_id=root.id)
    before = await given(einstein, at_root)
    assert len(before) == 2
    made = await share(einstein, "", with_user(stranger), "editor", space="dimuon")
    assert {one.id.opaque_id for one in await given(einstein, at_root)} >= {made.id.opaque_id}
    assert not await given(einstein), "members are no shares of something inside"
    assert not await received(stranger)
    assert "dimuon" in [space.name for space in await stranger.spaces()]
    stranger.roots["dimuon"] = einstein.roots["dimuon"]
    assert await stranger.put("f", b"1", "dimuon") == 200
    refused = await outcome(
        stranger.call("CreateShare", request(root, with_user("somebody"), "viewer"))
    )
    assert refused == "PERMISSION_DENIED", "editors add no members"
    assert code(await remove(einstein, made)) == "OK"
    assert code(await stranger.stat("f", "dimuon")) == "NOT_FOUND"
    (owner,) = [one for one in before if one.grantee.user_id.opaque_id == einstein.user]
    assert await outcome(remove(einstein, owner)) == "PERMISSION_DENIED", "the last manager stays"


async def test_nothing_without_scope(site, einstein, marie):
    """An app password for nothing sees no shares and makes none."""
    await einstein.mkdir("docs")
    await share(einstein, "docs", with_user(marie))
    info = await einstein.info("docs")
    einstein.token = einstein.node._site.tokens.access(einstein.user, scope=False)
    assert await given(einstein) == []
    marie.token = marie.node._site.tokens.access(marie.user, scope=False)
    assert await received(marie) == []
    assert code(await einstein.call("CreateShare", request(info, with_user("x")))) == "NOT_FOUND"


async def test_a_share_by_its_key(einstein, marie):
    """A share is found by what it shares with whom, too."""
    await einstein.mkdir("docs")
    made = await share(einstein, "docs", with_user(marie))
    key = messages.ShareKey(
        owner=made.owner, resource_id=made.resource_id, grantee=with_user(marie)
    )
    ref = messages.ShareReference(key=key)
    reply = await einstein.call("GetShare", api.GetShareRequest(ref=ref))
    assert reply.share == made
    assert code(await einstein.call("RemoveShare", api.RemoveShareRequest(ref=ref))) == "OK"


async def test_members_of_a_site_from_before_shares(start, data):
    """The data folder of an earlier version: whoever was in a project is in it, with the same role."""
    with Index(data) as index, index.change():
        space = index.value("SELECT id FROM spaces WHERE name = 'dimuon'")
        users = dict(index.tuples("SELECT name, id FROM users"))
        for table in ("answers", "shares", "links"):
            index.run(f"DROP TABLE {table}")
        index.run("DROP TRIGGER shares_end")
        index.run("ALTER TABLE received DROP COLUMN lost")
        index.run("CREATE TABLE members (space TEXT, grantee TEXT, role TEXT)")
        for grantee, role in ((users["einstein"], "OWNER"), (users["marie"], "VIEWER")):
            index.run("INSERT INTO members VALUES (?, ?, ?)", space, grantee, role)
        index.run("INSERT INTO members VALUES (?, '@physics', 'EDITOR')", space)
        index.run("PRAGMA user_version = 3")
    site = await start("spaces")
    einstein, marie = await site.client(), await site.client("marie")
    assert await einstein.put("f", b"1", "dimuon") == 200
    assert await marie.get("f", "dimuon") == b"1"
    assert await marie.put("f", b"2", "dimuon") == "PERMISSION_DENIED"
    at_root = FILTER(
        type=FILTER.TYPE_RESOURCE_ID, resource_id=(await einstein.info("", "dimuon")).id
    )
    groups = [one.grantee.group_id.opaque_id for one in await given(einstein, at_root)]
    assert sorted(groups) == ["", "", "physics"]


async def test_a_purged_entry_takes_its_shares_along(site, einstein, marie):
    await einstein.mkdir("docs")
    await einstein.mkdir("docs/sub")
    made = await share(einstein, "docs/sub", with_user(marie))
    await accept(marie, made)
    await einstein.delete("docs")
    (item,) = await recycle(einstein)
    await purge(einstein, item.key)
    with Index(site.data) as index:
        assert not index.rows("SELECT * FROM shares WHERE id = ?", made.id.opaque_id)
        assert not index.rows("SELECT * FROM answers")
    assert check(site.data) == []
