"""Versions and the bin."""

import pytest
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import resources_pb2 as resources

from .conftest import code


async def versions(client, path):
    reply = await client.call(
        "ListFileVersions", provider.ListFileVersionsRequest(ref=client.ref(path))
    )
    return reply if code(reply) != "OK" else list(reply.versions)


async def restore_version(client, path, key, **options):
    request = provider.RestoreFileVersionRequest(ref=client.ref(path), key=key, **options)
    return code(await client.call("RestoreFileVersion", request))


async def recycle(client, space="home", **options):
    reply = await client.call(
        "ListRecycle", provider.ListRecycleRequest(ref=client.ref("", space), **options)
    )
    assert code(reply) == "OK"
    return list(reply.recycle_items)


async def restore(client, key, to=None):
    ref = (
        None
        if to is None
        else client.ref(to)
        if client.flavour == "spaces"
        else resources.Reference(path=f"/{to}")
    )
    request = provider.RestoreRecycleItemRequest(ref=client.ref(""), key=key, restore_ref=ref)
    return code(await client.call("RestoreRecycleItem", request))


async def purge(client, key=""):
    return code(
        await client.call("PurgeRecycle", provider.PurgeRecycleRequest(ref=client.ref(""), key=key))
    )


@pytest.fixture
async def saved(einstein):
    """A file "f" that was saved three times: "1", "22", "333"."""
    for content in (b"1", b"22", b"333"):
        assert await einstein.put("f", content) == 200
    return einstein


async def test_versions_newest_first(saved, flavour):
    found = await versions(saved, "f")
    assert [version.size for version in found] == [2, 1]
    now = (await saved.info("f")).mtime.seconds
    unit = 1 if flavour == "spaces" else 1000
    assert all(abs(version.mtime / unit - now) < 60 for version in found)


async def test_restore_a_version(saved, flavour):
    key = (await versions(saved, "f"))[1].key
    before = await saved.info("f")
    if flavour == "paths":
        assert await restore_version(saved, "f", key) == "NOT_FOUND"
        key = "v" + key
    assert await restore_version(saved, "f", key) == "OK"
    assert await saved.get("f") == b"1"
    assert [version.size for version in await versions(saved, "f")] == [3, 2, 1]
    after = await saved.info("f")
    assert after.id == before.id
    assert after.etag != before.etag
    assert await restore_version(saved, "f", "nonsense") == "NOT_FOUND"


async def test_download_a_version(saved, flavour):
    for version, content in zip(await versions(saved, "f"), (b"22", b"1"), strict=True):
        if flavour == "spaces":
            root = saved.roots["home"]
            wanted = resources.ResourceId(
                storage_id=root.storage_id, space_id=root.space_id, opaque_id=version.key
            )
            started = await saved.start_download(
                "", ref=resources.Reference(resource_id=wanted, path=".")
            )
            status, found, headers = await saved.fetch(started)
            assert (status, found, headers["ETag"]) == (200, content, version.etag)
            ignored = await saved.start_download("f", version_key=version.key)
            assert (await saved.fetch(ignored))[1] == b"333"
        else:
            for key in (version.key, "v" + version.key):
                assert (await saved.fetch(await saved.start_download("f", version_key=key)))[
                    0
                ] == 404


async def test_versions_of_what_has_none(saved, flavour):
    await saved.mkdir("d")
    assert await versions(saved, "d") == []
    missing = await versions(saved, "nothing")
    assert code(missing) == "NOT_FOUND" if flavour == "spaces" else missing == []


async def test_versions_and_a_rename(saved, flavour):
    await saved.move("f", "g")
    assert len(await versions(saved, "g")) == (2 if flavour == "spaces" else 0)
    await saved.put("g", b"4444")
    if flavour == "paths":
        await saved.touch("f")
        assert len(await versions(saved, "f")) == 2, "they stay behind with the old name"


async def test_the_bin(saved, flavour):
    await saved.mkdir("d")
    await saved.put("d/inner", b"inner")
    folder = await saved.info("d/inner")
    assert (await saved.delete("d"), await saved.delete("f")) == ("OK", "OK")
    items = await recycle(saved)
    prefix = "" if flavour == "spaces" else "/home"
    assert [item.ref.path for item in items] == [f"{prefix}/f", f"{prefix}/d"]
    assert [item.type for item in items] == [
        resources.RESOURCE_TYPE_FILE,
        resources.RESOURCE_TYPE_CONTAINER,
    ]
    assert (items[0].deletion_time.seconds > 10**11) == (flavour == "paths")
    assert await recycle(saved, key=items[1].key) == [items[1]]
    assert await restore(saved, items[1].key, "d") == "OK"
    assert await saved.get("d/inner") == b"inner"
    assert await saved.info("d/inner") == folder
    assert await restore(saved, items[0].key, "d/elsewhere") == "OK"
    assert await saved.get("d/elsewhere") == b"333"
    assert len(await versions(saved, "d/elsewhere")) == 2
    assert await recycle(saved) == []


RESTORES = [
    # to, key, spaces, paths
    ("taken", "good", "ALREADY_EXISTS", "INTERNAL"),
    ("no/parent", "good", "NOT_FOUND", "NOT_FOUND"),
    ("f", "bad", "NOT_FOUND", "INTERNAL"),
    (None, "good", "INVALID_ARGUMENT", "OK"),
]


@pytest.mark.parametrize(
    ("to", "key", "spaces", "paths"), RESTORES, ids=["taken", "no parent", "bad key", "no target"]
)
async def test_restore_code(saved, flavour, to, key, spaces, paths):
    await saved.touch("taken")
    await saved.delete("f")
    key = (await recycle(saved))[0].key if key == "good" else "bad"
    assert await restore(saved, key, to) == (spaces if flavour == "spaces" else paths)


async def test_purge(site, saved, flavour):
    await saved.delete("f")
    for name in ("a", "b"):
        await saved.touch(name)
        await saved.delete(name)
    items = {item.ref.path.rpartition("/")[2]: item for item in await recycle(saved)}
    assert await purge(saved, "bad") == ("NOT_FOUND" if flavour == "spaces" else "INTERNAL")
    assert await purge(saved, items["f"].key) == "OK"
    assert {item.key for item in await recycle(saved)} == {items["a"].key, items["b"].key}
    assert not list((site.data / ".node" / "versions").iterdir())
    assert await purge(saved) == "OK"
    assert await recycle(saved) == []
    assert not list((site.data / ".node" / "bin").iterdir())


async def test_a_new_file_where_one_was_deleted(saved):
    before = await saved.info("f")
    await saved.delete("f")
    await saved.put("f", b"new")
    if saved.flavour == "spaces":
        assert (await saved.info("f")).id != before.id
    assert await versions(saved, "f") == []
    assert await restore(saved, (await recycle(saved))[0].key, "old") == "OK"
    assert (await saved.get("f"), await saved.get("old")) == (b"new", b"333")
