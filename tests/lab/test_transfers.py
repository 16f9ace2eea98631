"""Uploads, copies and zips in a real browser: what a person sees, and the bytes at the site."""

import hashlib
import json
import re
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.lab.line import Line, line_to

MB = 1_000_000
PICTURES = Path(__file__).parents[2] / "test-results" / "pictures"
LONG = 60_000
"""Milliseconds for hundreds of megabytes on a busy machine."""


def panel_of(page: Page) -> Locator:
    return page.get_by_role("region", name="Mesh", exact=True)


def row(place: Locator, name: str) -> Locator:
    return place.locator(".jp-DirListing-item").filter(has=place.page.get_by_text(name, exact=True))


def transfer(page: Page, name: str) -> Locator:
    """A row of the list of transfers."""
    items = page.get_by_role("list", name="Transfers").get_by_role("listitem")
    return items.filter(has=page.get_by_text(name, exact=True))


def choose(page: Page, *files: Path) -> None:
    """Press the upload button of the Mesh panel and choose files."""
    with page.expect_file_chooser() as chooser:
        panel_of(page).get_by_role("button", name="Upload files").first.click()
    chooser.value.set_files(files)


def big_file(path: Path, size: int) -> Path:
    """Bytes of which no two pieces are alike, made quickly."""
    with path.open("wb") as file:
        for number in range(size // MB):
            file.write(hashlib.sha256(str(number).encode()).digest() * (MB // 32))
    assert path.stat().st_size == size
    return path


def same(one: Path, other: Path) -> bool:
    digests = []
    for path in (one, other):
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha1").hexdigest())
    return digests[0] == digests[1]


@pytest.fixture(autouse=True)
def nothing_left(lab: str, token: str) -> None:
    """Results stay until they were seen: those of the last test are not for the next one."""

    def ask(method: str, address: str) -> bytes:
        url = f"{lab}/api/mesh/transfers{address}"
        headers = {"Authorization": f"token {token}"}
        request = urllib.request.Request(url, method=method, headers=headers)  # noqa: S310  http to ourselves
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return answer.read()

    # The first time cancels what runs.
    for _ in range(2):
        for left in json.loads(ask("GET", ""))["transfers"]:
            ask("DELETE", f"/{left['id']}")


@pytest.fixture
def line(lab: str) -> Iterator[Line]:
    port = urlsplit(lab).port
    assert port
    with line_to(port) as line:
        yield line


@pytest.fixture
def open_over(open_lab: Callable[..., Page], line: Line) -> Callable[[], Page]:
    """Opens the Mesh panel over a line that can be cut."""

    def open_over() -> Page:
        page = open_lab(url=f"http://127.0.0.1:{line.port}")
        page.get_by_role("tab", name="Mesh", exact=True).click()
        expect(panel_of(page).get_by_role("tab", name="Home")).to_be_visible()
        return page

    return open_over


def test_an_upload_survives_a_break_and_sends_nothing_twice(open_over, line, site, tmp_path):
    file = big_file(tmp_path / "broken.bin", 200 * MB)
    page = open_over()
    line.cut_at = line.sent + 80 * MB
    choose(page, file)
    item = transfer(page, "broken.bin")
    expect(item).to_contain_text("Your Jupyter server does not answer since", timeout=LONG)
    expect(item).to_contain_text("The upload goes on by itself.")
    assert line.is_cut.is_set()
    assert not site.disk("home/broken.bin").exists()
    before = line.sent
    line.mend()
    expect(item).to_contain_text("Uploaded", timeout=LONG)
    assert same(site.disk("home/broken.bin"), file)
    # What was on its way when the line broke has to go again, and nothing else.
    assert 115 * MB < line.sent - before < 135 * MB
    expect(row(panel_of(page), "broken.bin")).to_be_visible()


def press(item: Locator, button: str) -> None:
    item.get_by_role("button", name=button).click()


def choose_again(page: Page, item: Locator, file: Path) -> None:
    with page.expect_file_chooser() as chooser:
        press(item, "Choose file…")
    chooser.value.set_files(file)


def test_pause_reload_choose_again_continue(open_over, line, site, lab, tmp_path):
    file = big_file(tmp_path / "paused.bin", 100 * MB)
    page = open_over()
    before = line.sent
    line.hold_at = before + 40 * MB
    choose(page, file)
    item = transfer(page, "paused.bin")
    bar = item.get_by_role("progressbar", name="paused.bin")
    expect(bar).to_have_attribute(
        "aria-valuetext", re.compile(r"^Uploading · \d+(\.\d)? of 100 MB")
    )
    expect(page.get_by_role("button", name=re.compile(r"^↑ 1 upload \d+ %$"))).to_be_visible()
    # The browser counts what it has given away; some of that waits in buffers before the line.
    expect(bar).to_have_attribute("aria-valuenow", re.compile(r"^[3-7]\d$"))
    press(item, "Pause paused.bin")
    expect(item).to_contain_text(re.compile(r"Paused · \d+(\.\d)? of 100 MB"))
    line.release()
    questions: list[str] = []
    page.on("dialog", lambda dialog: (questions.append(dialog.type), dialog.accept()))
    page.reload()
    assert questions == ["beforeunload"]
    page.locator("#jp-main-dock-panel").wait_for()
    page.on("dialog", lambda dialog: dialog.dismiss())
    item = transfer(page, "paused.bin")
    expect(item).to_contain_text("Choose the file again to continue.")
    other = big_file(tmp_path / "other.bin", 100 * MB)
    choose_again(page, item, other)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text('This is not the file that "paused.bin" was begun with')
    dialog.get_by_role("button").last.click()
    choose_again(page, item, file)
    expect(item).to_contain_text("Uploaded", timeout=LONG)
    assert same(site.disk("home/paused.bin"), file)
    assert line.sent - before < 115 * MB


def test_cancel_leaves_nothing(open_over, line, site, tmp_path):
    file = big_file(tmp_path / "cancelled.bin", 60 * MB)
    page = open_over()
    line.hold_at = line.sent + 20 * MB
    choose(page, file)
    item = transfer(page, "cancelled.bin")
    expect(item).to_contain_text(re.compile(r"\d+(\.\d)? of 60 MB"))
    press(item, "Cancel cancelled.bin")
    expect(page.get_by_role("list", name="Transfers")).to_have_count(0)
    line.release()
    expect(row(panel_of(page), "cancelled.bin")).to_have_count(0)
    assert not site.disk("home/cancelled.bin").exists()
    states = page.evaluate(
        """async () => (await (await fetch('/api/mesh/transfers')).json())
             .transfers.filter(one => one.path.endsWith('cancelled.bin')).map(one => one.state)"""
    )
    assert states in ([], ["cancelled"])


def test_a_name_that_is_taken_is_asked_about_before(open_panel, site, tmp_path):
    site.put("home/taken.txt", "theirs")
    (tmp_path / "taken.txt").write_text("mine")
    page = open_panel()
    expect(row(panel_of(page), "taken.txt")).to_be_visible()
    dialog = page.get_by_role("dialog", name='There is already a "taken.txt" here.')
    for button, held in (
        ("Skip", {"taken.txt": "theirs"}),
        ("Keep both", {"taken.txt": "theirs", "taken-Copy1.txt": "mine"}),
        ("Replace", {"taken.txt": "mine"}),
    ):
        choose(page, tmp_path / "taken.txt")
        expect(dialog).to_contain_text("There: 6 B")
        expect(dialog.get_by_role("button", name="Keep both")).to_be_focused()
        dialog.get_by_role("button", name=button).click()
        expect(dialog).to_have_count(0)
        wait_for(page, lambda held=held: all(site.get(f"home/{n}") == t for n, t in held.items()))


def test_one_answer_for_many(open_panel, site, tmp_path):
    site.disk("home/many").mkdir(parents=True)
    files = []
    for number in range(5):
        files.append(tmp_path / f"{number}.txt")
        files[-1].write_text("mine")
        if number < 4:
            site.put(f"home/many/{number}.txt", "theirs")
    page = open_panel()
    row(panel_of(page), "many").dblclick()
    expect(row(panel_of(page), "0.txt")).to_be_visible()
    choose(page, *files)
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("checkbox", name="The same for the 3 others").check()
    dialog.get_by_role("button", name="Replace").click()
    expect(dialog).to_have_count(0)
    wait_for(page, lambda: all(site.get(f"home/many/{n}.txt") == "mine" for n in range(4)))
    expect(row(panel_of(page), "4.txt")).to_be_visible()


def wait_for(page: Page, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if holds():
                return
        except OSError:
            pass
        assert time.monotonic() < deadline
        page.wait_for_timeout(50)


def test_a_change_at_the_site_while_it_uploads(open_over, line, site, tmp_path):
    site.put("home/raced.bin", "first")
    file = big_file(tmp_path / "raced.bin", 20 * MB)
    page = open_over()
    expect(row(panel_of(page), "raced.bin")).to_be_visible()
    line.hold_at = line.sent + 5 * MB
    choose(page, file)
    page.get_by_role("dialog").get_by_role("button", name="Replace").click()
    item = transfer(page, "raced.bin")
    # Once bytes flow, the server has compared what is there with what the user agreed to replace.
    arrived = re.compile(r"^Uploading · [1-9]\d*(\.\d)? of 20 MB")
    expect(item.get_by_role("progressbar")).to_have_attribute("aria-valuetext", arrived)
    site.put("home/raced.bin", "second, by somebody else")
    line.release()
    expect(item.get_by_role("alert")).to_contain_text("raced.bin")
    assert site.get("home/raced.bin") == "second, by somebody else"
    sent = line.sent
    press(item, "Replace… raced.bin")
    question = page.get_by_role("dialog", name='Replace "raced.bin"?')
    expect(question).to_contain_text("There: 24 B")
    question.get_by_role("button", name="Replace").click()
    expect(item).to_contain_text("Uploaded")
    assert same(site.disk("home/raced.bin"), file)
    # The bytes were at the server already.
    assert line.sent - sent < 1 * MB


def tree(top: Path, many: int = 5) -> Path:
    """A folder with an empty one, a deep one, many files and odd names."""
    for name in ("deep/er", "empty", "many"):
        (top / name).mkdir(parents=True)
    (top / "deep" / "er" / "a # 100% ? & + ; ~.txt").write_text("odd")
    (top / "deep" / "日本 é.txt").write_text("more odd")
    for number in range(many):
        (top / "many" / f"{number}.txt").write_text(str(number))
    return top


def contents_of(top: Path) -> dict[str, bytes | None]:
    """Everything below a folder: the bytes of files, None for folders."""
    return {
        str(path.relative_to(top)): path.read_bytes() if path.is_file() else None
        for path in top.rglob("*")
    }


def drop(page: Page, target: Locator, path: Path) -> None:
    """Drop something from the desktop."""
    box = target.bounding_box()
    assert box
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send(
            "Input.dispatchDragEvent",
            {
                "type": kind,
                "x": box["x"] + box["width"] / 2,
                "y": box["y"] + box["height"] / 2,
                "data": data,
            },
        )


def test_a_folder_is_dropped_into_an_empty_one_and_onto_a_row(open_panel, site, tmp_path):
    # A browser tells of 100 at a time.
    survey = tree(tmp_path / "survey", 101)
    site.disk("home/bay/inner").mkdir(parents=True)
    page = open_panel()
    panel = panel_of(page)
    row(panel, "bay").dblclick()
    expect(row(panel, "inner")).to_be_visible()
    drop(page, row(panel, "inner"), survey)
    arrived = site.disk("home/bay/inner/survey")
    wait_for(page, lambda: contents_of(arrived) == contents_of(survey))
    site.disk("home/bay/void").mkdir()
    row(panel, "void").dblclick()
    expect(panel.get_by_text("Nothing here yet.")).to_be_visible()
    (tmp_path / "one.txt").write_text("one")
    drop(page, panel.get_by_text("Nothing here yet."), tmp_path / "one.txt")
    expect(row(panel, "one.txt")).to_be_visible()
    assert site.get("home/bay/void/one.txt") == "one"


def test_a_folder_is_chosen(open_panel, site, tmp_path):
    survey = tree(tmp_path / "chosen")
    (survey / "empty").rmdir()  # An input tells of files only.
    page = open_panel()
    with page.expect_file_chooser() as chooser:
        page.evaluate("void window.jupyterapp.commands.execute('mesh:upload-folder')")
    chooser.value.set_files(survey)
    wait_for(page, lambda: contents_of(site.disk("home/chosen")) == contents_of(survey))
    expect(row(panel_of(page), "chosen")).to_be_visible()


def test_a_download_that_cannot_be_says_why(open_panel, site):
    site.put("home/unreachable/a.txt", "a")
    page = open_panel()
    row(panel_of(page), "unreachable").click()
    site.stop()
    try:
        page.evaluate("void window.jupyterapp.commands.execute('mesh:download-zip')")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("Nothing could be downloaded")
        expect(dialog).to_contain_text("does not answer")
        dialog.get_by_role("button").last.click()
    finally:
        site.start()


def entries_of_menu(page: Page, item: Locator) -> Locator:
    item.click(button="right")
    return page.locator(".lm-Menu-itemLabel")


def test_folders_and_selections_come_as_a_zip(open_panel, site, tmp_path):
    top = tree(site.disk("home/zipped"))
    page = open_panel()
    panel = panel_of(page)
    with page.expect_download() as download:
        entries_of_menu(page, row(panel, "zipped")).get_by_text("Download as Zip").click()
    assert download.value.suggested_filename == "zipped.zip"
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path)
    assert contents_of(tmp_path / "zipped") == contents_of(top)
    row(panel, "zipped").dblclick()
    row(panel, "deep").click()
    row(panel, "many").click(modifiers=["Shift"])
    with page.expect_download() as download:
        entries_of_menu(page, row(panel, "many")).get_by_text("Download as Zip").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        assert {name.split("/")[0] for name in archive.namelist()} == {"deep", "empty", "many"}


def test_one_file_comes_as_it_is(open_panel, site):
    site.put("home/single.txt", "as it is")
    page = open_panel()
    entries = entries_of_menu(page, row(panel_of(page), "single.txt"))
    expect(entries.get_by_text("Download", exact=True)).to_be_visible()
    expect(entries.get_by_text("Download as Zip")).not_to_be_visible()


def test_a_folder_is_copied_from_local_files_with_progress(open_panel, site, lab):
    page = open_panel()
    panel = panel_of(page)
    page.evaluate(
        """async () => {
             const { contents } = window.jupyterapp.serviceManager;
             await contents.save('scratch/set', { type: 'directory' });
             for (let n = 0; n < 30; n++) {
               await contents.save(`scratch/set/${n}.txt`,
                 { type: 'file', format: 'text', content: `${n}` });
             }
           }"""
    )
    site.put("home/target/inbox.txt", "x")
    row(panel, "target").dblclick()
    page.evaluate(
        "void window.jupyterapp.commands.execute('filebrowser:go-to-path', {path: 'scratch'})"
    )
    row(page.locator("#filebrowser"), "set").click()
    page.evaluate("window.jupyterapp.commands.execute('filebrowser:copy')")
    page.get_by_role("tab", name="Mesh", exact=True).click()
    with page.expect_request(
        lambda one: one.method == "POST" and "/api/mesh/transfers" in one.url
    ) as request:
        row(panel, "inbox.txt").click()
        page.evaluate("void window.jupyterapp.commands.execute('filebrowser:paste')")
    assert request.value.post_data_json == {
        "kind": "copy",
        "source": "scratch/set",
        "target": "mesh/home/target",
    }
    wait_for(page, lambda: len(list(site.disk("home/target/set").iterdir())) == 30)
    expect(row(panel, "set")).to_be_visible()


def test_the_list_with_the_keyboard_alone_in_both_themes(open_over, line, site, tmp_path):
    site.put("home/beside.txt", "x")
    page = open_over()
    expect(row(panel_of(page), "beside.txt")).to_be_visible()
    line.hold_at = line.sent + 20 * MB
    choose(page, big_file(tmp_path / "held.bin", 60 * MB))
    item = transfer(page, "held.bin")
    expect(item.get_by_role("progressbar")).to_have_attribute("aria-valuenow", re.compile("^[1-9]"))
    expect(panel_of(page).get_by_role("heading", name="Transfers: 1 running")).to_be_visible()
    item.get_by_role("button", name="Pause held.bin").focus()
    page.keyboard.press("Enter")
    expect(item.get_by_role("button", name="Resume held.bin")).to_be_focused()
    line.release()
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme
        )
        expect(page.locator("body")).to_have_attribute("data-jp-theme-name", theme)
        expect(page.locator("#jupyterlab-splash")).to_have_count(0)
        page.screenshot(path=PICTURES / f"transfers-{theme[11:].lower()}.png")
    page.keyboard.press("Tab")
    expect(item.get_by_role("button", name="Cancel held.bin")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("list", name="Transfers")).to_have_count(0)
    # The focus went to the files, not to nowhere.
    expect(panel_of(page).locator(".jp-DirListing :focus")).to_have_count(1)
