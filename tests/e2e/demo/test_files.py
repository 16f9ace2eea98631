"""What one does with files, in the Mesh panel and in the default file browser, at both sites of the demo."""

import os
import shutil
from urllib.parse import quote

import nbformat
import pytest
from playwright.sync_api import expect

from tests.e2e.processes import wait_for

PEOPLE = {"alpine": "tom", "coast": "ines"}


@pytest.fixture(params=list(PEOPLE))
def account(demo, request):
    return demo.sites[request.param].accounts[PEOPLE[request.param]]


@pytest.fixture
def folder(account):
    """A folder at the site with two files in it, made on the site's disk."""
    folder = account.files / "desk"
    folder.mkdir()
    (folder / "a.txt").write_text("a, first\n")
    (folder / "b.txt").write_text("b\n")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def lab(open_lab, account):
    lab = open_lab(account)
    # The launcher takes the focus when it comes.
    expect(lab.tab).to_have_accessible_name("Launcher")
    return lab


@pytest.fixture
def mesh(lab, folder):
    mesh = lab.show_mesh()
    mesh.enter("desk")
    return mesh


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_rename_duplicate_delete(lab, mesh, folder, account):
    mesh.rename("a.txt", "first.txt")
    assert names(folder) == ["b.txt", "first.txt"]
    mesh.menu("first.txt", "Duplicate")
    expect(mesh.row("first-Copy1.txt")).to_be_visible()
    assert (folder / "first-Copy1.txt").read_text() == "a, first\n"
    mesh.menu("first.txt", "Move to Trash")
    lab.answer("Move to Trash")
    expect(mesh.row("first.txt")).to_have_count(0)
    assert names(folder) == ["b.txt", "first-Copy1.txt"]
    assert "home/desk/first.txt" in account.bin()


def test_new_folder_file_and_notebook(lab, mesh, folder):
    lab.panel.get_by_role("button", name="New folder").click()
    mesh.type_name("plots")
    assert (folder / "plots").is_dir()
    mesh.menu_of_folder("New File")
    mesh.type_name("notes.md")
    assert (folder / "notes.md").read_bytes() == b""
    mesh.menu_of_folder("New Notebook")
    lab.answer("Select")
    expect(lab.tab).to_have_accessible_name("Untitled.ipynb")
    lab.wait_for_kernel()
    lab.write("print(6 * 7)")
    lab.page.keyboard.press("Shift+Enter")
    expect(lab.notebook.get_by_text("42", exact=True)).to_be_visible()
    lab.ask_to_save()
    lab.dialog.get_by_role("textbox").fill("answer.ipynb")
    lab.answer("Rename and Save")
    expect(lab.tab).to_have_accessible_name("answer.ipynb")
    lab.wait_until_saved()
    notebook = nbformat.read(folder / "answer.ipynb", 4)
    assert notebook.cells[0].outputs[0].text == "42\n"


def test_cut_and_copy_from_one_browser_to_the_other(lab, mesh, folder, account):
    (account.local / "local.txt").write_text("from here\n")
    files = lab.show_files()
    files.menu("local.txt", "Copy")
    lab.show_mesh()
    mesh.menu_of_folder("Paste")
    expect(mesh.row("local.txt")).to_be_visible()
    assert (folder / "local.txt").read_text() == "from here\n"
    assert (account.local / "local.txt").exists()
    mesh.menu("b.txt", "Cut")
    lab.show_files()
    files.menu_of_folder("Paste")
    expect(files.row("b.txt")).to_be_visible()
    assert (account.local / "b.txt").read_text() == "b\n"
    assert not (folder / "b.txt").exists()
    for name in ("b.txt", "local.txt"):
        (account.local / name).unlink()


@pytest.fixture
def side_by_side(lab):
    """The Mesh panel on the right, so that both file browsers are seen. Lab remembers where it was put."""

    def switch():
        lab.page.get_by_role("tab", name="Mesh", exact=True).click(button="right")
        lab.choose("Switch Sidebar Side")

    switch()
    yield
    switch()


def test_drag_from_one_browser_to_the_other(lab, side_by_side, mesh, folder, account):
    (folder / "inbox").mkdir()
    (account.local / "outbox").mkdir(exist_ok=True)
    (account.local / "local.txt").write_text("from here\n")
    files = lab.show_files()
    lab.show_mesh()
    lab.panel.get_by_role("button", name="Refresh").click()
    lab.drag(files.row("local.txt"), mesh.row("inbox"))
    expect(files.row("local.txt")).to_have_count(0)
    assert (folder / "inbox" / "local.txt").read_text() == "from here\n"
    lab.drag(mesh.row("b.txt"), mesh.row("inbox"))
    expect(mesh.row("b.txt")).to_have_count(0)
    assert (folder / "inbox" / "b.txt").read_text() == "b\n"
    lab.drag(mesh.row("a.txt"), files.row("outbox"))
    expect(mesh.row("a.txt")).to_have_count(0)
    assert (account.local / "outbox" / "a.txt").read_text() == "a, first\n"
    (account.local / "outbox" / "a.txt").unlink()


@pytest.mark.parametrize("size", [1234, 3_000_000], ids=["small", "chunked"])
def test_upload_and_download(lab, mesh, folder, tmp_path, size):
    content, name = os.urandom(size), f"{size}.bin"
    (tmp_path / name).write_bytes(content)
    with lab.page.expect_file_chooser() as chooser:
        lab.panel.get_by_role("button", name="Upload files").click()
    chooser.value.set_files(tmp_path / name)
    expect(mesh.row(name)).to_be_visible()
    wait_for(lambda: (folder / name).stat().st_size == size, "the whole file")
    assert (folder / name).read_bytes() == content
    with lab.page.expect_download() as download:
        mesh.menu(name, "Download")
    assert download.value.path().read_bytes() == content


def test_checkpoint_is_a_version_of_the_site(lab, mesh, folder, account):
    mesh.open("a.txt")
    editor = lab.page.locator(".jp-FileEditor .cm-content")
    expect(editor).to_have_text("a, first")
    editor.fill("a, second")
    lab.save()
    assert account.versions("home/desk/a.txt") == [len("a, first\n")]
    lab.from_menu_bar("File", "Revert Text to Checkpoint…")
    # First the file as it is, then what the site has kept.
    lab.dialog.get_by_role("combobox").select_option(index=1)
    lab.press("Ok")
    lab.answer("Revert")
    expect(editor).to_have_text("a, first")
    assert (folder / "a.txt").read_text() == "a, first\n"


def test_link_to_a_place(lab, folder, account):
    lab.open("lab?mesh=mesh/home/desk/a.txt")
    expect(lab.mesh.row("a.txt")).to_be_visible()
    expect(lab.tab).to_have_accessible_name("a.txt")
    lab.open("lab?reset&mesh=mesh/home/desk")
    expect(lab.mesh.row("b.txt")).to_be_visible()


def test_link_through_the_login_page(open_lab, folder, account):
    lab = open_lab(account, known=False)
    target = f"/user/{account.name}/lab?reset&mesh=mesh/home/desk/b.txt"
    lab.log_in(f"/hub/login?next={quote(target)}")
    expect(lab.mesh.row("b.txt")).to_be_visible()
    expect(lab.tab).to_have_accessible_name("b.txt")


def test_link_that_others_can_follow(open_lab, lab, mesh, folder, account):
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    mesh.menu("a.txt", "Copy Link")
    expect(lab.page.get_by_text("Link copied.")).to_be_visible()
    link = lab.page.evaluate("navigator.clipboard.readText()")
    other = open_lab(account)
    other.page.goto(link)
    expect(other.mesh.row("a.txt")).to_be_visible()
    expect(other.tab).to_have_accessible_name("a.txt")


def test_keyboard_alone(lab, folder):
    """From the tab of the panel to an open file, without a mouse."""
    page = lab.page
    page.get_by_role("tab", name="Mesh", exact=True).focus()
    page.keyboard.press("Enter")
    expect(lab.panel).to_be_visible()
    home = lab.panel.get_by_role("tab", name="Home")
    expect(home).to_be_visible()
    tab_to(page, "[role=tab].jp-MeshAreas-tab")
    expect(home).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(lab.panel.get_by_role("tab", name="Projects", selected=True)).to_be_focused()
    # The rows of one area stay until those of the other arrive, and take what is typed with them.
    expect(lab.mesh.row("desk")).to_have_count(0)
    page.keyboard.press("ArrowLeft")
    expect(lab.mesh.row("desk")).to_be_visible()
    tab_to(page, ".jp-DirListing-content *")
    page.keyboard.type("desk")
    page.keyboard.press("Enter")
    expect(lab.mesh.row("a.txt").get_by_role("button")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(lab.tab).to_have_accessible_name("a.txt")


def tab_to(page, selector):
    """Press Tab until what has the focus matches."""
    for _ in range(12):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"no {selector} within 12 presses of Tab")
