"""Files of the mesh in code where nothing is mounted."""

import json

import pytest
from playwright.sync_api import Locator, Page, expect


@pytest.fixture
def work(site, notebook) -> str:
    """A folder with a notebook and data."""
    notebook = json.loads(json.dumps(notebook))
    notebook["cells"][0]["source"] = "6 * 7"
    site.put("home/code/fit.ipynb", json.dumps(notebook))
    site.put("home/code/a.csv", "x\n1\n")
    site.put('home/code/it is "odd".json', "{}")
    return "mesh/home/code"


def panel_of(page: Page) -> Locator:
    return page.get_by_role("region", name="Mesh", exact=True)


def row(place: Locator, name: str) -> Locator:
    label = place.page.get_by_text(name, exact=True)
    return place.locator(".jp-DirListing-item").filter(has=label)


def cell_of(page: Page) -> Locator:
    return page.locator(".jp-Notebook:visible .jp-CodeCell .cm-content").first


def run(page: Page, command: str, **arguments: object) -> None:
    page.evaluate(
        "([id, args]) => window.jupyterapp.commands.execute(id, args)", [command, arguments]
    )


@pytest.fixture
def page_at_work(page, open_panel, work) -> Page:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_panel()
    run(page, "mesh:open-path", path=work)
    expect(row(panel_of(page), "a.csv")).to_be_visible()
    return page


@pytest.fixture
def page_with_notebook(page_at_work, work) -> Page:
    run(page_at_work, "docmanager:open", path=f"{work}/fit.ipynb")
    expect(cell_of(page_at_work)).to_contain_text("6 * 7")
    return page_at_work


def test_the_lines_that_open_it_are_copied(page_at_work):
    page = page_at_work
    row(panel_of(page), "a.csv").click(button="right")
    page.get_by_role("menuitem", name="Copy Path for Code").click()
    expect(page.get_by_text('Copied the code that opens "a.csv".')).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == (
        'import pandas as pd\ndf = pd.read_csv("cs3://alpine/home/code/a.csv")'
    )


def test_labs_own_browser_has_it_below_mesh_alone(page_at_work, work):
    page = page_at_work
    page.get_by_role("tab", name="File Browser").click()
    files = page.locator("#filebrowser")
    row(files, "local.txt").click(button="right")
    expect(page.get_by_role("menuitem", name="Copy Path", exact=True)).to_be_visible()
    expect(page.get_by_role("menuitem", name="Copy Path for Code")).to_have_count(0)
    page.keyboard.press("Escape")
    run(page, "filebrowser:go-to-path", path=work)
    odd = 'it is "odd".json'
    row(files, odd).click(button="right")
    page.get_by_role("menuitem", name="Copy Path for Code").click()
    expect(page.get_by_text(f'Copied the code that opens "{odd}".')).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == (
        "import fsspec, json\n"
        'with fsspec.open("cs3://alpine/home/code/it%20is%20%22odd%22.json") as file: '
        "data = json.load(file)"
    )


def test_several_are_inserted_by_a_command(page_with_notebook):
    page = page_with_notebook
    panel = panel_of(page)
    row(panel, "a.csv").click()
    row(panel, 'it is "odd".json').click(modifiers=["Control"])
    row(panel, 'it is "odd".json').click(button="right")
    expect(page.get_by_role("menuitem", name="Insert Path into Cell")).to_be_visible()
    page.keyboard.press("Escape")
    run(page, "mesh:insert-path")
    cell = cell_of(page)
    expect(cell).to_contain_text("import fsspec, json, pandas as pd")
    expect(cell).to_contain_text('df = pd.read_csv("cs3://alpine/home/code/a.csv")')
    expect(cell).to_be_focused()
    lines = cell.locator(".cm-line").all_inner_texts()
    assert lines[0] == "6 * 7"
    assert len(lines) == 4


def drag(page: Page, source: Locator, target: Locator) -> None:
    start, end = source.bounding_box(), target.bounding_box()
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + 40, start["y"] + 8)
    page.mouse.down()
    page.mouse.move(start["x"] + 60, start["y"] + 20, steps=5)
    page.mouse.move(end["x"] + 20, end["y"] + 8, steps=10)
    expect(page.locator(".jp-mesh-mod-dropCode")).to_have_count(1)
    page.mouse.up()


def test_a_dropped_file_is_code_below_the_line_that_is_there(page_with_notebook):
    page = page_with_notebook
    drag(page, row(panel_of(page), "a.csv"), cell_of(page))
    expect(cell_of(page)).to_contain_text("pd.read_csv")
    lines = cell_of(page).locator(".cm-line").all_inner_texts()
    assert lines == [
        "6 * 7",
        "import pandas as pd",
        'df = pd.read_csv("cs3://alpine/home/code/a.csv")',
    ]
    expect(page.locator(".jp-mesh-mod-dropCode")).to_have_count(0)
    expect(page.get_by_role("main").get_by_role("tab", name="a.csv")).to_have_count(0)


def test_cells_are_still_moved_and_files_beside_cells_are_still_opened(page_with_notebook):
    page = page_with_notebook
    run(page, "notebook:insert-cell-below")
    cells = page.locator(".jp-Notebook:visible .jp-CodeCell")
    expect(cells).to_have_count(2)
    first, second = cells.nth(0).bounding_box(), cells.nth(1).bounding_box()
    assert first is not None
    assert second is not None
    prompt = cells.nth(1).locator(".jp-InputPrompt").bounding_box()
    assert prompt is not None
    page.mouse.move(prompt["x"] + 10, prompt["y"] + 8)
    page.mouse.down()
    page.mouse.move(prompt["x"] + 14, prompt["y"] - 4, steps=5)
    page.mouse.move(first["x"] + 20, first["y"] + 4, steps=10)
    page.mouse.up()
    expect(cells.nth(1).locator(".cm-content")).to_contain_text("6 * 7")
    source = row(panel_of(page), "a.csv").bounding_box()
    notebook = page.locator(".jp-Notebook:visible").bounding_box()
    assert source is not None
    assert notebook is not None
    page.mouse.move(source["x"] + 40, source["y"] + 8)
    page.mouse.down()
    page.mouse.move(source["x"] + 60, source["y"] + 20, steps=5)
    below = notebook["y"] + notebook["height"] / 2
    page.mouse.move(notebook["x"] + notebook["width"] / 2, below, steps=10)
    page.mouse.up()
    expect(page.get_by_role("main").get_by_role("tab", name="a.csv")).to_be_visible()
