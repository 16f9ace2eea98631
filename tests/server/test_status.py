"""``GET /api/mesh/status``: who, where, and how the site is."""

import asyncio
import json
import socket
import time

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_mesh.auth import write_token_file
from jupyter_mesh.server.site import SiteWatch


async def test_tells_who_is_where(status_is, site):
    told = await status_is("online")
    assert told["site"] == {
        "name": "alpine",
        "title": "Alpine University",
        "gateway": site.gateway,
    }
    assert told["user"]["username"] == "einstein"
    assert [area["path"] for area in told["areas"]] == ["mesh/home", "mesh/projects", "mesh/shares"]
    assert told["message"] == ""
    assert told["signIn"] is None


async def test_holds_no_secret(jp_fetch, token_file):
    reply = await jp_fetch("api", "mesh", "status")
    token = token_file.read_text().strip()
    assert token
    assert token not in reply.body.decode()
    assert str(token_file) not in reply.body.decode()


async def test_an_answer_serves_all_for_a_moment(status, site):
    await status()
    before = site.calls["WhoAmI"]
    await asyncio.gather(*[status() for _ in range(5)])
    assert site.calls["WhoAmI"] == before


async def test_those_who_ask_at_once_share_one_request(site):
    async with site.client() as client:
        watch = SiteWatch(client)
        await watch.status()
        before = site.calls["WhoAmI"]
        await asyncio.gather(*[watch.status(fresh=True) for _ in range(5)])
        assert site.calls["WhoAmI"] == before + 1


@pytest.fixture
def status_is(status):
    """Asks until the state is the one named: the token file is looked at once a second."""

    async def ask(state):
        async with asyncio.timeout(30):
            while (told := await status(fresh=1))["state"] != state:
                pass
        return told

    return ask


async def test_a_login_that_ends_and_comes_back(status_is, token_file):
    good = token_file.read_text().strip()
    await status_is("online")
    await asyncio.to_thread(write_token_file, token_file, "no-longer-good")
    told = await status_is("signed-out")
    assert told["user"]["username"] == "einstein", "who it was is still known"
    assert "no-longer-good" not in json.dumps(told)
    await asyncio.to_thread(write_token_file, token_file, good)
    assert (await status_is("online"))["message"] == ""


@pytest.fixture
def silent_port():
    """A port that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


class TestDeadGateway:
    @pytest.fixture(params=["closed", "silent"])
    def gateway(self, request, silent_port):
        if request.param == "silent":
            return f"127.0.0.1:{silent_port}"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return f"127.0.0.1:{free.getsockname()[1]}"

    async def test_is_offline_within_seconds(self, status):
        began = time.monotonic()
        told = await status(fresh=1)
        assert time.monotonic() - began < 5
        assert told["state"] == "offline"
        assert told["message"].endswith(".")
        assert told["quota"] is None

    async def test_since_is_when_it_began(self, status):
        first = await status(fresh=1)
        assert (await status(fresh=1))["since"] == first["since"]


class TestWithoutOurManager:
    @pytest.fixture
    def manager(self):
        return "jupyter_server.services.contents.largefilemanager.AsyncLargeFileManager"

    async def test_says_what_to_do(self, status):
        told = await status()
        assert told["state"] == "not-configured"
        assert "contents_manager_class" in told["message"]


class TestWithoutGateway:
    @pytest.fixture
    def gateway(self, monkeypatch):
        monkeypatch.delenv("MESH_GATEWAY", raising=False)
        return ""

    async def test_says_what_is_missing(self, status):
        told = await status()
        assert told["state"] == "not-configured"
        assert "MESH_GATEWAY" in told["message"]


class TestMisspeltSetting:
    @pytest.fixture
    def jp_server_config(self, jp_server_config):
        jp_server_config["MeshSite"]["gatway"] = "alpine:1"
        return jp_server_config

    async def test_is_named(self, status):
        told = await status()
        assert told["state"] == "not-configured"
        assert "gatway" in told["message"]


class TestUnderAHub:
    @pytest.fixture(autouse=True)
    def hub(self, monkeypatch, token_file, silent_port):
        """A hub that is away."""
        monkeypatch.setenv("JUPYTERHUB_API_URL", f"http://127.0.0.1:{silent_port}/hub/api")
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "marker-of-the-api-token")
        monkeypatch.setenv("JUPYTERHUB_USER", "einstein")
        monkeypatch.setenv("JUPYTERHUB_BASE_URL", "/jhub/")
        monkeypatch.setenv("MESH_TOKEN_FILE", str(token_file))

    async def test_the_site_answers_although_the_hub_does_not(self, status):
        told = await status()
        assert told["state"] == "online"
        assert told["signIn"] == "/jhub/hub/logout"
        assert "marker" not in json.dumps(told)

    async def test_the_refresher_runs_and_ends_with_the_server(self, jp_serverapp):
        app = jp_serverapp.extension_manager.extension_points["jupyter_mesh"].app
        await app._start_jupyter_server_extension(jp_serverapp)
        refresher = app._refresher
        await asyncio.wait_for(app.stop_extension(), 5)
        assert refresher.cancelled()


class TestPartOfTheMesh:
    @pytest.fixture
    def jp_server_config(self, jp_server_config):
        manager = "jupyter_mesh.contents.MeshContentsManager"
        jp_server_config["ServerApp"]["contents_manager_class"] = manager
        jp_server_config["MeshContentsManager"] = {"mesh_root": "home"}
        return jp_server_config

    async def test_shows_the_area_it_lies_in(self, status):
        assert (await status())["areas"] == [{"name": "home", "path": ""}]


async def test_nobody_is_told_without_login(jp_fetch):
    with pytest.raises(HTTPClientError) as caught:
        await jp_fetch("api", "mesh", "status", headers={"Authorization": "token wrong"})
    assert caught.value.code == 403
    answer = json.loads(caught.value.response.body)
    assert answer.keys() == {"message", "reason", "trace"}
    assert answer["reason"] == "Forbidden"
