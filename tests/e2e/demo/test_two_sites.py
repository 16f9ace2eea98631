"""A project with three members, one of them at the other site: made, joined, left, changed and dissolved."""

import re
import shutil

import pytest
from playwright.sync_api import expect

from jupyter_mesh.sharing import Sharing
from tests.axe import assert_accessible
from tests.e2e.demo.friends import befriend, forget_everybody

NEWS = 60_000
"""Milliseconds within which a panel shows what somebody else has done."""


@pytest.fixture
def tom(demo):
    return demo.sites["alpine"].accounts["tom"]


@pytest.fixture
def maya(demo):
    return demo.sites["alpine"].accounts["maya"]


@pytest.fixture
def ines(demo):
    return demo.sites["coast"].accounts["ines"]


@pytest.fixture
def friends(tom, ines):
    """Tom and Inês are contacts."""
    for account in (tom, ines):
        account.ask_site(forget_everybody)
    befriend(tom, ines)
    yield
    for account in (tom, ines):
        account.ask_site(forget_everybody)
    shutil.rmtree(tom.files / "gaia", ignore_errors=True)


def add(dialog, text, name):
    """Find somebody and put them on the list."""
    dialog.get_by_role("combobox", name="Add people, groups or contacts").fill(text)
    option = dialog.get_by_role("option", name=re.compile(name))
    expect(option).to_have_attribute("aria-selected", "true")
    dialog.page.keyboard.press("Enter")
    expect(dialog.get_by_role("list", name="Members")).to_contain_text(name)


def join(lab):
    """Accept what was offered, and open it: the file in it is there."""
    shared = lab.unfold("Shared")
    shared.get_by_role("button", name='Accept "gaia"').click(timeout=NEWS)
    mine = shared.get_by_role("list", name="Shared with me")
    mine.get_by_role("button", name=re.compile("^gaia")).click()
    expect(lab.mesh.row("stars.txt")).to_be_visible()


@pytest.mark.timeout(420)
def test_a_project_of_three_people_at_two_sites(open_lab, tom, maya, ines, friends):
    tom_lab = open_lab(tom)
    files = tom_lab.show_mesh()
    projects = tom_lab.unfold("Projects")
    projects.get_by_role("button", name="New project").click()
    dialog = tom_lab.page.get_by_role("dialog", name="New project")
    name = dialog.get_by_role("textbox", name="Name")
    expect(name).to_be_focused()
    name.fill("gaia")
    add(dialog, "maya", "Maya Rossi")
    add(dialog, "duarte", "Inês Duarte")
    assert_accessible(dialog)
    dialog.get_by_role("button", name="Continue").click()

    # What will be done is said before anything is.
    plan = dialog.get_by_role("list", name="What will be done").get_by_role("listitem")
    expect(plan).to_have_count(3)
    expect(plan.nth(0)).to_contain_text("gaia")
    expect(plan.nth(1)).to_have_text("Maya Rossi (Alpine University) gets access: can edit")
    expect(plan.nth(2)).to_have_text("Inês Duarte (Coast Institute) gets access: can edit")
    expect(dialog).to_contain_text(
        "People at Coast Institute will be able to change files in this folder."
    )
    assert not (tom.files / "gaia").exists()
    assert_accessible(dialog)
    tom_lab.picture("project-plan-light")
    dialog.get_by_role("button", name="Create project").click()
    members = dialog.get_by_role("list", name='Members of "gaia"').get_by_role("listitem")
    expect(dialog).to_contain_text('Done: "gaia" is ready.', timeout=NEWS)
    expect(members).to_have_count(2)
    expect(members.nth(0)).to_contain_text("Maya Rossi, Alpine University")
    expect(members.nth(1)).to_contain_text("Inês Duarte, Coast Institute")
    tom_lab.picture("project-made-light")
    dialog.get_by_role("button", name="Open folder").click()
    (tom.files / "gaia" / "stars.txt").write_text("1 692 919 135\n")
    tom_lab.panel.get_by_role("button", name="Refresh", exact=True).click()
    expect(files.row("stars.txt")).to_be_visible()

    # The other two join; how each of them is stands in the panel.
    maya_lab, ines_lab = open_lab(maya), open_lab(ines)
    for theirs in (maya_lab, ines_lab):
        theirs.show_mesh()
        join(theirs)
    row = projects.get_by_role("listitem").filter(has_text="gaia").first
    row.get_by_role("button", name='Members of "gaia"').click()
    members = row.get_by_role("list", name='Members of "gaia"').get_by_role("listitem")
    expect(members.filter(has_text="Maya Rossi")).to_contain_text("was given access", timeout=NEWS)
    assert_accessible(projects)
    tom_lab.picture("project-members-light")

    # Inês sees the project as one, and leaves it.
    hers = ines_lab.unfold("Projects")
    hers.get_by_role("button", name='More about "gaia"').click(timeout=NEWS)
    ines_lab.page.get_by_role("menuitem", name="Leave…").click()
    expect(ines_lab.dialog).to_contain_text("It stays with the others as it is")
    ines_lab.answer("Leave")
    expect(hers.get_by_text("gaia", exact=True)).to_have_count(0)
    assert (tom.files / "gaia" / "stars.txt").exists()

    # What remains is dissolved; the folder stays with its owner.
    row.get_by_role("button", name='More about "gaia"').click()
    tom_lab.page.get_by_role("menuitem", name="Dissolve…").click()
    expect(tom_lab.dialog).to_contain_text("The folder stays with you, with everything in it.")
    tom_lab.answer("Dissolve")
    expect(projects.get_by_text("gaia", exact=True)).to_have_count(0)
    expect(
        maya_lab.unfold("Shared").get_by_role("list", name="Shared with me").get_by_text("gaia")
    ).to_have_count(0, timeout=NEWS)
    assert (tom.files / "gaia" / "stars.txt").exists()
    assert tom.ask_site(lambda mesh: Sharing(mesh).by_me("home/gaia")) == []
