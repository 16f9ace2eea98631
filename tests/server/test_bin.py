"""``/api/mesh/bin``: what was deleted, put back or deleted for ever."""

import json

import pytest

pytestmark = pytest.mark.parametrize("site", ["spaces", "paths"], indirect=True, scope="session")


@pytest.fixture
def items(ask, folder):
    """What the bin has of this test's folder."""

    async def items(path="mesh/home"):
        status, told = await ask("GET", "bin", path=path)
        assert status == 200
        return [item for item in told["items"] if item["path"].startswith(f"mesh/{folder}/")]

    return items


@pytest.fixture
def thrown(client, folder, items):
    """Deletes files of this test's folder; gives their items, latest first."""

    async def throw(*names, content=b"content"):
        for name in names:
            await client.upload(f"{folder}/{name}", content)
            await client.delete(f"{folder}/{name}")
        return await items()

    return throw


async def test_lists_what_was_deleted_latest_first(thrown, client, folder, items):
    await thrown("a.txt", "b.txt")
    await client.mkdir(f"{folder}/c")
    await client.delete(f"{folder}/c")
    told = await items(f"mesh/{folder}")
    assert [item["name"] for item in told] == ["c", "b.txt", "a.txt"]
    assert [item["kind"] for item in told] == ["directory", "file", "file"]
    assert told[1]["path"] == f"mesh/{folder}/b.txt"
    assert told[1]["size"] == 7
    assert set(told[1]) == {"key", "path", "name", "kind", "size", "deleted"}


async def test_a_project_has_a_bin_of_its_own(ask, client):
    await client.upload("projects/dimuon/a.txt", b"x")
    await client.delete("projects/dimuon/a.txt")
    _, told = await ask("GET", "bin", path="mesh/projects/dimuon")
    assert told["items"][0]["path"] == "mesh/projects/dimuon/a.txt"
    _, home = await ask("GET", "bin", path="mesh/home")
    assert all(item["path"].startswith("mesh/home/") for item in home["items"])


async def test_asking_costs_one_call(ask, site):
    await ask("GET", "bin", path="mesh/home")
    site.calls.clear()
    await ask("GET", "bin", path="mesh/home")
    assert site.calls == {"ListRecycle": 1}


async def test_gives_back_where_it_was(ask, thrown, client, folder, events, site, jp_fetch):
    (item,) = await thrown("a.txt")
    site.calls.clear()
    body = {"path": "mesh/home", "key": item["key"]}
    status, model = await ask("POST", "bin", "restore", json_body=body)
    assert (status, model["path"], model["type"]) == (200, f"mesh/{folder}/a.txt", "file")
    assert site.calls == {"ListRecycle": 1, "Stat": 2, "RestoreRecycleItem": 1}
    assert await client.read(f"{folder}/a.txt") == b"content"
    assert events == [("save", f"mesh/{folder}/a.txt")]
    reply = await jp_fetch("api", "contents", "mesh", folder, params={"content": 1})
    assert [entry["name"] for entry in json.loads(reply.body)["content"]] == ["a.txt"]


async def test_a_listing_that_was_just_asked_is_asked_again(ask, thrown, folder, jp_fetch):
    (item,) = await thrown("a.txt")
    await jp_fetch("api", "contents", "mesh", folder, params={"content": 1})
    await ask("POST", "bin", "restore", json_body={"path": "mesh/home", "key": item["key"]})
    reply = await jp_fetch("api", "contents", "mesh", folder, params={"content": 1})
    assert [entry["name"] for entry in json.loads(reply.body)["content"]] == ["a.txt"]


async def test_never_replaces_and_takes_another_place(ask, thrown, client, folder):
    (item,) = await thrown("a.txt", content=b"old")
    await client.upload(f"{folder}/a.txt", b"new")
    body = {"path": "mesh/home", "key": item["key"]}
    status, told = await ask("POST", "bin", "restore", json_body=body)
    assert status == 409
    assert "Give another name" in told["message"]
    body["to"] = f"mesh/{folder}/b.txt"
    status, model = await ask("POST", "bin", "restore", json_body=body)
    assert (status, model["path"]) == (200, f"mesh/{folder}/b.txt")
    assert await client.read(f"{folder}/a.txt") == b"new"
    assert await client.read(f"{folder}/b.txt") == b"old"


async def test_says_that_the_folder_is_gone(ask, thrown, client, folder):
    await client.mkdir(f"{folder}/deep")
    (item,) = await thrown("deep/a.txt")
    await client.delete(f"{folder}/deep")
    body = {"path": "mesh/home", "key": item["key"]}
    status, told = await ask("POST", "bin", "restore", json_body=body)
    assert status == 404
    assert "deep does not exist" in told["message"]
    status, _ = await ask("POST", "bin", "restore", json_body=body | {"to": f"mesh/{folder}/a.txt"})
    assert status == 200


async def test_deletes_for_ever_what_was_named(ask, thrown, items, site):
    told = await thrown("a.txt", "b.txt", "c.txt")
    keys = [item["key"] for item in told if item["name"] != "b.txt"]
    site.calls.clear()
    status, done = await ask("POST", "bin", "purge", json_body={"path": "mesh/home", "keys": keys})
    assert (status, done) == (200, {"purged": 2, "failed": []})
    assert site.calls == {"ListRecycle": 1, "PurgeRecycle": 2}
    assert [item["name"] for item in await items()] == ["b.txt"]


@pytest.mark.parametrize(
    ("keys", "status"),
    [
        pytest.param([], 400, id="none"),
        pytest.param([""], 400, id="empty"),
        pytest.param(["/"], 404, id="slash"),
        pytest.param([None], 400, id="null"),
        pytest.param("all", 400, id="text"),
        pytest.param(["no-such-key"], 404, id="unknown"),
        pytest.param(["../../home"], 404, id="leads up"),
        pytest.param(["a\0"], 404, id="NUL"),
    ],
)
async def test_hostile_keys_delete_nothing(ask, thrown, items, keys, status):
    (item,) = await thrown("a.txt")
    body = {"path": "mesh/home", "keys": keys}
    if status == 404:
        # Not even what is named beside them.
        body["keys"] = [item["key"], *keys]
    assert (await ask("POST", "bin", "purge", json_body=body))[0] == status
    assert len(await items()) == 1


async def test_keys_of_another_space_lead_nowhere(ask, thrown, items):
    (item,) = await thrown("a.txt")
    body = {"path": "mesh/projects/dimuon", "keys": [item["key"]]}
    assert (await ask("POST", "bin", "purge", json_body=body))[0] == 404
    body = {"path": "mesh/projects/dimuon", "key": item["key"]}
    assert (await ask("POST", "bin", "restore", json_body=body))[0] == 404
    assert len(await items()) == 1


@pytest.mark.parametrize(
    ("to", "status"),
    [
        pytest.param("local.txt", 404, id="not of the mesh"),
        pytest.param("mesh/home/../../etc/passwd", 404, id="dots"),
        pytest.param("mesh/home/.hidden", 400, id="hidden"),
        pytest.param("mesh/projects/dimuon/a.txt", 400, id="another space"),
        pytest.param("mesh/home", 400, id="root"),
        pytest.param(7, 400, id="number"),
    ],
)
async def test_hostile_places_take_nothing(ask, thrown, items, to, status):
    (item,) = await thrown("a.txt")
    body = {"path": "mesh/home", "key": item["key"], "to": to}
    refused, told = await ask("POST", "bin", "restore", json_body=body)
    assert refused == status, told
    assert len(await items()) == 1


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("mesh", 400, id="top"),
        pytest.param("mesh/projects", 400, id="list of projects"),
        pytest.param("mesh/projects/none", 404, id="unknown project"),
        pytest.param("scratch", 404, id="not of the mesh"),
        pytest.param("mesh/home/..", 404, id="dots"),
    ],
)
async def test_refuses_what_has_no_bin(ask, path, status):
    refused, told = await ask("GET", "bin", path=path)
    assert refused == status, told
