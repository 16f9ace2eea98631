"""The section Projects: people of two real sites in one folder, how they are, and a plan before anything is sent."""

import time
import uuid

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.lab.answers import COAST, JAN, Answers, abilities, person
from tests.lab.conftest import unfold

PATIENT = 45_000


def section_of(page: Page) -> Locator:
    return page.locator("#jp-mesh-projects")


def member(who: dict, state: str, message: str = "") -> dict:
    return {
        "who": who,
        "role": "editor",
        "state": state,
        "message": message,
        "share": None,
        "expires": None,
    }


def project(name: str, *members: dict, **changes: object) -> dict:
    folder = {"id": f"id-{name}", "path": f"mesh/home/{name}", "name": name}
    return folder | {"me": "owner", "members": list(members), "drift": False} | changes


def plan_of(dialog: Locator) -> Locator:
    return dialog.get_by_role("list", name="What will be done").get_by_role("listitem")


def add(page: Page, dialog: Locator, name: str) -> None:
    """Find somebody and put them on the list."""
    field = dialog.get_by_role("combobox", name="Add people, groups or contacts")
    field.fill(name)
    expect(dialog.get_by_role("option").filter(has_text=name)).to_be_visible()
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("list", name="Members")).to_contain_text(name)


@pytest.fixture
def friends(federation):
    """noether at Coast Institute and einstein are contacts."""
    if not federation.do(lambda sharing: sharing.contacts.listed("noether"), at=federation.here):
        letter = federation.do(lambda sharing: sharing.invitations.create())
        federation.do(lambda sharing: sharing.invitations.accept(letter.code), at=federation.here)


def test_a_project_is_planned_made_repaired_changed_and_dissolved(
    federation, friends, open_federated
):
    name = f"lofar-{uuid.uuid4().hex[:6]}"

    def of_noether() -> list[str]:
        received = federation.do(lambda sharing: sharing.received())
        return [share.name for share in received if share.name == name]

    page = open_federated("Projects")
    section = section_of(page)
    title = page.locator(".jp-MeshPanel .jp-AccordionPanel-title").filter(has_text="Projects")
    title.get_by_role("button", name="New").click()
    dialog = page.get_by_role("dialog", name="New project")
    field = dialog.get_by_role("textbox", name="Name")
    expect(field).to_be_focused()
    field.fill(name)
    add(page, dialog, "noether")
    add(page, dialog, "marie")
    dialog.get_by_role("combobox", name="Role of marie").select_option("viewer")
    dialog.get_by_role("button", name="Continue").click()
    expect(plan_of(dialog)).to_have_text(
        [
            f'Make the folder "{name}".',
            "noether (Coast Institute) gets access: can edit",
            "marie (Alpine University) gets access: can view",
        ]
    )
    expect(dialog).to_contain_text("People at Coast Institute will be able to change files")
    create = dialog.get_by_role("button", name="Create project")
    expect(create).to_be_focused()
    assert of_noether() == []
    with federation.away():
        page.keyboard.press("Enter")
        expect(dialog).to_contain_text("Not everybody could be reached", timeout=PATIENT)
        members = dialog.get_by_role("list", name=f'Members of "{name}"').get_by_role("listitem")
        noether = members.filter(has_text="noether")
        expect(noether).to_contain_text("noether, Coast Institute")
        expect(noether).to_contain_text("did not get access")
        expect(members.filter(has_text="marie")).to_contain_text("was given access")
        dialog.get_by_role("button", name="Close").last.click()
    row = section.get_by_role("list", name="Projects").get_by_role("listitem")
    mine = row.filter(has_text=name)
    expect(mine).to_contain_text("owner · 2 members")
    expect(mine).to_contain_text("1 of 2 members has no access.")
    assert of_noether() == []
    repair = mine.get_by_role("button", name=f'Repair "{name}"')
    repair.click()
    expect(repair).to_have_count(0, timeout=PATIENT)
    assert of_noether() == [name]
    mine.get_by_role("button", name=f'Members of "{name}"').click()
    members = mine.get_by_role("list", name=f'Members of "{name}"').get_by_role("listitem")
    expect(members.filter(has_text="noether")).to_contain_text("can edit")
    expect(members.filter(has_text="noether")).to_contain_text("was given access")

    mine.get_by_role("button", name=f'More about "{name}"').click()
    page.get_by_role("menuitem", name="Add or Remove People…").click()
    dialog = page.get_by_role("dialog", name=f'Members of "{name}"')
    dialog.get_by_role("button", name="Take marie off the list").click()
    dialog.get_by_role("button", name="Continue").click()
    expect(plan_of(dialog)).to_have_text(
        ["marie (Alpine University) loses access. Copies already taken stay with them."]
    )
    dialog.get_by_role("button", name="Apply").click()
    expect(dialog).to_contain_text(f'Done: "{name}" is ready.', timeout=PATIENT)
    page.keyboard.press("Escape")
    expect(mine).to_contain_text("owner · 1 member")

    mine.get_by_role("button", name=f'More about "{name}"').click()
    page.get_by_role("menuitem", name="Dissolve…").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("1 member loses access. The folder stays with you")
    question.get_by_role("button", name="Dissolve").click()
    expect(mine).to_have_count(0, timeout=PATIENT)
    assert (federation.here.data / "home" / "einstein" / name).is_dir()
    deadline = time.monotonic() + PATIENT / 1000
    while of_noether():
        assert time.monotonic() < deadline, "noether keeps what was dissolved"


def test_how_members_are_is_said_in_words_and_repaired(open_panel, page):
    answers = Answers(page)
    answers.give("GET", "sharing", abilities())
    eva = person("Eva Dvorak", site=COAST)
    broken = project(
        "lofar",
        member(JAN, "active"),
        member(eva, "failed", "Coast Institute does not answer."),
        member(person("Jana Berg"), "pending"),
    )
    items = [broken, project("gaia", member(JAN, "active"), me="editor")]
    answers.give_list("projects", items)

    def repair(_):
        items[0] = project("lofar", member(JAN, "active"), member(eva, "active"))
        return items[0]

    answers.give("POST", "projects/id-lofar/repair", repair)
    open_panel()
    unfold(page, "Projects")
    section = section_of(page)
    row = section.get_by_role("listitem").filter(has_text="lofar").first
    expect(row).to_contain_text("owner · 3 members · 1 has not accepted yet")
    expect(row).to_contain_text("1 of 3 members has no access.")
    row.get_by_role("button", name='Members of "lofar"').click()
    members = row.get_by_role("list", name='Members of "lofar"').get_by_role("listitem")
    expect(members).to_have_count(3)
    expect(members.nth(0)).to_contain_text("Jan Novak, Coast Institute")
    expect(members.nth(1)).to_contain_text("did not get access")
    expect(members.nth(1)).to_contain_text("Coast Institute does not answer.")
    expect(members.nth(2)).to_contain_text("Jana Berg, Alpine University")
    row.get_by_role("button", name='Repair "lofar"').click()
    expect(members).to_have_count(2)
    expect(row.get_by_role("button", name='Repair "lofar"')).to_have_count(0)
    # Who is only a member can leave, and nothing else.
    section.get_by_role("button", name='More about "gaia"').click()
    items_of_menu = page.locator(".lm-Menu").get_by_role("menuitem")
    expect(items_of_menu).to_have_text(["Open", "Leave…"])


def test_nothing_is_sent_before_the_plan_was_seen_and_nothing_typed_is_lost(open_panel, page):
    answers = Answers(page)
    answers.give("GET", "sharing", abilities())
    answers.give_list("projects", [])
    answers.give("GET", "people", {"items": [JAN], "problems": []})
    answers.give(
        "POST",
        "projects/plan",
        {"steps": [{"action": "share", "who": JAN, "role": "editor", "message": ""}]},
    )
    answers.fail("POST", "projects", 503, "Alpine University does not answer.")
    open_panel()
    unfold(page, "Projects")
    section = section_of(page)
    expect(section).to_contain_text(
        "A project is a folder that people at several institutions work in together."
    )
    section.get_by_role("button", name="New project").click()
    dialog = page.get_by_role("dialog", name="New project")
    dialog.get_by_role("textbox", name="Name").fill("lofar")
    add(page, dialog, "Jan")
    dialog.get_by_role("button", name="Continue").click()
    create = dialog.get_by_role("button", name="Create project")
    expect(create).to_be_focused()
    assert answers.of("POST", "projects") == []
    create.click()
    expect(dialog.get_by_role("alert")).to_contain_text("Alpine University does not answer.")
    dialog.get_by_role("button", name="Back").click()
    expect(dialog.get_by_role("textbox", name="Name")).to_have_value("lofar")
    expect(dialog.get_by_role("list", name="Members")).to_contain_text("Jan Novak")
