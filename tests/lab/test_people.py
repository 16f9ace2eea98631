"""The section People: invitations between two real sites, contacts, and the states that long lists come to."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

from jupyter_mesh.node.index import Index
from tests.lab.answers import COAST, JAN, Answers, abilities, person
from tests.lab.conftest import TOKEN, started, unfold

PICTURES = Path(__file__).parents[2] / "test-results" / "pictures"
PATIENT = 45_000


def section_of(page: Page) -> Locator:
    return page.locator("#jp-mesh-people")


def dialog_of(page: Page, name: str) -> Locator:
    return page.get_by_role("dialog", name=name)


def invite(sharing):
    """What makes an invitation."""
    return sharing.invitations.create("for einstein")


def read_in(page: Page, text: str) -> Locator:
    """The dialog that shows who invites with this text."""
    section_of(page).get_by_role("button", name="I got an invitation").click()
    dialog = dialog_of(page, "I got an invitation")
    dialog.get_by_role("textbox").fill(text)
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("Somebody at Coast Institute")
    return dialog


@pytest.fixture
def no_contacts(federation):
    """Nobody knows anybody, before and after."""

    async def forget(sharing):
        for contact in await sharing.contacts.listed():
            await sharing.contacts.remove(contact.key)

    federation.do(forget)
    federation.do(forget, at=federation.here)
    yield
    federation.do(forget)
    federation.do(forget, at=federation.here)


def test_an_invitation_goes_out_and_makes_a_contact(federation, no_contacts, open_federated):
    page = open_federated("People")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    section = section_of(page)
    expect(section).to_contain_text("Work with someone at another institution:")
    section.get_by_role("button", name="Invite someone").click()
    dialog = dialog_of(page, "Invite someone")
    note = dialog.get_by_role("textbox", name="For whom? A note that only you see")
    expect(note).to_be_focused()
    note.fill("Emmy")
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text(
        re.compile(r"Whoever has it can become your contact until tomorrow \d")
    )
    copy = dialog.get_by_role("button", name="Copy link")
    expect(copy).to_be_focused()
    copy.click()
    expect(dialog.get_by_role("status")).to_have_text("Link copied.")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.startswith("http")
    dialog.get_by_role("button", name="Copy text for an e-mail").click()
    mail = page.evaluate("navigator.clipboard.readText()")
    assert link in mail
    dialog.get_by_text("Code", exact=True).click()
    code = dialog.locator("code").inner_text()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    # What the list shows is enough to tell them apart, not to accept.
    row = section.get_by_role("list", name="Open invitations").get_by_role("listitem")
    expect(row).to_contain_text("Emmy")
    expect(row).to_contain_text("until tomorrow")
    assert code not in page.content()
    row.get_by_role("button", name='More about "Emmy"').click()
    page.get_by_role("menuitem", name="Copy Again…").click()
    expect(dialog.get_by_role("button", name="Copy link")).to_be_focused()
    expect(dialog.locator("code")).to_have_text(code)
    page.keyboard.press("Escape")

    federation.do(lambda sharing: sharing.invitations.accept(mail))
    page.get_by_role("button", name="Refresh", exact=True).click()
    contacts = section.get_by_role("list", name="Coast Institute")
    expect(contacts).to_contain_text("noether", timeout=PATIENT)

    contacts.get_by_role("button", name='More about "noether"').click()
    page.get_by_role("menuitem", name="Show E-Mail Address").click()
    expect(page.get_by_role("dialog")).to_contain_text("noether")
    page.keyboard.press("Escape")
    contacts.get_by_role("button", name='More about "noether"').click()
    page.get_by_role("menuitem", name="Remove…").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("What you share with each other stays shared")
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    question.get_by_role("button", name="Remove").click()
    expect(contacts).to_have_count(0)


def test_an_invitation_that_came_is_shown_before_anything_is_sent(
    federation, no_contacts, open_federated
):
    letter = federation.do(invite)
    page = open_federated("People")
    section = section_of(page)
    section.get_by_role("button", name="I got an invitation").click()
    dialog = dialog_of(page, "I got an invitation")
    field = dialog.get_by_role("textbox")
    expect(field).to_be_focused()
    field.fill(letter.body)
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("Somebody at Coast Institute")
    expect(dialog).to_contain_text(
        "Accepting tells Coast Institute your name, e-mail address and user name."
    )
    names = [each.name for each in federation.do(lambda sharing: sharing.contacts.listed())]
    assert names == []
    expect(dialog.get_by_role("button", name="Accept")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("contacts now: you can share with each other.")
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    row = section.get_by_role("list", name="Coast Institute").get_by_role("listitem")
    expect(row).to_contain_text("noether")
    expect(row.get_by_role("button")).to_be_focused()


def test_a_link_leads_to_the_question_and_leaves_no_trace(
    federation, no_contacts, open_federated, page
):
    letter = federation.do(invite)
    # The page to which the other site sends people.
    token = letter.invitation.token
    where = f"token={quote(token)}&providerDomain={quote(federation.there.domain)}"
    open_federated()
    page.goto(f"{federation.url}/mesh/accept?{where}")
    dialog = dialog_of(page, "I got an invitation")
    expect(dialog).to_contain_text("Somebody at Coast Institute", timeout=PATIENT)
    assert "mesh-invit" not in page.url
    assert token not in page.url
    dialog.get_by_role("button", name="Not now").click()
    expect(dialog).to_have_count(0)
    assert federation.do(lambda sharing: sharing.contacts.listed()) == []

    page.goto(f"{federation.url}/lab?reset&token={TOKEN}#mesh-invite={quote(letter.code)}")
    expect(dialog).to_contain_text("Somebody at Coast Institute", timeout=PATIENT)
    assert letter.code not in page.url
    # The launcher comes later, and does not get the keyboard.
    started(page, launcher=True)
    expect(dialog.get_by_role("button", name="Accept")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("You and noether (Coast Institute) are contacts now")
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    row = section_of(page).get_by_role("list", name="Coast Institute").get_by_role("listitem")
    expect(row).to_contain_text("noether")
    expect(row.get_by_role("button")).to_be_focused()


def test_what_is_no_invitation_is_told_in_place(federation, no_contacts, open_federated):
    page = open_federated("People")
    own = federation.do(invite, at=federation.here)
    twice = federation.do(invite)
    federation.do(lambda sharing: sharing.invitations.accept(twice.code), at=federation.here)
    unknown = "a55a966e-15c1-4cb9-a39d-4e4c54399baf@nowhere.example"
    run = "window.jupyterapp.commands.execute('mesh:accept-invitation')"
    page.evaluate(f"void {run}")
    dialog = dialog_of(page, "I got an invitation")
    field = dialog.get_by_role("textbox")
    go_on = dialog.get_by_role("button", name="Continue")
    for text, words in (
        ("see you tomorrow", "No invitation was found in this text."),
        (unknown, "nowhere.example"),
    ):
        field.fill(text)
        go_on.click()
        expect(dialog.get_by_role("alert")).to_contain_text(words)
        # What was pasted is still there.
        expect(field).to_have_value(text)
        field.fill("")
        expect(dialog.get_by_role("alert")).to_have_count(0)
    field.fill(own.link)
    go_on.click()
    expect(dialog).to_contain_text("This invitation is from Alpine University")
    expect(dialog.get_by_role("button", name="Accept")).to_have_count(0)
    page.keyboard.press("Escape")

    page.evaluate(f"void {run}")
    field.fill(twice.code)
    go_on.click()
    dialog.get_by_role("button", name="Accept").click()
    expect(dialog).to_contain_text("are contacts already")


def test_an_invitation_that_has_ended_is_told(federation, no_contacts, open_federated):
    letter = federation.do(invite)
    with Index(federation.there.data) as index:
        index.run("UPDATE invites SET expires = 1 WHERE token = ?", letter.invitation.token)
    page = open_federated("People")
    dialog = read_in(page, letter.code)
    dialog.get_by_role("button", name="Accept").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Ask for a new one.")
    # Nobody became a contact, and one can go away.
    dialog.get_by_role("button", name="Not now").click()
    expect(dialog).to_have_count(0)
    assert federation.do(lambda sharing: sharing.contacts.listed(), at=federation.here) == []


def test_an_invitation_of_a_site_that_is_down_is_accepted_later(
    federation, no_contacts, open_federated
):
    letter = federation.do(invite)
    page = open_federated("People")
    dialog = read_in(page, letter.code)
    accept = dialog.get_by_role("button", name="Accept")
    with federation.away():
        accept.click()
        expect(dialog.get_by_role("alert")).to_contain_text("Coast Institute", timeout=PATIENT)
        expect(dialog.get_by_role("alert")).to_contain_text("ry again later")
    accept.click()
    expect(dialog).to_contain_text("You and noether (Coast Institute) are contacts now")


def test_a_bare_code_asks_where_it_is_from(federation, no_contacts, open_federated):
    letter = federation.do(invite)
    page = open_federated("People")
    section_of(page).get_by_role("button", name="I got an invitation").click()
    dialog = dialog_of(page, "I got an invitation")
    dialog.get_by_role("textbox").fill(letter.invitation.token)
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("This invitation does not say where it is from.")
    search = dialog.get_by_role("searchbox", name="Name or address of the institution")
    expect(search).to_be_focused()
    search.fill("coast")
    sites = dialog.get_by_role("list", name="Institutions")
    # The own site is not among those who can have sent it.
    expect(sites.get_by_role("button")).to_have_count(1)
    sites.get_by_role("button", name="Coast Institute").click()
    expect(dialog).to_contain_text("Accepting tells Coast Institute")


def test_five_thousand_contacts_are_paged_and_searched(open_panel, page):
    answers = Answers(page)
    answers.give("GET", "sharing", abilities())
    answers.give_list("contacts", [person(f"Person {n}", site=COAST) for n in range(5000)])
    answers.give_list("invitations", [])
    open_panel()
    unfold(page, "People")
    section = section_of(page)
    rows = section.get_by_role("listitem")
    expect(rows).to_have_count(100)
    expect(section).to_contain_text("100 of 5000 shown")
    section.get_by_role("button", name="Show more").click()
    expect(rows).to_have_count(200)
    asked = len(answers.of("GET", "contacts"))
    search = section.get_by_role("searchbox", name="Search contacts")
    search.press_sequentially("Person 4321", delay=10)
    expect(rows).to_have_count(1)
    # One question for the pause in typing, however many letters.
    assert len(answers.of("GET", "contacts")) - asked <= 2
    search.fill("nobody at all")
    expect(section).to_contain_text("No contact is called that.")


def test_a_site_that_cannot_is_not_asked_and_not_drawn(open_panel, page):
    answers = Answers(page)
    why = "Alpine University shares with nobody elsewhere."
    answers.give("GET", "sharing", abilities(contacts=why, invitations=why, projects=why))
    answers.give_list("received", [])
    open_panel()
    unfold(page, "Shared")
    titles = page.locator(".jp-MeshPanel .jp-AccordionPanel-title")
    expect(titles.filter(has_text="Shared")).to_be_visible()
    expect(titles.filter(has_text="People")).to_have_count(0)
    expect(titles.filter(has_text="Projects")).to_have_count(0)
    assert answers.of("GET", "contacts") == []
    page.evaluate("void window.jupyterapp.commands.execute('mesh:details')")
    details = page.get_by_role("dialog", name="Details").get_by_role("list", name="Sharing")
    row = details.get_by_role("listitem").filter(has_text="Invites people")
    expect(row).to_contain_text(f"no{'Invites people of other institutions'}{why}")


def test_what_fails_is_said_and_tried_again(open_panel, page):
    answers = Answers(page)
    answers.give("GET", "sharing", abilities())
    answers.fail("GET", "contacts", 500, "The contacts cannot be read.")
    answers.give_list("invitations", [])
    open_panel()
    unfold(page, "People")
    section = section_of(page)
    expect(section.get_by_role("alert")).to_contain_text("The contacts cannot be read.")
    alert = section.get_by_role("alert")
    alert.get_by_text("Details").click()
    expect(alert).to_contain_text("Code500")
    expect(alert).to_contain_text("Referenceref-4711")
    answers.give_list("contacts", [JAN])
    section.get_by_role("button", name="Retry").click()
    expect(section.get_by_role("list", name="Coast Institute")).to_contain_text("Jan Novak")
