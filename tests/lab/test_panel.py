"""The Mesh panel in a plain JupyterLab, over a real site."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect


def panel_of(page: Page) -> Locator:
    return page.get_by_role("region", name="Mesh", exact=True)


def files_of(page: Page) -> Locator:
    """The default file browser."""
    return page.locator("#filebrowser")


def row(place: Locator, name: str) -> Locator:
    label = place.page.get_by_text(name, exact=True)
    return place.locator(".jp-DirListing-item").filter(has=label)


def run(page: Page, command: str, **arguments: object) -> None:
    page.evaluate(
        "([id, args]) => window.jupyterapp.commands.execute(id, args)", [command, arguments]
    )


def test_shows_who_is_where_and_what_is_there(open_panel, site):
    site.put("home/hello.txt", "hello\n")
    page = open_panel()
    panel = panel_of(page)
    account = re.compile("maya at Alpine University: Connected")
    expect(panel.get_by_role("button", name=account)).to_be_visible()
    expect(panel.get_by_role("tab", name="Home")).to_have_attribute("aria-selected", "true")
    expect(row(panel, "hello.txt")).to_be_visible()
    expect(page.get_by_role("button", name="Alpine University", exact=True)).to_be_visible()


def test_areas_are_tabs_for_the_keyboard(open_panel):
    page = open_panel()
    panel = panel_of(page)
    panel.get_by_role("tab", name="Home").focus()
    page.keyboard.press("ArrowRight")
    expect(panel.get_by_role("tab", name="Projects")).to_be_focused()
    page.keyboard.press("End")
    expect(panel.get_by_role("tab", name="Shared with me")).to_have_attribute(
        "aria-selected", "true"
    )
    files = panel.get_by_role("region", name="Files Section")
    expect(files.get_by_text("Nobody has shared anything with you yet.")).to_be_visible()


def test_an_empty_folder_offers_what_to_do(open_panel, site):
    site.disk("home/empty").mkdir(parents=True, exist_ok=True)
    page = open_panel()
    panel = panel_of(page)
    row(panel, "empty").dblclick()
    expect(panel.get_by_text("Nothing here yet.")).to_be_visible()
    with page.expect_file_chooser() as chooser:
        panel.get_by_role("button", name="Upload files").last.click()
    chooser.value.set_files([{"name": "up.txt", "mimeType": "text/plain", "buffer": b"from here"}])
    expect(row(panel, "up.txt")).to_be_visible()
    assert site.get("home/empty/up.txt") == "from here"


def test_a_new_folder_and_a_new_notebook_land_in_the_open_folder(open_panel, site):
    site.put("home/work/old.txt", "old")
    page = open_panel()
    panel = panel_of(page)
    row(panel, "work").dblclick()
    expect(row(panel, "old.txt")).to_be_visible()
    panel.get_by_role("button", name="New folder").click()
    name = panel.locator("input.jp-DirListing-editor")
    expect(name).to_be_focused()
    name.fill("results")
    name.press("Enter")
    expect(row(panel, "results")).to_be_visible()
    panel.get_by_role("button", name="New notebook or file in this folder").click()
    page.locator(".jp-LauncherCard[data-category='Notebook']").last.click()
    expect(row(panel, "Untitled.ipynb")).to_be_visible()
    assert site.disk("home/work/results").is_dir()
    assert site.disk("home/work/Untitled.ipynb").exists()


def test_the_folder_is_there_again_after_a_reload(open_panel, site, lab):
    site.put("home/deep/er/here.txt", "x")
    page = open_panel()

    def keeps_both(response) -> bool:
        text = response.request.post_data or ""
        return '"current":"jp-mesh-panel"' in text and "mesh/home/deep/er" in text

    # The layout and the folder are saved a moment after they have changed.
    with page.expect_response(keeps_both):
        run(page, "mesh:open-path", path="mesh/home/deep/er")
    page.goto(f"{lab}/lab")
    expect(row(panel_of(page), "here.txt")).to_be_visible()


@pytest.mark.parametrize(
    ("verb", "stays"), [pytest.param("copy", True, id="copy"), pytest.param("cut", False, id="cut")]
)
def test_what_is_copied_in_one_browser_is_pasted_in_the_other(open_panel, site, lab, verb, stays):
    site.put(f"home/{verb}/inbox.txt", "x")
    site.put(f"home/{verb}-from-mesh.txt", "mesh text")
    page = open_panel()
    panel, files = panel_of(page), files_of(page)
    # local -> mesh
    page.evaluate(
        """name => window.jupyterapp.serviceManager.contents.save(name,
             {type: 'file', format: 'text', content: 'local text'})""",
        f"{verb}-local.txt",
    )
    page.get_by_role("tab", name=re.compile("File Browser")).click()
    row(files, f"{verb}-local.txt").click()
    run(page, f"filebrowser:{verb}")
    page.get_by_role("tab", name="Mesh", exact=True).click()
    row(panel, verb).dblclick()
    row(panel, "inbox.txt").click()
    run(page, "filebrowser:paste")
    expect(row(panel, f"{verb}-local.txt")).to_be_visible()
    assert site.get(f"home/{verb}/{verb}-local.txt") == "local text"
    # mesh -> local
    panel.get_by_role("tab", name="Home").click()
    row(panel, f"{verb}-from-mesh.txt").click()
    run(page, f"filebrowser:{verb}")
    page.get_by_role("tab", name=re.compile("File Browser")).click()
    expect(row(files, f"{verb}-local.txt")).to_have_count(1 if stays else 0)
    row(files, "local.txt").click()
    run(page, "filebrowser:paste")
    expect(row(files, f"{verb}-from-mesh.txt")).to_be_visible()
    assert site.disk(f"home/{verb}-from-mesh.txt").exists() is stays


def test_a_folder_that_went_away_is_said_in_place(open_panel, site):
    folder = site.disk("home/fleeting")
    folder.mkdir(parents=True)
    page = open_panel()
    panel = panel_of(page)
    expect(row(panel, "fleeting")).to_be_visible()
    folder.rmdir()
    row(panel, "fleeting").dblclick()
    expect(panel.get_by_role("alert")).to_contain_text('"fleeting" is no longer here.')
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_file_dragged_onto_a_local_folder_moves_there(open_panel, site):
    site.put("home/dragged.txt", "on the move")
    page = open_panel()
    panel, files = panel_of(page), files_of(page)
    expect(row(panel, "dragged.txt")).to_be_visible()
    # Both browsers side by side: ours on the right.
    page.evaluate(
        """() => {
          const { shell } = window.jupyterapp;
          const panel = Array.from(shell.widgets('left')).find(w => w.id === 'jp-mesh-panel');
          shell.add(panel, 'right');
          shell.activateById(panel.id);
        }"""
    )
    page.get_by_role("tab", name=re.compile("File Browser")).click()
    expect(row(files, "scratch")).to_be_visible()
    expect(row(panel, "dragged.txt")).to_be_visible()
    # Rows move when a line appears above them: it is taken where it stands, not where it stood.
    row(panel, "dragged.txt").hover()
    page.mouse.down()
    source = row(panel, "dragged.txt").bounding_box()
    target = row(files, "scratch").bounding_box()
    page.mouse.move(source["x"] + 80, source["y"] + 20, steps=5)
    page.mouse.move(target["x"] + 60, target["y"] + 8, steps=10)
    page.mouse.up()
    expect(row(panel, "dragged.txt")).to_have_count(0)
    row(files, "scratch").dblclick()
    expect(row(files, "dragged.txt")).to_be_visible()
    assert not site.disk("home/dragged.txt").exists()


def test_a_hidden_panel_asks_nothing(open_lab, page):
    asked: list[str] = []
    page.clock.install()
    page.on("request", lambda request: asked.append(request.url))
    open_lab()
    page.get_by_role("tab", name="Mesh", exact=True).click()
    expect(row(panel_of(page), "hello.txt")).to_be_visible()
    page.get_by_role("tab", name=re.compile("File Browser")).click()
    expect(files_of(page)).to_be_visible()
    asked.clear()
    page.clock.run_for(120_000)
    mesh = [url for url in asked if "/api/mesh/" in url or "/api/contents/mesh" in url]
    assert mesh == []
    assert any("/api/contents" in url for url in asked), (
        "the clock did not make the default browser ask"
    )
    page.get_by_role("tab", name="Mesh", exact=True).click()
    expect(row(panel_of(page), "hello.txt")).to_be_visible()
