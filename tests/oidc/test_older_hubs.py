"""Sessions at the provider as hubs of JupyterHub 5 see them, which are stricter with what has ended."""

import asyncio

import pytest

from tests.hub.hubs import until
from tests.hub.versions import VERSIONS, python_of
from tests.oidc.conftest import ENDED, Person


@pytest.fixture(scope="module", params=VERSIONS[:1])
def hub(request, start_hub):
    if (python := python_of(request.param)) is None:
        pytest.skip(f"no JupyterHub {request.param} here: make .venv/.hubs says why")
    return start_hub(python=python)


@pytest.fixture
async def emil(hub):
    async with Person(hub, "emil") as person:
        status, page = await person.log_in()
        assert status == 200, page
        yield person


async def start(person):
    """Status and answer for a service that asks for a server."""
    async with person.hub.api() as api, api.post(f"users/{person.name}/server") as reply:
        return reply.status, await reply.json() if "json" in reply.content_type else {}


async def test_four_pages_at_once_when_the_token_has_ended(emil):
    await emil.be_old()
    old = (await emil.state())["refresh_token"]
    await asyncio.sleep(1.1)
    answers = await asyncio.gather(*(emil.get() for _ in range(4)))
    assert [status for status, _ in answers] == [200] * 4
    assert not any("Sign in with" in text for _, text in answers)
    assert (await emil.state())["refresh_token"] != old


async def test_server_gets_tokens_and_reads_why_there_are_no_more(hub, keycloak, emil):
    assert (await start(emil))[0] in (201, 202)
    await hub.start_server("emil")
    assert (await emil.state())["mesh"]["username"] == "emil"
    await hub.stop_server("emil")
    keycloak.end_sessions("emil")
    status, answer = await start(emil)
    assert (status, answer.get("message")) == (403, ENDED)
    assert set(await emil.state()) <= {"oauth_user", "mesh_login"}


async def test_ended_session_and_a_page(keycloak, emil):
    keycloak.end_sessions("emil")

    async def told():
        _, page = await emil.get()
        return ENDED in page and "Sign in with Alpine ID" in page

    await until(told, seconds=60)


async def test_provider_away(hub, way, emil):
    await emil.be_old()
    way.cut()
    try:
        await asyncio.sleep(1.1)
        status, page = await emil.get()
        assert status == 200
        assert "Sign in with" not in page
        status, answer = await start(emil)
        assert status == 503
        assert "Alpine ID does not answer." in answer["message"]
    finally:
        way.restore()
