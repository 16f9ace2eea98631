"""What a user sees when the site is away, the login has ended, or nothing is set up."""

import time

from playwright.sync_api import Locator, Page, expect


def panel_of(page: Page) -> Locator:
    return page.get_by_role("region", name="Mesh", exact=True)


def edit(page: Page, path: str, text: str) -> None:
    """Open a text file and put something at its end."""
    page.evaluate("path => window.jupyterapp.commands.execute('docmanager:open', {path})", path)
    editor = page.locator(".jp-FileEditor:visible .cm-content")
    editor.click()
    page.keyboard.press("Control+End")
    page.keyboard.type(text)


def test_a_site_that_goes_away_and_comes_back(open_panel, site):
    site.put("home/notes.txt", "first line\n")
    page = open_panel()
    panel = panel_of(page)
    edit(page, "mesh/home/notes.txt", "second line")
    site.stop()
    try:
        page.keyboard.press("Control+s")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text(
            '"notes.txt" is not saved: Alpine University does not answer. '
            "Your changes are kept; saving will be tried again."
        )
        dialog.get_by_role("button").last.click()
        notice = panel.get_by_role("alert")
        expect(notice).to_contain_text("Alpine University does not answer since")
        expect(panel.get_by_text("notes.txt", exact=True)).to_be_visible()
        expect(page.get_by_role("button", name="Alpine University · Not answering")).to_be_visible()
        notice.get_by_role("button", name="Try now").click()
        expect(notice.get_by_role("button", name="Try now")).to_be_enabled()
    finally:
        site.start()
    panel.get_by_role("button", name="Try now").click()
    expect(panel.get_by_role("alert")).to_have_count(0)
    page.locator(".jp-FileEditor:visible .cm-content").click()
    page.keyboard.press("Control+s")
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)
    assert site.get("home/notes.txt") == "first line\nsecond line"


def test_a_login_that_has_ended(open_panel, site):
    good = site.token_file.read_text()
    page = open_panel()
    panel = panel_of(page)
    expect(panel.get_by_role("tab", name="Home")).to_be_visible()
    site.token_file.write_text("no-longer-good")
    try:
        notice = panel.get_by_role("alert")
        # The server looks at the token file once a second.
        deadline = time.monotonic() + 30
        while not notice.is_visible() and time.monotonic() < deadline:
            panel.get_by_role("button", name="Refresh").click()
            page.wait_for_timeout(100)
        expect(notice).to_contain_text(
            "Your login at Alpine University has ended. Your changes are kept."
        )
        notice.get_by_role("button", name="Sign in again").click()
        expect(page.get_by_role("dialog")).to_contain_text("jupyter mesh login")
    finally:
        site.token_file.write_text(good)
    page.get_by_role("button", name="Check again").click()
    expect(panel.get_by_role("alert")).to_have_count(0)
