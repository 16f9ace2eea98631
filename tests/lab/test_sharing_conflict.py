"""The share dialog where something is in the way, comes late, or fails: nothing that was chosen is lost."""

import re

from playwright.sync_api import Locator, Page, Route, expect

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


def test_a_slow_site_a_failure_and_what_then(open_panel, page, accessible):
    held: list[Route] = []
    open_panel()
    page.route(re.compile(r"/api/mesh/access\?"), lambda route: held.append(route))
    dialog = dialog_of(page, "mesh/home")
    waiting = dialog.get_by_role("status", name="Loading…")
    expect(waiting).to_be_visible()
    accessible(dialog)
    failure = {"message": "Alpine University cannot tell now. Try again.", "trace": "ref-4711"}
    held[0].fulfill(status=500, json=failure)
    alert = dialog.get_by_role("alert")
    expect(alert).to_contain_text('Who has access to "home" is not known.')
    expect(alert).to_contain_text("Alpine University cannot tell now.")
    expect(waiting).to_have_count(0)
    alert.get_by_text("Details").click()
    expect(alert).to_contain_text("ref-4711")
    accessible(dialog)
    alert.get_by_role("button", name="Retry").click()
    expect(waiting).to_be_visible()
    held[1].fulfill(json=access_of("home"))
    expect(alert).to_have_count(0)
    expect(dialog).to_contain_text("Nobody else has been given access.")


def test_a_dialog_tells_when_the_site_is_away_and_keeps_what_was_chosen(
    open_panel, page, site, accessible
):
    site.put("home/kept/a.txt", "x")
    answers = Answers(page)
    answers.give("GET", "people", {"items": [JAN], "problems": []})
    open_panel()
    dialog = dialog_of(page, "mesh/home/kept")
    pick(dialog, "Jan Novak")
    site.stop()
    try:
        dialog.get_by_role("button", name="Share", exact=True).click()
        expect(dialog.get_by_role("alert")).to_contain_text(
            "Not shared with Jan Novak.", timeout=PATIENT
        )
        expect(dialog).to_contain_text(
            re.compile("Alpine University does not answer since .* nothing can be changed now"),
            timeout=PATIENT,
        )
        expect(dialog.get_by_role("list", name="To share with")).to_contain_text("Jan Novak")
        accessible(dialog)
    finally:
        site.start()
