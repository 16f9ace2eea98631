"""Homes, projects, roles, quotas."""

import pytest
from cs3.gateway.v1beta1 import gateway_api_pb2 as gateway
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import resources_pb2 as resources
from cs3.storage.provider.v1beta1 import spaces_api_pb2 as spaces

from jupyter_mesh.node.users import add_project, add_user

from .conftest import code
from .test_notes import lock

FILTER = spaces.ListStorageSpacesRequest.Filter


async def test_the_home_of_a_site_of_spaces(spaces_site):
    client = await spaces_site.client()
    personal, project = await client.spaces()
    assert (personal.space_type, project.space_type, project.name) == (
        "personal",
        "project",
        "dimuon",
    )
    assert (personal.root.space_id, personal.root.opaque_id) == (client.user, client.user)
    assert personal.root_info.etag
    assert code(await client.call("CreateHome", provider.CreateHomeRequest())) == "OK"
    assert (await client.call("GetHome", provider.GetHomeRequest())).path == f"/users/{client.user}"


async def test_the_home_of_a_site_of_paths(paths_site):
    client = await paths_site.client()
    personal = (await client.spaces())[0]
    assert not personal.root.opaque_id
    assert personal.root_info.path == "/home"
    assert (await client.call("GetHome", provider.GetHomeRequest())).path == "/home"


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (FILTER(type=FILTER.TYPE_SPACE_TYPE, space_type="personal"), ["Albert"]),
        (FILTER(type=FILTER.TYPE_SPACE_TYPE, space_type="project"), ["dimuon"]),
        (FILTER(type=FILTER.TYPE_SPACE_TYPE, space_type="virtual"), []),
        (FILTER(type=FILTER.TYPE_SPACE_TYPE, space_type="mountpoint"), []),
        (None, ["Albert", "dimuon"]),
    ],
    ids=["personal", "project", "virtual", "mountpoint", "all"],
)
async def test_filters(einstein, wanted, names):
    request = spaces.ListStorageSpacesRequest(filters=[wanted] if wanted else [])
    reply = await einstein.call("ListStorageSpaces", request)
    assert [space.name for space in reply.storage_spaces] == names


async def test_filters_by_owner_and_id(spaces_site):
    client = await spaces_site.client()
    project = (await client.spaces())[1]

    async def names(*filters):
        request = spaces.ListStorageSpacesRequest(filters=filters)
        return [
            space.name for space in (await client.call("ListStorageSpaces", request)).storage_spaces
        ]

    mine = FILTER(type=FILTER.TYPE_OWNER, owner={"opaque_id": client.user})
    personal = FILTER(type=FILTER.TYPE_SPACE_TYPE, space_type="personal")
    assert await names(mine, personal) == ["Albert"]
    assert await names(FILTER(type=FILTER.TYPE_ID, id=project.id)) == ["dimuon"]
    assert await names(FILTER(type=FILTER.TYPE_ID, id={"opaque_id": "other"})) == []


async def every_write(client, space):
    """The answers to everything that a viewer may not do."""
    ref = client.ref("f", space)
    metadata = resources.ArbitraryMetadata(metadata={"a": "b"})
    requests = {
        "SetArbitraryMetadata": provider.SetArbitraryMetadataRequest(
            ref=ref, arbitrary_metadata=metadata
        ),
        "UnsetArbitraryMetadata": provider.UnsetArbitraryMetadataRequest(
            ref=ref, arbitrary_metadata_keys=["a"]
        ),
        "RestoreFileVersion": provider.RestoreFileVersionRequest(ref=ref, key="any"),
        "RestoreRecycleItem": provider.RestoreRecycleItemRequest(ref=ref, key="any"),
        "PurgeRecycle": provider.PurgeRecycleRequest(ref=ref, key="any"),
    }
    if client.flavour == "spaces":
        requests["SetLock"] = provider.SetLockRequest(ref=ref, lock=lock())
    answers = {name: code(await client.call(name, request)) for name, request in requests.items()}
    return answers | {
        "put": await client.put("f", b"mine", space),
        "put new": await client.put("new", b"mine", space),
        "mkdir": await client.mkdir("d", space),
        "touch": await client.touch("t", space),
        "delete": await client.delete("f", space),
        "move": await client.move("f", "g", space),
    }


async def test_a_viewer_reads_only(site, einstein):
    await einstein.put("f", b"ours", "dimuon")
    viewer = await site.client("marie")
    assert await viewer.get("f", "dimuon") == b"ours"
    assert not (await viewer.info("f", "dimuon")).permission_set.initiate_file_upload
    answers = await every_write(viewer, "dimuon")
    assert set(answers.values()) == {"PERMISSION_DENIED"}, answers
    assert set(await einstein.ls("", "dimuon")) == {"f"}
    assert await einstein.get("f", "dimuon") == b"ours"


async def test_a_stranger_sees_nothing(site, einstein):
    await einstein.put("f", b"ours", "dimuon")
    stranger = await site.client("stranger")
    assert len(list(await stranger.spaces())) == 1
    stranger.roots |= {"dimuon": einstein.roots["dimuon"]}
    assert code(await stranger.stat("f", "dimuon")) == "NOT_FOUND"
    answers = await every_write(stranger, "dimuon")
    assert set(answers.values()) == {"NOT_FOUND"}, answers
    reply = await stranger.call(
        "ListRecycle", provider.ListRecycleRequest(ref=stranger.ref("", "dimuon"))
    )
    assert code(reply) == "NOT_FOUND"


async def test_the_home_of_somebody_else(site, einstein):
    await einstein.put("f", b"mine")
    theirs = (await einstein.info("f")).id
    stranger = await site.client("stranger")
    ref = resources.Reference(resource_id=theirs, path=".")
    assert code(await stranger.call("Stat", provider.StatRequest(ref=ref))) == "NOT_FOUND"
    path = (await einstein.call("GetHome", provider.GetHomeRequest())).path + "/f"
    reply = await stranger.call("Stat", provider.StatRequest(ref=resources.Reference(path=path)))
    assert code(reply) == "NOT_FOUND"


async def test_an_id_opens_no_other_space(spaces_site):
    """The space of an id is what counts: the id of a foreign file in one's own space leads nowhere."""
    einstein, stranger = await spaces_site.client(), await spaces_site.client("stranger")
    await einstein.put("f", b"mine")
    theirs, own = (await einstein.info("f")).id, stranger.roots["home"]
    forged = resources.ResourceId(
        storage_id=own.storage_id, space_id=own.space_id, opaque_id=theirs.opaque_id
    )
    for path in (".", "", "./x"):
        ref = resources.Reference(resource_id=forged, path=path)
        assert code(await stranger.call("Stat", provider.StatRequest(ref=ref))) == "NOT_FOUND"
    started = await stranger.start_download(
        "", ref=resources.Reference(resource_id=forged, path=".")
    )
    assert (await stranger.fetch(started))[0] == 404


async def test_a_group_is_a_member_at_once(site):
    add_user(site.data, "bohr", "secret-of-bohr", groups=["physics"])
    bohr = await site.client("bohr")
    assert len(list(await bohr.spaces())) == 1
    add_project(site.data, "atoms", {"@physics": "editor"})
    bohr = await site.client("bohr")
    assert await bohr.put("f", b"1", "atoms") == 200
    assert await (await site.client()).get("f", "atoms") == b"1"
    add_project(site.data, "atoms", {"einstein": "owner"})
    assert (await (await site.client()).info("f", "atoms")).permission_set.add_grant


async def test_quota(site):
    poor = await site.client("poor")
    await poor.put("f", b"x" * 600)

    async def quota(client):
        return await client.call("GetQuota", gateway.GetQuotaRequest(ref=client.ref("")))

    reply = await quota(poor)
    assert (reply.total_bytes, reply.used_bytes) == (1000, 600)
    rich = await site.client()
    await rich.put("f", b"x" * 600)
    reply = await quota(rich)
    if site.flavour == "spaces":
        assert (reply.total_bytes, reply.used_bytes) == (0, 600)
        assert reply.opaque.map["remaining"].value == str(2**64 - 1).encode()
    else:
        assert reply.total_bytes > 10**8, "the whole disk"


async def test_a_project_whose_folder_was_removed(site, einstein):
    await einstein.put("f", b"1", "dimuon")
    (site.data / "projects" / "dimuon" / "f").unlink()
    (site.data / "projects" / "dimuon").rmdir()
    assert [space.space_type for space in await einstein.spaces()] == ["personal"]
    assert await einstein.mkdir("d") == "OK"
