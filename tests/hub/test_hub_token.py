"""The refresher of a user's server against a hub of a few lines."""

import asyncio
import logging
import time

import aiohttp.web
import pytest

from jupyter_mesh.auth import write_token_file
from jupyter_mesh.errors import InvalidRequest, LoginEnded, NotSupported, SiteError, Unavailable
from jupyter_mesh.hub_token import HubToken
from tests.hub.hubs import until


class FakeHub:
    """Answers as MeshTokenHandler does; ``answer`` says how, ``asked`` holds the requests."""

    def __init__(self):
        self.asked = []
        self.times = []
        self.life = 1000.0
        self.answer = None

    async def reply(self, request):
        self.asked.append(request)
        self.times.append(time.monotonic())
        await asyncio.sleep(0)
        if self.answer is not None:
            status, body = self.answer
            return aiohttp.web.Response(status=status, text=body)
        return aiohttp.web.json_response(
            {"token": f"token-{len(self.asked)}", "expires": time.time() + self.life}
        )


@pytest.fixture
async def hub():
    hub = FakeHub()
    app = aiohttp.web.Application()
    app.router.add_get("/hub/api/mesh/users/{name}/token", hub.reply)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    hub.url = f"http://{host}:{port}/hub/api"
    yield hub
    await runner.cleanup()


@pytest.fixture
def source(hub, tmp_path):
    return HubToken(
        tmp_path / "token", api_url=hub.url, api_token="server-secret", user="ada@home/1"
    )


@pytest.fixture
async def running(source):
    task = asyncio.create_task(source.run())
    yield source
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_first_token_is_private_and_the_request_is_signed(hub, running):
    await until(running.path.exists)
    assert running.path.read_text() == "token-1\n"
    assert running.path.stat().st_mode & 0o777 == 0o600
    (request,) = hub.asked
    assert request.headers["Authorization"] == "token server-secret"
    assert request.match_info["name"] == "ada@home/1"
    assert "force" not in request.query


async def test_next_token_comes_before_the_end_of_the_one_at_hand(hub, running):
    hub.life = 2.0
    await until(lambda: len(hub.asked) >= 3)
    first, second, third = hub.times[:3]
    assert 0.8 < second - first < 1.9
    assert 0.8 < third - second < 1.9


async def test_hub_away_and_back(hub, running, caplog):
    caplog.set_level(logging.DEBUG)
    hub.answer = (503, '{"status": 503, "message": "alpine does not answer."}')
    await until(lambda: running.problem)
    assert str(running.problem) == "alpine does not answer."
    hub.answer = None
    await until(running.path.exists)
    assert running.problem is None
    assert "alpine does not answer." in caplog.text
    assert "token-" not in caplog.text
    assert "server-secret" not in caplog.text


async def test_refused_token_is_replaced_at_once_by_one_request_for_all(hub, running):
    await until(running.path.exists)
    got = await asyncio.gather(*(running.token(refresh=True) for _ in range(10)))
    assert set(got) == {"token-2"}
    assert [request.query.get("force") for request in hub.asked] == [None, "1"]


@pytest.mark.parametrize(
    ("status", "body", "error", "sentence"),
    [
        (401, '{"message": "Log in again."}', LoginEnded, "Log in again."),
        (403, "<html>", NotSupported, "gives this server no storage token"),
        (404, "<html>", NotSupported, "gives this server no storage token"),
        (503, "<html>Service Unavailable</html>", Unavailable, "hub does not answer"),
        (500, "{}", Unavailable, "hub does not answer"),
        (200, '{"unexpected": 1}', Unavailable, "hub does not answer"),
        (200, "[]", Unavailable, "hub does not answer"),
    ],
    ids=["ended", "no scope", "no handler", "proxy page", "broken", "other answer", "list"],
)
async def test_what_the_hub_may_answer(hub, source, status, body, error, sentence):
    hub.answer = (status, body)
    with pytest.raises(error, match=sentence):
        await source.refresh_now()
    assert type(source.problem) is error
    assert not source.path.exists()


async def test_ended_login_leaves_no_token_and_a_new_one_brings_it_back(hub, running):
    await until(running.path.exists)
    hub.answer = (401, '{"message": "Your session at Alpine ID has ended."}')
    with pytest.raises(LoginEnded, match="Alpine ID has ended"):
        await running.refresh_now()
    assert not running.path.exists()
    with pytest.raises(LoginEnded, match="Alpine ID has ended"):
        await running.token()
    hub.answer = None
    await running.refresh_now()
    assert (await running.token()).startswith("token-")


async def test_nobody_listens(tmp_path):
    source = HubToken(
        tmp_path / "token", api_url="http://127.0.0.1:1/hub/api", api_token="s", user="a"
    )
    with pytest.raises(Unavailable, match="hub does not answer"):
        await source.refresh_now()


async def test_token_file_cannot_be_written(hub, tmp_path):
    (tmp_path / "file").touch()
    source = HubToken(tmp_path / "file" / "token", api_url=hub.url, api_token="s", user="a")
    with pytest.raises(SiteError, match="cannot be written"):
        await source.refresh_now()


def test_outside_a_hub_there_is_none():
    assert HubToken.from_environment({"MESH_TOKEN_FILE": "/run/token"}) is None


async def test_a_file_may_hold_the_token_for_the_hub(hub, tmp_path):
    write_token_file(tmp_path / "hub", "narrow-secret")
    environment = {
        "MESH_TOKEN_FILE": str(tmp_path / "token"),
        "MESH_HUB_TOKEN_FILE": str(tmp_path / "hub"),
        "JUPYTERHUB_API_URL": hub.url,
        "JUPYTERHUB_USER": "ada",
    }
    source = HubToken.from_environment(environment)
    # Its folder was empty: the hub is asked, once.
    assert [await source.token(), await source.token()] == ["token-1", "token-1"]
    (request,) = hub.asked
    assert request.headers["Authorization"] == "token narrow-secret"
    (tmp_path / "hub").chmod(0o644)
    with pytest.raises(InvalidRequest, match="read by others"):
        HubToken.from_environment(environment)
    (tmp_path / "hub").unlink()
    with pytest.raises(InvalidRequest, match="token for the hub cannot be read"):
        HubToken.from_environment(environment)
