"""Versions of a file in Lab: looked at, compared, restored, and never at the cost of what is typed."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}

SAVE = """async ([path, model]) => {
  await window.jupyterapp.serviceManager.contents.save(path, model);
}"""

HOSTILE = """<img src=x onerror="window.hacked = 'img'">
<script>window.hacked = 'script'</script><b>harmless</b>"""


def cell(id, source, *outputs, kind="code"):
    made = {"cell_type": kind, "id": id, "metadata": {}, "source": source}
    if kind == "code":
        made |= {"outputs": list(outputs), "execution_count": None}
    return made


def result(**data):
    data = {kind.replace("_", "/"): value for kind, value in data.items()}
    return {"output_type": "display_data", "data": data, "metadata": {}}


def notebook(*cells):
    # Without a kernel Lab would ask for one, over the dialogs of these tests.
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    content = {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return {"type": "notebook", "format": "json", "content": content}


def text(content):
    return {"type": "file", "format": "text", "content": content}


@pytest.fixture
def file(open_panel, site):
    """Opens Lab and saves states of a file one after the other; gives page and API path."""

    def make(name, *states):
        page: Page = open_panel()
        site.disk(f"home/{name}").unlink(missing_ok=True)
        for state in states:
            page.evaluate(SAVE, [f"mesh/home/{name}", state])
        return page, f"mesh/home/{name}"

    return make


def show_versions(page: Page, path: str):
    page.evaluate(
        "path => window.jupyterapp.commands.execute('mesh:versions', {path})",
        path,
    )
    versions = page.get_by_role("listbox", name="Versions of")
    expect(versions).to_be_visible()
    return versions


def open_document(page: Page, path: str, factory="default"):
    page.evaluate(
        "([path, factory]) => window.jupyterapp.commands.execute('docmanager:open', {path, factory})",
        [path, factory],
    )


def test_a_notebook_is_compared_by_cells_and_restored(file, site):
    before = notebook(
        cell("t", "# Fit", kind="markdown"),
        cell("a", "x = 1\nprint('the result is', x)", result(text_plain="1")),
        cell("b", "gone = 'this cell is not needed any more'"),
    )
    after = notebook(
        cell("t", "# Fit", kind="markdown"),
        cell("a", "x = 2\nprint('the result is', x)", result(text_plain="2")),
        cell("n", "import numpy"),
    )
    page, path = file("fit.ipynb", before, after)
    open_document(page, path)
    expect(page.locator(".jp-Notebook:visible")).to_contain_text("x = 2")
    # The kernel writes its language into the notebook: an unsaved change like any other.
    expect(page.locator("#jp-main-statusbar")).to_contain_text("| Idle")

    versions = show_versions(page, path)
    options = versions.get_by_role("option")
    expect(options).to_have_count(2)
    expect(options.first).to_contain_text("Now")
    expect(options.first).to_have_attribute("aria-selected", "true")
    preview = page.get_by_role("region", name="Comparison")
    expect(preview).to_contain_text("x = 2")

    versions.focus()
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    expect(preview).to_contain_text("x = 1")
    page.get_by_role("button", name="Compare with the file").click()
    changed = page.get_by_role("group", name="Changed cell: text, results")
    expect(changed.locator(".cm-merge-a")).to_contain_text("x = 1")
    expect(changed.locator(".cm-merge-b")).to_contain_text("x = 2")
    expect(page.get_by_role("group", name="Removed cell")).to_contain_text("gone")
    expect(page.get_by_role("group", name="Added cell")).to_contain_text("import numpy")
    page.get_by_role("button", name="Show 1 unchanged cell").click()
    expect(preview).to_contain_text("Fit")

    page.get_by_role("button", name="Restore…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("The present content becomes a version: nothing is lost.")
    dialog.get_by_role("button", name=re.compile("restore", re.IGNORECASE)).click()
    # In the list, at the site, and in the document that is open.
    expect(options).not_to_have_count(2)
    expect(page.get_by_text('"fit.ipynb" is as it was on')).to_be_visible()
    assert "x = 1" in site.get("home/fit.ipynb")
    page.get_by_role("main").get_by_role("tab", name="fit.ipynb").first.click()
    expect(page.locator(".jp-Notebook:visible")).to_contain_text("x = 1")


def test_unsaved_text_becomes_a_version_before_a_restore(file, site):
    page, path = file("note.txt", text("one\n"), text("two\n"))
    open_document(page, path)
    page.locator(".jp-FileEditor:visible .cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.type("typed")
    versions = show_versions(page, path)
    versions.get_by_role("option").nth(1).click()
    page.get_by_role("button", name="Compare with your unsaved text").click()
    expect(page.locator(".cm-merge-a")).to_contain_text("one")
    expect(page.locator(".cm-merge-b")).to_contain_text("typed")
    page.get_by_role("button", name="Restore…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Your unsaved changes are saved first.")
    dialog.get_by_role("button", name="Save and restore").click()
    expect(versions.get_by_role("option")).to_have_count(4)
    assert site.get("home/note.txt") == "one\n"
    # What was typed is the newest version.
    versions.get_by_role("option").nth(1).click()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("region", name="Comparison")).to_contain_text("typed")


def test_nothing_in_a_version_runs(file):
    evil = notebook(
        cell("m", HOSTILE, kind="markdown"),
        cell(
            "h",
            "1",
            result(text_html=HOSTILE),
            result(application_javascript="window.hacked = 'js'"),
            {
                "output_type": "display_data",
                "data": {"image/svg+xml": "<svg onload=\"window.hacked='svg'\"></svg>"},
                "metadata": {},
            },
        ),
    )
    page, path = file("evil.ipynb", evil, notebook(cell("x", "2")))
    versions = show_versions(page, path)
    versions.get_by_role("option").nth(1).click()
    view = page.get_by_role("region", name="Comparison")
    expect(view.get_by_text("harmless")).to_have_count(2)
    page.get_by_role("button", name="Compare with the file").click()
    expect(view.get_by_text("harmless")).not_to_have_count(0)
    assert page.evaluate("window.hacked") is None


def test_the_context_menu_of_a_file_leads_there(file):
    page, _ = file("menu.txt", text("one"))
    row = page.locator("#jp-mesh-browser").get_by_role("listitem").filter(has_text="menu.txt")
    page.get_by_role("tab", name="Home", exact=True).click()
    row.click(button="right")
    page.get_by_role("menuitem", name="Versions…").click()
    expect(page.get_by_role("listbox", name="Versions of menu.txt")).to_be_visible()
    expect(page.get_by_text("There is no earlier version yet.")).to_be_visible()


def test_a_site_that_cannot_show_versions_says_so(file):
    page, path = file("old.txt", text("one"), text("two"))

    def cannot(route):
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"canShow": False})

    page.route("**/api/mesh/versions?*", cannot)
    versions = show_versions(page, path)
    versions.get_by_role("option").nth(1).click()
    expect(page.get_by_text("can restore versions, but not show them")).to_be_visible()
    expect(page.get_by_role("button", name="Compare with the file")).to_have_count(0)
    expect(page.get_by_role("button", name="Restore…")).to_be_visible()


def test_a_failure_is_said_and_tried_again(file):
    page, path = file("fails.txt", text("one"), text("two"))
    answer = {"status": 503, "body": json.dumps({"message": "Alpine does not answer."})}
    page.route("**/api/mesh/versions?*", lambda route: route.fulfill(**answer))
    page.evaluate("path => window.jupyterapp.commands.execute('mesh:versions', {path})", path)
    alert = page.get_by_role("alert").filter(has_text="Alpine does not answer.")
    expect(alert).to_be_visible()
    page.unroute("**/api/mesh/versions?*")
    alert.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("listbox", name="Versions of").get_by_role("option")).to_have_count(2)


def test_a_version_is_downloaded_under_a_name_of_its_own(file, tmp_path):
    page, path = file("data.csv", text("1,2\n"), text("3,4\n"))
    versions = show_versions(page, path)
    versions.get_by_role("option").nth(1).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download", exact=True).click()
    assert download.value.suggested_filename.startswith("data (20")
    download.value.save_as(tmp_path / "data.csv")
    assert (tmp_path / "data.csv").read_text() == "1,2\n"
