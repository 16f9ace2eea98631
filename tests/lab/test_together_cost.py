"""What a document costs its site while it is open to several people and nobody writes."""

import asyncio
import json
import threading

import pytest
from playwright.sync_api import expect

from jupyter_mesh.auth import write_token_file
from jupyter_mesh.server.collaboration import POLL_INTERVAL
from jupyter_mesh.testing.site import run_node

MANAGER = "--ServerApp.contents_manager_class=jupyter_mesh.contents.CompositeContentsManager"
OPEN = "window.jupyterapp.commands.execute('docmanager:open', {path: 'mesh/home/n.ipynb'})"
NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": "one",
            "metadata": {},
            "outputs": [],
            "source": "6 * 7",
        }
    ],
    # As somebody else's Jupyter wrote it: the kernel here will tell another version.
    "metadata": {
        "kernelspec": {"display_name": "Python 3.8", "language": "python", "name": "python3"},
        "language_info": {"name": "python", "version": "3.8.1"},
    },
    "nbformat": 4,
    "nbformat_minor": 5,
}


@pytest.fixture(scope="module")
def counted_site(tmp_path_factory):
    """A site in a thread of its own, whose calls can be counted."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(30)

    folder = tmp_path_factory.mktemp("counted")
    node = run_node(folder / "data")
    site = run(node.__aenter__())
    write_token_file(folder / "token", run(site.tokens().token()))
    yield site
    run(node.__aexit__(None, None, None))
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="module")
def counted_lab(counted_site, run_lab, tmp_path_factory):
    environment = {
        "MESH_SITE": "alpine",
        "MESH_GATEWAY": counted_site.gateway,
        "MESH_TOKEN_FILE": str(counted_site.data.parent / "token"),
    }
    with run_lab(tmp_path_factory.mktemp("lab"), environment, MANAGER, together=True) as url:
        yield url


def test_who_only_looks_writes_nothing_and_asks_little(counted_lab, counted_site, browser, token):
    stored = counted_site.data / "home" / "einstein" / "n.ipynb"
    stored.parent.mkdir(parents=True, exist_ok=True)
    stored.write_text(json.dumps(NOTEBOOK))
    before, pages = stored.stat().st_mtime_ns, []
    for _ in range(2):
        page = browser.new_context(viewport={"width": 1100, "height": 700}).new_page()
        pages.append(page)
        patience = page.get_by_role("button", name="Continue waiting")
        page.add_locator_handler(patience, lambda button: button.click())
        page.goto(f"{counted_lab}/lab?reset&token={token}")
        page.locator("#jp-main-dock-panel").wait_for()
        page.evaluate(OPEN)
        expect(page.get_by_text("| Idle").first).to_be_visible(timeout=60_000)
        # Longer than the pause before the server saves by itself.
        page.wait_for_timeout(3000)
        assert counted_site.calls["InitiateFileUpload"] == counted_site.calls["PUT"] == 0
        expect(page.locator(".jp-mod-dirty")).to_have_count(0)
    counted_site.calls.clear()
    pages[0].wait_for_timeout(1000 * POLL_INTERVAL + 2000)
    # One for each look at the file, by the room; in the browsers nobody looks at a folder of the site.
    assert counted_site.calls["Stat"] <= 2
    assert counted_site.calls["InitiateFileUpload"] == counted_site.calls["PUT"] == 0
    assert stored.stat().st_mtime_ns == before
    for page in pages:
        page.context.close()
