"""A real browser, real hubs, real sites. One demo and one hub for faults in a run."""

import os
import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.e2e.lab import Lab
from tests.e2e.processes import Demo, Harbour, family
from tests.mounts import mounted_below

RESULTS = Path(__file__).parents[2] / "test-results"
# Without a network behind it, a browser that looks for updates gets slow.
QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-quic", *QUIET]

FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("e2e")
            item.add_marker(pytest.mark.timeout(180))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture(scope="session")
def chromium():
    """Path of a browser; a test with one is never skipped."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    with sync_playwright() as playwright:
        path = path or playwright.chromium.executable_path
    if not Path(path).exists():
        pytest.fail(
            "There is no Chromium for the browser tests: run `make .venv/.browser`, "
            "or name one in the environment variable CHROMIUM.",
            pytrace=False,
        )
    return path


# Not wider than a module: while it is open, its event loop stands in the way of async tests.
@pytest.fixture(scope="module")
def browser(chromium):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    demo = Demo(tmp_path_factory.mktemp("demo"))
    demo.start()
    yield demo
    started = family(demo.process.pid)
    code = demo.stop()
    assert code == 0, demo.log.read_text()
    assert started & family(1) == set(), "the demo has left processes behind"
    assert mounted_below(demo.folder) == []


@pytest.fixture(scope="session")
def harbour(tmp_path_factory):
    """A site and a hub for faults."""
    harbour = Harbour(tmp_path_factory.mktemp("harbour"))
    harbour.start()
    yield harbour
    harbour.stop()
    assert mounted_below(harbour.folder) == []


@pytest.fixture(scope="session")
def cookies():
    """Logins that were made already, as storage states by hub and user."""
    return {}


@pytest.fixture(scope="module")
def windows(browser):
    """Windows that stay open, by hub and user: with what they have loaded before, Lab opens faster."""
    return {}


@pytest.fixture
def open_lab(browser, windows, cookies, request):
    """``open_lab(account)`` gives a Lab in a window where the account is logged in.

    A second one for the same account gets a window, and a login, of its own; so does one that is not
    ``known``: it stands before the login page. A picture is kept in test-results/ if the test failed.
    """
    labs, own = [], []

    def window_for(key, *, known):
        kept = windows.get(key)
        if known and kept and not any(lab.page.context is kept for lab in labs):
            return kept
        window = browser.new_context(
            viewport={"width": 1280, "height": 800},
            storage_state=cookies.get(key) if known else None,
        )
        if known and not kept:
            windows[key] = window
        else:
            own.append(window)
        return window

    def open_lab(account, *, known=True):
        key = (account.site.hub, account.name)
        window = window_for(key, known=known)
        lab = Lab(window.new_page(), account)
        labs.append(lab)
        if known:
            if key not in cookies:
                lab.log_in()
                cookies[key] = window.storage_state()
            lab.open("lab?reset")
        return lab

    yield open_lab
    for number, lab in enumerate(labs):
        if request.node.stash.get(FAILED, True):
            name = re.sub(r"\W+", "-", request.node.name)
            lab.page.screenshot(path=RESULTS / "failed" / f"{name}-{number}.png")
        lab.page.close()
    for window in own:
        window.close()
