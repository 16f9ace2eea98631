"""The bin in the Mesh panel: found, put back here or there, deleted for ever after a question."""

import json
import uuid

import pytest
from playwright.sync_api import Locator, Page, expect

DELETE = "path => window.jupyterapp.serviceManager.contents.delete(path)"


@pytest.fixture
def folder(site):
    """Mesh path of a folder of this test alone."""
    path = f"home/bin-{uuid.uuid4().hex[:8]}"
    site.disk(path).mkdir(parents=True)
    return path


@pytest.fixture
def open_bin(open_panel):
    """Opens Lab with the bin unfolded; deletes files before that."""

    def open_bin(*paths: str) -> tuple[Page, Locator]:
        page: Page = open_panel()
        for path in paths:
            page.evaluate(DELETE, f"mesh/{path}")
        page.evaluate("window.jupyterapp.commands.execute('mesh:show-bin')")
        return page, page.locator("#jp-mesh-bin")

    return open_bin


def test_a_deleted_notebook_comes_back(site, folder, open_bin):
    text = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    site.put(f"{folder}/fit.ipynb", text)
    page, bin = open_bin(f"{folder}/fit.ipynb")
    bin.get_by_role("searchbox", name="Search the bin").fill(folder)
    row = bin.get_by_role("listitem").filter(has_text="fit.ipynb")
    expect(row).to_contain_text(f"just now · {folder}")
    row.get_by_role("button", name='Restore "fit.ipynb"').click()
    expect(row).to_have_count(0)
    assert site.get(f"{folder}/fit.ipynb") == text
    expect(bin.get_by_text("Nothing in the bin is called that.")).to_be_visible()
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("#jp-mesh-browser").get_by_text("fit.ipynb")).to_be_visible()


def test_a_taken_name_and_a_folder_that_is_gone_are_asked_about(site, folder, open_bin):
    site.put(f"{folder}/deep/a.txt", "old")
    page, bin = open_bin(f"{folder}/deep/a.txt")
    site.put(f"{folder}/deep/a.txt", "new")
    bin.get_by_role("searchbox").fill(folder)
    restore = bin.get_by_role("button", name='Restore "a.txt"')
    restore.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f'There is already a "a.txt" in "{folder}/deep"')
    field = dialog.get_by_role("textbox")
    expect(field).to_have_value(f"{folder}/deep/a (restored).txt")
    page.keyboard.press("Escape")
    expect(restore).to_be_visible()

    page.evaluate(DELETE, f"mesh/{folder}/deep")
    restore.click()
    expect(dialog).to_contain_text(f'The folder "{folder}/deep" does not exist any more.')
    field.fill(f"{folder}/back.txt")
    page.keyboard.press("Enter")
    expect(restore).to_have_count(0)
    assert site.get(f"{folder}/back.txt") == "old"


def test_what_is_deleted_for_ever_is_named_before(site, folder, open_bin):
    for name in ("a.txt", "b.txt", "c.txt"):
        site.put(f"{folder}/{name}", "x" * 1000)
    page, bin = open_bin(*[f"{folder}/{name}" for name in ("a.txt", "b.txt", "c.txt")])
    bin.get_by_role("searchbox").fill(folder)
    rows = bin.get_by_role("listitem")
    expect(rows).to_have_count(3)

    bin.get_by_role("button", name='More about "b.txt"').click()
    page.get_by_role("menuitem", name="Delete for Ever…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text('Delete "b.txt" for ever?')
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    dialog.get_by_role("button", name="Delete for ever").click()
    expect(rows).to_have_count(2)

    bin.get_by_role("button", name="Delete these…").click()
    expect(dialog).to_contain_text("Delete 2 files and folders for ever?")
    expect(dialog).to_contain_text("2 files and folders (2 kB) in the bin of")
    page.keyboard.press("Escape")
    expect(rows).to_have_count(2)
    bin.get_by_role("button", name="Delete these…").click()
    dialog.get_by_role("button", name="Delete for ever").click()
    expect(rows).to_have_count(0)


def test_a_deletion_can_be_taken_back_at_once(site, folder, open_panel):
    site.put(f"{folder}/a.txt", "precious")
    page: Page = open_panel()
    page.evaluate(DELETE, f"mesh/{folder}/a.txt")
    assert not site.disk(f"{folder}/a.txt").exists()
    toast = page.locator(".Toastify__toast").filter(has_text='"a.txt" is in the bin.')
    with page.expect_response("**/api/mesh/bin/restore*"):
        toast.get_by_role("button", name="Undo").click()
    assert site.get(f"{folder}/a.txt") == "precious"


def test_ten_thousand_things_are_listed_and_searched(open_panel):
    page: Page = open_panel()
    items = [
        {
            "key": f"k{number}",
            "path": f"mesh/home/f{number}.txt",
            "name": f"f{number}.txt",
            "kind": "file",
            "size": 1,
            "deleted": "2026-11-20T10:00:00+00:00",
        }
        for number in range(10_000)
    ]
    page.route("**/api/mesh/bin?*", lambda route: route.fulfill(json={"items": items}))
    page.evaluate("window.jupyterapp.commands.execute('mesh:show-bin')")
    bin = page.locator("#jp-mesh-bin")
    expect(bin.get_by_text("f0.txt")).to_be_visible()
    # Those out of sight are counted, not drawn.
    assert bin.locator(".jp-MeshBin-row").count() < 100
    expect(bin.locator(".jp-MeshBin-row").first).to_have_attribute("aria-setsize", "10000")
    bin.locator(".jp-MeshBin-list").evaluate("node => node.scrollTo(0, node.scrollHeight)")
    expect(bin.get_by_text("f9999.txt")).to_be_visible()
    bin.get_by_role("searchbox").fill("f777")
    expect(bin.locator(".jp-MeshBin-row")).to_have_count(11)


def test_a_failure_and_an_empty_bin_are_said(open_panel):
    page: Page = open_panel()
    answer = {"status": 503, "body": json.dumps({"message": "Alpine does not answer."})}
    page.route("**/api/mesh/bin?*", lambda route: route.fulfill(**answer))
    page.evaluate("window.jupyterapp.commands.execute('mesh:show-bin')")
    bin = page.locator("#jp-mesh-bin")
    expect(bin.get_by_role("alert")).to_contain_text("Alpine does not answer.")
    page.unroute("**/api/mesh/bin?*")
    page.route("**/api/mesh/bin?*", lambda route: route.fulfill(json={"items": []}))
    bin.get_by_role("button", name="Retry").click()
    expect(bin.get_by_text("Nothing was deleted here.")).to_be_visible()
