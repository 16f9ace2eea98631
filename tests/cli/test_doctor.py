import json
import os
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import web

from jupyter_mesh.cli import checks
from jupyter_mesh.cs3 import MeshClient


@pytest.fixture
def doctor(run):
    """Runs the doctor; gives the exit code and what each check found."""

    async def doctor(*argv):
        code, out, error = await run("doctor", "--json", *argv)
        assert error == ""
        return code, {finding["check"]: finding for finding in json.loads(out)}

    return doctor


@pytest.fixture(autouse=True)
def no_hub(monkeypatch):
    for name in [name for name in os.environ if name.startswith(("JUPYTERHUB_", "MESH_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
async def hub(monkeypatch):
    """A hub that tells a server its scopes; set ``hub["scopes"]`` or ``hub["status"]``."""
    answer = {"status": 200, "scopes": []}

    async def user(request):
        assert request.headers["Authorization"] == "token of-the-server"
        return web.json_response({"scopes": answer["scopes"]}, status=answer["status"])

    app = web.Application()
    app.router.add_get("/hub/api/user", user)
    runner = web.AppRunner(app)
    await runner.setup()
    place = web.TCPSite(runner, "127.0.0.1", 0)
    await place.start()
    port = runner.addresses[0][1]
    monkeypatch.setenv("JUPYTERHUB_API_URL", f"http://127.0.0.1:{port}/hub/api")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "of-the-server")
    yield answer
    await runner.cleanup()


async def test_a_site_that_is_well(doctor, signed_in, site):
    _, found = await doctor()
    for check in ("versions", "token file", "gateway", "login", "data gateway", "clock"):
        assert found[check]["ok"] is True, found[check]
    assert found["hub"]["ok"] is None
    assert site.users[0].name in found["login"]["text"]


async def test_the_probe_leaves_nothing(doctor, signed_in, site):
    await doctor()
    async with site.client() as mesh:
        assert [file.name for file in await mesh.list_folder("home") if "doctor" in file.name] == []
        assert [item.path for item in await mesh.bin("home") if "doctor" in item.path] == []


async def test_people_read_a_line_per_check(run, signed_in):
    code, out, _ = await run("doctor")
    lines = out.splitlines()
    assert [line.split()[0] for line in lines if "gateway" in line.split()[1]] == ["ok"]
    assert code == int(any(line.startswith("problem") for line in lines))


async def test_without_a_site_it_says_what_to_set(doctor):
    code, found = await doctor()
    assert code == 1
    assert found["site"]["ok"] is False
    assert "jupyter mesh login SITE" in found["site"]["text"]


@pytest.mark.parametrize("in_server", [False, True], ids=["laptop", "server"])
async def test_without_a_hub_only_a_server_may_lose_its_login(
    doctor, signed_in, monkeypatch, in_server
):
    if not in_server:
        monkeypatch.delenv("MESH_TOKEN_FILE", raising=False)
    _, found = await doctor()
    assert ("nobody renews" in found["hub"]["text"]) == in_server


async def test_a_wrong_address(doctor, signed_in):
    code, found = await doctor("--gateway", "127.0.0.1:1")
    assert code == 1
    assert "Nothing answers at 127.0.0.1:1" in found["gateway"]["text"]


async def test_an_open_token_file(doctor, signed_in):
    signed_in.chmod(0o644)
    code, found = await doctor()
    assert code == 1
    assert f"chmod 600 {signed_in}" in found["token file"]["text"]


async def test_no_token_file(doctor, signed_in):
    signed_in.unlink()
    code, found = await doctor()
    assert code == 1
    assert "jupyter mesh login" in found["token file"]["text"]


async def test_a_token_of_somebody_else(doctor, signed_in):
    signed_in.write_text("not.a.token\n")
    code, found = await doctor()
    assert code == 1
    assert found["login"]["ok"] is False


@pytest.mark.parametrize(
    ("shift", "says"),
    [pytest.param(-300, "ahead of", id="ahead"), pytest.param(300, "behind", id="behind")],
)
async def test_a_clock_that_is_off(doctor, signed_in, monkeypatch, shift, says):
    """The clock of the site is moved, as it is told by the time of an upload."""
    upload = MeshClient.upload

    async def shifted(self, *args, **kwargs):
        resource = await upload(self, *args, **kwargs)
        return replace(resource, modified=resource.modified + timedelta(seconds=shift))

    monkeypatch.setattr(MeshClient, "upload", shifted)
    code, found = await doctor()
    assert code == 1
    assert says in found["clock"]["text"]


async def test_a_missing_lab_build(doctor, signed_in, monkeypatch):
    monkeypatch.setattr(checks, "LAB_EXTENSION", "@jupyter-mesh/not-there")
    code, found = await doctor()
    assert code == 1
    assert "not built or not installed" in found["lab extension"]["text"]


async def test_a_hub_that_lets_the_server_renew(doctor, signed_in, hub):
    hub["scopes"] = ["access:servers!server=maya/", "custom:mesh:token!user=maya"]
    _, found = await doctor()
    assert found["hub"]["ok"] is True


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        pytest.param(
            {"scopes": ["access:servers!server=maya/"]}, "apply_defaults", id="scope missing"
        ),
        pytest.param({"status": 403}, "Stop and start the server", id="token refused"),
    ],
)
async def test_a_hub_that_does_not(doctor, signed_in, hub, answer, says):
    hub.update(answer)
    code, found = await doctor()
    assert code == 1
    assert says in found["hub"]["text"]


async def test_a_hub_that_is_away(doctor, signed_in, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_API_URL", "http://127.0.0.1:1/hub/api")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "of-the-server")
    code, found = await doctor()
    assert code == 1
    assert "does not answer" in found["hub"]["text"]


async def test_the_folder_of_a_node(doctor, site):
    code, found = await doctor("--data", site.data)
    assert (code, found["node"]["ok"]) == (0, True)


async def test_a_folder_without_a_node(doctor, tmp_path):
    code, found = await doctor("--data", tmp_path)
    assert (code, found["node"]["ok"]) == (1, False)
    assert list(tmp_path.iterdir()) == []


async def test_a_corrupt_database(doctor, tmp_path):
    (tmp_path / ".node").mkdir()
    (tmp_path / ".node" / "index.sqlite").write_bytes(b"nothing of a database" * 100)
    code, found = await doctor("--data", tmp_path)
    assert (code, found["node"]["ok"]) == (1, False)


async def test_a_site_that_is_named_is_the_one_that_is_checked(
    doctor, run, site, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    words = ("login", "alpine", "--gateway", site.gateway, "--username", site.users[0].name)
    assert (await run(*words, stdin=site.users[0].password))[0] == 0
    assert (await doctor("--site", "alpine"))[1]["login"]["ok"] is True
    code, found = await doctor("--site", "nope")
    assert code == 1
    assert '"nope" is not known here; known: alpine' in found["site"]["text"]
    assert (await run("logout", "alpine"))[0] == 0
    _, found = await doctor()
    assert found["token file"]["text"] == (
        "You are not signed in to alpine. Run: jupyter mesh login alpine"
    )
