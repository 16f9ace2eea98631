"""Links to a place of the mesh."""

import json

from playwright.sync_api import Locator, Page, expect

from tests.lab.conftest import started

RENAME = "([old, now]) => window.jupyterapp.serviceManager.contents.rename(old, now)"


def panel_of(page: Page) -> Locator:
    return page.get_by_role("region", name="Mesh", exact=True)


def row(place: Locator, name: str) -> Locator:
    label = place.page.get_by_text(name, exact=True)
    return place.locator(".jp-DirListing-item").filter(has=label)


def test_a_link_to_a_file_opens_panel_and_document(open_lab, site, page, lab):
    site.put("home/talks/slides and notes.txt", "the text")
    place = "mesh/home/talks/slides%20and%20notes.txt"
    page.context.clear_cookies()
    page.goto(f"{lab}/login?next=%2Fmesh%2Fopen%3Fpath%3D{place.replace('%', '%25')}")
    page.get_by_label("Password or token:").fill("test-token")
    page.get_by_role("button", name="Log in", exact=True).click()
    started(page)
    panel = panel_of(page)
    expect(row(panel, "slides and notes.txt")).to_be_visible()
    expect(panel.get_by_role("tab", name="Home")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".jp-FileEditor:visible .cm-content")).to_contain_text("the text")


def test_a_link_to_a_folder_opens_it(open_lab, site):
    site.put("home/talks/slides.txt", "the text")
    page = open_lab("lab?reset&mesh=mesh/home/talks")
    expect(row(panel_of(page), "slides.txt")).to_be_visible()


def test_a_link_to_nothing_says_so(open_lab):
    page = open_lab("lab?reset&mesh=mesh/home/no-such-thing.txt")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text('"mesh/home/no-such-thing.txt" cannot be opened')
    dialog.get_by_role("button").click()
    expect(panel_of(page)).to_be_visible()


def test_the_copied_link_leads_back(open_lab, site, page, lab):
    site.put("home/talks/slides.txt", "the text")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_lab("lab?reset&mesh=mesh/home/talks")
    item = row(panel_of(page), "slides.txt")
    item.click(button="right")
    page.get_by_role("menuitem", name="Copy Link", exact=True).click()
    expect(page.get_by_text("Link copied.").first).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(f"{lab}/mesh/open?resource=")
    assert link.endswith("&path=mesh%2Fhome%2Ftalks%2Fslides.txt")
    # The id counts: the file has another name by now.
    page.evaluate(RENAME, ["mesh/home/talks/slides.txt", "mesh/home/talks/final.txt"])
    page.goto(link)
    expect(row(panel_of(page), "final.txt")).to_be_visible()


def test_a_link_that_leads_nowhere_says_why_to_everybody(page, lab, token, accessible):
    page.goto(f"{lab}/api/status?token={token}")
    for where in ("open?resource=no%24such%21thing", "accept?token=&providerDomain="):
        page.goto(f"{lab}/mesh/{where}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_role("link", name="Back to JupyterLab")).to_be_visible()
        accessible(page)


def test_the_page_knows_where_the_mesh_lies(open_lab):
    page = open_lab()
    config = json.loads(page.locator("#jupyter-config-data").text_content() or "")
    assert json.loads(config["mesh"])["root"] == "mesh"
