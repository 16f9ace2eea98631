"""Sharing in a terminal: two people at one site, two sites, and a person at each."""

import json

import pytest

from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.errors import SiteError
from jupyter_mesh.node.users import add_user
from jupyter_mesh.testing.site import federated_nodes


@pytest.fixture(scope="module", params=["spaces", "paths"])
async def sites(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sites")
    async with federated_nodes(folder, flavours=(request.param, "spaces")) as sites:
        yield sites


@pytest.fixture(scope="module")
async def everybody(sites):
    """Whoever was never signed in has no home at some sites."""
    for site in sites:
        for number in range(2):
            async with site.client(number) as mesh:
                await mesh.list_folder("home")


@pytest.fixture
def become(sites, everybody, run, tmp_path, monkeypatch):
    """Signs somebody in: site and number of the user. What runs afterwards is theirs."""

    async def become(site, number=0):
        user = sites[site].users[number]
        token_file = tmp_path / f"token-{user.name}"
        words = ("--gateway", sites[site].gateway, "--username", user.name)
        code, _, error = await run(
            "login", *words, "--token-file", token_file, stdin=user.password + "\n"
        )
        assert (code, error) == (0, "")
        monkeypatch.setenv("MESH_SITE", sites[site].settings.name)
        monkeypatch.setenv("MESH_GATEWAY", sites[site].gateway)
        monkeypatch.setenv("MESH_TOKEN_FILE", str(token_file))
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        return user.name

    return become


@pytest.fixture
async def folder(sites, everybody, request):
    """A folder of the first user of the first site, with a file."""
    path = f"home/{request.node.name.partition('[')[0][5:30]}"
    async with sites[0].client() as mesh:
        await mesh.mkdir(path, exist_ok=True)
        await mesh.upload(f"{path}/a.txt", b"text")
        yield path
        await mesh.delete(path)


async def test_share_see_accept_and_stop(sites, run, told, become, folder):
    await become(0, 1)
    assert await told("shares", "received") == []
    await become(0)
    (given,) = await told("share", folder, sites[0].users[1].name, "--until", "30d")
    assert (given["path"], given["role"], given["with"]["kind"]) == (folder, "viewer", "user")
    assert given["expires"] is not None
    assert [one["id"] for one in await told("shares", "by-me", folder)] == [given["id"]]
    found = await told("shares", "access", f"{folder}/a.txt")
    assert [(row["via"], row["from"]) for row in found["rows"]] == [("inherited", folder)]
    assert found["can_share"]

    await become(0, 1)
    (offered,) = await told("shares", "received")
    assert offered["name"] == folder.partition("/")[2]
    if offered["state"] == "pending":
        assert (await run("shares", "accept", offered["name"]))[0] == 0
    (offered,) = await told("shares", "received")
    assert offered["state"] == "accepted"
    assert await run("cat", f"{offered['path']}/a.txt") == (0, "text", "")
    code, _, error = await run("rm", "-y", f"{offered['path']}/a.txt")
    assert code == 1
    assert error.count("\n") == 1

    await become(0)
    (again,) = await told("share", folder, given["with"]["key"], "--role", "editor")
    assert again["role"] == "editor"
    code, out, error = await run("unshare", folder, sites[0].users[1].name)
    assert (code, error) == (0, "")
    assert "is not shared any more" in out
    assert await told("shares", "by-me", folder) == []
    await become(0, 1)
    assert await told("shares", "received") == []
    assert (await run("cat", f"{offered['path']}/a.txt"))[0] == 1


async def test_a_received_share_can_be_left(sites, run, told, become, folder):
    await become(0)
    await told("share", folder, sites[0].users[1].name)
    await become(0, 1)
    name = folder.partition("/")[2]
    await run("shares", "accept", name)
    assert (await run("shares", "leave", name))[0] == 0
    assert await told("shares", "received") == []
    assert [one["state"] for one in await told("shares", "received", "--all")] == ["declined"]
    await become(0)
    assert (await run("cat", f"{folder}/a.txt"))[1] == "text"
    await run("unshare", folder, "--all")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        pytest.param(["nobody-of-this-name"], 1, "Nobody is called", id="nobody"),
        pytest.param(["me"], 1, "Nobody is called", id="too short"),
        pytest.param(["user:x"], 1, "Nobody is called", id="no key"),
        pytest.param([], 2, "Missing argument", id="without people"),
        pytest.param(["marie", "--until", "yesterday"], 2, "is no time", id="no time"),
        pytest.param(["marie", "--until", "2001-01-01"], 2, "is over", id="the past"),
        pytest.param(["marie", "--role", "owner"], 2, "Invalid value", id="no role"),
    ],
)
async def test_what_cannot_be_shared_is_said(run, become, folder, words, code, says):
    await become(0)
    refused, out, error = await run("share", folder, *words)
    assert (refused, out) == (code, "")
    assert says in error


async def test_links(run, told, become, folder):
    await become(0)
    made = await told("link", "create", folder, "--name", "for students")
    assert made["url"].startswith("http")
    assert made["role"] == "viewer"
    assert not made["password"]
    assert [one["id"] for one in await told("link", "list", folder)] == [made["id"]]
    changed = await told("link", "change", made["id"], "--until", "2w")
    assert changed["expires"] is not None
    assert (await run("link", "remove", made["id"])) == (0, "", "")
    assert await told("link", "list", folder) == []


async def test_a_password_of_a_link_is_read_from_standard_input(run, become, folder):
    await become(0)
    words = ("link", "create", folder, "--password", "--json")
    code, out, error = await run(*words, stdin="Rhubarb-17-pie!\n")
    assert (code, error) == (0, "")
    assert json.loads(out)["password"]
    assert "Rhubarb" not in out
    await run("link", "remove", json.loads(out)["id"])


async def test_two_people_who_never_met(sites, run, told, become, folder):
    await become(0)
    invitation = await told("invite", "for Emmy")
    assert invitation["link"] in invitation["mail"]["body"]
    (listed,) = await told("invite", "--list")
    assert (listed["note"], "link" in listed) == ("for Emmy", False)
    code, _, error = await run("accept", invitation["code"], "--yes")
    assert code == 1
    assert "own site" in error

    await become(1)
    assert [one["domain"] for one in await told("sites", "--mesh")]
    code, out, error = await run("accept", stdin=invitation["mail"]["body"])
    assert (code, out) == (1, "")
    assert "add --yes" in error
    code, out, error = await run("accept", "--yes", "--json", stdin=invitation["mail"]["body"])
    assert (code, error) == (0, "")
    contact = json.loads(out)
    assert contact["site"] == sites[0].domain
    assert [one["key"] for one in await told("contacts", "list")] == [contact["key"]]

    await become(0)
    (emmy,) = await told("contacts", "list")
    (given,) = await told("share", folder, emmy["key"], "--role", "editor")
    assert given["with"]["site"] == sites[1].domain

    await become(1)
    (offered,) = await told("shares", "received")
    assert offered["state"] == "pending"
    assert (await run("shares", "accept", offered["name"]))[0] == 0
    (offered,) = await told("shares", "received")
    assert await run("cat", f"{offered['path']}/a.txt") == (0, "text", "")

    await become(0)
    assert (await run("unshare", given["id"]))[0] == 0
    await become(1)
    assert (await run("cat", f"{offered['path']}/a.txt"))[0] == 1
    assert await told("shares", "received") == []
    assert (await run("contacts", "remove", contact["key"])) == (0, "", "")
    assert await told("contacts", "list") == []


async def test_a_project_in_a_terminal(sites, run, told, become):
    await become(0)
    made = await told("project", "create", "survey", sites[0].users[1].name, "--role", "editor")
    assert [member["role"] for member in made["members"]] == ["editor"]
    assert [one["id"] for one in await told("project", "list")] == [made["id"]]
    code, out, _ = await run("project", "members", "survey")
    assert code == 0
    assert "can edit" in out
    who = made["members"][0]["who"]["key"]
    changed = await told("project", "add", "survey", who, "--role", "viewer")
    assert [member["role"] for member in changed["members"]] == ["viewer"]
    assert (await told("project", "remove", "survey", who))["members"] == []
    code, _, error = await run("project", "dissolve", "survey")
    assert code == 1
    assert "add --yes" in error
    assert (await run("project", "dissolve", "survey", "--yes"))[0] == 0
    assert await told("project", "list") == []


async def test_who_is_to_leave_a_project_is_not_taken_back(sites, run, told, become, monkeypatch):
    await become(0)
    made = await told("project", "create", "fit", sites[0].users[1].name)
    who = made["members"][0]["who"]["key"]

    async def fails(client, share):
        raise SiteError("Not now.")

    with monkeypatch.context() as patched:
        patched.setattr(MeshClient, "remove_share", fails)
        left = await told("project", "remove", "fit", who)
    assert [member["state"] for member in left["members"]] == ["leaving"]
    add_user(sites[0].data, "lise", "fission of uranium")
    changed = await told("project", "add", "fit", "lise")
    assert who not in [member["who"]["key"] for member in changed["members"]]
    assert (await run("project", "dissolve", "fit", "--yes"))[0] == 0


@pytest.mark.parametrize("alias", ["share-list", "ocm-share-list", "ocm-find-accepted-users"])
async def test_the_words_of_reva_are_understood(told, become, alias):
    await become(0)
    assert isinstance(await told(alias), list)


async def test_every_alias_leads_somewhere(run):
    from jupyter_mesh.cli import ALIASES

    for alias in ALIASES:
        code, out, _ = await run(alias, "--help")
        assert code == 0
        assert "Usage" in out
