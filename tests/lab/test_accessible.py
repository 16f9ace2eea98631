"""What axe-core finds in the whole panel and in its dialogs, in light, dark and high contrast: nothing serious."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.lab.answers import COAST, JAN, Answers, abilities, person, received, shared
from tests.lab.conftest import unfold

RUN = "([id, args]) => { void window.jupyterapp.commands.execute(id, args); }"
DELETE = "path => window.jupyterapp.serviceManager.contents.delete(path)"
THEME = "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})"
EVA = person("Eva Dvorak", site=COAST)
LINK = {
    "id": "link",
    "name": "for the talk",
    "role": "viewer",
    "url": "https://alpine.example/s/abc",
    "hasPassword": True,
    "expires": "2031-01-01T10:00:00+00:00",
    "from": None,
}
INVITATION = {"id": "one", "note": "Emmy", "expires": "2031-01-01T10:00:00+00:00", "ends": "4bfa"}
TEXTS = {"link": "https://a.example/i", "code": "YWJj", "mail": {"subject": "Hello", "body": "…"}}


def member(who: dict, state: str, message: str = "") -> dict:
    return {"who": who, "role": "editor", "state": state, "message": message, "share": None}


def row(who: dict, **changes: object) -> dict:
    """Somebody who has access."""
    share = {"share": "local-1", "who": who, "role": "viewer", "expires": None, "note": "a note"}
    may = {"via": "direct", "from": None, "canChange": True, "canRemove": True}
    return share | may | changes


@pytest.fixture
def answers(page: Page) -> Answers:
    """One of everything that there can be."""
    answers = Answers(page)
    answers.give("GET", "sharing", abilities(uploader="This site has no such role."))
    items = [
        received("offered"),
        received("taken", state="accepted", path="mesh/shares/taken"),
        received("ended", state="withdrawn"),
    ]
    answers.give_list("received", items)
    answers.give_list("shares", [shared("mesh/home/given", JAN)])
    answers.give_list("links", [LINK | {"path": "mesh/home/given", "kind": "directory"}])
    answers.give_list("contacts", [person(f"Person {n}", site=COAST) for n in range(101)])
    answers.give_list("invitations", [INVITATION])
    answers.give("POST", "invitations", INVITATION | TEXTS)
    members = [member(JAN, "active"), member(EVA, "failed", "Coast Institute does not answer.")]
    project = {"id": "lofar", "path": "mesh/home/lofar", "name": "lofar", "me": "owner"}
    answers.give_list("projects", [project | {"members": members, "drift": False}])
    steps = [{"action": "share", "who": JAN, "role": "editor", "message": ""}]
    answers.give("POST", "projects/plan", {"steps": steps})
    answers.give("GET", "people", {"items": [JAN, EVA], "problems": ["Coast is away."]})
    site = {**COAST, "homepage": "", "lists": [], "own": False}
    me = {"name": "maya", "site": "Alpine University"}
    told = {"site": site, "own": False, "needsSite": False, "me": me, "tells": ["name"]}
    answers.give("POST", "invitations/read", told)
    above = {"path": "mesh/home", "name": "home"}
    access = {
        "path": "mesh/home/given",
        "name": "given",
        "kind": "directory",
        "id": "id",
        "me": {"role": "owner", "canShare": True, "whyNot": ""},
        "owner": person("maya"),
        "rows": [
            row(JAN),
            row(EVA, via="inherited", canChange=False, canRemove=False, **{"from": above}),
        ],
        "links": [LINK],
        "problems": ["Coast Institute cannot tell now."],
    }
    answers.give("GET", "access", access)
    return answers


def test_the_panel_with_all_its_sections(open_panel, page, site, answers, accessible):
    page.set_viewport_size({"width": 1280, "height": 1800})
    site.put("home/a-binned.txt", "x")
    open_panel()
    page.evaluate(DELETE, "mesh/home/a-binned.txt")
    panel = page.get_by_role("region", name="Mesh", exact=True)
    for section in ("Shared", "People", "Projects", "Bin"):
        unfold(page, section)
    panel.get_by_role("button", name="Shared by me").click()
    panel.get_by_role("button", name='Members of "lofar"').click()
    panel.get_by_role("button", name="Filter files by name").click()
    for text in ("no longer shared", "Eva Dvorak", "100 of 101 shown", "Emmy", "given"):
        expect(panel.get_by_text(re.compile(text)).first).to_be_visible()
    expect(panel.get_by_role("button", name='Restore "a-binned.txt"')).to_be_visible()
    for theme in ("JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"):
        page.evaluate(THEME, theme)
        expect(page.locator("body")).to_have_attribute("data-jp-theme-name", theme)
        accessible(panel)


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_the_dialogs(open_panel, page, site, answers, accessible, theme):
    open_panel()
    page.evaluate(THEME, f"JupyterLab {theme}")
    dialog = page.get_by_role("dialog")

    def done() -> None:
        accessible(dialog)
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)

    def run(command: str, **args: str) -> None:
        page.evaluate(RUN, [command, args])
        expect(dialog).to_be_visible()

    run("mesh:details")
    done()
    run("mesh:invite")
    accessible(dialog)
    dialog.get_by_role("button", name="Create invitation").click()
    expect(dialog.get_by_role("button", name="Copy link")).to_be_visible()
    dialog.get_by_text("Code", exact=True).click()
    done()
    run("mesh:accept-invitation")
    accessible(dialog)
    dialog.get_by_role("textbox").fill("a code")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("button", name="Accept")).to_be_visible()
    answers.fail("POST", "invitations/accept", 503, "Coast Institute does not answer.")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_be_visible()
    done()
    run("mesh:new-project")
    dialog.get_by_role("textbox", name="Name").fill("gaia")
    search = dialog.get_by_role("combobox", name="Add people, groups or contacts")
    search.fill("Jan")
    expect(dialog.get_by_role("option", name="Jan Novak")).to_have_attribute(
        "aria-selected", "true"
    )
    accessible(dialog)
    page.keyboard.press("Enter")

    dialog.get_by_role("button", name="Continue").click()
    expect(dialog.get_by_role("list", name="What will be done")).to_be_visible()
    done()
    run("mesh:share", path="mesh/home/given")
    expect(dialog.get_by_role("list", name="Links")).to_be_visible()
    dialog.get_by_role("button", name="Create a link").click()
    expect(dialog.get_by_role("form", name="New link")).to_be_visible()
    accessible(dialog)


def test_transfers_and_versions(open_panel, page, site, accessible, tmp_path):
    site.put("home/kept.txt", "x")
    (tmp_path / "sent.txt").write_text("x")
    open_panel()
    panel = page.get_by_role("region", name="Mesh", exact=True)
    with page.expect_file_chooser() as chooser:
        panel.get_by_role("button", name="Upload files").first.click()
    chooser.value.set_files([tmp_path / "sent.txt"])
    expect(panel.get_by_text("sent.txt").first).to_be_visible()
    page.evaluate(RUN, ["mesh:show-transfers", {}])
    transfers = page.get_by_role("list", name="Transfers")
    expect(transfers).to_be_visible()
    accessible(transfers.locator(".."))
    panel.locator(".jp-DirListing-item").filter(has_text="kept.txt").click(button="right")
    page.get_by_role("menuitem", name="Versions…").click()
    versions = page.get_by_role("tabpanel", name="Versions of kept.txt")
    expect(versions).to_be_visible()
    accessible(versions)
