"""A folder of 10 000 entries in a real browser: all of JupyterLab's ways with rows, and few nodes.

These tests guard the private names of JupyterLab's listing that `LazyRows` uses.
"""

import os
import re

import pytest
from playwright.sync_api import Locator, Page, expect

COUNT = 10_000
#: More nodes than a screen and its margins need mean that rows are drawn that nobody sees.
MANY_NODES = 2_500
SELECTED = re.compile("jp-mod-selected")
WIDGET = """id => {
  const widget = Array.from(window.jupyterapp.shell.widgets('left')).find(w => w.id === id);
  return widget.browser ?? widget;
}"""


class Listing:
    """The rows of one browser, and what of them is in the document."""

    def __init__(self, page: Page, panel: str) -> None:
        self.page = page
        self.node = page.locator(f"#{panel} .jp-DirListing")
        self.content = self.node.locator(".jp-DirListing-content")
        self.header = self.node.locator(".jp-DirListing-header")
        self.widget = page.evaluate_handle(WIDGET, panel)

    def row(self, name: str) -> Locator:
        label = self.page.get_by_text(name, exact=True)
        return self.content.locator(".jp-DirListing-item").filter(has=label)

    def name(self, name: str) -> Locator:
        """What has the keyboard when the row of this name is in use."""
        return self.content.get_by_role("button", name=name, exact=True)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def scroll(self, share: float) -> None:
        self.content.evaluate(
            "(node, share) => { node.scrollTop = share * node.scrollHeight }", share
        )

    def nodes(self) -> int:
        return self.node.evaluate("node => node.querySelectorAll('*').length")

    def selected(self) -> int:
        return self.widget.evaluate("browser => Array.from(browser.selectedItems()).length")

    def refresh(self) -> None:
        """What the poll does every ten seconds."""
        self.widget.evaluate("browser => browser.model.refresh()")


def name_of(number: int) -> str:
    """The names of the second half begin with b: one key leads to its first."""
    return f"{'a' if number < COUNT / 2 else 'b'}-{number:05}.txt"


@pytest.fixture(scope="module")
def big(site):
    """A folder of 10 000 files and one folder, of which the third file is the latest."""
    folder = site.disk("home/big")
    folder.mkdir(parents=True)
    for number in range(COUNT):
        (folder / name_of(number)).touch()
        os.utime(folder / name_of(number), (1_700_000_000, 1_700_000_000 + number))
    (folder / "a-00002.txt").touch()
    (folder / "archive").mkdir()
    return folder


@pytest.fixture
def listing(request, open_lab, big) -> Listing:
    """The big folder, open in our browser or, if the test asks for it, in JupyterLab's."""
    page = open_lab()
    is_stock = getattr(request, "param", "mesh") == "stock"
    command = "filebrowser:open-path" if is_stock else "mesh:open-path"
    page.evaluate(
        "([id, args]) => window.jupyterapp.commands.execute(id, args)",
        [command, {"path": "mesh/home/big"}],
    )
    listing = Listing(page, "filebrowser" if is_stock else "jp-mesh-panel")
    expect(listing.row("archive")).to_be_visible()
    return listing


both = pytest.mark.parametrize("listing", ["mesh", "stock"], indirect=True)


@both
def test_few_nodes_stand_for_all_entries(listing):
    first = listing.content.get_by_role("listitem").first
    expect(first).to_have_attribute("aria-setsize", str(COUNT + 1))
    assert listing.nodes() < MANY_NODES
    listing.scroll(1)
    expect(listing.row("b-09999.txt")).to_be_in_viewport()
    expect(listing.row("b-09999.txt")).to_have_attribute("aria-posinset", str(COUNT + 1))
    expect(listing.row("a-00001.txt")).to_have_count(0)
    listing.scroll(0.5)
    expect(listing.row("b-05000.txt")).to_be_visible()
    assert listing.nodes() < MANY_NODES


@both
def test_the_keyboard_reaches_every_row(listing):
    listing.row("archive").click()
    listing.press("End")
    expect(listing.name("b-09999.txt")).to_be_focused()
    expect(listing.row("b-09999.txt")).to_be_in_viewport(ratio=0.9)
    listing.press("ArrowUp", "ArrowUp")
    expect(listing.name("b-09997.txt")).to_be_focused()
    listing.press("Home", "ArrowDown")
    expect(listing.name("a-00000.txt")).to_be_focused()
    listing.press("PageDown")
    expect(listing.row("a-00000.txt")).not_to_have_class(SELECTED)
    assert listing.selected() == 1
    listing.press("PageUp")
    expect(listing.name("a-00000.txt")).to_be_focused()
    listing.press("Shift+End")
    assert listing.selected() == COUNT
    listing.press("Home")
    listing.press("b")
    expect(listing.name("b-05000.txt")).to_be_focused()
    for _ in range(40):
        listing.press("ArrowDown")
    expect(listing.name("b-05040.txt")).to_be_focused()
    expect(listing.row("b-05040.txt")).to_be_in_viewport(ratio=0.9)


def test_a_selection_is_of_all_entries(listing):
    listing.row("archive").click()
    listing.press("Control+a")
    expect(listing.row("a-00001.txt")).to_have_class(SELECTED)
    assert listing.selected() == COUNT + 1
    listing.scroll(1)
    expect(listing.row("b-09999.txt")).to_have_class(SELECTED)
    listing.press("End")
    assert listing.selected() == 1
    listing.scroll(0.5)
    listing.row("b-05000.txt").click(modifiers=["Shift"])
    assert listing.selected() == 5_000
    listing.row("b-05001.txt").click(modifiers=["Control"])
    expect(listing.row("b-05001.txt")).not_to_have_class(SELECTED)
    assert listing.selected() == 4_999


def test_the_box_in_the_header_selects_all(listing):
    page = listing.page
    page.evaluate("window.jupyterapp.commands.execute('filebrowser:toggle-file-checkboxes')")
    box = listing.header.get_by_role("checkbox")
    expect(box).to_have_accessible_name("Select all files and directories")
    box.click()
    expect(box).to_be_checked()
    assert listing.selected() == COUNT + 1
    listing.scroll(0.5)
    listing.row("b-05000.txt").get_by_role("checkbox").click(force=True)
    expect(box).not_to_be_checked()
    assert box.evaluate("box => box.indeterminate")
    expect(box).to_have_accessible_name("Deselect all files and directories")
    box.click()
    assert listing.selected() == 0
    page.evaluate("window.jupyterapp.commands.execute('filebrowser:toggle-file-checkboxes')")


def test_a_row_in_the_middle_is_renamed_and_followed(listing, big):
    listing.row("archive").click()
    listing.press("b", "F2")
    editor = listing.content.locator("input.jp-DirListing-editor")
    expect(editor).to_be_focused()
    editor.fill("zz.txt")
    editor.press("Enter")
    expect(listing.name("zz.txt")).to_be_focused()
    expect(listing.row("zz.txt")).to_be_in_viewport(ratio=0.9)
    listing.press("F2")
    editor.fill("b-05000.txt")
    editor.press("Enter")
    expect(listing.name("b-05000.txt")).to_be_focused()
    expect(listing.row("b-05000.txt")).to_be_in_viewport(ratio=0.9)
    assert (big / "b-05000.txt").exists()


def test_what_is_in_use_survives_a_refresh_and_scrolling(listing, big):
    listing.row("archive").click()
    listing.press("b")
    expect(listing.name("b-05000.txt")).to_be_focused()
    listing.refresh()
    expect(listing.name("b-05000.txt")).to_be_focused()
    listing.scroll(0)
    expect(listing.row("a-00001.txt")).to_be_visible()
    assert listing.nodes() < MANY_NODES
    (big / "zz.txt").touch()
    listing.refresh()
    listing.press("ArrowDown")
    expect(listing.name("b-05001.txt")).to_be_focused()
    assert listing.selected() == 1
    (big / "zz.txt").unlink()


def test_a_filter_and_an_order_are_of_all_entries(listing):
    # JupyterLab calls "ascending" what begins with the latest.
    listing.header.get_by_text(re.compile("^Modified")).click()
    expect(listing.row("a-00002.txt")).to_have_attribute("aria-posinset", "2")
    expect(listing.row("b-09999.txt")).to_have_attribute("aria-posinset", "3")
    listing.header.get_by_text("Name").click()
    listing.page.get_by_role("button", name="Filter files by name").click()
    listing.page.locator("#jp-mesh-panel .jp-FilterBox input").fill("a-00777")
    expect(listing.row("a-00777.txt")).to_be_visible()
    expect(listing.content.get_by_role("listitem")).to_have_count(1)
    listing.page.get_by_role("button", name="Hide the filter").click()
    expect(listing.row("a-00001.txt")).to_be_visible()
    listing.scroll(1)
    expect(listing.row("b-09999.txt")).to_be_in_viewport()


def test_a_row_that_was_scrolled_to_has_its_menu_and_can_be_dragged(listing, big):
    listing.scroll(1)
    listing.row("b-09998.txt").click(button="right")
    menu = listing.page.get_by_role("menu")
    expect(menu.get_by_role("menuitem", name="Rename")).to_be_visible()
    listing.press("Escape")
    (big / "zzz").mkdir()
    (big / "0.txt").touch()
    listing.refresh()
    listing.scroll(0)
    source = listing.row("0.txt").bounding_box()
    target = listing.row("zzz").bounding_box()
    mouse = listing.page.mouse
    mouse.move(source["x"] + 60, source["y"] + 8)
    mouse.down()
    mouse.move(source["x"] + 70, source["y"] + 16, steps=4)
    mouse.move(target["x"] + 60, target["y"] + 8, steps=6)
    mouse.up()
    expect(listing.row("0.txt")).to_have_count(0)
    assert (big / "zzz" / "0.txt").exists()
