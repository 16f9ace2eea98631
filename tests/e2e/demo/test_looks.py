"""Pictures of what a user sees most, in light and dark, to be looked at: test-results/pictures/."""

import pytest
from playwright.sync_api import expect


@pytest.fixture
def maya(demo):
    account = demo.sites["alpine"].accounts["maya"]
    (account.files / "empty").mkdir(exist_ok=True)
    return account


@pytest.fixture(params=["Light", "Dark"])
def lab(open_lab, maya, request):
    lab = open_lab(maya)
    lab.theme(f"JupyterLab {request.param}")
    yield lab
    open_lab(maya).theme("JupyterLab Light")


def test_pictures(lab, request):
    theme = request.node.callspec.params["lab"].lower()
    background = lab.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, background[4:-1].split(","))) < 380) == (theme == "dark")
    mesh = lab.show_mesh()
    expect(lab.tab).to_have_accessible_name("Launcher")
    lab.picture(f"home-{theme}")
    mesh.row("sea-breeze").click(button="right")
    expect(lab.page.locator(".lm-Menu")).to_be_visible()
    lab.picture(f"context-menu-{theme}")
    lab.page.keyboard.press("Escape")
    mesh.enter("empty")
    expect(lab.panel.get_by_text("Nothing here yet.")).to_be_visible()
    lab.picture(f"empty-{theme}")
    lab.panel.get_by_role("button", name="Connected").click()
    expect(lab.dialog.get_by_text("What this site can and cannot do")).to_be_visible()
    lab.picture(f"details-{theme}")
    lab.answer("Close")
    lab.panel.get_by_role("tab", name="Shared with me").click()
    in_files = lab.panel.get_by_role("region", name="Files Section")
    expect(in_files.get_by_text("Nobody has shared anything with you yet.")).to_be_visible()
    lab.picture(f"shares-{theme}")
    lab.panel.get_by_role("tab", name="Projects").click()
    mesh.enter("atmosphere", "keeling-curve")
    mesh.open("keeling-curve.ipynb")
    lab.run_all()
    plot = lab.notebook.locator(".jp-OutputArea-output img").first
    expect(plot).to_be_visible()
    plot.scroll_into_view_if_needed()
    lab.picture(f"notebook-{theme}")
