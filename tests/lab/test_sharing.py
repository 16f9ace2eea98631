"""The share dialog over a real site: who gets access, why they have it, and how it ends."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.lab.conftest import started

PICTURES = Path(__file__).parents[2] / "test-results" / "pictures"
PASSWORD = "correct horse"
OPEN = "path => window.jupyterapp.commands.execute('docmanager:open', {path})"
THEME = """async theme => {
  await window.jupyterapp.commands.execute('apputils:change-theme', {theme});
}"""


@pytest.fixture(scope="module")
def people(site):
    """Others at the site: Jana Berg, and Ben Koch who is in a group."""
    data = str(site.folder / "data")
    add = ("node", "user", "add")
    site.verb(*add, "jana", "--data", data, "--display-name", "Jana Berg", text=PASSWORD)
    site.verb(
        *add, "ben", "--data", data, "--display-name", "Ben Koch", "--group", "astro", text=PASSWORD
    )


JANA = """
import asyncio, sys
from jupyter_mesh.cs3 import connect
from jupyter_mesh.models import Role
from jupyter_mesh.sharing import Sharing

async def main(verb):
    async with connect() as client:
        sharing = Sharing(client)
        if verb == "share":
            await client.mkdir("home/survey")
            await client.upload("home/survey/notes.txt", b"from jana")
            (maya,) = (await sharing.search("maya")).people
            await sharing.share("home/survey", maya, Role.EDITOR)
        else:
            for share in await sharing.by_me():
                await sharing.remove(share.id)

asyncio.run(main(sys.argv[1]))
"""


@pytest.fixture
def jana(site, people, tmp_path):
    """Does something at the site as Jana: ``share`` a folder with maya, or ``unshare``."""
    token = tmp_path / "token"
    login = ("login", "--gateway", site.gateway, "--username", "jana")
    site.verb(*login, "--token-file", str(token), text=PASSWORD)
    environment = os.environ | site.environment | {"MESH_TOKEN_FILE": str(token)}

    def does(verb):
        command = [sys.executable, "-c", JANA, verb]
        subprocess.run(command, env=environment, check=True, timeout=60)

    return does


@pytest.fixture
def picture(page: Page):
    """Takes a picture of the page for whoever wants to see how it looks."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    return lambda name: page.screenshot(path=PICTURES / f"{name}.png")


def panel_of(page: Page) -> Locator:
    return page.get_by_role("region", name="Mesh", exact=True)


def row(place: Locator, name: str) -> Locator:
    label = place.page.get_by_text(name, exact=True)
    return place.locator(".jp-DirListing-item").filter(has=label)


def dialog_of(page: Page, name: str) -> Locator:
    return page.get_by_role("dialog", name=f'Share "{name}"', exact=True)


def share_dialog(page: Page, path: str) -> Locator:
    """Opens the dialog, and waits until it can be typed into."""
    page.evaluate(
        """path => { void window.jupyterapp.commands.execute('mesh:share', {path}); }""", path
    )
    dialog = dialog_of(page, path.rpartition("/")[2])
    expect(dialog.get_by_role("combobox", name="Add people")).to_be_focused()
    return dialog


def pick(dialog: Locator, text: str, name: str) -> None:
    """Finds somebody by typing and takes them with Enter."""
    page = dialog.page
    page.keyboard.type(text)
    option = dialog.get_by_role("listbox").get_by_role("option", name=re.compile(name))
    expect(option).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    chosen = dialog.get_by_role("list", name="To share with")
    expect(chosen.get_by_role("listitem").filter(has_text=name)).to_be_visible()


def access(dialog: Locator) -> Locator:
    return dialog.get_by_role("list", name="Who has access", exact=True).get_by_role("listitem")


def tab_to(page: Page, target: Locator) -> None:
    for _ in range(40):
        if target.evaluate("node => node === document.activeElement"):
            return
        page.keyboard.press("Tab")
    expect(target).to_be_focused()


def test_a_folder_is_shared_and_unshared_with_the_keyboard_alone(
    open_panel, site, people, picture, accessible
):
    site.put("home/keys/a.txt", "x")
    page = open_panel()
    panel = panel_of(page)
    expect(row(panel, "keys")).to_be_visible()
    row(panel, "keys").click()
    page.keyboard.press("Shift+F10")
    page.get_by_role("menuitem", name="Share…", exact=True).press("Enter")
    dialog = dialog_of(page, "keys")
    expect(dialog.get_by_role("combobox", name="Add people")).to_be_focused()
    expect(access(dialog)).to_have_text([re.compile("You.*owner")])
    pick(dialog, "jana", "Jana Berg")
    picture("share-chosen")
    tab_to(page, dialog.get_by_role("combobox", name="Role"))
    page.keyboard.press("ArrowDown")
    expect(dialog.get_by_role("combobox", name="Role")).to_have_value("editor")
    tab_to(page, dialog.get_by_role("button", name="Share", exact=True))
    page.keyboard.press("Enter")
    jana = access(dialog).filter(has_text="Jana Berg")
    expect(jana).to_be_visible()
    expect(jana.get_by_role("combobox", name="What Jana Berg can do")).to_have_value("editor")
    expect(dialog.get_by_role("status").filter(has_text="Shared with Jana Berg.")).to_be_visible()
    expect(dialog.get_by_role("combobox", name="Add people")).to_be_focused()
    accessible(dialog)
    picture("share-light")
    # What is shown beside the file afterwards, and what goes.
    remove = dialog.get_by_role("button", name="Remove access of Jana Berg")
    tab_to(page, remove)
    page.keyboard.press("Enter")
    gone = "Access removed for Jana Berg. Copies already taken stay with them."
    expect(dialog.get_by_role("status").filter(has_text=gone)).to_be_visible()
    expect(jana).to_have_count(0)
    undo = dialog.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    page.keyboard.press("Enter")
    expect(jana.get_by_role("combobox")).to_have_value("editor")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(row(panel, "keys")).to_contain_text("shared · 1")
    focused = page.evaluate("document.activeElement.closest('.jp-DirListing') !== null")
    assert focused


def test_several_at_once_and_what_they_can_do_is_changed_in_place(open_panel, site, people):
    site.put("home/several/a.txt", "x")
    page = open_panel()
    dialog = share_dialog(page, "mesh/home/several")
    pick(dialog, "jana", "Jana Berg")
    pick(dialog, "astro", "astro")
    page.keyboard.press("Enter")
    expect(access(dialog).filter(has_text="astro")).to_contain_text("group")
    role = dialog.get_by_role("combobox", name="What Jana Berg can do")
    expect(role).to_have_value("viewer")
    role.select_option("editor")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    again = share_dialog(page, "mesh/home/several")
    expect(again.get_by_role("combobox", name="What Jana Berg can do")).to_have_value("editor")


def test_access_from_a_folder_above_leads_there_and_back(open_panel, site, people):
    site.put("home/above/inner/a.txt", "x")
    page = open_panel()
    dialog = share_dialog(page, "mesh/home/above")
    pick(dialog, "jana", "Jana Berg")
    page.keyboard.press("Enter")
    expect(access(dialog).filter(has_text="Jana Berg")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    inner = share_dialog(page, "mesh/home/above/inner")
    jana = access(inner).filter(has_text="Jana Berg")
    expect(jana.get_by_role("combobox")).to_have_count(0)
    jana.get_by_role("button", name='from "above"').click()
    expect(dialog_of(page, "above")).to_be_visible()
    page.get_by_role("button", name='Back to "inner"').click()
    expect(dialog_of(page, "inner")).to_be_visible()


def test_a_link_is_made_copied_protected_and_removed(open_panel, site, page, people, accessible):
    site.put("home/linked/a.txt", "x")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_panel()
    panel = panel_of(page)
    row(panel, "linked").click(button="right")
    page.get_by_role("menuitem", name="Copy Link for Anyone…").click()
    dialog = dialog_of(page, "linked")
    form = dialog.get_by_role("form", name="New link")
    expect(form).to_be_visible()
    form.get_by_role("checkbox", name="Ask for a password").check()
    form.get_by_label("Password", exact=True).fill("open sesame")
    accessible(dialog)
    form.get_by_label("Password", exact=True).press("Enter")
    links = dialog.get_by_role("list", name="Links").get_by_role("listitem")
    expect(links).to_have_text([re.compile("Anyone with the link.*can view, password")])
    link = page.evaluate("navigator.clipboard.readText()")
    assert "/s/" in link
    # Whoever follows it may read the page with anything.
    there = page.context.new_page()
    there.goto(link)
    accessible(there)
    there.get_by_label("Password").fill("open sesame")
    there.keyboard.press("Enter")
    expect(there.get_by_role("link", name="a.txt")).to_be_visible()
    accessible(there)
    there.close()
    links.get_by_role("button", name="Remove link").click()
    question = dialog.get_by_role("alertdialog")
    expect(question).to_contain_text("A new link will have another address.")
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(question).to_have_count(0)
    expect(row(panel, "linked")).to_contain_text("by link")
    links.get_by_role("button", name="Remove link").click()
    question.get_by_role("button", name="Remove link").click()
    expect(links).to_have_count(0)


def test_two_browsers_follow_each_other_and_lose_nothing(
    open_panel, site, browser, lab, token, people
):
    site.put("home/both/a.txt", "x")
    one = open_panel()
    two = browser.contexts[0].new_page()
    two.goto(f"{lab}/lab?reset&token={token}")
    started(two, launcher=True)
    here, there = share_dialog(one, "mesh/home/both"), share_dialog(two, "mesh/home/both")
    pick(there, "ben", "Ben Koch")
    there.get_by_role("combobox", name="Role").select_option("editor")
    pick_in = there.get_by_role("combobox", name="Add people")
    pick_in.fill("be")
    one.bring_to_front()
    here.get_by_role("combobox", name="Add people").focus()
    pick(here, "jana", "Jana Berg")
    one.keyboard.press("Enter")
    expect(access(here).filter(has_text="Jana Berg")).to_be_visible()
    two.bring_to_front()
    expect(access(there).filter(has_text="Jana Berg")).to_be_visible(timeout=30_000)
    chosen = there.get_by_role("list", name="To share with")
    expect(chosen.get_by_role("listitem")).to_contain_text(["Ben Koch"])
    expect(there.get_by_role("combobox", name="Role")).to_have_value("editor")
    expect(pick_in).to_have_value("be")


def test_a_notebook_is_shared_from_its_toolbar(open_panel, site, notebook, people):
    site.put("home/bar.ipynb", json.dumps(notebook))
    page = open_panel()
    page.evaluate(OPEN, "mesh/home/bar.ipynb")
    share = page.locator(".jp-NotebookPanel-toolbar").get_by_role("button", name="Share")
    share.click()
    dialog = dialog_of(page, "bar.ipynb")
    expect(dialog.get_by_role("combobox", name="Add people")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_local_files_cannot_be_shared(open_panel, people):
    page = open_panel()
    page.get_by_role("tab", name=re.compile("File Browser")).click()
    row(page.locator("#filebrowser"), "local.txt").click(button="right")
    expect(page.get_by_role("menuitem", name="Rename")).to_be_visible()
    expect(page.get_by_role("menuitem", name="Share…", exact=True)).to_have_count(0)


ACCEPT = """async () => {
  const { baseUrl } = window.jupyterapp.serviceManager.serverSettings;
  const headers = {'X-XSRFToken': document.cookie.match(/_xsrf=([^;]*)/)?.[1] ?? ''};
  const { items } = await (await fetch(`${baseUrl}api/mesh/received`, {headers})).json();
  const share = items.find(each => each.name === 'survey');
  const answer = await fetch(`${baseUrl}api/mesh/received/${share.id}`, {
    method: 'PATCH', headers, body: JSON.stringify({state: 'accepted'})
  });
  return (await answer.json()).path;
}"""


def test_the_text_of_a_revoked_share_stays_and_is_saved_at_home(open_panel, site, jana, picture):
    jana("share")
    page = open_panel()
    path = page.evaluate(ACCEPT)
    assert path.startswith("mesh/shares/")
    panel = panel_of(page)
    panel.get_by_role("tab", name="Shared with me").click()
    expect(row(panel, "survey")).to_contain_text("Jana Berg")
    page.evaluate(OPEN, f"{path}/notes.txt")
    text = page.locator(".jp-FileEditor:visible .cm-content")
    expect(text).to_contain_text("from jana")
    text.click()
    page.keyboard.type("mine, not saved: ")
    jana("unshare")
    page.keyboard.press("Control+s")
    refused = page.get_by_role("dialog")
    expect(refused).to_be_visible()
    page.keyboard.press("Escape")
    line = page.get_by_role("alert").filter(has_text='Jana Berg stopped sharing "survey".')
    expect(line).to_contain_text("Your unsaved text is here.")
    picture("share-revoked")
    line.get_by_role("button", name="Save a copy to Home").click()
    expect(page.get_by_role("main").get_by_role("tab", name="notes (my version)")).to_be_visible()
    assert "mine, not saved: " in site.get("home/notes (my version).txt")


def test_it_can_be_read_in_every_theme(open_panel, site, people, accessible, picture):
    site.put("home/themes/a.txt", "x")
    page = open_panel()
    dialog = share_dialog(page, "mesh/home/themes")
    page.keyboard.type("jana")
    options = dialog.get_by_role("listbox").get_by_role("option")
    expect(options.first).to_contain_text("Jana Berg")
    expect(options.last).to_contain_text("Invite someone from another institution…")
    for theme in ("JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"):
        page.evaluate(THEME, theme)
        page.wait_for_function(
            "name => document.body.dataset.jpThemeName === name", arg=theme, polling=100
        )
        expect(options.first).to_be_visible()
        accessible(dialog)
        picture(f"share-search-{theme.rpartition(' ')[2].lower()}")
    page.keyboard.press("Escape")
    expect(dialog.get_by_role("listbox")).to_have_count(0)
    expect(dialog).to_be_visible()
