"""The share dialog where something is in the way: a choice, which nobody makes by accident."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.lab.answers import JAN, Answers, person, shared

PATIENT = 45_000
SHARE = "path => { void window.jupyterapp.commands.execute('mesh:share', {path}); }"


def dialog_of(page: Page, path: str) -> Locator:
    """Opens the dialog; it may not have been answered yet."""
    page.evaluate(SHARE, path)
    dialog = page.get_by_role("dialog", name=f'Share "{path.rpartition("/")[2]}"', exact=True)
    expect(dialog).to_be_visible()
    return dialog


def pick(dialog: Locator, text: str) -> None:
    """Chooses the one who is found."""
    field = dialog.get_by_role("combobox", name="Add people, groups or contacts")
    field.fill(text)
    option = dialog.get_by_role("option", name=re.compile(text, re.IGNORECASE))
    expect(option).to_have_attribute("aria-selected", "true", timeout=PATIENT)
    field.press("Enter")


def access_of(name: str = "draft") -> dict:
    """Somebody's own folder that nobody else can see."""
    return {
        "path": f"mesh/home/{name}",
        "name": name,
        "kind": "directory",
        "id": "storage$space!thing",
        "me": {"role": "owner", "canShare": True, "whyNot": ""},
        "owner": person("einstein"),
        "rows": [],
        "links": [],
        "problems": [],
    }


def test_what_is_in_the_way_is_a_choice(open_panel, page, accessible):
    answers = Answers(page)
    answers.give("GET", "access", access_of())
    answers.give("GET", "people", {"items": [JAN], "problems": []})
    conflict = {
        "message": '"draft/raw" is shared with Jan Novak already, and this site takes only one of both.',
        "reason": None,
        "trace": None,
        "conflict": {"paths": ["home/draft/raw"], "canForce": True},
    }
    answers.give("POST", "shares", conflict, status=409)
    open_panel()
    dialog = dialog_of(page, "mesh/home/draft")
    pick(dialog, "Jan Novak")
    dialog.get_by_role("button", name="Share", exact=True).click()
    question = dialog.get_by_role("alertdialog")
    expect(question).to_contain_text("this site takes only one of both")
    expect(question.get_by_role("listitem")).to_have_text(["home/draft/raw"])
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    accessible(dialog)
    answers.give("POST", "shares", shared("mesh/home/draft", JAN))
    question.get_by_role("button", name="Replace by this one for Jan Novak").click()
    expect(dialog).to_contain_text("Shared with Jan Novak.")
    assert [sent["force"] for sent in answers.of("POST", "shares")] == [False, True]
