"""Both managers in a JupyterLab without a hub: open, run, save and rename in a real browser."""

import json

import pytest
from playwright.sync_api import expect

LAYOUTS = {
    # (class, value of mesh_root, where the home of the user is then)
    "root": ("MeshContentsManager", None, "home/"),
    "a part as root": ("MeshContentsManager", "home", ""),
    "composite": ("CompositeContentsManager", None, "mesh/home/"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_notebook_is_opened_run_saved_and_renamed(
    layout, site, run_lab, page, open_lab, tmp_path, notebook
):
    cls, part, home = LAYOUTS[layout]
    name = layout.replace(" ", "-")
    site.put(f"home/{name}.ipynb", json.dumps(notebook))
    options = [f"--ServerApp.contents_manager_class=jupyter_mesh.contents.{cls}"]
    if part is not None:
        options.append(f"--MeshContentsManager.mesh_root={part}")
    with run_lab(tmp_path, site.environment, *options) as url:
        open_lab(f"lab/tree/{home}{name}.ipynb?reset", url)
        expect(page.get_by_text("6 * 7")).to_be_visible()
        expect(page.get_by_text("| Idle")).to_be_visible(timeout=60_000)
        page.get_by_text("6 * 7").click()
        page.keyboard.press("Shift+Enter")
        expect(page.locator(".jp-OutputArea-output").get_by_text("42")).to_be_visible()
        page.keyboard.press("Control+s")
        expect(page.locator(".jp-mod-dirty")).to_have_count(0)
        cells = json.loads(site.get(f"home/{name}.ipynb"))["cells"]
        assert cells[0]["outputs"][0]["data"]["text/plain"] == ["42"]
        page.evaluate(
            "([from, to]) => window.jupyterapp.serviceManager.contents.rename(from, to)",
            [f"{home}{name}.ipynb", f"{home}{name}-2.ipynb"],
        )
        expect(page.get_by_role("main").get_by_role("tab", name=f"{name}-2.ipynb")).to_be_visible()
        assert site.disk(f"home/{name}-2.ipynb").exists()
        page.get_by_role("tab", name="Mesh", exact=True).click()
        panel = page.get_by_role("region", name="Mesh", exact=True)
        expect(panel.get_by_text(f"{name}-2.ipynb", exact=True)).to_be_visible()
        # Where nothing can be put, that is said before it is tried.
        if part is None:
            panel.get_by_role("tab", name="Projects").click()
            label = "New folder. Open a project to put something into it."
            expect(panel.get_by_role("button", name=label)).to_be_disabled()
