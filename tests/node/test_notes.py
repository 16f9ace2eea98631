"""Locks and metadata."""

import time

import pytest
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import resources_pb2 as resources
from cs3.types.v1beta1 import types_pb2 as types

from .conftest import code


def lock(lock_id="mine", life=60, **fields):
    fields = {"type": resources.LOCK_TYPE_WRITE, "app_name": "jupyter-mesh", **fields}
    return resources.Lock(
        lock_id=lock_id, expiration=types.Timestamp(seconds=int(time.time()) + life), **fields
    )


async def call(client, verb, wanted=None, path="f", **fields):
    """The code of one of the four RPCs about locks."""
    request = getattr(provider, f"{verb}Request")(ref=client.ref(path), **fields)
    if wanted is not None:
        request.lock.CopyFrom(wanted)
    return code(await client.call(verb, request))


@pytest.fixture
async def client(spaces_site):
    """A user of a site of spaces, with a file "f" and a folder "d"."""
    client = await spaces_site.client()
    await client.put("f", b"old")
    await client.mkdir("d")
    return client


async def test_a_lock_shows(client):
    assert await call(client, "GetLock") == "NOT_FOUND"
    assert await call(client, "SetLock", lock(user={"opaque_id": client.user})) == "OK"
    assert await call(client, "GetLock") == "OK"
    for info in (await client.info("f"), (await client.ls())["f"]):
        assert (info.lock.lock_id, info.lock.app_name, info.lock.user.opaque_id) == (
            "mine",
            "jupyter-mesh",
            client.user,
        )
        assert info.lock.creation_time.seconds


LOCKED = [
    ("SetLock other", "FAILED_PRECONDITION"),
    ("SetLock mine", "FAILED_PRECONDITION"),
    ("RefreshLock mine", "OK"),
    ("RefreshLock other", "ABORTED"),
    ("RefreshLock other instead of mine", "OK"),
    ("Unlock mine", "OK"),
    ("Unlock other", "LOCKED"),
]


@pytest.mark.parametrize(("what", "expected"), LOCKED, ids=[case[0] for case in LOCKED])
async def test_on_a_locked_file(client, what, expected):
    assert await call(client, "SetLock", lock()) == "OK"
    verb, name, *rest = what.split()
    fields = {"existing_lock_id": rest[-1]} if rest else {}
    assert await call(client, verb, lock(name), **fields) == expected


@pytest.mark.parametrize(
    ("verb", "expected"),
    [("RefreshLock", "ABORTED"), ("Unlock", "ABORTED"), ("GetLock", "NOT_FOUND")],
)
async def test_on_an_unlocked_file(client, verb, expected):
    assert await call(client, verb, None if verb == "GetLock" else lock()) == expected


@pytest.mark.parametrize(
    ("held", "expected"), [("", "LOCKED"), ("other", "INTERNAL"), ("mine", "OK")]
)
async def test_writing_to_a_locked_file(client, held, expected):
    await call(client, "SetLock", lock())
    metadata = resources.ArbitraryMetadata(metadata={"a": "b"})
    request = provider.SetArbitraryMetadataRequest(
        ref=client.ref("f"), arbitrary_metadata=metadata, lock_id=held
    )
    assert code(await client.call("SetArbitraryMetadata", request)) == expected
    assert code(await client.start_upload("f", 3, lock_id=held)) == expected
    assert await client.move("f", "g", lock_id=held) == expected
    if expected == "OK":
        assert (await client.info("g")).lock.lock_id == "mine", "a lock goes with its file"
        assert await client.delete("g", lock_id=held) == "OK"
    else:
        assert await client.delete("f", lock_id=held) == expected


async def test_a_lock_id_without_a_lock(client):
    assert code(await client.start_upload("f", 3, lock_id="mine")) == "INTERNAL"


async def test_a_lock_between_start_and_end_of_an_upload(client):
    started = await client.start_upload("f", 3)
    await call(client, "SetLock", lock())
    assert (await client.send(started, b"new"))[0] == 423
    assert await client.get("f") == b"old"


async def test_a_lock_ends_by_itself(client):
    assert await call(client, "SetLock", lock(life=-1)) == "OK"
    assert await call(client, "GetLock") == "NOT_FOUND"
    assert await client.put("f", b"new") == 200


async def test_a_lock_on_a_folder(client):
    assert await call(client, "SetLock", lock(), path="d") == "OK"
    assert await client.delete("d") == "LOCKED"
    assert await call(client, "Unlock", lock(), path="d") == "OK"


async def test_a_lock_of_a_user_is_given_back_by_the_user(client):
    await call(client, "SetLock", lock(user={"opaque_id": client.user}))
    assert await call(client, "Unlock", lock()) == "LOCKED"
    assert await call(client, "Unlock", lock(user={"opaque_id": client.user})) == "OK"


@pytest.mark.parametrize("verb", ["SetLock", "GetLock", "RefreshLock", "Unlock"])
async def test_a_site_of_paths_has_no_locks(paths_site, verb):
    client = await paths_site.client()
    await client.put("f", b"old")
    assert await call(client, verb, None if verb == "GetLock" else lock()) == "INTERNAL"
    assert code(await client.start_upload("f", 3, lock_id="any")) == "OK"


async def test_metadata(einstein):
    await einstein.put("f", b"1")
    before = await einstein.info("f")

    async def change(verb, **fields):
        request = getattr(provider, f"{verb}Request")(ref=einstein.ref("f"), **fields)
        return code(await einstein.call(verb, request))

    values = {"jupyter-mesh.a": "1", "ü": "€" * 30_000, "etag": "mine"}
    metadata = resources.ArbitraryMetadata(metadata=values)
    assert await change("SetArbitraryMetadata", arbitrary_metadata=metadata) == "OK"
    info = await einstein.info("f")
    assert dict(info.arbitrary_metadata.metadata) == {"jupyter-mesh.a": "1", "ü": "€" * 30_000}
    assert info.etag == before.etag
    await einstein.move("f", "g")
    request = provider.StatRequest(
        ref=einstein.ref("g"), arbitrary_metadata_keys=["jupyter-mesh.a"]
    )
    found = (await einstein.call("Stat", request)).info.arbitrary_metadata.metadata
    assert dict(found) == {"jupyter-mesh.a": "1"}
    assert dict((await einstein.ls())["g"].arbitrary_metadata.metadata)["jupyter-mesh.a"] == "1"
    await einstein.move("g", "f")
    assert await change("UnsetArbitraryMetadata", arbitrary_metadata_keys=["ü", "unknown"]) == "OK"
    assert dict((await einstein.info("f")).arbitrary_metadata.metadata) == {"jupyter-mesh.a": "1"}


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [("1000000000", 0), ("1000000000.25", 250_000_000), ("soon", None), ("9999999999", None)],
)
async def test_mtime_as_metadata(einstein, flavour, text, nanoseconds):
    await einstein.put("f", b"1")
    before = await einstein.info("f")
    request = provider.SetArbitraryMetadataRequest(
        ref=einstein.ref("f"),
        arbitrary_metadata=resources.ArbitraryMetadata(metadata={"mtime": text}),
    )
    answer = code(await einstein.call("SetArbitraryMetadata", request))
    after = await einstein.info("f")
    if nanoseconds is None:
        assert answer == ("INVALID_ARGUMENT" if flavour == "spaces" else "INTERNAL")
        assert after == before
    else:
        assert (answer, after.mtime.seconds) == ("OK", 1_000_000_000)
        assert after.mtime.nanos == (nanoseconds if flavour == "spaces" else 0)
        assert after.etag != before.etag
        assert await einstein.info("f") == after
