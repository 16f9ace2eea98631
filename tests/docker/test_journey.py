"""From the login page to a file at the site, in a real browser; and no secret is seen on the way."""

import asyncio
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import browser, chromium  # noqa: F401  fixtures
from tests.e2e.harbour.test_secrets import files_below, search, told_by_processes
from tests.e2e.lab import START, Lab, notebook_of
from tests.e2e.processes import MODULE, Account, Site, wait_for

PASSWORD = "marker-PASSWORD-of-maya"
CELL = """
import os
with open("found.txt", "w") as file:
    file.write(os.getcwd())
with open("../../home/mine.txt", "w") as file:
    file.write("mine")
print("written in", os.getcwd())
"""


def wait(work):
    """What a coroutine gives; the browser holds the loop of this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def token_file(engine, container, user):
    """The token that a container has, and where: mode of the file, and kind of its file system."""
    command = "cat /run/mesh/token; stat -c %a /run/mesh/token; stat -f -c %T /run/mesh"
    code, told = engine.act(container, "sh", "-c", command, user=user)
    assert code == 0, told
    return told.split()


def processes_of(engine):
    """Numbers of the processes in containers, as this machine counts them."""
    found = []
    for container in engine.containers():
        top = engine.client.top(container, ps_args="-eo pid")
        found += [int(row[0]) for row in top["Processes"]]
    return found


@pytest.fixture
def maya(hub):
    hub.node.add_user("maya", PASSWORD)
    command = [*MODULE, "node", "project", "add", "pier", "--data", str(hub.node.data)]
    subprocess.run([*command, "--member", "maya:editor"], check=True, capture_output=True)
    site = Site("alpine", hub.environment["MESH_GATEWAY"], hub.url, hub.node.data, Path("/nowhere"))
    account = Account("maya", PASSWORD, site)
    account.ask_site(lambda mesh: mesh.upload("projects/pier/walk.ipynb", notebook_of(CELL)))
    return account


def test_from_the_login_to_a_file_at_the_site(hub, maya, browser):  # noqa: F811
    engine = hub.engine
    window = browser.new_context(viewport={"width": 1280, "height": 800})
    lab = Lab(window.new_page(), maya)
    page = lab.page
    page.goto(f"{hub.url}/hub/spawn")
    lab.fill_login(PASSWORD)
    page.get_by_label("A project or folder").check()
    page.get_by_label("Name of the project or folder").fill("pier")
    page.get_by_role("button", name="Start").click()
    lab.wait_until_open()
    server, mounter = hub.container("maya")

    secrets = {("password", PASSWORD)}
    secrets |= known_secrets(hub)
    first = token_file(engine, server, "1000:100")
    assert first[1:] == ["600", "tmpfs"]
    assert token_file(engine, mounter, "0:0")[1:] == ["600", "tmpfs"]
    _, narrow = engine.act(mounter, "cat", "/etc/mesh-hub-token", user="0:0")
    secrets |= {("narrow token", narrow.strip())}

    # The project was chosen: its folder is open.
    row = page.get_by_role("listitem", name="Name: walk.ipynb")
    expect(row.first).to_be_visible(timeout=START)
    row.first.dblclick()
    lab.run_all()
    expect(lab.notebook.get_by_text("written in /home/jovyan/mesh/projects/pier")).to_be_visible()

    wait_for(
        lambda: "found.txt" in names(maya, "projects/pier"), "the file at the site", seconds=60
    )
    wait_for(lambda: "mine.txt" in names(maya, "home"), "the other file", seconds=60)

    async def whose(mesh):
        return (await mesh.stat("home/mine.txt")).owner, (await mesh.whoami()).id

    owner, me = maya.ask_site(whose)
    assert owner == me
    assert (
        maya.ask_site(lambda mesh: mesh.read("projects/pier/found.txt"))
        == b"/home/jovyan/mesh/projects/pier"
    )

    wait_for(
        lambda: token_file(engine, server, "1000:100")[0] != first[0], "another token", seconds=60
    )
    secrets |= known_secrets(hub)
    pids = processes_of(engine)
    heard = {}
    for address in (
        "hub/home",
        "hub/token",
        "hub/api/user",
        "hub/api/users/maya?include_auth_state=1",
    ):
        heard[address] = page.goto(f"{hub.url}/{address}").body()
    places = {
        "docker inspect": engine.inspect().encode(),
        "REST of the service": json.dumps(wait(model_of(hub))).encode(),
        **{f"logs of {each}": engine.client.logs(each) for each in (server, mounter)},
        **told_by_processes(hub.process.pid, hub.node.process.pid, *pids),
        **files_below(hub.state),
        "log of the hub": hub.log_file.read_bytes(),
        **heard,
    }
    encoded = {(what, secret.encode()) for what, secret in secrets}
    assert len(pids) >= 4
    assert search({"a place with all": b" ".join(secret for _, secret in encoded)}, encoded)
    assert search(places, encoded) == []

    page.goto(f"{hub.url}/hub/home")
    page.get_by_role("button", name="Stop My Server").click()
    wait_for(lambda: hub.left() == [], "the end of all that was made", seconds=90)
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    window.close()


def names(account, folder):
    async def listed(mesh):
        return [each.name for each in await mesh.list_folder(folder)]

    return account.ask_site(listed)


def known_secrets(hub):
    """What the hub keeps of the login now."""
    held = wait(hub.credential("maya"))
    return {(what, held[what]) for what in ("token", "app_password")}


async def model_of(hub):
    """What the hub tells an admin of a user and the server, but what it keeps of the login."""
    async with hub.api() as api, api.get("users/maya") as reply:
        model = await reply.json()
    model.pop("auth_state")
    return model
