"""``/api/mesh/versions``: what the site keeps of a file, shown and put back."""

import json
from datetime import datetime

import pytest

from jupyter_mesh.contents.checkpoints import to_id

pytestmark = pytest.mark.parametrize("site", ["spaces", "paths"], indirect=True, scope="session")


@pytest.fixture
def api_path(folder):
    return f"mesh/{folder}/a.txt"


@pytest.fixture
def written(client, folder, jp_asyncio_loop):
    """A file with two versions before the present content."""
    for content in (b"one", b"three", b"present"):
        jp_asyncio_loop.run_until_complete(client.upload(f"{folder}/a.txt", content))


async def test_lists_newest_first_beside_the_file_as_it_is(ask, client, folder, api_path, written):
    status, told = await ask("GET", "versions", path=api_path)
    assert status == 200
    assert [version["size"] for version in told["versions"]] == [5, 3]
    assert {version["author"] for version in told["versions"]} == {None}
    assert all(datetime.fromisoformat(each["modified"]).tzinfo for each in told["versions"])
    now = await client.stat(f"{folder}/a.txt")
    assert told["current"] == {
        "modified": now.modified.isoformat(),
        "size": 7,
        "hash": now.etag,
    }
    assert told["kept"] is True


async def test_versions_are_looked_at_and_downloaded_or_it_is_said_that_they_cannot(
    ask, site, api_path, written
):
    _, told = await ask("GET", "versions", path=api_path)
    id = told["versions"][0]["id"]
    status, shown = await ask("GET", "versions", "content", path=api_path, id=id)
    assert told["canShow"] is (site.flavour == "spaces")
    if told["canShow"]:
        assert (status, shown.body) == (200, b"three")
        assert shown.headers["Content-Type"] == "application/octet-stream"
        assert shown.headers["X-Content-Type-Options"] == "nosniff"
        policy = shown.headers["Content-Security-Policy"]
        assert "sandbox" in policy
        assert "default-src 'none'" in policy
        assert "allow-scripts" not in policy
        _, sent = await ask("GET", "versions", "content", path=api_path, id=id, download=1)
        name = sent.headers["Content-Disposition"]
        assert name.startswith("attachment")
        assert "a%20%2820" in name
        assert ".txt" in name
    else:
        assert status == 501
        assert "can only restore it" in shown["message"]


async def test_a_file_that_was_never_overwritten(ask, client, folder, api_path):
    await client.upload(f"{folder}/a.txt", b"one")
    status, told = await ask("GET", "versions", path=api_path)
    assert (status, told["versions"], told["kept"], told["canShow"]) == (200, [], True, True)


async def test_costs_two_questions(ask, site, api_path, written):
    await ask("GET", "versions", path=api_path)
    site.calls.clear()
    await ask("GET", "versions", path=api_path)
    assert site.calls == {"Stat": 1, "ListFileVersions": 1}


async def test_restores_and_keeps_the_present_content(
    ask, client, folder, api_path, written, events, jp_fetch
):
    await jp_fetch("api", "contents", api_path, params={"content": 1})
    events.clear()
    _, told = await ask("GET", "versions", path=api_path)
    body = {"path": api_path, "id": told["versions"][1]["id"]}
    status, restored = await ask("POST", "versions", "restore", json_body=body)
    assert (status, restored["size"]) == (200, 3)
    assert await client.read(f"{folder}/a.txt") == b"one"
    assert events == [("save", api_path)]
    _, told = await ask("GET", "versions", path=api_path)
    assert 7 in [version["size"] for version in told["versions"]]
    assert told["current"]["hash"] == restored["hash"]
    # Jupyter's own REST sees it at once.
    reply = await jp_fetch("api", "contents", api_path, params={"content": 1})
    assert json.loads(reply.body)["content"] == "one"


async def test_restoring_costs_two_calls(ask, site, api_path, written):
    _, told = await ask("GET", "versions", path=api_path)
    site.calls.clear()
    body = {"path": api_path, "id": told["versions"][1]["id"]}
    await ask("POST", "versions", "restore", json_body=body)
    # Sites of paths want another key than they list: the first try tells.
    tries = 1 if site.flavour == "spaces" else 2
    assert site.calls == {"RestoreFileVersion": tries, "Stat": 1}


@pytest.mark.parametrize(
    ("id", "status"),
    [
        pytest.param(to_id("no-such-version"), 404, id="unknown"),
        pytest.param(to_id("../../secret"), 404, id="leads up"),
        pytest.param(to_id("a\0b"), 404, id="NUL"),
        pytest.param("%%%", 404, id="no id"),
        pytest.param("", 404, id="empty"),
        pytest.param("current", 404, id="the file as it is"),
    ],
)
async def test_refuses_what_is_no_version(ask, client, folder, api_path, written, id, status):
    body = {"path": api_path, "id": id}
    assert (await ask("POST", "versions", "restore", json_body=body))[0] == status
    shown, _ = await ask("GET", "versions", "content", path=api_path, id=id)
    assert shown in (status, 501)
    assert await client.read(f"{folder}/a.txt") == b"present"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("mesh/home/none.txt", 404, id="missing"),
        pytest.param("mesh/home", 400, id="folder"),
        pytest.param("mesh/../etc/passwd", 404, id="dots"),
        pytest.param("local.txt", 404, id="not of the mesh"),
        pytest.param("mesh/home/.hidden", 404, id="hidden"),
    ],
)
async def test_refuses_what_has_no_versions(ask, path, status):
    refused, told = await ask("GET", "versions", path=path)
    assert refused == status
    assert told["message"]


async def test_refuses_a_request_without_sense(ask):
    for body in ({"path": "mesh/home/a.txt"}, {"path": 1, "id": "x"}, [], "x"):
        status, told = await ask("POST", "versions", "restore", json_body=body)
        assert (status, told["reason"]) == (400, "Bad Request")
