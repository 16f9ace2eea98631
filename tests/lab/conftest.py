"""A real site, a real JupyterLab on it and a real browser, each in a process of its own."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler
from playwright.sync_api import Browser, Page, expect, sync_playwright

import jupyter_mesh
from jupyter_mesh.sharing import Sharing
from jupyter_mesh.testing.site import RunningSite, federated_nodes, in_thread
from tests.axe import assert_accessible

T = TypeVar("T")

TOKEN = "test-token"
PASSWORD = "correct horse"
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
COLLABORATION = ("collaboration", "docprovider")
NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "id": "one",
            "metadata": {},
            "outputs": [],
            "execution_count": None,
            "source": "6 * 7",
        }
    ],
    "metadata": {
        "kernelspec": {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        }
    },
    "nbformat": 4,
    "nbformat_minor": 5,
}


expect.set_options(timeout=15_000)

START = 60_000
"""Milliseconds that a page of JupyterLab may take to start, on a machine that is busy with much else."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser on a busy machine takes its time."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.timeout(180))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(holds: Callable[[], bool], process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 90
    while not holds():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


class Site:
    """An embedded node in a process of its own, with one user, maya; it can go away and come back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token_file = folder / "token"
        self.ports = free_port(), free_port()
        self.gateway = f"127.0.0.1:{self.ports[0]}"
        self.process: subprocess.Popen | None = None
        self.verb("node", "user", "add", "maya", "--data", str(folder / "data"), text=PASSWORD)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "MESH_SITE": "alpine",
            "MESH_SITE_TITLE": "Alpine University",
            "MESH_GATEWAY": self.gateway,
            "MESH_TOKEN_FILE": str(self.token_file),
        }

    def verb(self, *arguments: str, text: str = "") -> str:
        command = [sys.executable, "-m", "jupyter_mesh.cli", *arguments]
        done = subprocess.run(
            command,
            input=text,
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self) -> None:
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        log = self.folder / "node.log"
        gateway_port, http_port = self.ports
        command = [sys.executable, "-m", "jupyter_mesh.cli", "node", "--name", "alpine"]
        command += ["--data", str(self.folder / "data"), "--ready-file", str(ready)]
        command += ["--gateway-port", str(gateway_port), "--http-port", str(http_port)]
        with log.open("ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        wait_until(ready.exists, self.process, log)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def login(self) -> None:
        arguments = ["--gateway", self.gateway, "--username", "maya"]
        self.verb("login", *arguments, "--token-file", str(self.token_file), text=PASSWORD)

    def disk(self, path: str) -> Path:
        """Where the site keeps a file of maya, for a look and for a change from elsewhere."""
        return self.folder / "data" / "home" / "maya" / path.removeprefix("home/")

    def put(self, path: str, text: str) -> None:
        """Write a file past Jupyter."""
        self.disk(path).parent.mkdir(parents=True, exist_ok=True)
        self.disk(path).write_text(text)

    def get(self, path: str) -> str:
        """What the site holds."""
        return self.disk(path).read_text()


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running site whose user has signed in."""
    site = Site(tmp_path_factory.mktemp("site"))
    site.start()
    site.login()
    yield site
    site.stop()


@pytest.fixture(scope="session")
def token() -> str:
    """The token of every lab here."""
    return TOKEN


@pytest.fixture
def notebook() -> dict:
    """A notebook with one cell that answers 42."""
    return NOTEBOOK


@pytest.fixture(scope="session")
def run_lab() -> Callable[..., contextlib.AbstractContextManager[str]]:
    """Runs a lab of the test's own."""
    return running_lab


@contextlib.contextmanager
def running_lab(
    home: Path, environment: dict[str, str], *options: str, together: bool = False
) -> Iterator[str]:
    """A JupyterLab in a process of its own, with jupyter-collaboration if ``together``; gives its URL."""
    (home / "config" / "labconfig").mkdir(parents=True)
    extensions = {"jupyter_server_ydoc": together, "jupyter_server_fileid": together}
    (home / "config" / "jupyter_server_config.json").write_text(
        json.dumps({"ServerApp": {"jpserver_extensions": extensions}})
    )
    disabled = {f"@jupyter/{name}-extension": not together for name in COLLABORATION}
    (home / "config" / "labconfig" / "page_config.json").write_text(
        json.dumps({"disabledExtensions": disabled})
    )
    quiet = home / "settings" / "@jupyterlab" / "apputils-extension"
    quiet.mkdir(parents=True)
    (quiet / "notification.jupyterlab-settings").write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False})
    )
    # What was built last in this tree goes before the copy that was installed.
    built = Path(jupyter_mesh.__file__).parent / "labextension"
    assert (built / "static").is_dir(), "the lab extension is not built: make build"
    (home / "data" / "labextensions" / "@jupyter-mesh").mkdir(parents=True)
    (home / "data" / "labextensions" / "@jupyter-mesh" / "labextension").symlink_to(built)
    (home / "root").mkdir()
    (home / "root" / "local.txt").write_text("a local file\n")
    (home / "root" / "scratch").mkdir()
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }
    port = free_port()
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"]
    command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
    command += ["--ServerApp.port_retries=0", f"--ServerApp.root_dir={home / 'root'}"]
    command += [f"--IdentityProvider.token={TOKEN}", "--LabApp.expose_app_in_browser=True"]
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            urllib.request.urlopen(f"{url}/api/status?token={TOKEN}", timeout=5)  # noqa: S310  http to ourselves
        except (urllib.error.URLError, ConnectionError):
            return False
        return True

    log = home / "lab.log"
    env = os.environ | {name: str(home / folder) for name, folder in folders.items()}
    env |= environment | {"JUPYTER_PREFER_ENV_PATH": "0"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, *options], env=env, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            wait_until(answers, process, log)
            yield url
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="package")
def lab(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A JupyterLab whose files are local ones with the site below mesh/; gives its URL."""
    manager = "jupyter_mesh.contents.CompositeContentsManager"
    with running_lab(
        tmp_path_factory.mktemp("lab"),
        site.environment,
        f"--ServerApp.contents_manager_class={manager}",
    ) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not wider than a module: Playwright keeps a loop running, which breaks async tests after it."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        # Without a path Playwright takes its own; a missing browser is a failure, not a skip.
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page in a browser of its own, with a moderate screen."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.set_default_navigation_timeout(START)
    yield page
    context.close()


@pytest.fixture
def accessible(page: Page) -> Callable[..., None]:
    """Asserts that axe-core finds nothing serious in a part of the page."""
    return lambda place=page: assert_accessible(place)


def started(page: Page, *, launcher: bool = False) -> None:
    """Wait until JupyterLab stands there; a fresh layout ends with the launcher, which takes the focus."""
    page.locator("#jp-main-dock-panel").wait_for(timeout=START)
    if launcher:
        tab = page.get_by_role("main").get_by_role("tab", name="Launcher", selected=True)
        expect(tab).to_be_visible(timeout=START)


@pytest.fixture
def open_lab(page: Page, lab: str, site: Site) -> Callable[..., Page]:
    """Opens JupyterLab with a fresh layout, optionally at an address below it."""

    def open_at(address: str = "lab?reset", url: str = lab) -> Page:
        mark = "&" if "?" in address else "?"
        page.goto(f"{url}/{address}{mark}token={TOKEN}")
        started(page, launcher=address == "lab?reset")
        return page

    return open_at


@pytest.fixture
def open_panel(open_lab: Callable[..., Page]) -> Callable[..., Page]:
    """Opens JupyterLab with the Mesh panel in front."""

    def open_panel() -> Page:
        page = open_lab()
        page.get_by_role("tab", name="Mesh", exact=True).click()
        return page

    return open_panel


class Federation:
    """Two sites that trust each other, and the lab of einstein at Alpine University."""

    def __init__(
        self, here: RunningSite, there: RunningSite, url: str, down: threading.Event
    ) -> None:
        self.here = here
        self.there = there
        self.url = url
        self._down = down

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Coast Institute answers no other site meanwhile: it hangs up on whoever calls."""
        self._down.set()
        try:
            yield
        finally:
            self._down.clear()

    def do(
        self,
        act: Callable[[Sharing], Awaitable[T]],
        *,
        at: RunningSite | None = None,
        user: int = 0,
    ) -> T:
        """What somebody else does meanwhile: noether at Coast Institute unless another one is said."""

        async def run() -> T:
            async with (at or self.there).client(user) as client:
                return await act(Sharing(client))

        # Playwright has the loop of this thread.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, run()).result()


@pytest.fixture(scope="package")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Two sites, with a lab at one of them."""
    folder = tmp_path_factory.mktemp("federation")
    down = threading.Event()

    @web.middleware
    async def hang_up(request: web.Request, handler: Handler) -> web.StreamResponse:
        if down.is_set():
            assert request.transport is not None
            request.transport.close()
            raise ConnectionResetError
        return await handler(request)

    with in_thread(lambda: federated_nodes(folder, middlewares=[hang_up])) as (here, there):
        token_file = folder / "token"
        command = [sys.executable, "-m", "jupyter_mesh.cli", "login", "--gateway", here.gateway]
        command += ["--username", here.users[0].name, "--token-file", str(token_file)]
        subprocess.run(command, input=here.users[0].password, text=True, timeout=60, check=True)
        environment = {
            "MESH_SITE": "alpine",
            "MESH_SITE_TITLE": "Alpine University",
            "MESH_GATEWAY": here.gateway,
            "MESH_TOKEN_FILE": str(token_file),
        }
        manager = "jupyter_mesh.contents.CompositeContentsManager"
        option = f"--ServerApp.contents_manager_class={manager}"
        with running_lab(folder / "lab", environment, option) as url:
            yield Federation(here, there, url, down)


@pytest.fixture
def open_federated(page: Page, federation: Federation) -> Callable[..., Page]:
    """Opens the lab of the federation with the Mesh panel in front and one of its sections open."""

    def open_section(section: str = "") -> Page:
        page.goto(f"{federation.url}/lab?reset&token={TOKEN}")
        started(page, launcher=True)
        page.get_by_role("tab", name="Mesh", exact=True).click()
        if section:
            unfold(page, section)
        return page

    return open_section


def unfold(page: Page, section: str) -> None:
    """Open a section of the Mesh panel, which are closed in a fresh layout."""
    titles = page.locator(".jp-MeshPanel .jp-AccordionPanel-title")
    title = titles.filter(has=page.get_by_text(re.compile(f"^{section}(: \\d+ new)?$")))
    title.locator(".lm-AccordionPanel-titleLabel").click()
    expect(title).to_have_attribute("aria-expanded", "true")
