"""What a user gets, at both sites of the demo: from the login page to the bytes on the site's disk."""

import json

import pytest
from playwright.sync_api import expect

SITES = {
    "alpine": ("maya", "Maya Rossi at Alpine University", "sea-breeze"),
    "coast": ("jan", "Jan Novak at Coast Institute", "keeling-curve"),
}


@pytest.fixture(params=list(SITES))
def site(demo, request):
    return demo.sites[request.param]


@pytest.fixture
def account(site):
    return site.accounts[SITES[site.name][0]]


@pytest.fixture
def sample(site):
    return SITES[site.name][2]


@pytest.fixture
def lab(open_lab, account):
    return open_lab(account)


def test_login(open_lab, account):
    lab = open_lab(account, known=False)
    page = lab.page
    page.goto(lab.hub)
    lab.fill_login("wrong")
    expect(page.get_by_text("Invalid username or password")).to_be_visible()
    lab.picture(f"{account.site.name}-wrong-password")
    lab.fill_login(account.password)
    lab.wait_until_open()
    assert page.url.startswith(f"{lab.base}/lab")


def test_two_trees_and_who_i_am(lab, account, sample):
    _, me, _ = SITES[account.site.name]
    files = lab.show_files()
    expect(files.row("mesh")).to_be_visible()
    files.enter("mesh")
    for area in ("home", "projects", "shares"):
        expect(files.row(area)).to_be_visible()
    mesh = lab.show_mesh()
    expect(lab.panel.get_by_role("button", name=f"{me}: Connected")).to_be_visible()
    expect(lab.panel.get_by_role("meter", name="Storage")).to_be_visible()
    expect(lab.panel.get_by_text("of 5 GB used")).to_be_visible()
    expect(lab.panel.get_by_role("tab", name="Home", selected=True)).to_be_visible()
    expect(mesh.row(sample)).to_be_visible()
    lab.panel.get_by_role("tab", name="Projects").click()
    expect(mesh.region.get_by_role("listitem").first).to_be_visible()
    lab.panel.get_by_role("tab", name="Shared with me").click()
    in_files = lab.panel.get_by_role("region", name="Files Section")
    expect(in_files.get_by_text("Nobody has shared anything with you yet.")).to_be_visible()


def test_sample_notebook_runs_and_is_saved(lab, account, sample):
    mesh = lab.show_mesh()
    mesh.enter(sample)
    mesh.open(f"{sample}.ipynb")
    lab.run_all()
    plots = lab.notebook.locator(".jp-OutputArea-output img")
    expect(plots.first).to_be_visible()
    expect(lab.notebook.locator(".jp-RenderedText[data-mime-type*='stderr']")).to_have_count(0)
    lab.write("\n# Looked at in a browser")
    lab.save()
    assert account.versions(f"home/{sample}/{sample}.ipynb")
    on_disk = json.loads((account.files / sample / f"{sample}.ipynb").read_text())
    assert "".join(on_disk["cells"][-1]["source"]).endswith("\n# Looked at in a browser")
    assert any(
        "image/png" in output.get("data", {})
        for cell in on_disk["cells"]
        for output in cell.get("outputs", [])
    )
