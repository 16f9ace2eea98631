"""The section Shared: what another site offers, taken, given up and withdrawn; and what the user shares."""

import re
import uuid

import pytest
from playwright.sync_api import Locator, Page, expect

from jupyter_mesh.models import Role, ShareState
from tests.lab.answers import JAN, Answers, abilities, person, received, shared
from tests.lab.conftest import unfold

PATIENT = 45_000
SHARE = "path => { void window.jupyterapp.commands.execute('mesh:share', {path}); }"


def section_of(page: Page) -> Locator:
    return page.locator("#jp-mesh-shared")


@pytest.fixture
def friends(federation):
    """noether at Coast Institute and einstein are contacts."""

    async def befriend(sharing):
        return await sharing.invitations.create()

    async def known(sharing):
        return await sharing.contacts.listed("noether")

    if not federation.do(known, at=federation.here):
        letter = federation.do(befriend)
        federation.do(lambda sharing: sharing.invitations.accept(letter.code), at=federation.here)


@pytest.fixture
def offer(federation, friends):
    """noether shares a folder with one file in it; gives its name, and what ends that."""

    def offer(role: Role = Role.EDITOR):
        name = f"survey-{uuid.uuid4().hex[:6]}"
        folder = federation.there.data / "home" / "noether" / name
        folder.mkdir(parents=True)
        (folder / "fit.txt").write_text("by noether")

        async def share(sharing):
            (einstein,) = await sharing.contacts.listed("einstein")
            return await sharing.share(f"home/{name}", einstein, role)

        given = federation.do(share)
        return name, lambda: federation.do(lambda sharing: sharing.remove(given.id))

    return offer


def test_what_is_offered_is_accepted_opened_and_ends(federation, offer, open_federated):
    name, withdraw = offer()
    page = open_federated("Shared")
    section = section_of(page)
    pending = section.get_by_role("list", name="Waiting for your answer")
    row = pending.get_by_role("listitem").filter(has_text=name)
    expect(row).to_contain_text(f'noether (Coast Institute) wants to share "{name}"')
    expect(row).to_contain_text("can edit")
    title = page.locator(".jp-MeshPanel .jp-AccordionPanel-title")
    expect(title.filter(has_text=re.compile(r"Shared: \d+ new"))).to_be_visible()
    page.get_by_role("tab", name="Shared with me").click()
    row.get_by_role("button", name=f'Accept "{name}"').click()
    mine = section.get_by_role("list", name="Shared with me").get_by_role("listitem")
    accepted = mine.filter(has_text=name)
    expect(accepted).to_contain_text("noether, Coast Institute · can edit")
    expect(accepted.get_by_role("button").first).to_be_focused()
    # The area above shows it as well.
    files = page.locator("#jp-mesh-browser .jp-DirListing-content")
    expect(files.get_by_text(name)).to_be_visible(timeout=PATIENT)
    page.keyboard.press("Enter")
    expect(files.get_by_text("fit.txt")).to_be_visible(timeout=PATIENT)

    withdraw()
    page.get_by_role("button", name="Refresh", exact=True).click()
    expect(mine.filter(has_text=name)).to_have_count(0, timeout=PATIENT)


def test_a_share_is_left_after_it_was_said_what_that_does(offer, open_federated):
    name, _ = offer(Role.VIEWER)
    page = open_federated("Shared")
    section = section_of(page)
    section.get_by_role("button", name=f'Accept "{name}"').click()
    more = section.get_by_role("button", name=f'More about "{name}"')
    more.click()
    page.get_by_role("menuitem", name="Leave…").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("Everything stays as it is with noether")
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    more.click()
    page.get_by_role("menuitem", name="Leave…").click()
    question.get_by_role("button", name="Leave").click()
    mine = section.get_by_role("list", name="Shared with me").get_by_role("listitem")
    expect(mine.filter(has_text=name)).to_have_count(0)


def test_who_cannot_share_learns_who_can_and_has_words_to_ask(
    federation, offer, open_federated, page, accessible
):
    name, _ = offer(Role.VIEWER)

    async def take(sharing):
        share = next(each for each in await sharing.received() if each.name == name)
        return (await sharing.answer(share.id, ShareState.ACCEPTED)).path

    path = f"mesh/{federation.do(take, at=federation.here)}"
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_federated()
    page.evaluate(SHARE, path)
    dialog = page.get_by_role("dialog", name=f'Share "{name}"', exact=True)
    expect(dialog).to_contain_text(
        f'You can view "{name}" but not change or share it. noether (owner) can allow it.',
        timeout=PATIENT,
    )
    rows = dialog.get_by_role("list", name="Who has access").get_by_role("listitem")
    expect(rows.first).to_have_text(re.compile("^noether.*Coast Institute.*owner$"))
    expect(rows.last).to_have_text(re.compile("^You.*can view$"))
    dialog.get_by_role("button", name="Ask for access").click()
    expect(dialog).to_contain_text("Copied. Send it to noether:")
    text = page.evaluate("navigator.clipboard.readText()")
    assert text.startswith("Hello noether,")
    assert f'I can view "{name}"' in text
    accessible(dialog)


def test_an_answer_is_taken_back(offer, open_federated):
    name, _ = offer()
    page = open_federated("Shared")
    section = section_of(page)
    section.get_by_role("button", name=f'Decline "{name}"').click()
    toast = page.locator(".Toastify__toast").filter(has_text=f'"{name}" declined.')
    expect(section.get_by_role("button", name=f'Accept "{name}"')).to_have_count(0)
    toast.get_by_role("button", name="Undo").click()
    expect(section.get_by_role("button", name=f'Accept "{name}"')).to_be_focused()


def test_what_the_user_shares_is_one_row_for_each_thing(federation, friends, open_federated):
    name = f"analysis-{uuid.uuid4().hex[:6]}"
    (federation.here.data / "home" / "einstein" / name).mkdir(parents=True)

    async def share(sharing):
        path = f"home/{name}"
        (marie,) = (await sharing.search("marie")).people
        (noether,) = await sharing.contacts.listed("noether")
        await sharing.share(path, marie, Role.VIEWER)
        await sharing.share(path, noether, Role.VIEWER)
        await sharing.create_link(path, Role.VIEWER)

    federation.do(share, at=federation.here)
    page = open_federated("Shared")
    section = section_of(page)
    section.get_by_role("button", name="Shared by me").click()
    row = section.get_by_role("list", name="Shared by me").get_by_role("listitem")
    mine = row.filter(has_text=name)
    expect(mine).to_contain_text("2 people, 1 link", timeout=PATIENT)
    mine.get_by_role("button").click()
    expect(page.get_by_role("dialog", name=f'Share "{name}"')).to_be_visible()


def test_a_thousand_shares_are_paged_and_searched(open_panel, page):
    answers = Answers(page)
    answers.give("GET", "sharing", abilities())
    items = [
        received(f"set {n}", state="accepted", path=f"mesh/shares/set {n}") for n in range(1000)
    ]
    answers.give_list("received", items)
    open_panel()
    unfold(page, "Shared")
    section = section_of(page)
    rows = section.get_by_role("listitem")
    expect(rows).to_have_count(100)
    expect(section).to_contain_text("100 of 1000 shown")
    section.get_by_role("searchbox", name="Search what is shared").fill("set 987")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("set 987")


def test_what_is_no_longer_shared_is_said_and_goes(open_panel, page):
    answers = Answers(page)
    answers.give("GET", "sharing", abilities())
    items = [
        received("old", state="withdrawn"),
        received("new", state="accepted", path="mesh/shares/new"),
    ]
    answers.give_list("received", items)

    def remove(_):
        del items[0]

    answers.give("DELETE", "received/federated-old", remove, status=204)
    open_panel()
    unfold(page, "Shared")
    section = section_of(page)
    gone = section.get_by_role("list", name="No longer shared")
    expect(gone).to_contain_text("no longer shared by Jan Novak")
    gone.get_by_role("button", name='Remove "old" from the list').click()
    expect(gone).to_have_count(0)
    # The keyboard is where it was, on what is left.
    assert page.evaluate("document.activeElement.closest('#jp-mesh-shared') !== null")


def test_an_answer_that_fails_is_said_in_its_row(open_panel, page):
    answers = Answers(page)
    answers.give("GET", "sharing", abilities())
    answers.give_list(
        "received", [received("survey"), received("notes", sender=person("Jana Berg"), site=None)]
    )
    answers.fail("PATCH", "received/federated-survey", 503, "Coast Institute does not answer.")
    open_panel()
    unfold(page, "Shared")
    section = section_of(page)
    expect(section).to_contain_text('Jana Berg (Alpine University) wants to share "notes"')
    accept = section.get_by_role("button", name='Accept "survey"')
    accept.click()
    row = section.get_by_role("listitem").filter(has_text="survey")
    expect(row.get_by_role("alert")).to_have_text("Coast Institute does not answer.")
    expect(accept).to_be_focused()


def test_the_keyboard_reaches_every_row_and_button(open_panel, page):
    answers = Answers(page)
    answers.give("GET", "sharing", abilities())
    items = [
        received("one"),
        received("two"),
        received("three", state="accepted", path="mesh/shares/three"),
    ]
    answers.give_list("received", items)
    answers.give_list("shares", [shared("mesh/home/a", JAN)])
    answers.give_list("links", [])

    def answer(sent):
        items[0] = received("one", state=sent["state"], path="mesh/shares/one")
        return items[0]

    answers.give("PATCH", "received/federated-one", answer)
    open_panel()
    unfold(page, "Shared")
    section = section_of(page)
    accept = section.get_by_role("button", name='Accept "one"')
    expect(accept).to_be_visible()
    page.keyboard.press("Tab")
    expect(accept).to_be_focused()
    page.keyboard.press("Tab")
    expect(section.get_by_role("button", name='Decline "one"')).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(section.get_by_role("button", name='Decline "two"')).to_be_focused()
    page.keyboard.press("End")
    expect(section.get_by_role("button", name='More about "three"')).to_be_focused()
    page.keyboard.press("Tab")
    by_me = section.get_by_role("button", name="Shared by me")
    expect(by_me).to_be_focused()
    page.keyboard.press("Enter")
    expect(section.get_by_role("button", name="a 1 person")).to_be_visible()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Home")
    expect(section.get_by_role("button", name='Decline "one"')).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    # The next one that waits.
    expect(section.get_by_role("button", name='Accept "two"')).to_be_focused()


def test_an_open_section_hears_of_changes_and_a_closed_one_asks_nothing(
    federation, offer, open_federated
):
    page = open_federated("Shared")
    section = section_of(page)
    expect(section.get_by_role("button", name="Shared by me")).to_be_visible()
    name, _ = offer()
    # The server looks every half a minute while somebody is there, and tells.
    row = section.get_by_role("listitem").filter(has_text=name)
    expect(row).to_be_visible(timeout=PATIENT)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("tab", name="Mesh", exact=True).click()
    expect(section).to_be_hidden()
    other, _ = offer()
    assert other not in page.content()
    assert [url for url in asked if "/api/mesh/received" in url] == []
