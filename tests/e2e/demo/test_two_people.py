"""Two people at two institutions, who have never met: from an invitation to the end of a share."""

import re
import shutil

import nbformat
import pytest
from playwright.sync_api import expect

from tests.axe import assert_accessible
from tests.e2e.demo.friends import forget_everybody
from tests.e2e.lab import START, notebook_of

NEWS = 60_000
"""Milliseconds within which a panel shows what somebody at another site has done."""


@pytest.fixture
def maya(demo):
    return demo.sites["alpine"].accounts["maya"]


@pytest.fixture
def jan(demo):
    return demo.sites["coast"].accounts["jan"]


@pytest.fixture
def strangers(maya, jan):
    """The two know nothing of each other, before and after."""
    for account in (maya, jan):
        account.ask_site(forget_everybody)
    yield
    for account in (maya, jan):
        account.ask_site(forget_everybody)


@pytest.fixture
def analysis(maya, jan):
    """A folder of maya's with a notebook in it."""
    folder = maya.files / "analysis"
    folder.mkdir()
    (folder / "fit.ipynb").write_bytes(notebook_of("print('the answer is', 6 * 7)"))
    yield folder
    shutil.rmtree(folder)
    for copy in jan.files.glob("fit (my version*"):
        copy.unlink()


@pytest.fixture
def dark(maya, jan):
    """Both like it dark."""
    settings = (
        ".jupyter/lab/user-settings/@jupyterlab/apputils-extension/themes.jupyterlab-settings"
    )
    files = [account.local / settings for account in (maya, jan)]
    before = [file.read_bytes() if file.exists() else None for file in files]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text('{"theme": "JupyterLab Dark"}')
    yield
    for file, content in zip(files, before, strict=True):
        if content is None:
            file.unlink()
        else:
            file.write_bytes(content)


def source_of(notebook):
    return "".join(nbformat.read(notebook, 4).cells[-1].source)


def share_with_jan(lab, files):
    """By the share dialog, so that he can edit."""
    files.menu("analysis", "Share…")
    dialog = lab.page.get_by_role("dialog", name='Share "analysis"')
    search = dialog.get_by_role("combobox", name="Add people")
    expect(search).to_be_focused()
    lab.page.keyboard.type("jan")
    expect(dialog.get_by_role("option", name=re.compile("Jan Novak"))).to_contain_text(
        "Coast Institute · contact"
    )
    lab.picture("share-search-light")
    lab.page.keyboard.press("Enter")
    dialog.get_by_role("combobox", name="Role").select_option("can edit")
    dialog.get_by_role("button", name="Share", exact=True).click()
    warning = dialog.get_by_role("alertdialog")
    expect(warning).to_contain_text("People there will be able to change files in this folder.")
    assert_accessible(dialog)
    lab.picture("share-warning-light")
    warning.get_by_role("button", name="Share").click()
    expect(dialog.get_by_role("status").filter(has_text="Shared with")).to_have_text(
        "Shared with Jan Novak."
    )
    expect(dialog.get_by_role("combobox", name="What Jan Novak can do")).to_have_value("editor")
    assert_accessible(dialog)
    lab.answer("Close")


@pytest.mark.timeout(420)
def test_from_an_invitation_to_the_end_of_a_share(open_lab, maya, jan, strangers, analysis):
    hers = open_lab(maya)
    files = hers.show_mesh()

    # Maya makes an invitation.
    people = hers.unfold("People")
    people.get_by_role("button", name="Invite someone").click()
    expect(hers.dialog.get_by_role("textbox")).to_be_focused()
    hers.picture("invite-light")
    hers.page.keyboard.type("Jan, about the fit")
    hers.press("Create invitation")
    expect(hers.dialog).to_contain_text("Whoever has it can become your contact until")
    assert_accessible(hers.dialog)
    hers.picture("invitation-light")
    hers.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    hers.press("Copy link")
    expect(hers.dialog.get_by_role("status")).to_have_text("Link copied.")
    link = hers.page.evaluate("navigator.clipboard.readText()")
    hers.answer("Close")

    # Jan opens it, where nobody knows him yet.
    his = open_lab(jan, known=False)
    his.page.goto(link)
    heading = his.page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Maya Rossi (Alpine University) invites you to share files")
    assert_accessible(his.page)
    his.picture("where-from-light")
    his.page.get_by_role("link", name=re.compile("^Coast Institute")).click()
    assert his.page.url.startswith(his.hub)
    his.fill_login(jan.password)
    expect(his.dialog).to_contain_text("Somebody at Alpine University", timeout=START)
    expect(his.dialog).to_contain_text("invites you (Jan Novak, Coast Institute)")
    expect(his.dialog).to_contain_text(
        "Accepting tells Alpine University your name, e-mail address and user name."
    )
    token = link.partition("token=")[2].partition("&")[0]
    assert token not in his.page.url
    assert_accessible(his.dialog)
    his.picture("got-an-invitation-light")
    his.press("Accept")
    expect(his.dialog).to_contain_text("You and Maya Rossi (Alpine University) are contacts now")
    his.answer("Close")
    contacts = his.unfold("People").get_by_role("list", name="Alpine University")
    expect(contacts).to_contain_text("Maya Rossi")
    assert_accessible(his.panel.locator("#jp-mesh-people"))

    # She sees him come, and shares.
    expect(people.get_by_role("list", name="Coast Institute")).to_contain_text(
        "Jan Novak", timeout=NEWS
    )
    share_with_jan(hers, files)
    files.enter("analysis")
    files.open("fit.ipynb")
    expect(hers.notebook.get_by_text("the answer is")).to_be_visible()

    # He is asked, opens the notebook, runs and saves it.
    shared = his.unfold("Shared")
    offer = shared.get_by_role("list", name="Waiting for your answer").get_by_role("listitem")
    expect(offer).to_contain_text(
        'Maya Rossi (Alpine University) wants to share "analysis"', timeout=NEWS
    )
    expect(offer).to_contain_text("can edit")
    assert_accessible(shared)
    his.picture("offer-light")
    offer.get_by_role("button", name="Accept").click()
    mine = shared.get_by_role("list", name="Shared with me").get_by_role("listitem")
    expect(mine).to_contain_text("Maya Rossi, Alpine University · can edit")
    mine.get_by_role("button", name=re.compile("^analysis")).click()
    his.mesh.open("fit.ipynb")
    his.wait_for_kernel()
    his.write("\nprint('also at', 'the coast')")
    his.run_all()
    expect(his.notebook.get_by_text("also at the coast")).to_be_visible()
    his.save()
    assert source_of(analysis / "fit.ipynb").endswith("print('also at', 'the coast')")

    # She has it open, and gets his.
    hers.from_menu_bar("File", "Reload Notebook from Disk")
    hers.answer("Reload")
    expect(hers.notebook.get_by_text("also at the coast")).to_be_visible()

    # He goes on writing; she stops sharing.
    his.write("\n# and what is not saved yet")
    shared_by_her = hers.unfold("Shared")
    shared_by_her.get_by_role("button", name="Shared by me").click()
    shared_by_her.get_by_role("button", name=re.compile("^analysis")).click()
    dialog = hers.page.get_by_role("dialog", name='Share "analysis"')
    hers.picture("share-light")
    dialog.get_by_role("button", name="Remove access of Jan Novak").click()
    expect(dialog.get_by_role("status").filter(has_text="Access removed")).to_contain_text(
        "Access removed for Jan Novak. Copies already taken stay with them."
    )
    hers.answer("Close")
    revoked = his.notebook.get_by_role("alert")
    expect(revoked).to_contain_text(
        'Maya Rossi stopped sharing "analysis". Your unsaved text is here.', timeout=NEWS
    )
    assert_accessible(revoked)
    his.picture("revoked-light")
    expect(his.notebook.get_by_text("# and what is not saved yet")).to_be_visible()
    revoked.get_by_role("button", name="Save a copy to Home").click()
    expect(his.tab).to_have_accessible_name("fit (my version).ipynb")
    copy = jan.files / "fit (my version).ipynb"
    assert source_of(copy).endswith("# and what is not saved yet")
    expect(mine).to_have_count(0, timeout=NEWS)
    assert "and what is not saved yet" not in source_of(analysis / "fit.ipynb")


def tab_to(page, target, *, key="Tab"):
    """Press Tab until something has the focus."""
    expect(target).to_be_visible()
    for _ in range(80):
        if target.evaluate("node => node.contains(document.activeElement)"):
            return
        page.keyboard.press(key)
    expect(target).to_be_focused()


def from_palette(page, words):
    """Run a command by its words."""
    page.keyboard.press("Control+Shift+C")
    expect(page.locator(".lm-CommandPalette-input")).to_be_focused()
    page.keyboard.type(words)
    first = page.locator(".lm-CommandPalette-item.lm-mod-active .lm-CommandPalette-itemLabel")
    expect(first).to_have_text(words)
    page.keyboard.press("Enter")


def from_context_menu(page, words):
    """Choose from the context menu of what has the focus."""
    page.keyboard.press("Shift+F10")
    active = page.locator(".lm-Menu-item.lm-mod-active")
    expect(page.locator(".lm-Menu")).to_be_visible()
    for _ in range(30):
        page.keyboard.press("ArrowDown")
        if words in active.inner_text():
            break
    expect(active).to_contain_text(words)
    page.keyboard.press("Enter")


@pytest.mark.timeout(420)
def test_the_same_with_the_keyboard_alone(open_lab, maya, jan, strangers, analysis, dark):
    hers = open_lab(maya)
    hers.show_mesh()
    hers.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    keys = hers.page.keyboard
    from_palette(hers.page, "Invite Someone…")
    expect(hers.dialog.get_by_role("textbox")).to_be_focused()
    keys.type("Jan")
    keys.press("Enter")
    expect(hers.dialog.get_by_role("button", name="Copy link")).to_be_focused()
    assert_accessible(hers.dialog)
    hers.picture("invitation-dark")
    keys.press("Enter")
    expect(hers.dialog.get_by_role("status")).to_have_text("Link copied.")
    keys.press("Escape")
    expect(hers.dialog).to_have_count(0)
    link = hers.page.evaluate("navigator.clipboard.readText()")

    his = open_lab(jan, known=False)
    his.page.emulate_media(color_scheme="dark")
    his.page.goto(link)
    theirs = his.page.keyboard
    assert_accessible(his.page)
    his.picture("where-from-dark")
    tab_to(his.page, his.page.get_by_role("link", name=re.compile("^Coast Institute")))
    theirs.press("Enter")
    expect(his.page.get_by_label("Username")).to_be_focused()
    theirs.type(jan.name)
    theirs.press("Tab")
    theirs.type(jan.password)
    theirs.press("Enter")
    accept = his.dialog.get_by_role("button", name="Accept")
    expect(accept).to_be_visible(timeout=START)
    assert_accessible(his.dialog)
    his.picture("got-an-invitation-dark")
    expect(accept).to_be_focused()
    theirs.press("Enter")
    expect(his.dialog).to_contain_text("are contacts now")
    expect(his.dialog.get_by_role("button", name="Close").last).to_be_focused()
    theirs.press("Enter")
    expect(his.dialog).to_have_count(0)
    contact = his.panel.get_by_role("button", name='More about "Maya Rossi"')
    expect(contact).to_be_focused()

    row = hers.mesh.row("analysis")
    tab_to(hers.page, hers.panel.locator(".jp-DirListing-content"))
    keys.type("analysis")
    expect(row.get_by_role("button")).to_be_focused()
    from_context_menu(hers.page, "Share…")
    dialog = hers.page.get_by_role("dialog", name='Share "analysis"')
    expect(dialog.get_by_role("combobox", name="Add people")).to_be_focused()
    keys.type("jan")
    option = dialog.get_by_role("option", name=re.compile("Jan Novak"))
    expect(option).to_have_attribute("aria-selected", "true")
    keys.press("Enter")
    role = dialog.get_by_role("combobox", name="Role")
    tab_to(hers.page, role)
    keys.press("ArrowDown")
    expect(role).to_have_value("editor")
    tab_to(hers.page, dialog.get_by_role("button", name="Share", exact=True))
    keys.press("Enter")
    expect(dialog.get_by_role("alertdialog").get_by_role("button", name="Share")).to_be_focused()
    assert_accessible(dialog)
    hers.picture("share-warning-dark")
    keys.press("Enter")
    expect(dialog.get_by_role("status").filter(has_text="Shared with")).to_be_visible()

    title = his.panel.locator(".jp-AccordionPanel-title").filter(has_text="Shared").last
    tab_to(his.page, title, key="Shift+Tab")
    expect(title).to_be_focused()
    # His layout may be the one of an earlier visit, with the section open.
    if title.get_attribute("aria-expanded") != "true":
        theirs.press("Enter")
    expect(title).to_have_attribute("aria-expanded", "true")
    from_palette(his.page, "Refresh Mesh")
    offer = his.panel.get_by_role("button", name='Accept "analysis"')
    expect(offer).to_be_visible(timeout=NEWS)
    assert_accessible(his.panel.locator("#jp-mesh-shared"))
    his.picture("offer-dark")
    tab_to(his.page, offer)
    theirs.press("Enter")
    mine = his.panel.get_by_role("list", name="Shared with me")
    expect(mine.get_by_role("button", name=re.compile("^analysis"))).to_be_focused()
    theirs.press("Enter")
    expect(his.mesh.row("fit.ipynb")).to_be_visible()
    tab_to(his.page, his.panel.locator(".jp-DirListing-content"))
    theirs.type("fit")
    theirs.press("Enter")
    his.wait_for_kernel()
    theirs.press("Enter")
    theirs.press("Control+End")
    theirs.type("\nprint('also at', 'the coast')")
    theirs.press("Control+Enter")
    expect(his.notebook.get_by_text("also at the coast")).to_be_visible()
    his.save()
    assert source_of(analysis / "fit.ipynb").endswith("print('also at', 'the coast')")
    theirs.press("Enter")
    theirs.press("Control+End")
    theirs.type("\n# not saved yet")
    theirs.press("Escape")

    tab_to(hers.page, dialog.get_by_role("button", name="Remove access of Jan Novak"))
    keys.press("Enter")
    expect(dialog.get_by_role("button", name="Undo")).to_be_focused()
    keys.press("Escape")
    expect(dialog).to_have_count(0)
    his.ask_to_save()
    expect(his.dialog).to_be_visible(timeout=START)
    theirs.press("Escape")
    save = his.notebook.get_by_role("button", name="Save a copy to Home")
    expect(save).to_be_visible(timeout=NEWS)
    his.picture("revoked-dark")
    tab_to(his.page, save, key="Shift+Tab")
    theirs.press("Enter")
    expect(his.tab).to_have_accessible_name("fit (my version).ipynb")
    assert source_of(jan.files / "fit (my version).ipynb").endswith("# not saved yet")
