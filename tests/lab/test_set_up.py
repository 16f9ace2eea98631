"""A JupyterLab that nobody has connected to a site."""

import pytest
from playwright.sync_api import Page, expect


@pytest.fixture(scope="module")
def bare_lab(run_lab, tmp_path_factory):
    with run_lab(tmp_path_factory.mktemp("bare"), {}) as url:
        yield url


def test_says_how_to_connect(page: Page, bare_lab, token):
    page.goto(f"{bare_lab}/lab?reset&token={token}")
    page.get_by_role("tab", name="Mesh", exact=True).click()
    panel = page.get_by_role("region", name="Mesh", exact=True)
    expect(panel.get_by_text("This server is not connected to a site yet.")).to_be_visible()
    panel.get_by_role("button", name="How to connect").click()
    dialog = page.get_by_role("dialog", name="Details")
    expect(dialog).to_contain_text("jupyter mesh login")
    expect(dialog.get_by_role("alert")).to_have_count(0)
