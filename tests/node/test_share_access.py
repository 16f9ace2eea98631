"""What a receiver may do with what is shared, what he is told of it, and what he never gets."""

import asyncio

import pytest
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import resources_pb2 as resources
from cs3.storage.provider.v1beta1 import spaces_api_pb2 as spaces

from .conftest import code
from .sharing import accept, answer, below, enter, received, remove, share, stat, with_user
from .test_history import recycle
from .test_notes import lock
from .test_shares import change
from .test_spaces import every_write

VIRTUAL = "a0ca6a90-a365-4782-871e-d44447bbc668"


@pytest.fixture
async def marie(site):
    return await site.client("marie")


@pytest.fixture
async def docs(einstein):
    """A folder to share, and something beside it that nobody else is to see."""
    await einstein.mkdir("docs")
    await einstein.mkdir("docs/sub")
    await einstein.put("docs/f", b"first")
    await einstein.put("docs/f", b"second")
    await einstein.put("docs/sub/g", b"below")
    await einstein.put("private", b"private")
    return einstein


async def given(docs, client, path="docs", role="editor", life=None):
    """A share of it that ``client`` has accepted, and has as the space "shared"."""
    made = await share(docs, path, with_user(client), role, life=life)
    await accept(client, made)
    return made


async def test_a_viewer_reads_and_changes_nothing(docs, marie):
    await given(docs, marie, role="viewer")
    assert await marie.get("f", "shared") == b"second"
    assert await marie.get("sub/g", "shared") == b"below"
    assert set(await marie.ls("", "shared")) == {"f", "sub"}
    assert not (await marie.info("f", "shared")).permission_set.initiate_file_upload
    answers = await every_write(marie, "shared")
    assert set(answers.values()) == {"PERMISSION_DENIED"}, answers
    assert await docs.get("docs/f") == b"second"
    assert set(await docs.ls("docs")) == {"f", "sub"}


async def test_an_editor_changes_everything_below(docs, marie, flavour):
    await given(docs, marie)
    assert await marie.put("f", b"third", "shared") == 200
    assert await docs.get("docs/f") == b"third"
    assert await marie.mkdir("new", "shared") == "OK"
    assert await marie.touch("new/t", "shared") == "OK"
    assert await marie.move("new/t", "sub/t", "shared") == "OK"
    assert await marie.put("new/p", b"p", "shared") == 200
    assert await docs.get("docs/new/p") == b"p"
    assert await marie.delete("sub", "shared") == "OK"
    (item,) = await recycle(docs)
    assert item.ref.path.endswith("docs/sub"), "in the bin of the owner"
    info = await marie.info("f", "shared")
    assert info.owner.opaque_id == docs.user
    if flavour == "spaces":
        ref = marie.ref("f", "shared")
        assert (
            code(await marie.call("SetLock", provider.SetLockRequest(ref=ref, lock=lock()))) == "OK"
        )
        assert (await docs.info("docs/f")).lock.lock_id == lock().lock_id
        assert await docs.put("docs/f", b"no") == "LOCKED"


async def test_versions(docs, marie, flavour):
    await given(docs, marie)
    reply = await marie.call(
        "ListFileVersions", provider.ListFileVersionsRequest(ref=marie.ref("f", "shared"))
    )
    (old,) = reply.versions
    assert old.size == len(b"first")
    key = old.key if flavour == "spaces" else f"v{old.key}"
    request = provider.RestoreFileVersionRequest(ref=marie.ref("f", "shared"), key=key)
    assert code(await marie.call("RestoreFileVersion", request)) == "OK"
    assert await docs.get("docs/f") == b"first"


async def test_the_bin_and_the_quota_are_the_owners(docs, marie, site):
    await given(docs, marie)
    for name, asked in (
        ("ListRecycle", provider.ListRecycleRequest(ref=marie.ref("", "shared"))),
        ("PurgeRecycle", provider.PurgeRecycleRequest(ref=marie.ref("", "shared"))),
    ):
        assert code(await marie.call(name, asked)) == "PERMISSION_DENIED"
    poor = await site.client("poor")
    await poor.mkdir("in")
    made = await share(poor, "in", with_user(marie))
    await accept(marie, made, "poor")
    reply = await marie.call("GetQuota", provider.GetQuotaRequest(ref=marie.ref("", "poor")))
    assert reply.total_bytes == 1000
    assert await marie.put("large", b"x" * 2000, "poor") in (507, "INSUFFICIENT_STORAGE")
    assert not await poor.ls("in")


async def test_an_uploader_puts_in_and_sees_nothing(docs, marie):
    await given(docs, marie, role="uploader")
    assert await marie.put("new", b"new", "shared") == 200
    assert await docs.get("docs/new") == b"new"
    listing = provider.ListContainerRequest(ref=marie.ref("", "shared"))
    assert code(await marie.call("ListContainer", listing)) == "PERMISSION_DENIED"
    assert await marie.get("f", "shared") == "PERMISSION_DENIED"
    assert await marie.delete("f", "shared") == "PERMISSION_DENIED"


async def test_a_shared_file(docs, marie):
    made = await given(docs, marie, "docs/f")
    assert await marie.get("", "shared") == b"second"
    assert await marie.put("", b"third", "shared") == 200
    assert await docs.get("docs/f") == b"third"
    for path in ("", "../sub/g", "../../private", "x"):
        if path:
            assert code(await stat(marie, made.resource_id, path)) != "OK"


async def test_a_narrow_share_in_a_wide_one(docs, marie):
    """Rights add up on the way down, and what is shared itself stays where it is."""
    made = await share(docs, "docs", with_user(marie), "viewer")
    await accept(marie, made)
    inner = await share(docs, "docs/sub", with_user(marie), "editor")
    enter(marie, inner, "inner")
    listed = await marie.ls("", "shared")
    assert listed["sub"].permission_set.initiate_file_upload
    assert not listed["f"].permission_set.initiate_file_upload
    assert await marie.put("new", b"1", "shared") == "PERMISSION_DENIED"
    assert await marie.put("sub/new", b"1", "shared") == 200
    assert await marie.put("newer", b"1", "inner") == 200
    assert await marie.delete("sub", "shared") in ("PERMISSION_DENIED", "INTERNAL")
    assert await marie.delete("", "inner") in ("PERMISSION_DENIED", "INTERNAL")
    assert set(await docs.ls("docs")) == {"f", "sub"}


async def test_a_share_gives_nothing_of_the_whole_project(site, einstein):
    """Who may only view a project, and change one folder of it, does not empty its bin."""
    await einstein.mkdir("sub", "dimuon")
    await einstein.put("f", b"1", "dimuon")
    await einstein.delete("f", "dimuon")
    marie = await site.client("marie")
    rights = provider.StatRequest(ref=einstein.ref("sub", "dimuon"))
    info = (await einstein.call("Stat", rights)).info
    made = await share(einstein, "sub", with_user(marie), "editor", space="dimuon")
    await accept(marie, made)
    assert await marie.mkdir("new", "shared") == "OK"
    for ref in (marie.ref("", "shared"), resources.Reference(resource_id=info.id, path=".")):
        asked = provider.PurgeRecycleRequest(ref=ref)
        assert code(await marie.call("PurgeRecycle", asked)) == "PERMISSION_DENIED"
    assert len(await recycle(einstein, "dimuon")) == 1


OUTSIDE = ["..", "../private", "sub/../../private", "../docs/../private", "../.."]


@pytest.mark.parametrize("path", OUTSIDE)
async def test_no_way_leads_out(docs, marie, path):
    made = await given(docs, marie)
    ref = resources.Reference(resource_id=made.resource_id, path=path)
    for name, asked in (
        ("Stat", provider.StatRequest(ref=ref)),
        ("ListContainer", provider.ListContainerRequest(ref=ref)),
        ("CreateContainer", provider.CreateContainerRequest(ref=ref)),
        ("Delete", provider.DeleteRequest(ref=ref)),
        ("InitiateFileDownload", provider.InitiateFileDownloadRequest(ref=ref)),
        ("InitiateFileUpload", provider.InitiateFileUploadRequest(ref=ref)),
    ):
        assert code(await marie.call(name, asked)) != "OK", name
    assert set(await docs.ls()) == {"docs", "private"}


async def test_no_other_id_opens(docs, marie):
    """Ids of the owner's other files, of his home, and of what is above the share."""
    await given(docs, marie, "docs/sub")
    home = await docs.info("")
    others = [await docs.info("private"), await docs.info("docs"), home, await docs.info("docs/f")]
    for info in others:
        for path in ("", ".", "./private", "./docs/f"):
            ref = resources.Reference(resource_id=info.id, path=path)
            reply = await marie.call("Stat", provider.StatRequest(ref=ref))
            assert code(reply) == "NOT_FOUND", (info.path, path)
            started = await marie.start_download("", ref=ref)
            assert code(started) == "NOT_FOUND"
    ref = resources.Reference(resource_id=home.id, path="./docs/sub/g")
    assert code(await marie.call("Stat", provider.StatRequest(ref=ref))) == "OK", (
        "it is in the share"
    )
    for path in (f"/users/{docs.user}/private", "/users/einstein/private", "/users/einstein"):
        ref = resources.Reference(path=path)
        assert code(await marie.call("Stat", provider.StatRequest(ref=ref))) == "NOT_FOUND"


async def test_moves_out_of_the_share(docs, marie, flavour):
    await given(docs, marie)
    source = marie.ref("f", "shared")
    for target, expected in (
        (marie.ref("f"), "UNIMPLEMENTED"),
        (docs.ref("stolen") if flavour == "spaces" else None, "NOT_FOUND"),
    ):
        if target is not None:
            asked = provider.MoveRequest(source=source, destination=target)
            assert code(await marie.call("Move", asked)) == expected
    await marie.put("mine", b"1")
    asked = provider.MoveRequest(source=marie.ref("mine"), destination=marie.ref("mine", "shared"))
    assert code(await marie.call("Move", asked)) == "UNIMPLEMENTED"
    other = await share(docs, "private", with_user(marie))
    asked = provider.MoveRequest(
        source=below(other.resource_id), destination=marie.ref("p", "shared")
    )
    assert code(await marie.call("Move", asked)) in ("UNIMPLEMENTED", "PERMISSION_DENIED")
    assert set(await docs.ls()) == {"docs", "private"}


async def test_what_a_receiver_is_told(docs, marie, flavour):
    made = await given(docs, marie, "docs/sub")
    top = (await stat(marie, made.resource_id)).info
    assert top.id == made.resource_id
    assert not top.parent_id.opaque_id
    assert top.owner.opaque_id == docs.user
    g = (await marie.ls("", "shared"))["g"]
    assert g.id == (await docs.info("docs/sub/g")).id
    assert "docs" not in g.path
    if flavour == "spaces":
        assert g.parent_id.opaque_id == made.resource_id.opaque_id
        asked = provider.GetPathRequest(resource_id=g.id)
        assert (await marie.call("GetPath", asked)).path == "/sub/g"


async def expire(docs, marie, made, flavour):
    assert code(await docs.call("UpdateShare", change(made, flavour, life=-5))) == "OK"


async def withdraw(docs, marie, made, flavour):
    assert code(await remove(docs, made)) == "OK"


async def weaken(docs, marie, made, flavour):
    assert code(await docs.call("UpdateShare", change(made, flavour, "none"))) == "OK"


@pytest.mark.parametrize("end", [expire, withdraw, weaken])
async def test_transfers_that_were_allowed_before(docs, marie, flavour, end):
    """The token of a transfer opens nothing that its user may not do when he uses it."""
    made = await given(docs, marie)
    down = await marie.start_download("f", "shared")
    up = await marie.start_upload("f", 5, "shared")
    new = await marie.start_upload("new", 5, "shared")
    tus = await marie.start_upload("tus", 5, "shared")
    assert {code(one) for one in (down, up, new, tus)} == {"OK"}
    await end(docs, marie, made, flavour)
    assert (await marie.fetch(down))[0] in (403, 404)
    assert (await marie.send(up, b"wrong"))[0] in (403, 404)
    assert (await marie.send(new, b"wrong"))[0] in (403, 404)
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": "0",
        "Content-Type": "application/offset+octet-stream",
    }
    (protocol,) = [one for one in tus.protocols if one.protocol == "tus"]
    async with marie.web.patch(
        protocol.upload_endpoint, data=b"wrong", headers=marie.headers(protocol, **headers)
    ) as reply:
        assert reply.status in (403, 404)
    assert await docs.get("docs/f") == b"second"
    assert set(await docs.ls("docs")) == {"f", "sub"}


async def test_an_upload_to_a_shared_file_that_was_moved_away(docs, marie):
    """Its old name is no business of the receiver."""
    await given(docs, marie, "docs/f")
    up = await marie.start_upload("", 5, "shared")
    assert await docs.move("docs/f", "docs/sub/f") == "OK"
    assert (await marie.send(up, b"wrong"))[0] in (403, 404)
    assert set(await docs.ls("docs")) == {"sub"}


async def test_sharing_ends_while_many_read(docs, marie):
    made = await given(docs, marie, role="viewer")
    reads = [asyncio.create_task(marie.get("f", "shared")) for _ in range(20)]
    await remove(docs, made)
    for content in await asyncio.gather(*reads):
        assert content in (b"second", "NOT_FOUND", 404, 403)
    assert await marie.get("f", "shared") == "NOT_FOUND"


FILTER = spaces.ListStorageSpacesRequest.Filter
MOUNTS = spaces.ListStorageSpacesRequest(
    filters=[FILTER(type=FILTER.TYPE_SPACE_TYPE, space_type="mountpoint")]
)


async def mounts(client):
    return (await client.call("ListStorageSpaces", MOUNTS)).storage_spaces


async def two(spaces_site):
    einstein, marie = await spaces_site.client(), await spaces_site.client("marie")
    await einstein.mkdir("docs")
    await einstein.put("docs/f", b"content")
    return einstein, marie, await share(einstein, "docs", with_user(marie))


async def test_mounts(spaces_site):
    """Accepted shares are spaces; only the mount has an id of its own."""
    einstein, marie, made = await two(spaces_site)
    assert not await mounts(marie)
    await accept(marie, made)
    (space,) = await mounts(marie)
    assert (space.name, space.root.space_id, space.root.opaque_id) == (
        "docs",
        VIRTUAL,
        made.id.opaque_id,
    )
    assert space.owner.id.opaque_id == einstein.user
    marie.roots["mount"] = space.root
    assert (await marie.info("", "mount")).id == space.root
    assert (await marie.info("f", "mount")).id == (await einstein.info("docs/f")).id
    assert await marie.get("f", "mount") == b"content"
    root = resources.ResourceId(storage_id=VIRTUAL, space_id=VIRTUAL, opaque_id=VIRTUAL)
    marie.roots["all"] = root
    assert {name: info.id for name, info in (await marie.ls("", "all")).items()} == {
        "docs": space.root
    }
    assert await marie.get("docs/f", "all") == b"content"
    assert (await marie.info("", "all")).name == "Shares"
    path = resources.Reference(path=f"/users/{marie.user}/Shares/docs/f")
    assert (await marie.call("Stat", provider.StatRequest(ref=path))).info.path == path.path
    assert await marie.mkdir("new", "all") == "NOT_FOUND"
    path = resources.Reference(path=f"/users/{marie.user}/Shares/docs/f")
    assert code(await einstein.call("Stat", provider.StatRequest(ref=path))) == "NOT_FOUND"
    assert not await mounts(einstein)


async def test_deleting_a_mount_leaves_the_share(spaces_site):
    """Real sites delete the folder of the owner (facts/opencloud.md §3.2). Ours never does."""
    einstein, marie, made = await two(spaces_site)
    await accept(marie, made)
    (space,) = await mounts(marie)
    marie.roots["mount"] = space.root
    assert await marie.move("", "elsewhere", "mount") != "OK"
    assert await marie.delete("", "mount") == "OK"
    assert not await mounts(marie)
    assert [one.state for one in await received(marie)] == [3]
    assert await einstein.get("docs/f") == b"content"
    assert not await recycle(einstein)
    assert await marie.delete("", "mount") == "NOT_FOUND"


async def test_names_of_mounts(spaces_site):
    einstein, marie, made = await two(spaces_site)
    stranger = await spaces_site.client("stranger")
    await stranger.mkdir("docs")
    other = await share(stranger, "docs", with_user(marie))
    await accept(marie, made)
    assert (await accept(marie, other)).mount_point.path == "docs (1)"
    reply = await answer(marie, other, mount_point=resources.Reference(path="hers"))
    assert reply.share.mount_point.path == "hers"
    reply = await answer(marie, other, mount_point=resources.Reference(path="docs"))
    assert reply.share.mount_point.path == "docs (1)"
    assert {space.name for space in await mounts(marie)} == {"docs", "docs (1)"}
    await einstein.move("docs", "renamed")
    assert {space.name for space in await mounts(marie)} == {"docs", "docs (1)"}, "it is private"
    assert await marie.ls("", "shared") is not None
