"""From the login form to the site's files in a running server, and what may go wrong on the way."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jupyter_mesh.auth import expiry_of, write_token_file
from jupyter_mesh.cs3.login import authenticate, revoke_app_password
from jupyter_mesh.errors import LoginEnded
from jupyter_mesh.node.users import add_user
from tests.hub.hubs import Browser, Hub, until
from tests.mounts import can_mount, mounted_below

# One hub for all: they stay in one process, in this order. A loaded machine starts a Lab in half a minute.
pytestmark = [pytest.mark.xdist_group("hub"), pytest.mark.timeout(150)]

PASSWORDS = {"ada": "marker-PASSWORD-of-ada", "bob": "marker-PASSWORD-of-bob"}
PASSWORDS["cat"] = "marker-PASSWORD-of-cat"
QUOTA = 100
"""Bytes that the site keeps for cat."""
TOKEN_LIFE = 6


class Site:
    """A node in a process of its own. Its tokens live for some seconds only."""

    def __init__(self, folder):
        self.data, self.ready = folder / "data", folder / "ready.json"
        self.log = folder / "node.log"
        self.gateway = self.url = ""
        for name, password in PASSWORDS.items():
            add_user(self.data, name, password, quota=QUOTA if name == "cat" else 0)

    def start(self):
        self.ready.unlink(missing_ok=True)
        # Who it is to its users and to other sites: its address stays.
        ports = [each.rpartition(":")[2] or "0" for each in (self.gateway, self.url)]
        command = [
            sys.executable,
            "-m",
            "jupyter_mesh.cli",
            "node",
            "--name",
            "alpine",
            "--data",
            str(self.data),
        ]
        command += [
            "--gateway-port",
            ports[0],
            "--http-port",
            ports[1],
            "--token-life",
            str(TOKEN_LIFE),
            "--ready-file",
            str(self.ready),
        ]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 90
        while not self.ready.exists():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)
        ready = json.loads(self.ready.read_text())
        self.gateway, self.url = ready["gateway"], ready["url"]

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("site"))
    site.start()
    yield site
    site.stop()


@pytest.fixture(scope="module")
def hub(site, tmp_path_factory):
    hub = Hub(
        tmp_path_factory.mktemp("hub"),
        gateway=site.gateway,
        more="c.Authenticator.auth_refresh_age = 2",
    )
    hub.start()
    yield hub
    hub.stop()
    assert mounted_below(hub.state) == []


@pytest.fixture
async def browser(hub):
    async with Browser(hub) as browser:
        yield browser


async def held(hub, user):
    """What the hub keeps, encrypted, about the user's login."""
    async with hub.api() as api, api.get(f"users/{user}") as reply:
        return ((await reply.json()).get("auth_state") or {}).get("mesh")


async def answers(contents, path):
    async with contents.get(path) as reply:
        return reply.status == 200


async def useless(site, app_password, user="ada"):
    try:
        await authenticate(site.gateway, "appauth", user, app_password)
    except LoginEnded:
        return True
    return False


def environment_of(server):
    entries = of_process(server["state"]["pid"], "environ").split(b"\0")
    return dict(entry.decode().split("=", 1) for entry in entries if entry)


def of_process(pid, what):
    return Path(f"/proc/{pid}/{what}").read_bytes()


class TokenFile:
    def __init__(self, server):
        self.path = Path(environment_of(server)["MESH_TOKEN_FILE"])

    @property
    def token(self):
        return self.path.read_text().strip()

    @property
    def modes(self):
        return oct(self.path.parent.stat().st_mode & 0o777), oct(self.path.stat().st_mode & 0o777)

    @property
    def left(self):
        return seconds_left(self.token)


def seconds_left(token):
    return expiry_of(token).timestamp() - time.time()


async def test_wrong_password(hub, browser):
    status, page = await browser.login("ada", "wrong")
    assert status == 403
    assert "Invalid username or password" in page


async def test_unknown_user_reads_the_same(hub, browser):
    status, page = await browser.login("nobody", "wrong")
    assert status == 403
    assert "Invalid username or password" in page


async def test_an_invitation_that_has_to_wait_for_a_login_is_in_no_log(hub, browser):
    address = "/hub/user-redirect/mesh/accept?token=marker-INVITATION&providerDomain=coast.example"
    status, page = await browser.get(address)
    assert status == 200
    assert "marker-INVITATION" in page  # The form leads on to it.
    await until(lambda: "/hub/login?next=" in hub.log and "coast.example" in hub.log)
    assert "marker-INVITATION" not in hub.log


async def test_login_keeps_a_token_and_no_password(hub, browser):
    status, _ = await browser.login("ada", PASSWORDS["ada"])
    assert status == 200
    login = await held(hub, "ada")
    assert login["token"]
    assert login["username"] == "ada"
    assert PASSWORDS["ada"] not in json.dumps(login)


@pytest.fixture
async def server(hub, browser):
    """Ada's server, started after a login if there is none."""
    if await held(hub, "ada") is None:
        await browser.login("ada", PASSWORDS["ada"])
    return await hub.start_server("ada")


async def test_server_has_the_files_of_the_site(hub, site, server):
    note = {"type": "file", "format": "text", "content": "from a server"}
    async with hub.at("user/ada/api/contents/") as contents:
        async with contents.put("mesh/home/note.txt", json=note) as reply:
            assert reply.status == 201, await reply.text()
        async with contents.get("mesh/home") as reply:
            assert [entry["path"] for entry in (await reply.json())["content"]] == [
                "mesh/home/note.txt"
            ]
        async with contents.get("") as reply:
            assert "mesh" in [entry["name"] for entry in (await reply.json())["content"]]
    assert (site.data / "home" / "ada" / "note.txt").read_text() == "from a server"


async def test_server_knows_where_and_nothing_secret(hub, site, server):
    environment = environment_of(server)
    file = TokenFile(server)
    assert environment["MESH_SITE"] == "alpine"
    assert environment["MESH_GATEWAY"] == site.gateway
    mount = str(hub.state / "home" / "ada" / "mesh") if can_mount() else None
    assert environment.get("MESH_MOUNT") == mount
    assert file.path.parent.parent == hub.runtime
    assert file.modes == ("0o700", "0o600")


async def test_token_is_renewed_unseen(hub, server):
    file = TokenFile(server)
    first = file.token
    await until(lambda: file.token != first)
    await until(lambda: seconds_left(first) < 0)
    async with hub.at("user/ada/api/contents/") as contents, contents.get("mesh/home") as reply:
        assert reply.status == 200, await reply.text()
    assert file.modes == ("0o700", "0o600")


async def test_server_gets_the_token_of_its_own_user_only(hub, server):
    async with hub.api() as api, api.post("users/bob"):
        pass
    async with hub.api(environment_of(server)["JUPYTERHUB_API_TOKEN"]) as api:
        async with api.get("mesh/users/ada/token") as reply:
            answer = await reply.json()
            assert set(answer) == {"token", "expires"}
            assert 0 < answer["expires"] - time.time() <= TOKEN_LIFE
            assert reply.headers["Cache-Control"] == "no-store"
        for other in ("bob", "nobody"):
            async with api.get(f"mesh/users/{other}/token") as reply:
                assert reply.status == 404
        async with api.get("users/ada") as reply:
            assert "auth_state" not in await reply.json()


async def test_page_gets_no_token(hub, server, browser):
    await browser.login("ada", PASSWORDS["ada"])
    status, text = await browser.get("/hub/api/mesh/users/ada/token")
    assert status == 403
    assert (await held(hub, "ada"))["token"] not in text


async def test_login_ended_at_the_site(hub, site, browser):
    await browser.login("bob", PASSWORDS["bob"])
    login = await held(hub, "bob")
    assert await revoke_app_password(site.gateway, login["token"], login["label"]) == 1
    await until(lambda: time.time() > login["expires"])
    _, page = await browser.get("/hub/home")
    assert "Your login at alpine has ended. Log in again to get to your files." in page
    assert 'name="password"' in page
    async with hub.api() as api, api.post("users/bob/server") as reply:
        assert reply.status == 403
        assert "has ended" in (await reply.json())["message"]
    assert "AttributeError" not in hub.log


async def test_site_away_and_back(hub, site, server, browser):
    await browser.login("ada", PASSWORDS["ada"])
    file = TokenFile(server)
    site.stop()
    try:
        async with Browser(hub) as late:
            status, page = await late.login("bob", PASSWORDS["bob"])
        assert status == 503
        assert "alpine cannot check your password right now. Try again in a few minutes." in page
        last = file.token
        await until(lambda: seconds_left(last) < 0)
        status, page = await browser.get("/hub/home")
        assert status == 200
        assert 'name="password"' not in page
        async with hub.at("user/ada/api/contents/") as contents:
            async with contents.get("mesh/home") as reply:
                assert reply.status == 503
                said = (await reply.json())["message"]
            assert "alpine does not answer" in said
            assert len(said.split(". ")) <= 2
            # The server itself goes on.
            assert await answers(contents, "")
    finally:
        site.start()
    async with hub.at("user/ada/api/contents/") as contents:
        await until(lambda: answers(contents, "mesh/home"))
    await until(lambda: file.left > 0)


async def test_a_full_quota_keeps_no_server_from_starting(hub, browser):
    await browser.login("cat", PASSWORDS["cat"])
    await hub.start_server("cat")
    note = {"type": "file", "format": "text", "content": "x" * QUOTA}
    async with hub.at("user/cat/api/contents/") as contents:
        async with contents.put("mesh/home/all.txt", json=note) as reply:
            assert reply.status == 201
        await hub.stop_server("cat")
        await hub.start_server("cat")
        assert await answers(contents, "mesh/home/all.txt")
        async with contents.put("mesh/home/more.txt", json=note) as reply:
            assert reply.status == 507
            said = (await reply.json())["message"]
    assert "more.txt" in said
    assert "Traceback" not in said
    await hub.stop_server("cat")


async def test_next_login_revokes_the_app_password_of_the_last(hub, site, browser):
    await browser.login("ada", PASSWORDS["ada"])
    first = (await held(hub, "ada"))["app_password"]
    await browser.login("ada", PASSWORDS["ada"])
    second = (await held(hub, "ada"))["app_password"]
    assert first != second
    await until(lambda: useless(site, first))
    assert not await useless(site, second)


async def test_removing_a_user_revokes_the_app_password(hub, site, browser):
    await browser.login("bob", PASSWORDS["bob"])
    password = (await held(hub, "bob"))["app_password"]
    async with hub.api() as api, api.delete("users/bob") as reply:
        assert reply.status == 204
    await until(lambda: useless(site, password, "bob"))


async def test_refused_token_is_replaced_at_once(hub, server):
    file = TokenFile(server)
    write_token_file(file.path, "no-token-of-this-site")
    async with hub.at("user/ada/api/contents/") as contents:

        async def replaced_unseen():
            assert await answers(contents, "mesh/home")
            return file.token != "no-token-of-this-site"

        await until(replaced_unseen)


async def test_no_secret_in_log_process_list_environment_or_database(hub, browser):
    await browser.login("ada", PASSWORDS["ada"])
    server = await hub.start_server("ada")
    login = await held(hub, "ada")
    file = TokenFile(server)
    secrets = {
        "password": PASSWORDS["ada"],
        "wrong password": "wrong-marker",
        "token": login["token"],
        "token in the file": file.token,
        "app password": login["app_password"],
    }
    async with Browser(hub) as stranger:
        await stranger.login("ada", "wrong-marker")
    pages = [
        "/hub/home",
        "/hub/token",
        "/user/ada/lab",
        "/user/ada/api/mesh/status",
        "/user/ada/api/contents/mesh/home",
    ]
    places = {}
    for page in pages:
        status, text = await browser.get(page)
        assert status == 200, page
        places[page] = text.encode()
    places["hub log"] = hub.log_file.read_bytes()
    places |= {str(path): path.read_bytes() for path in hub.state.glob("jupyterhub.sqlite*")}
    ours = [hub.process.pid, server["state"]["pid"], int((hub.state / "proxy.pid").read_text())]
    for pid in ours:
        places |= {f"{what} of {pid}": of_process(pid, what) for what in ("environ", "cmdline")}
    found = [
        (what, place)
        for what, secret in secrets.items()
        for place, text in places.items()
        if secret.encode() in text
    ]
    assert found == []
    assert len(places) >= 13


async def test_logout_revokes_once_no_server_needs_it(hub, site, server, browser):
    await browser.login("ada", PASSWORDS["ada"])
    password = (await held(hub, "ada"))["app_password"]
    await browser.get("/hub/logout")
    assert not await useless(site, password)
    async with hub.at("user/ada/api/contents/") as contents, contents.get("mesh/home") as reply:
        assert reply.status == 200
    await hub.stop_server("ada")
    await until(lambda: useless(site, password))
    assert await held(hub, "ada") is None
    assert list(hub.runtime.iterdir()) == []
