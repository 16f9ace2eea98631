"""A session at the provider as the hub sees it: in use, near its end, ended, and when nobody answers."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.hub.hubs import until
from tests.oidc.conftest import AWAY, ENDED, LIFE, NEAR_ITS_END, PEOPLE, REFUSED, Person, claims_of


@pytest.fixture
async def ada(hub):
    async with Person(hub, "ada") as person:
        await person.log_in()
        yield person


@pytest.fixture
async def bob(hub):
    async with Person(hub, "bob") as person:
        await person.log_in()
        yield person


async def start(person, *, expect=(201, 202)):
    """Ask for a server as a service does; the answer. Waits until it is ready."""
    async with person.hub.api() as api, api.post(f"users/{person.name}/server") as reply:
        answer = await reply.json() if "json" in reply.content_type else {}
        assert reply.status in expect, answer
    if reply.status < 300:
        await person.hub.start_server(person.name)
    return answer


@pytest.fixture
async def stopped(hub):
    """Leaves no server of those who only have to run."""
    yield
    async with hub.api() as api:
        for name in PEOPLE[1:]:
            async with api.get(f"users/{name}") as reply:
                running = reply.status == 200 and (await reply.json())["servers"]
            if running:
                await hub.stop_server(name)


def environment_of(server):
    entries = Path(f"/proc/{server['state']['pid']}/environ").read_bytes().split(b"\0")
    return dict(entry.decode().split("=", 1) for entry in entries if entry)


async def token_of(hub, server, user="ada"):
    """The token that a server gets for its user."""
    own = environment_of(server)["JUPYTERHUB_API_TOKEN"]
    async with hub.api(own) as api, api.get(f"mesh/users/{user}/token") as reply:
        answer = await reply.json()
        assert reply.status == 200, answer
        return answer["token"]


async def test_login_keeps_when_the_token_came_by_our_clock(hub):
    before = time.time()
    async with Person(hub, "ada") as ada:
        status, page = await ada.log_in()
        assert status == 200, page
        state = await ada.state()
    response = state["token_response"]
    assert before <= response["mesh_received"] <= time.time()
    assert LIFE - 10 < response["expires_in"] <= LIFE
    assert state["oauth_user"]["preferred_username"] == "ada"
    assert "marker-SECRET" not in str(state)


async def test_groups_follow_the_provider(hub, keycloak, ada):
    async def groups():
        async with hub.api() as api, api.get("users/ada") as reply:
            return set((await reply.json())["groups"])

    (physics,) = keycloak.admin("GET", "groups?search=physics&exact=true")
    assert await groups() == {"/sailing"}
    membership = f"users/{keycloak.user_id('ada')}/groups/{physics['id']}"
    for method, expected in (("PUT", {"/sailing", "/physics"}), ("DELETE", {"/sailing"})):
        keycloak.admin(method, membership)

        async def followed(expected=expected):
            await ada.get()
            return await groups() == expected

        await until(followed, seconds=60)


async def test_page_while_the_token_lives_changes_nothing(ada):
    first = await ada.state()
    for _ in range(3):
        status, _ = await ada.get()
        assert status == 200
        await asyncio.sleep(0.4)
    assert (await ada.state())["access_token"] == first["access_token"]


async def test_page_near_the_end_brings_a_new_token_before_it(ada):
    await ada.be_old(NEAR_ITS_END)
    old = await ada.state()

    async def renewed():
        assert (await ada.get())[0] == 200
        return (await ada.state())["access_token"] != old["access_token"]

    await until(renewed, seconds=60)
    new = await ada.state()
    assert new["refresh_token"] != old["refresh_token"]
    assert new["id_token"] != old["id_token"]
    assert new["oauth_user"] == old["oauth_user"]


async def test_token_that_has_really_ended(hub, keycloak):
    keycloak.set_client("hub", attributes={"access.token.lifespan": "10"})
    try:
        async with Person(hub, "cleo") as cleo:
            await cleo.log_in()
            first = (await cleo.state())["access_token"]
            await until(lambda: claims_of(first)["exp"] < time.time() - 1, seconds=60)
            status, page = await cleo.get()
            assert status == 200
            assert "Sign in with" not in page
            assert (await cleo.state())["access_token"] != first
    finally:
        keycloak.set_client("hub", attributes={"access.token.lifespan": str(LIFE)})


async def test_four_pages_at_once_and_rotation_three_times(ada):
    for _ in range(3):
        await ada.be_old()
        old = (await ada.state())["refresh_token"]

        async def page():
            return await ada.get()

        answers = await asyncio.gather(*(page() for _ in range(4)))
        assert [status for status, _ in answers] == [200] * 4
        assert not any("Sign in with" in text for _, text in answers)

        async def rotated(old=old):
            await ada.get()
            return (await ada.state())["refresh_token"] != old

        await until(rotated, seconds=60)


async def test_server_outlives_its_tokens(hub, site, ada):
    server = await hub.start_server("ada")
    environment = environment_of(server)
    assert environment["MESH_GATEWAY"] == site.gateway
    file = Path(environment["MESH_TOKEN_FILE"])
    first = file.read_text()
    await ada.be_old()
    own = environment["JUPYTERHUB_API_TOKEN"]
    async with hub.api(own) as api, api.get("mesh/users/ada/token") as reply:
        answer = await reply.json()
        assert reply.status == 200, answer
    assert set(answer) == {"token", "expires"}
    assert answer["token"] != first.strip()
    # No longer than the provider's token, however long the site's own lives.
    assert answer["expires"] - time.time() <= LIFE
    assert claims_of(answer["token"])["exp"] - time.time() > 80_000
    note = {"type": "file", "format": "text", "content": "from a server"}
    async with (
        hub.at("user/ada/api/contents/") as contents,
        contents.put("mesh/home/note.txt", json=note) as reply,
    ):
        assert reply.status in (200, 201), await reply.text()
    assert (site.data / "home" / "ada" / "note.txt").read_text() == "from a server"


async def test_token_for_the_site_is_exchanged_once_for_its_life(hub, ada):
    server = await hub.start_server("ada")
    exchanged, given = [], []
    for _ in range(2):
        given.append(await token_of(hub, server))
        state = await ada.state()
        exchanged.append(state["mesh_exchanged"]["storage storage"]["token"])
        # The credential of the site has ended, and what it was got with has not.
        state["mesh"]["expires"] = state["mesh"]["received"] = 1.0
        await ada.put_state(state)
    assert exchanged[0] == exchanged[1]
    assert given[0] != given[1]
    assert claims_of(exchanged[0])["aud"] == "storage"
    assert "aud" not in claims_of(state["access_token"])


async def test_ended_session_and_a_page(hub, keycloak, bob):
    keycloak.end_sessions("bob")

    async def told():
        _, page = await bob.get()
        return ENDED in page and "Sign in with Alpine ID" in page

    await until(told, seconds=60)
    left = await bob.state()
    assert "bob" in str(left["oauth_user"])
    assert set(left) <= {"oauth_user", "mesh_login"}
    assert "AttributeError" not in hub.log
    assert "Session not active" in hub.log


async def test_ended_session_and_a_start_by_a_service(keycloak, bob, stopped):
    await start(bob)
    await bob.hub.stop_server("bob")
    assert (await bob.state())["mesh"]["token"]
    keycloak.end_sessions("bob")
    answer = await start(bob, expect=(403,))
    assert answer["message"] == ENDED
    assert "mesh" not in await bob.state()


async def test_ended_session_and_the_button_that_starts_a_server(keycloak, bob):
    await bob.get()
    keycloak.end_sessions("bob")
    status, text = await bob.post("/hub/api/users/bob/server")
    assert status == 403
    assert ENDED in text


async def test_ended_session_and_the_server_that_runs(hub, keycloak, bob, stopped):
    await start(bob)
    server = await hub.start_server("bob")
    keycloak.end_sessions("bob")
    async with hub.api(environment_of(server)["JUPYTERHUB_API_TOKEN"]) as api:
        await bob.be_old()
        async with api.get("mesh/users/bob/token") as reply:
            assert reply.status == 401
            assert (await reply.json())["message"] == ENDED
        # A new login, and it goes on.
        await bob.log_in()
        async with api.get("mesh/users/bob/token") as reply:
            assert reply.status == 200, await reply.text()


async def test_disabled_user(keycloak, hub):
    user = keycloak.user_id("emil")
    async with Person(hub, "emil") as emil:
        await emil.log_in()
        keycloak.admin("PUT", f"users/{user}", {"enabled": False})
        try:

            async def told():
                return ENDED in (await emil.get())[1]

            await until(told, seconds=60)
        finally:
            keycloak.admin("PUT", f"users/{user}", {"enabled": True})


async def test_stranger_to_the_site_is_told_so_and_stays_logged_in(hub):
    async with Person(hub, "stranger") as stranger:
        status, _ = await stranger.log_in()
        assert status == 200
        answer = await start(stranger, expect=(403,))
        assert answer["message"].startswith(REFUSED)
        status, page = await stranger.get()
        assert status == 200
        assert "Sign in with" not in page


async def test_provider_away_and_back(hub, way, bob, stopped):
    await start(bob)
    server = await hub.start_server("bob")
    state = await bob.state()
    way.cut()
    try:
        async with hub.api(environment_of(server)["JUPYTERHUB_API_TOKEN"]) as api:
            # While the token lives, all is as ever.
            for _ in range(2):
                await asyncio.sleep(1.1)
                status, page = await bob.get()
                assert status == 200
                assert "Sign in with" not in page
            await bob.be_old(NEAR_ITS_END)
            async with api.get("mesh/users/bob/token") as reply:
                assert reply.status == 200, await reply.text()
            # Then nobody gets a token, and nobody is logged out.
            await bob.be_old()
            async with api.get("mesh/users/bob/token") as reply:
                assert reply.status == 503
                assert AWAY in (await reply.json())["message"]
            async with api.get("user") as reply:
                assert reply.status == 200
        status, page = await bob.get()
        assert status == 200
        assert "Sign in with" not in page
        await hub.stop_server("bob")
        answer = await start(bob, expect=(503,))
        assert "does not answer" in answer["message"]
    finally:
        way.restore()

    async def works():
        async with hub.api() as api, api.post("users/bob/server") as reply:
            return reply.status in (201, 202)

    await until(works, seconds=60)
    await hub.start_server("bob")
    assert (await bob.state())["refresh_token"] != state["refresh_token"]


async def test_provider_that_says_nothing_holds_nobody_up(hub, way, bob):
    way.swallow()
    try:
        await asyncio.sleep(1.1)
        begun = time.monotonic()
        answers = await asyncio.gather(*(bob.get() for _ in range(4)))
        assert [status for status, _ in answers] == [200] * 4
        # One deadline for all who wait, not one for each.
        assert time.monotonic() - begun < 50
    finally:
        way.cut()
        way.restore()


async def test_provider_away_at_a_login(hub, way):
    async with Person(hub, "dora") as dora:
        way.cut()
        try:
            status, page = await dora.log_in()
        finally:
            way.restore()
        assert status == 503
        assert "Alpine ID does not answer. Try again in a few minutes." in page.replace(
            "&#39;", "'"
        )
        status, _ = await dora.log_in()
        assert status == 200


async def test_logging_out_forgets_all_tokens(hub):
    async with Person(hub, "dora") as dora:
        await dora.log_in()
        assert (await dora.state())["refresh_token"]
        await dora.get("/hub/logout")
        assert await dora.state() is None


async def test_logging_out_while_a_server_runs_forgets_them_at_its_end(hub, stopped):
    async with Person(hub, "dora") as dora:
        await dora.log_in()
        await start(dora)
        await dora.get("/hub/logout")
        assert (await dora.state())["refresh_token"]
        await hub.stop_server("dora")

        async def forgotten():
            return await dora.state() is None

        await until(forgotten, seconds=60)


async def test_no_secret_anywhere(hub, site, keycloak, ada):
    server = await hub.start_server("ada")
    await token_of(hub, server)
    state = await ada.state()
    exchanged = state["mesh_exchanged"]["storage storage"]["token"]
    secrets = [state[name] for name in ("access_token", "refresh_token", "id_token")]
    secrets += [exchanged, state["mesh"]["token"], "marker-SECRET-of-hub", "password of ada"]
    places = {}
    for page in ("/hub/home", "/hub/token", "/user/ada/lab", "/user/ada/api/mesh/status"):
        status, text = await ada.get(page)
        assert status == 200, page
        places[page] = text.encode()
    places |= {str(path): path.read_bytes() for path in hub.state.glob("jupyterhub.sqlite*")}
    places |= {"hub log": hub.log_file.read_bytes(), "site log": site.log_file.read_bytes()}
    for pid in (hub.process.pid, server["state"]["pid"]):
        places |= {f"{what} of {pid}": of(pid, what) for what in ("environ", "cmdline")}
    found = [
        (secret[:12], place)
        for secret in secrets
        for place, text in places.items()
        if secret.encode() in text
    ]
    assert found == []


def of(pid, what):
    return Path(f"/proc/{pid}/{what}").read_bytes()
