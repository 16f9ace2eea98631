"""The start form and links in a real browser: from the login, and from a page of the storage, to a file in Lab."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect

from tests.axe import assert_accessible
from tests.e2e.lab import START, Lab, notebook_of
from tests.e2e.processes import Account, Site
from tests.hub.choosing import ChoosingHub, password_of

# The button of the web app of oCIS and OpenCloud: the path goes through encodeURI, the id as it is.
BUTTON = """<!DOCTYPE html><html lang="en"><title>Files</title><h1>Files</h1>
<button onclick="open_in_notebooks()">Open in Notebooks</button>
<script>
function open_in_notebooks() {{
  const path = {path};
  window.open(`{server}/{server_path}${{encodeURI(path)}}?fileId=${{{id}}}`, "_blank");
}}
</script>"""

USERS = ("maya", "tom")


class HubInBrowser(ChoosingHub):
    def account(self, name):
        site = Site("alpine", self.node.gateway, self.url, self.node.data, self.state / "home")
        return site.add(name, password_of(name))


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    hub = HubInBrowser(
        tmp_path_factory.mktemp("choosing"),
        users=USERS,
        projects=[("lofar-survey", "maya"), ("dimuon", "maya")],
        more='c.MeshLocalSpawner.environment["MESH_SITE_TITLE"] = "Alpine University"\n',
        quick=False,
    )
    hub.start()
    yield hub
    hub.stop()


@pytest.fixture(scope="module")
def maya(hub):
    account = hub.account("maya")

    async def fill(mesh):
        await mesh.upload("projects/lofar-survey/readme.txt", b"lofar\n")
        await mesh.mkdir("home/Notebooks")
        # What it prints would be seen if a link ran it.
        return (await mesh.upload("home/Notebooks/fit what.ipynb", notebook_of("print(6 * 7)"))).id

    assert isinstance(account, Account)
    account.notebook = str(account.ask_site(fill))
    return account


@pytest.fixture
def window(browser):
    """A browser of somebody who is logged in nowhere."""
    window = browser.new_context(viewport={"width": 1280, "height": 900})
    yield window
    window.close()


@pytest.fixture
def lab(window, maya):
    return Lab(window.new_page(), maya)


@pytest.fixture
def stopped(hub, maya):
    """No server of maya's runs, before and after."""
    stop(hub, maya.name)
    yield
    stop(hub, maya.name)


def stop(hub, user):
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    async def gone():
        if await hub.model(user):
            await hub.stop_server(user)

    # The thread of the test holds the event loop of the browser.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, gone()).result()


def test_from_the_form_to_the_project(hub, lab, stopped):
    page = lab.page
    page.goto(hub.url)
    lab.fill_login(lab.account.password)
    expect(page.get_by_role("radio", name="My files")).to_be_checked()
    expect(page.get_by_role("radio", name="Next to the data")).to_be_checked()
    best = page.locator("#mesh-best-reason")
    expect(best).to_have_text("Alpine University · 8 GB.")
    assert_accessible(page.locator("#mesh-start"))
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.evaluate(
            "theme => document.documentElement.setAttribute('data-bs-theme', theme)", scheme
        )
        lab.picture(f"form-{scheme}")
        assert_accessible(page.locator("#mesh-start"))

    project = page.get_by_label("Name of the project or folder")
    project.press_sequentially("lofar")
    expect(page.get_by_role("radio", name="A project or folder")).to_be_checked()
    options = page.locator("#mesh-places option")
    expect(options).to_have_count(1)
    expect(options).to_have_attribute("value", "lofar-survey")
    project.fill("lofar-survey")
    expect(best).to_have_text('Coast Institute · 16 GB, GPU. "lofar-survey" is stored there.')
    expect(page.locator("[data-mesh-placement=here]")).to_have_text(
        "Files are fetched when read: slower."
    )
    lab.picture("form-project")
    page.get_by_label("Environment").select_option("data")
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile("/user/maya/lab"), timeout=START)
    lab.wait_until_open()
    expect(lab.mesh.row("readme.txt")).to_be_visible(timeout=START)


def test_the_keyboard_alone(hub, lab, stopped):
    page = lab.page
    page.goto(f"{hub.url}/hub/spawn")
    lab.fill_login(lab.account.password)
    page.get_by_role("radio", name="My files").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="A project or folder")).to_be_checked()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Name of the project or folder")).to_be_focused()
    page.keyboard.type("home/Notebooks")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/user/maya/lab"), timeout=START)
    lab.wait_until_open()
    expect(lab.mesh.row("fit what.ipynb")).to_be_visible(timeout=START)


def test_what_cannot_be_opened_is_told_while_one_waits(hub, lab, stopped):
    page = lab.page
    page.goto(f"{hub.url}/hub/spawn")
    lab.fill_login(lab.account.password)
    page.get_by_label("Name of the project or folder").fill("gone")
    with page.expect_request(re.compile("/progress")):
        page.get_by_role("button", name="Start").click()
    told = page.locator("#progress-log")
    expect(told).to_contain_text("Signing in to alpine")
    expect(told).to_contain_text(
        '"gone" is not there, or not shared with you. Your server starts without it.'
    )
    lab.picture("progress")
    page.wait_for_url(re.compile("/user/maya/lab"), timeout=START)
    lab.wait_until_open()
    # The server's own log goes where that of the hub goes.
    assert re.search(r"MeshExtension\] .gone. is not there, or not shared with you", hub.log)


class Storage:
    """A page of the storage, on another address than the hub, with the button."""

    def __init__(self, **values):
        html = BUTTON.format(**values).encode()

        class Page(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(html)))
                self.end_headers()
                self.wfile.write(html)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://localhost:{self.server.server_port}/"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.mark.parametrize(
    "server_path",
    [
        pytest.param("hub/user-redirect/mesh/open/", id="ours"),
        pytest.param("hub/user-redirect/lab/tree/", id="as it comes"),
    ],
)
def test_the_button_of_the_storage_cold_and_warm(hub, lab, maya, stopped, server_path):
    storage = Storage(
        server=hub.url,
        server_path=server_path,
        path=json.dumps("Notebooks/fit what.ipynb"),
        id=json.dumps(maya.notebook),
    )
    try:
        press_it(hub, lab, storage)
    finally:
        storage.close()


def press_it(hub, lab, storage):
    page = lab.page
    page.goto(storage.url)

    def press():
        with page.expect_popup() as popup:
            page.get_by_role("button", name="Open in Notebooks").click()
        return Lab(popup.value, lab.account)

    cold = press()
    cold.fill_login(lab.account.password)
    title = cold.page.get_by_role("heading", name='Open "fit what.ipynb"?')
    expect(title).to_be_visible()
    assert_accessible(cold.page.get_by_role("main"))
    for scheme in ("light", "dark"):
        cold.page.evaluate(
            "theme => document.documentElement.setAttribute('data-bs-theme', theme)", scheme
        )
        cold.picture(f"link-{scheme}")
        assert_accessible(cold.page.get_by_role("main"))
    expect(cold.page.get_by_role("radio", name="My files")).to_have_count(0)
    cold.page.get_by_role("button", name="Start and open").click()
    opened(cold)
    cold.picture("link-opened")
    cold.page.close()

    warm = press()
    opened(warm)
    warm.page.close()


def opened(lab):
    """The notebook is open, and nothing of it has run."""
    lab.page.wait_for_url(re.compile("/user/maya/lab"), timeout=START)
    lab.wait_until_open()
    expect(lab.tab).to_have_accessible_name("fit what.ipynb", timeout=START)
    expect(lab.notebook.get_by_text("print(6 * 7)")).to_be_visible(timeout=START)
    expect(lab.notebook.get_by_text("42", exact=True)).to_have_count(0)
    expect(lab.notebook.get_by_text("[ ]:")).to_be_visible()
