"""Two people save one document: both texts survive, and the dialog says what happens.

These tests guard the private methods of JupyterLab that the dialog replaces.
"""

import json

import pytest
from playwright.sync_api import Locator, Page, Route, expect


@pytest.fixture
def conflict(open_panel, site, request):
    """A text file with changes of the user, and saved by somebody else meanwhile."""
    name = f"{request.node.name}.txt"
    site.put(f"home/{name}", "start\n")
    page: Page = open_panel()
    page.evaluate(
        "path => window.jupyterapp.commands.execute('docmanager:open', {path})",
        f"mesh/home/{name}",
    )
    editor = page.locator(".jp-FileEditor:visible .cm-content")
    editor.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("mine")
    site.put(f"home/{name}", "start\ntheirs")
    page.keyboard.press("Control+s")
    expect(dialog_of(page)).to_contain_text("was changed by somebody else")
    return page, name


def dialog_of(page: Page) -> Locator:
    return page.get_by_role("dialog")


def shown(page: Page) -> Locator:
    return page.locator(".jp-FileEditor:visible .cm-content")


def test_a_copy_keeps_both(conflict, site):
    page, name = conflict
    dialog = dialog_of(page)
    expect(dialog).to_contain_text("Your changes are still here.")
    expect(dialog.get_by_role("button", name="Save mine as a copy")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main").get_by_role("tab", name="(my version)")).to_be_visible()
    assert site.get(f"home/{name}") == "start\ntheirs"
    assert site.get(f"home/{name.removesuffix('.txt')} (my version).txt") == "start\nmine"
    page.get_by_role("main").get_by_role("tab", name=name).first.click()
    expect(shown(page)).to_contain_text("theirs")


def test_a_copy_holds_what_came_while_the_question_was_open(conflict, site):
    page, name = conflict
    page.evaluate(
        "window.jupyterapp.shell.currentWidget.context.model.fromString('start\\nmine and later')"
    )
    page.keyboard.press("Enter")
    expect(page.get_by_role("main").get_by_role("tab", name="(my version)")).to_be_visible()
    copy = f"home/{name.removesuffix('.txt')} (my version).txt"
    assert site.get(copy) == "start\nmine and later"


TYPE_WHILE_SAVING = """() => {
  const { contents } = window.jupyterapp.serviceManager;
  const { model } = window.jupyterapp.shell.currentWidget.context;
  const save = contents.save.bind(contents);
  contents.save = (...args) => {
    contents.save = save;
    model.fromString('start\\nmine, typed meanwhile');
    return save(...args);
  };
}"""


def test_a_copy_holds_what_is_typed_while_it_is_written(conflict, site):
    page, name = conflict
    page.evaluate(TYPE_WHILE_SAVING)
    page.keyboard.press("Enter")
    expect(page.get_by_role("main").get_by_role("tab", name="(my version)")).to_be_visible()
    copy = f"home/{name.removesuffix('.txt')} (my version).txt"
    assert site.get(copy) == "start\nmine, typed meanwhile"


def test_a_copy_replaces_no_other(conflict, site):
    page, name = conflict
    copy = f"home/{name.removesuffix('.txt')} (my version).txt"

    def somebody_was_faster(route):
        if route.request.method == "PUT":
            site.put(copy, "another version")
        route.continue_()

    page.route("**/*version*", somebody_was_faster)
    page.keyboard.press("Enter")
    expect(dialog_of(page)).to_contain_text("the name is taken")
    page.keyboard.press("Enter")
    assert site.get(copy) == "another version"
    expect(shown(page)).to_contain_text("mine")


def test_overwriting_is_asked_for_once_more(conflict, site):
    page, name = conflict
    dialog_of(page).get_by_role("button", name="Overwrite…").click()
    expect(dialog_of(page)).to_contain_text("is replaced by your version")
    page.keyboard.press("Enter")
    expect(dialog_of(page), "Enter leads back").to_contain_text("was changed by somebody else")
    dialog_of(page).get_by_role("button", name="Overwrite…").click()
    dialog_of(page).get_by_role("button", name="Overwrite", exact=True).click()
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)
    assert site.get(f"home/{name}") == "start\nmine"
    # What was saved is the new base: no second question.
    shown(page).click()
    page.keyboard.press("Control+End")
    page.keyboard.type(" too")
    page.keyboard.press("Control+s")
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)
    assert site.get(f"home/{name}") == "start\nmine too"


def test_theirs_can_be_loaded(conflict, site):
    page, name = conflict
    dialog_of(page).get_by_role("button", name="Load theirs…").click()
    expect(dialog_of(page)).to_contain_text("are lost")
    dialog_of(page).get_by_role("button", name="Load theirs", exact=True).click()
    expect(shown(page)).to_contain_text("theirs")
    assert site.get(f"home/{name}") == "start\ntheirs"


def test_cancel_changes_nothing(conflict, site):
    page, name = conflict
    page.keyboard.press("Escape")
    expect(dialog_of(page)).to_have_count(0)
    expect(shown(page)).to_contain_text("mine")
    expect(page.get_by_role("contentinfo").get_by_text("Saving failed")).to_be_visible()
    assert site.get(f"home/{name}") == "start\ntheirs"


def test_comparing_leads_back_to_the_question(conflict, site):
    page, name = conflict
    dialog_of(page).get_by_role("button", name="Compare").click()
    both = page.get_by_role("dialog", name="Theirs and yours")
    expect(both.locator(".cm-merge-a")).to_contain_text("theirs")
    expect(both.locator(".cm-merge-b")).to_contain_text("mine")
    both.get_by_role("button", name="Back").click()
    expect(dialog_of(page)).to_contain_text("was changed by somebody else")
    expect(dialog_of(page).get_by_role("button", name="Save mine as a copy")).to_be_focused()
    page.keyboard.press("Escape")
    expect(shown(page)).to_contain_text("mine")
    assert site.get(f"home/{name}") == "start\ntheirs"


def test_the_buttons_stand_in_one_row(conflict):
    page, _ = conflict
    buttons = dialog_of(page).get_by_role("button")
    expect(buttons).to_have_count(5)
    rows = {round(buttons.nth(number).bounding_box()["y"]) for number in range(5)}
    assert len(rows) == 1


def test_the_person_is_named_where_the_server_knows(open_panel, site):
    name = "who.txt"
    site.put(f"home/{name}", "start")
    page: Page = open_panel()

    def tell(route):
        answer = route.fetch()
        model = answer.json() | {"mesh": {"changedBy": "Jan Novak"}}
        route.fulfill(response=answer, json=model)

    page.route(f"**/api/contents/mesh/home/{name}?*", tell)
    page.evaluate(
        "path => window.jupyterapp.commands.execute('docmanager:open', {path})",
        f"mesh/home/{name}",
    )
    shown(page).click()
    page.keyboard.type("mine")
    site.put(f"home/{name}", "theirs")
    page.keyboard.press("Control+s")
    expect(dialog_of(page)).to_contain_text('"who.txt" was changed by Jan Novak just now.')


@pytest.fixture
def notebook_conflict(open_panel, site, request):
    """A notebook with a change of the user, and saved by somebody else meanwhile."""
    name = f"{request.node.name.partition('[')[0]}.ipynb"

    def text(source):
        cell = {"cell_type": "markdown", "id": "one", "metadata": {}, "source": source}
        return json.dumps(
            {
                "cells": [cell],
                "metadata": {"kernelspec": KERNEL},
                "nbformat": 4,
                "nbformat_minor": 5,
            }
        )

    site.put(f"home/{name}", text("start"))
    page: Page = open_panel()
    page.evaluate(
        "path => window.jupyterapp.commands.execute('docmanager:open', {path})",
        f"mesh/home/{name}",
    )
    expect(page.locator(".jp-Notebook:visible")).to_contain_text("start")
    page.evaluate(
        "window.jupyterapp.shell.currentWidget.content.model.cells.get(0).sharedModel.setSource('mine')"
    )
    site.put(f"home/{name}", text("theirs"))
    page.keyboard.press("Control+s")
    expect(dialog_of(page)).to_contain_text("was changed by somebody else")
    return page, name


KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


@pytest.mark.parametrize("choice", ["copy", "overwrite", "theirs"])
def test_nothing_of_a_notebook_is_lost(notebook_conflict, site, choice):
    page, name = notebook_conflict
    dialog = dialog_of(page)
    dialog.get_by_role("button", name="Compare").click()
    both = page.get_by_role("dialog", name="Theirs and yours")
    changed = both.get_by_role("group", name="Changed cell: text")
    expect(changed.locator(".cm-merge-a")).to_contain_text("theirs")
    expect(changed.locator(".cm-merge-b")).to_contain_text("mine")
    both.get_by_role("button", name="Back").click()
    copy = f"home/{name.removesuffix('.ipynb')} (my version).ipynb"
    if choice == "copy":
        dialog.get_by_role("button", name="Save mine as a copy").click()
        expect(page.get_by_role("main").get_by_role("tab", name="(my version)")).to_be_visible()
        assert "mine" in site.get(copy)
        assert "theirs" in site.get(f"home/{name}")
    elif choice == "overwrite":
        dialog.get_by_role("button", name="Overwrite…").click()
        dialog.get_by_role("button", name="Overwrite", exact=True).click()
        expect(page.locator(".jp-mod-dirty")).to_have_count(0)
        assert "mine" in site.get(f"home/{name}")
        # Theirs is a version.
        told = page.evaluate(VERSIONS, f"mesh/home/{name}")
        assert any("theirs" in content for content in told)
    else:
        dialog.get_by_role("button", name="Load theirs…").click()
        dialog.get_by_role("button", name="Load theirs", exact=True).click()
        expect(page.locator(".jp-Notebook:visible")).to_contain_text("theirs")
        assert "theirs" in site.get(f"home/{name}")


VERSIONS = """async path => {
  const { baseUrl } = window.jupyterapp.serviceManager.serverSettings;
  const query = `path=${encodeURIComponent(path)}`;
  const token = document.cookie.match(/_xsrf=([^;]*)/)?.[1] ?? '';
  const ask = url => fetch(`${baseUrl}api/mesh/${url}`, {headers: {'X-XSRFToken': token}});
  const { versions } = await (await ask(`versions?${query}`)).json();
  return Promise.all(versions.map(async version =>
    (await ask(`versions/content?${query}&id=${version.id}`)).text()
  ));
}"""


HOLD_THE_NEXT_SAVE = """() => {
  const { contents } = window.jupyterapp.serviceManager;
  const save = contents.save.bind(contents);
  contents.save = async (...args) => {
    contents.save = save;
    await new Promise(resolve => { window.goOn = resolve; });
    return save(...args);
  };
}"""


@pytest.mark.parametrize("answered", [False, True], ids=["first save", "overwriting"])
def test_two_tabs_that_nothing_tells_apart(open_panel, browser, lab, token, site, answered):
    """Both have looked at the file before either saves: the base that each save names decides."""
    name = f"tabs-{answered}.txt"
    site.put(f"home/{name}", "start\n")
    pages = [open_panel(), browser.contexts[0].new_page()]
    pages[1].goto(f"{lab}/lab?reset&token={token}")
    for page, text in zip(pages, ("one", "two"), strict=True):
        page.route("**/api/contents/**", without_marks)
        page.locator("#jp-main-dock-panel").wait_for()
        page.evaluate(
            "path => window.jupyterapp.commands.execute('docmanager:open', {path})",
            f"mesh/home/{name}",
        )
        shown(page).click()
        page.keyboard.press("Control+End")
        page.keyboard.type(text)
    one, two = pages
    one.bring_to_front()
    if answered:
        site.put(f"home/{name}", "theirs")
        one.keyboard.press("Control+s")
        dialog_of(one).get_by_role("button", name="Overwrite…").click()
    one.evaluate(HOLD_THE_NEXT_SAVE)
    if answered:
        dialog_of(one).get_by_role("button", name="Overwrite", exact=True).click()
    else:
        one.keyboard.press("Control+s")
    one.wait_for_function("() => Boolean(window.goOn)", polling=50)
    two.bring_to_front()
    two.keyboard.press("Control+s")
    if answered:
        dialog_of(two).get_by_role("button", name="Overwrite…").click()
        dialog_of(two).get_by_role("button", name="Overwrite", exact=True).click()
    expect(two.locator(".jp-mod-dirty")).to_have_count(0)
    assert site.get(f"home/{name}") == "start\ntwo"
    one.bring_to_front()
    one.evaluate("window.goOn()")
    expect(dialog_of(one)).to_contain_text("was changed by")
    assert site.get(f"home/{name}") == "start\ntwo"
    one.keyboard.press("Escape")
    expect(shown(one)).to_contain_text("one")


def without_marks(route: Route) -> None:
    """Takes away what the server tells windows apart by."""
    headers = {name: text for name, text in route.request.headers.items() if name != "referer"}
    route.continue_(headers=headers)
