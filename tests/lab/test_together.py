"""Two people in one document: no text is lost, and nothing looks saved that is not.

These tests guard the names of jupyter-collaboration that our rooms replace.
"""

import json
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

MANAGER = "--ServerApp.contents_manager_class=jupyter_mesh.contents.CompositeContentsManager"


@pytest.fixture(scope="module")
def room_lab(site, run_lab, tmp_path_factory) -> Iterator[str]:
    """A JupyterLab with jupyter-collaboration that looks at open files every second."""
    options = [
        MANAGER,
        "--YDocExtension.file_poll_interval=1",
        "--YDocExtension.document_cleanup_delay=1",
    ]
    home = tmp_path_factory.mktemp("room")
    with run_lab(home, site.environment, *options, together=True) as url:
        yield url


@pytest.fixture
def join(browser: Browser, room_lab, token) -> Iterator[Callable[[str], Page]]:
    """Opens a document in a browser of somebody's own."""
    contexts = []

    def open_document(path: str) -> Page:
        context = browser.new_context(viewport={"width": 1100, "height": 700})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        # On a busy machine Lab asks whether to wait for the text.
        patience = page.get_by_role("button", name="Continue waiting")
        page.add_locator_handler(patience, lambda button: button.click())
        page.goto(f"{room_lab}/lab?reset&token={token}")
        page.locator("#jp-main-dock-panel").wait_for()
        reopen(page, path)
        return page

    yield open_document
    for context in contexts:
        context.close()


def reopen(page: Page, path: str) -> None:
    page.evaluate("path => window.jupyterapp.commands.execute('docmanager:open', {path})", path)


def text_of(page: Page) -> Locator:
    return page.locator(".jp-FileEditor:visible .cm-content")


def type_at_end(page: Page, text: str) -> None:
    text_of(page).click()
    page.keyboard.press("Control+End")
    page.keyboard.type(text)


def line_of(page: Page) -> Locator:
    """The line that says that the document is not saved."""
    return page.locator(".jp-MeshUnsaved:visible").get_by_role("alert")


def holds(site, path: str, text: str) -> None:
    """Wait until the site has exactly this text."""
    deadline = time.monotonic() + 60
    while site.get(path) != text:
        assert time.monotonic() < deadline, site.get(path)
        time.sleep(0.05)


def test_both_write_and_the_site_has_it(join, site):
    site.put("home/both.txt", "start\n")
    maya, jan = join("mesh/home/both.txt"), join("mesh/home/both.txt")
    expect(text_of(maya)).to_contain_text("start")
    type_at_end(maya, "from maya\n")
    expect(text_of(jan)).to_contain_text("from maya")
    type_at_end(jan, "from jan")
    expect(text_of(maya)).to_contain_text("from jan")
    holds(site, "home/both.txt", "start\nfrom maya\nfrom jan")
    expect(maya.locator(".jp-mod-dirty")).to_have_count(0)
    expect(line_of(jan)).to_have_count(0)


def test_a_site_that_is_away_is_said_to_all(join, site):
    site.put("home/away.txt", "start\n")
    maya, jan = join("mesh/home/away.txt"), join("mesh/home/away.txt")
    expect(text_of(maya)).to_contain_text("start")
    expect(text_of(jan)).to_contain_text("start")
    site.stop()
    try:
        type_at_end(maya, "kept")
        said = '"away.txt" is not saved: Alpine University does not answer.'
        expect(line_of(maya)).to_contain_text(said)
        expect(line_of(jan)).to_contain_text(said)
        maya.keyboard.press("Control+s")
        dialog = maya.get_by_role("dialog")
        expect(dialog).to_contain_text(said)
        dialog.get_by_role("button").last.click()
        expect(maya.locator(".jp-mod-dirty").first).to_be_visible()
        expect(text_of(jan)).to_contain_text("kept")
    finally:
        site.start()
    # Nobody does anything: the next look at the file finds the site, and stores.
    holds(site, "home/away.txt", "start\nkept")
    expect(line_of(maya)).to_have_count(0)
    expect(line_of(jan)).to_have_count(0)
    expect(maya.locator(".jp-mod-dirty")).to_have_count(0)


def test_a_notebook_of_two_is_renamed_while_it_is_open(join, site):
    cell = {"cell_type": "markdown", "id": "one", "metadata": {}, "source": "start"}
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    site.put("home/old/two.ipynb", json.dumps(notebook))
    maya, jan = (join("mesh/home/old/two.ipynb") for _ in range(2))
    for page in (maya, jan):
        no_kernel(page)
        expect(page.locator(".jp-Notebook:visible")).to_contain_text("start")
    write_in_cell(maya, "from maya")
    wait_for_cell(jan, "from maya")
    maya.evaluate(
        "window.jupyterapp.serviceManager.contents.rename('mesh/home/old', 'mesh/home/new [1]')"
    )
    write_in_cell(jan, "from jan")
    wait_for_cell(maya, "from jan")
    deadline = time.monotonic() + 60
    while "from jan" not in site.get("home/new [1]/two.ipynb"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not site.disk("home/old").exists()


def no_kernel(page: Page) -> None:
    """Answers the question for a kernel, should it come, with none."""
    page.add_locator_handler(
        page.get_by_role("dialog").get_by_role("button", name="No Kernel"),
        lambda button: button.click(),
    )


CELL = "window.jupyterapp.shell.currentWidget.content.model.cells.get(0).sharedModel"


def write_in_cell(page: Page, text: str) -> None:
    page.evaluate(f"text => {{ const cell = {CELL}; cell.source += text; }}", text)


def wait_for_cell(page: Page, text: str) -> None:
    page.wait_for_function(f"text => {CELL}.source.includes(text)", arg=text)


@pytest.fixture
def conflict(join, site, request) -> tuple[Page, str]:
    """A shared text with changes that cannot be stored, since somebody changed the file from elsewhere."""
    path = f"home/{request.node.name}.txt"
    site.put(path, "start\n")
    page = join(f"mesh/{path}")
    expect(text_of(page)).to_contain_text("start")
    site.stop()
    try:
        type_at_end(page, "mine")
        expect(line_of(page)).to_contain_text("does not answer")
        site.put(path, "start\ntheirs")
    finally:
        site.start()
    expect(line_of(page)).to_contain_text("was changed by somebody else")
    expect(text_of(page)).to_contain_text("mine")
    return page, path


def test_an_outside_change_takes_no_text_away(conflict, join, site):
    page, path = conflict
    name = path.removeprefix("home/")
    # Whoever opens it now, and whoever comes back, hears the same.
    other = join(f"mesh/{path}")
    for each in (other, page):
        expect(line_of(each)).to_contain_text(f'"{name}" was changed by somebody else')
        expect(text_of(each)).to_contain_text("mine")
    page.keyboard.press("Control+s")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Your changes are still here.")
    page.keyboard.press("Escape")
    expect(page.locator(".jp-mod-dirty").first).to_be_visible()
    assert site.get(path) == "start\ntheirs"
    line_of(page).get_by_role("button", name="Decide…").click()
    dialog.get_by_role("button", name="Save mine as a copy").click()
    expect(page.get_by_role("main").get_by_role("tab", name="(my version)")).to_be_visible()
    assert site.get(path.removesuffix(".txt") + " (my version).txt") == "start\nmine"
    expect(text_of(other)).to_contain_text("theirs")
    expect(line_of(other)).to_have_count(0)
    assert site.get(path) == "start\ntheirs"


def test_overwriting_is_the_choice_of_the_user(conflict, site):
    page, path = conflict
    page.keyboard.press("Control+s")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Overwrite…").click()
    dialog.get_by_role("button", name="Overwrite", exact=True).click()
    holds(site, path, "start\nmine")
    expect(line_of(page)).to_have_count(0)
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)
    type_at_end(page, " too")
    holds(site, path, "start\nmine too")


def test_theirs_can_be_loaded(conflict, site):
    page, path = conflict
    line_of(page).get_by_role("button", name="Decide…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Load theirs…").click()
    dialog.get_by_role("button", name="Load theirs", exact=True).click()
    expect(text_of(page)).to_contain_text("theirs")
    expect(line_of(page)).to_have_count(0)
    assert site.get(path) == "start\ntheirs"


@pytest.mark.parametrize("changed", [False, True], ids=["nobody else wrote", "somebody else wrote"])
def test_text_outlives_its_room(join, site, room_lab, token, changed):
    path = f"home/room-{changed}.txt"
    site.put(path, "start\n")
    page = join(f"mesh/{path}")
    expect(text_of(page)).to_contain_text("start")
    site.stop()
    try:
        type_at_end(page, "kept")
        expect(line_of(page)).to_contain_text("does not answer")
        rooms = events_of(page)
        page.evaluate("window.jupyterapp.shell.currentWidget.context.model.dirty = false")
        page.evaluate("window.jupyterapp.shell.currentWidget.close()")
        page.wait_for_function(f"() => {rooms}.some(msg => msg === 'Room deleted.')")
        if changed:
            site.put(path, "start\ntheirs")
    finally:
        site.start()
    again = join(f"mesh/{path}")
    expect(text_of(again)).to_contain_text("kept")
    if changed:
        expect(line_of(again)).to_contain_text("was changed by somebody else")
        assert site.get(path) == "start\ntheirs"
    else:
        holds(site, path, "start\nkept")


def events_of(page: Page) -> str:
    """Collects what jupyter-collaboration tells of its rooms; gives the name of the list."""
    page.evaluate(
        """window.roomMessages = [];
        window.jupyterapp.serviceManager.events.stream.connect((_, event) => {
          window.roomMessages.push(event.msg);
        })"""
    )
    return "window.roomMessages"
