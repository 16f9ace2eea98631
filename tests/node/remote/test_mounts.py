"""Files of another site through our gateway: two nodes, in all pairings of flavours."""

import asyncio
import time

import aiohttp
import pytest
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import resources_pb2 as resources
from cs3.storage.provider.v1beta1 import spaces_api_pb2 as spaces

from tests.node.conftest import code
from tests.node.remote.conftest import ALIKE, MIXED
from tests.node.remote.pairs import Remote
from tests.node.remote.test_access import NAMES


@pytest.fixture
async def folder(pair):
    """A folder of einstein's that marie, at the other site, may edit."""
    for path in ("given", "given/sub"):
        assert await pair.einstein.mkdir(path) == "OK"
    assert await pair.einstein.put("given/f.txt", b"first") == 200
    return await pair.share("given")


@pytest.mark.parametrize("pair", [*ALIKE, *MIXED], ids="-".join, indirect=True)
async def test_what_is_shared_is_seen_read_and_written(folder, pair):
    root = await folder.info("")
    assert root.type == resources.RESOURCE_TYPE_CONTAINER
    listed = await folder.ls()
    assert sorted(listed) == ["f.txt", "sub"]
    assert listed["f.txt"].size == 5
    assert listed["f.txt"].permission_set.initiate_file_upload
    assert await folder.get("f.txt") == b"first"
    assert await folder.put("f.txt", b"second") == 200
    assert await pair.einstein.get("given/f.txt") == b"second"
    assert await folder.put("sub/new", b"") == 200
    assert await folder.mkdir("sub/deep") == "OK"
    assert await folder.mkdir("sub/deep") == "ALREADY_EXISTS"
    assert await folder.touch("sub/touched") == "OK"
    assert await folder.touch("sub/touched") == "ALREADY_EXISTS"
    assert sorted(await pair.einstein.ls("given/sub")) == ["deep", "new", "touched"]
    assert await folder.move("sub/new", "moved") == "OK"
    assert await folder.delete("sub") == "OK"
    assert sorted(await folder.ls()) == ["f.txt", "moved"]
    assert await folder.delete("none") == "NOT_FOUND"
    assert code(await folder.stat("none")) == "NOT_FOUND"


async def test_what_the_owner_changes_is_seen(folder, pair):
    before = await folder.info("f.txt")
    assert await pair.einstein.put("given/f.txt", b"of the owner") == 200
    after = await folder.info("f.txt")
    assert (after.size, after.id) == (12, before.id)
    assert after.etag != before.etag
    assert await folder.get("f.txt") == b"of the owner"


async def test_etags_and_ids_stay_while_nothing_changes(folder):
    one, listed, again = await folder.info("f.txt"), await folder.ls(), await folder.info("f.txt")
    assert one.etag == listed["f.txt"].etag == again.etag
    assert one.id == listed["f.txt"].id == again.id
    assert one.mtime == listed["f.txt"].mtime


async def test_everything_told_can_be_asked_for_by_its_id(folder):
    for name, info in (await folder.ls()).items():
        by_id = resources.Reference(resource_id=info.id, path="")
        again = await folder.call("Stat", provider.StatRequest(ref=by_id))
        assert code(again) == "OK", again.status.message
        assert again.info.etag == info.etag
        path = await folder.call("GetPath", provider.GetPathRequest(resource_id=info.id))
        assert path.path.endswith("/" + name)
    below = resources.Reference(resource_id=(await folder.info("")).id, path="./f.txt")
    assert code(await folder.call("Stat", provider.StatRequest(ref=below))) == "OK"


async def test_any_name_survives(pair):
    shared = await pair.share("")
    for name in [*NAMES, " blank ", "100%", "%2e%2e", "e\u0301", "x" * 255, ".h", "..."]:
        assert await shared.put(name, name.encode()) == 200, name
        assert await shared.get(name) == name.encode()
        assert list(await shared.ls()) == [name]
        assert await pair.einstein.get(name) == name.encode()
        new = name[:200] + "2"
        assert await shared.move(name, new) == "OK"
        assert list(await pair.einstein.ls()) == [new]
        assert await shared.delete(new) == "OK"


async def test_a_shared_file_is_the_root_itself(pair):
    assert await pair.einstein.put("one.txt", b"alone") == 200
    shared = await pair.share("one.txt")
    info = await shared.info("")
    assert (info.type, info.size) == (resources.RESOURCE_TYPE_FILE, 5)
    assert await shared.get("") == b"alone"
    assert await shared.put("", b"through the mount") == 200
    assert await pair.einstein.get("one.txt") == b"through the mount"
    assert code(await shared.stat("below")) == "NOT_FOUND"
    assert await shared.put("below", b"x") != 200
    assert await shared.delete("") != "OK"
    assert await shared.move("", "elsewhere") != "OK"
    assert await pair.einstein.get("one.txt") == b"through the mount"


async def test_a_viewer_reads_and_writes_nothing(folder, pair):
    shared = await pair.share("given/sub", editor=False)
    assert await pair.einstein.put("given/sub/f", b"first") == 200
    assert await shared.get("f") == b"first"
    assert not (await shared.info("f")).permission_set.initiate_file_upload
    assert await shared.put("f", b"mine") == 403
    assert await shared.put("new", b"mine") == 403
    assert await shared.mkdir("d") == "PERMISSION_DENIED"
    assert await shared.touch("t") == "PERMISSION_DENIED"
    assert await shared.delete("f") == "PERMISSION_DENIED"
    assert await shared.move("f", "g") == "PERMISSION_DENIED"
    assert sorted(await pair.einstein.ls("given/sub")) == ["f"]
    assert await pair.einstein.get("given/sub/f") == b"first"


async def test_the_root_is_never_removed_or_moved(folder, pair):
    refused = "PERMISSION_DENIED" if folder.flavour == "spaces" else "INTERNAL"
    assert await folder.delete("") == refused
    assert await folder.move("", "sub/inside") == refused
    assert await folder.mkdir("") == "ALREADY_EXISTS"
    assert sorted(await pair.einstein.ls("given")) == ["f.txt", "sub"]


@pytest.mark.parametrize("state", ["pending", "declined", "withdrawn"])
async def test_only_what_was_accepted_opens(folder, pair, state):
    shared = await pair.share("given/sub", state=state)
    assert code(await shared.stat("")) == "NOT_FOUND"
    assert await shared.get("f.txt") == "NOT_FOUND"
    assert await mountpoints(shared) == ([folder.share] if folder.flavour == "spaces" else [])


async def test_what_has_expired_does_not_open(pair):
    shared = await pair.share("", expires=int(time.time()) - 1)
    assert code(await shared.stat("")) == "NOT_FOUND"
    assert await mountpoints(shared) == []


async def test_a_share_opens_for_its_receiver_alone(folder, pair):
    stranger = Remote.of(await pair.receiver.client("stranger"), folder.share)
    assert code(await stranger.stat("f.txt")) == "NOT_FOUND"
    assert await stranger.get("f.txt") == "NOT_FOUND"
    assert await stranger.put("f.txt", b"x") == "NOT_FOUND"
    assert await mountpoints(stranger) == []
    started = await folder.start_download("f.txt")
    assert (await stranger.fetch(started))[0] == 404


async def mountpoints(client):
    by_kind = spaces.ListStorageSpacesRequest.Filter(
        type=spaces.ListStorageSpacesRequest.Filter.TYPE_SPACE_TYPE, space_type="mountpoint"
    )
    reply = await client.call(
        "ListStorageSpaces", spaces.ListStorageSpacesRequest(filters=[by_kind])
    )
    assert code(reply) == "OK"
    return [space.root.opaque_id for space in reply.storage_spaces]


async def test_a_revoked_share_is_withdrawn_and_no_longer_listed(folder, pair):
    store = pair.receiver.node._site.federation.store
    await pair.revoke(folder)
    assert code(await folder.stat("f.txt")) == "NOT_FOUND"
    found = await pair.receiver.node._site.run(lambda: store.received(folder.share))
    assert (found.state, found.lost > 0) == ("accepted", True)
    assert await mountpoints(folder) == []
    assert code(await folder.stat("")) == "NOT_FOUND"


async def test_a_share_is_revoked_while_it_is_read(folder, pair, monkeypatch):
    monkeypatch.setattr("jupyter_mesh.node.ocm.access_tree._LOOK_AGAIN", 0.0)
    content = b"x" * (32 << 20)
    assert await pair.einstein.put("given/large", content) == 200
    started = await folder.start_download("large")
    url = started.protocols[0].download_endpoint
    seen = []

    async def read():
        async with folder.web.get(url, headers=folder.headers(started.protocols[0])) as reply:
            assert reply.status == 200
            async for piece in reply.content.iter_any():
                if not seen:
                    await pair.revoke(folder)
                seen.append(len(piece))

    with pytest.raises(aiohttp.ClientError):
        await read()
    assert 0 < sum(seen) < len(content)
    assert await folder.get("large") == 404


async def test_the_second_save_of_the_same_version_is_refused(folder):
    if folder.flavour == "paths":
        pytest.skip("a site of paths knows no conditions: its clients compare by themselves")
    etag = (await folder.info("f.txt")).etag
    both = [await folder.start_upload("f.txt", 4, if_match=etag) for _ in range(2)]
    assert [code(started) for started in both] == ["OK", "OK"]
    assert (await folder.send(both[0], b"mine"))[0] == 200
    assert (await folder.send(both[1], b"late"))[0] == 412
    assert code(await folder.start_upload("f.txt", 4, if_match=etag)) == "FAILED_PRECONDITION"
    assert code(await folder.start_upload("f.txt", 4, if_not_exist=True)) == "ALREADY_EXISTS"
    assert code(await folder.start_upload("none/f", 4)) == "FAILED_PRECONDITION"
    assert await folder.get("f.txt") == b"mine"


async def test_the_reply_of_a_save_tells_the_etag(folder):
    started = await folder.start_upload("f.txt", 3)
    status, headers = await folder.send(started, b"new")
    assert status == 200
    if folder.flavour == "spaces":
        assert headers["ETag"] == (await folder.info("f.txt")).etag
    assert (await folder.send(started, b"again"))[0] == 500


async def test_the_time_of_change_goes_along(folder):
    values = {"X-OC-Mtime": "1700000000"}
    assert await folder.put("old", b"x", opaque_values=values) == 200
    then = (await folder.info("old")).mtime.seconds
    assert (then == 1_700_000_000) is (folder.flavour == "spaces")


async def test_parts_of_files_are_read(folder):
    started = await folder.start_download("f.txt")
    for asked, expected in [
        ("bytes=1-2", b"ir"),
        ("bytes=3-", b"st"),
        ("bytes=-2", b"st"),
        ("bytes=0-99", b"first"),
    ]:
        status, content, headers = await folder.fetch(started, Range=asked)
        if folder.flavour == "paths":
            assert status == 416
        else:
            assert (status, content) == (206, expected)
            assert headers["Content-Range"].endswith("/5")
    assert (await folder.fetch(started, Range="bytes=9-"))[0] == 416


async def test_there_is_nothing_to_read_in_a_folder(folder):
    assert await folder.get("sub") in (400, 404)
    assert await folder.get("none") == 404
    assert await folder.put("sub", b"x") not in (200, 201)
    assert (await folder.info("sub")).type == resources.RESOURCE_TYPE_CONTAINER


REFUSED = {
    "GetQuota": (provider.GetQuotaRequest, "INTERNAL"),
    "ListRecycle": (provider.ListRecycleRequest, "INTERNAL"),
    "ListFileVersions": (provider.ListFileVersionsRequest, "UNIMPLEMENTED"),
    "RestoreFileVersion": (provider.RestoreFileVersionRequest, "UNIMPLEMENTED"),
    "SetArbitraryMetadata": (provider.SetArbitraryMetadataRequest, "UNIMPLEMENTED"),
    "SetLock": (provider.SetLockRequest, "UNIMPLEMENTED"),
}


async def test_what_no_mount_can_is_told_as_real_sites_do(folder):
    for name, (request, expected) in REFUSED.items():
        reply = await folder.call(name, request(ref=folder.ref("f.txt")))
        assert code(reply) == (expected if folder.flavour == "spaces" else "INTERNAL"), name
        assert "not supported" in reply.status.message


async def test_nothing_moves_out_of_a_share(folder, pair):
    other = await pair.share("given/sub")
    assert await folder.put("f.txt", b"first") == 200
    for source, target in [
        (folder.ref("f.txt"), other.ref("f.txt")),
        (folder.ref("f.txt"), folder.ref("f.txt", "home")),
    ]:
        reply = await folder.call("Move", provider.MoveRequest(source=source, destination=target))
        assert code(reply) == "UNIMPLEMENTED"
    assert await folder.move("sub", "sub/inside") != "OK"
    assert await folder.get("f.txt") == b"first"


async def test_large_files_pass_through_without_being_held(folder, pair, tmp_path):
    import tracemalloc

    size, piece = 64 << 20, b"0123456789abcdef" * 4096

    async def body():
        for _ in range(size // len(piece)):
            yield piece

    started = await folder.start_upload("large", size)
    protocol = started.protocols[0]
    tracemalloc.start()
    try:
        async with folder.web.put(
            protocol.upload_endpoint,
            data=body(),
            headers=folder.headers(protocol, **{"Content-Length": str(size)}),
        ) as reply:
            assert reply.status == 200
        seen = 0
        started = await folder.start_download("large")
        async with folder.web.get(
            started.protocols[0].download_endpoint, headers=folder.headers(started.protocols[0])
        ) as reply:
            async for chunk in reply.content.iter_any():
                seen += len(chunk)
        assert seen == size
        assert tracemalloc.get_traced_memory()[1] < 24 << 20
    finally:
        tracemalloc.stop()
    assert (await folder.info("large")).size == size


async def test_a_cut_upload_leaves_the_old_content(folder, pair):
    started = await folder.start_upload("f.txt", 1000)
    protocol = started.protocols[0]
    host, port = protocol.upload_endpoint.split("/")[2].rsplit(":", 1)
    _, writer = await asyncio.open_connection(host, int(port))
    head = "".join(f"{key}: {value}\r\n" for key, value in folder.headers(protocol).items())
    writer.write(
        f"PUT /data HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000\r\n{head}\r\nbegun".encode()
    )
    await writer.drain()
    writer.close()
    assert await pair.einstein.get("given/f.txt") == b"first"
    assert await folder.put("f.txt", b"whole") == 200
    assert await pair.einstein.get("given/f.txt") == b"whole"


async def test_a_secret_is_exchanged_once_and_again_when_its_token_ended(folder, pair, monkeypatch):
    await pair.meet()
    inside = pair.receiver.node._site
    shared = await pair.share("given/sub", must_exchange=True)
    asked = []
    exchange = inside.mounts._credentials._exchange

    async def counted(share):
        asked.append(share.id)
        return await exchange(share)

    monkeypatch.setattr(inside.mounts._credentials, "_exchange", counted)
    assert await shared.put("f", b"through a token") == 200
    assert await shared.get("f") == b"through a token"
    assert len(asked) == 1
    given = pair.giver.node._site
    await given.run(lambda: given.index.run("DELETE FROM access_tokens"))
    assert await shared.get("f") == b"through a token"
    assert len(asked) == 2
    await pair.revoke(shared)
    assert code(await shared.stat("")) == "NOT_FOUND"
    found = await inside.run(lambda: inside.federation.store.received(shared.share))
    assert (found.state, found.lost > 0) == ("accepted", True)
