"""The section Projects: how members are, and a plan before anything is sent."""

from playwright.sync_api import Locator, Page, expect

from tests.lab.answers import COAST, JAN, Answers, abilities, person
from tests.lab.conftest import unfold


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


def add(page: Page, dialog: Locator, name: str) -> None:
    """Find somebody and put them on the list."""
    field = dialog.get_by_role("combobox", name="Add people, groups or contacts")
    field.fill(name)
    expect(dialog.get_by_role("option").filter(has_text=name)).to_be_visible()
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("list", name="Members")).to_contain_text(name)


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
