"""What the Mesh panel tells of a real mount, and how files come into code there."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.mounts import needs_fuse, unmount

pytestmark = needs_fuse

SLOW = 120_000
"""Milliseconds for what goes through the queue of a mount on a busy machine."""


class Mount:
    """The files of the site as a folder of this machine, served by a program of its own."""

    def __init__(self, site, home: Path) -> None:
        self.folder = home / "files"
        self.environment = site.environment | {"XDG_STATE_HOME": str(home / "state")}
        self._log = home / "mount.log"
        self._command = [sys.executable, "-m", "jupyter_mesh.cli", "mount", str(self.folder)]
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        with self._log.open("ab") as output:
            self.process = subprocess.Popen(
                self._command,
                env=os.environ | self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.until(lambda told: told["state"] == "ready")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(60)
            finally:
                self.process.kill()
                unmount(self.folder)

    def status(self) -> dict:
        done = subprocess.run(
            [*self._command, "--status", "--json"],
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        try:
            told = json.loads(done.stdout)
        except ValueError:
            return {"state": "none"}
        return told[0] if isinstance(told, list) else told

    def until(self, holds) -> None:
        deadline = time.monotonic() + 90
        while not holds(told := self.status()):
            assert self.process is not None
            assert self.process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, (told, self._log.read_text())
            time.sleep(0.1)

    def write(self, path: str, text: str) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text)

    @property
    def rclone(self) -> int:
        """The process that serves the folder."""
        assert self.process is not None
        seen = [self.process.pid]
        for pid in seen:
            for task in Path(f"/proc/{pid}/task").iterdir():
                seen += map(int, (task / "children").read_text().split())
        (found,) = (
            pid for pid in seen if b"rcd" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        )
        return found


@pytest.fixture(scope="module")
def mount(site, tmp_path_factory) -> Iterator[Mount]:
    """A mount that the tests here share."""
    mount = Mount(site, tmp_path_factory.mktemp("mount"))
    mount.start()
    yield mount
    mount.stop()


@pytest.fixture(scope="module")
def mounted_lab(site, mount, run_lab, tmp_path_factory) -> Iterator[str]:
    """A lab whose files are mounted."""
    manager = "jupyter_mesh.contents.CompositeContentsManager"
    environment = mount.environment | {"MESH_MOUNT": str(mount.folder)}
    home = tmp_path_factory.mktemp("mounted-lab")
    with run_lab(home, environment, f"--ServerApp.contents_manager_class={manager}") as url:
        yield url


@pytest.fixture
def panel(open_lab, mounted_lab, page) -> Locator:
    """The Mesh panel of that lab."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_lab(url=mounted_lab)
    page.get_by_role("tab", name="Mesh", exact=True).click()
    return page.get_by_role("region", name="Mesh", exact=True)


def row(place: Locator, name: str) -> Locator:
    label = place.page.get_by_text(name, exact=True)
    return place.locator(".jp-DirListing-item").filter(has=label)


def until_told(panel: Locator, text: Locator) -> None:
    """Asks again until it is told: the panel itself asks more seldom."""
    deadline = time.monotonic() + SLOW / 1000
    while not text.is_visible():
        assert time.monotonic() < deadline, panel.inner_text()
        panel.get_by_role("button", name="Refresh", exact=True).click()
        panel.page.wait_for_timeout(300)


def open_folder(page: Page, path: str) -> None:
    page.evaluate(
        "path => window.jupyterapp.commands.execute('mesh:open-path', { path })", f"mesh/{path}"
    )


def test_all_is_well_in_one_quiet_line(panel, mount):
    line = panel.get_by_text("Mounted for code")
    expect(line).to_be_visible()
    expect(panel.locator(".jp-MeshMount-line")).to_have_attribute(
        "title", f"Code finds your files in {mount.folder}"
    )
    panel.get_by_role("button", name="Show details").click()
    expect(panel.page.get_by_role("dialog")).to_contain_text(str(mount.folder))


def test_what_waits_for_the_site_is_told_and_is_sent_when_it_answers(panel, mount, site):
    mount.write("home/sent/a.csv", "x\n1\n")
    mount.until(lambda told: not told["pending"])
    site.stop()
    try:
        (mount.folder / "home/sent/a.csv").write_text("x\n2\n")
        # Whether a try has failed by now is the mount's affair.
        told = re.compile("1 file that code wrote (cannot be sent|waits until Alpine University)")
        until_told(panel, panel.get_by_text(told))
    finally:
        site.start()
    until_told(panel, panel.get_by_text("Mounted for code"))
    assert site.get("home/sent/a.csv") == "x\n2\n"


def test_what_cannot_be_sent_says_so_and_is_sent_at_once_by_a_click(panel, mount, site):
    mount.write("home/tried/a.csv", "x\n1\n")
    mount.until(lambda told: not told["pending"])
    site.stop()
    try:
        (mount.folder / "home/tried/a.csv").write_text("x\n2\n")
        mount.until(lambda told: told["failing_since"] and told["pending"])
        line = panel.locator(".jp-MeshMount-line")
        button = line.get_by_role("button", name="Try now")
        until_told(panel, button)
        expect(line).to_contain_text("1 file that code wrote cannot be sent to Alpine University")
        expect(line).to_contain_text("Nothing is lost: it is kept on this server and tried again.")
        expect(line).to_have_attribute("title", re.compile("home/tried/a.csv"))
        button.click()
        expect(line.get_by_role("button", name="Trying…")).to_be_disabled()
    finally:
        site.start()
    until_told(panel, panel.get_by_text("Mounted for code"))
    expect(panel.get_by_role("button", name=re.compile("^Try"))).to_have_count(0)
    assert site.get("home/tried/a.csv") == "x\n2\n"


def test_what_others_made_is_there_for_code_when_it_was_opened_here(panel, mount, site, notebook):
    page = panel.page
    # The mount believes for a while what it sees now.
    assert "elsewhere" not in os.listdir(mount.folder / "home")
    site.put("home/elsewhere/deep/a.txt", "made elsewhere")
    open_folder(page, "home/elsewhere/deep")
    expect(row(panel, "a.txt")).to_be_visible()
    file = mount.folder / "home/elsewhere/deep/a.txt"
    began = time.monotonic()
    while not file.exists():
        assert time.monotonic() - began < 10, "the mount was not told what was found"
        time.sleep(0.05)
    assert file.read_text() == "made elsewhere"
    # A notebook whose folder nobody has listed: its kernel starts there all the same.
    notebook["cells"][0] |= {"source": "import os; print(os.getcwd())"}
    site.put("home/elsewhere/deep/new/where.ipynb", json.dumps(notebook))
    assert not (mount.folder / "home/elsewhere/deep/new").exists()
    page.evaluate(
        "path => window.jupyterapp.commands.execute('docmanager:open', { path })",
        "mesh/home/elsewhere/deep/new/where.ipynb",
    )
    expect(page.locator("[data-status='idle']:visible")).to_have_count(1, timeout=SLOW)
    page.locator(".jp-Notebook:visible .jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Control+Enter")
    output = page.locator(".jp-Notebook:visible .jp-OutputArea-output")
    expect(output).to_contain_text(str(mount.folder / "home/elsewhere/deep/new"), timeout=SLOW)


def test_what_code_wrote_is_there_when_it_is_renamed_in_the_browser(panel, mount, site):
    mount.write("home/flushed/plot.txt", "first")
    mount.until(lambda told: not told["pending"])
    open_folder(panel.page, "home/flushed")
    expect(row(panel, "plot.txt")).to_be_visible()
    (mount.folder / "home/flushed/plot.txt").write_text("second, and longer")
    row(panel, "plot.txt").click()
    panel.page.keyboard.press("F2")
    name = panel.locator("input.jp-DirListing-editor")
    expect(name).to_be_focused()
    name.fill("renamed.txt")
    name.press("Enter")
    expect(row(panel, "renamed.txt")).to_be_visible(timeout=SLOW)
    assert site.get("home/flushed/renamed.txt") == "second, and longer"
    assert not site.disk("home/flushed/plot.txt").exists()
    deadline = time.monotonic() + 60
    while not (mount.folder / "home/flushed/renamed.txt").exists():
        assert time.monotonic() < deadline, "code does not see what was renamed"
        time.sleep(0.1)


def test_a_file_that_two_have_written_is_kept_twice(panel, mount, site):
    page = panel.page
    mount.write("home/twice/fit.txt", "what was there\n")
    mount.until(lambda told: not told["pending"])
    site.put("home/twice/fit.txt", "what Jan has made of it\n")
    (mount.folder / "home/twice/fit.txt").write_text("what code has written\n")
    conflicts = panel.get_by_role("list", name="Files that are kept twice")
    until_told(panel, conflicts)
    expect(conflicts.get_by_role("alert")).to_contain_text('"fit.txt" was changed')
    expect(conflicts.get_by_role("alert")).to_contain_text("Both are kept")
    conflicts.get_by_role("button", name="Compare").click()
    both = page.get_by_role("dialog", name="both that are kept")
    expect(both).to_contain_text("what Jan has made of it")
    expect(both).to_contain_text("what code has written")
    both.get_by_role("button", name="Back").click()
    conflicts.get_by_role("button", name="Open").click()
    expect(page.locator(".jp-FileEditor:visible .cm-content")).to_contain_text(
        "what code has written"
    )
    panel.get_by_role("button", name="Dismiss", exact=True).click()
    expect(conflicts).to_have_count(0)
    assert site.get("home/twice/fit.txt") == "what Jan has made of it\n"


def test_a_mount_that_hangs_is_told_and_keeps_nobody_from_working(panel, mount, site):
    site.put("home/awake/a.txt", "a")
    rclone = mount.rclone
    os.kill(rclone, signal.SIGSTOP)
    try:
        alert = panel.get_by_role("alert").filter(has_text="does not answer")
        until_told(panel, alert)
        expect(alert).to_contain_text("Files opened by code may hang. Restart the server.")
        open_folder(panel.page, "home/awake")
        expect(row(panel, "a.txt")).to_be_visible()
        panel.page.get_by_role("tab", name="File Browser").click()
        expect(row(panel.page.locator("#filebrowser"), "local.txt")).to_be_visible()
        panel.page.get_by_role("tab", name="Mesh", exact=True).click()
    finally:
        os.kill(rclone, signal.SIGCONT)
    until_told(panel, panel.get_by_text("Mounted for code"))


def test_the_path_for_code_is_the_mounted_one(panel, mount, site):
    page = panel.page
    site.put("home/coded/two words.csv", "x\n1\n")
    open_folder(page, "home/coded")
    row(panel, "two words.csv").click(button="right")
    page.get_by_role("menuitem", name="Copy Path for Code").click()
    path = str(mount.folder / "home/coded/two words.csv")
    expect(page.get_by_text("Path copied:")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == path


def test_a_file_dropped_into_a_cell_is_read_where_the_notebook_is(panel, mount, site, notebook):
    page = panel.page
    for cell in notebook["cells"]:
        cell |= {"source": ""}
    mount.write("home/drop/fit.ipynb", json.dumps(notebook))
    mount.write("home/drop/data/the notes.txt", "six times seven\n")
    mount.until(lambda told: not told["pending"])
    open_folder(page, "home/drop/fit.ipynb")
    expect(page.locator(".jp-NotebookPanel:visible")).to_be_visible()
    expect(page.locator("[data-status='idle']:visible")).to_have_count(1, timeout=SLOW)
    open_folder(page, "home/drop/data")
    source = row(panel, "the notes.txt").bounding_box()
    target = page.locator(".jp-Notebook:visible .jp-CodeCell .cm-content").first.bounding_box()
    assert source is not None
    assert target is not None
    page.mouse.move(source["x"] + 40, source["y"] + 8)
    page.mouse.down()
    page.mouse.move(source["x"] + 60, source["y"] + 20, steps=5)
    page.mouse.move(target["x"] + 20, target["y"] + 8, steps=10)
    page.mouse.up()
    editor = page.locator(".jp-Notebook:visible .jp-CodeCell .cm-content").first
    expect(editor).to_contain_text('text = Path("data/the notes.txt").read_text()')
    expect(editor).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("text")
    page.keyboard.press("Control+Enter")
    output = page.locator(".jp-Notebook:visible .jp-OutputArea-output")
    expect(output).to_contain_text("six times seven", timeout=SLOW)
