"""JupyterLab as a person sees it: by roles, names and texts."""

import re
from pathlib import Path

import nbformat
from playwright.sync_api import Locator, Page, expect

PICTURES = Path(__file__).parents[2] / "test-results" / "pictures"
START = 90_000
"""Milliseconds for a server, a Lab or a kernel to start on a busy machine."""

expect.set_options(timeout=15_000)


def notebook_of(source):
    """A notebook for Python with one cell, as bytes."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    return nbformat.writes(notebook).encode()


class Browser:
    """A file browser of Lab: the one of the Mesh panel, or the default one."""

    def __init__(self, lab, region: Locator):
        self.lab, self.region = lab, region

    def row(self, name):
        return self.region.get_by_role("listitem", name=re.compile(rf"^Name: {re.escape(name)} "))

    def open(self, name):
        self.row(name).dblclick()

    def enter(self, *folders):
        """Open folder after folder."""
        for folder in folders:
            self.open(folder)
            expect(self.region.get_by_title(re.compile(rf"\b{re.escape(folder)}$"))).to_be_visible()

    def menu(self, name, *entries):
        """Choose from the context menu of a row."""
        self.row(name).click(button="right")
        self.lab.choose(*entries)

    def menu_of_folder(self, *entries):
        """Choose from the context menu of the open folder."""
        box = self.region.locator(".jp-DirListing-content").bounding_box()
        page = self.lab.page
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] - 8, button="right")
        self.lab.choose(*entries)

    def rename(self, name, to):
        self.menu(name, "Rename")
        self.type_name(to)

    def type_name(self, name):
        """Into the field in the row that is being named."""
        field = self.region.get_by_role("textbox").last
        field.fill(name)
        field.press("Enter")
        expect(self.row(name)).to_be_visible()


class Lab:
    """One window. ``log_in`` and ``open`` first."""

    def __init__(self, page: Page, account):
        self.page, self.account = page, account
        self.hub = account.site.hub
        self.base = f"{self.hub}/user/{account.name}"
        self.panel = page.get_by_role("region", name="Mesh", exact=True)
        self.mesh = Browser(self, self.panel)
        self.files = Browser(self, page.get_by_role("region", name="File Browser Section"))
        self.notebook = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        self.dialog = page.get_by_role("dialog")

    def fill_login(self, password):
        page = self.page
        page.get_by_label("Username").fill(self.account.name)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()

    def log_in(self, address="/hub/"):
        """From the login page to Lab."""
        self.page.goto(self.hub + address)
        self.fill_login(self.account.password)
        self.wait_until_open()

    def open(self, address):
        self.page.goto(f"{self.base}/{address}")
        self.wait_until_open()
        if address == "lab?reset":
            # The launcher takes the focus when it comes.
            bar = self.page.get_by_role("contentinfo")
            expect(bar.get_by_text("Launcher", exact=True)).to_be_visible(timeout=START)

    def wait_until_open(self):
        expect(self.page.get_by_role("tab", name="Mesh", exact=True)).to_be_visible(timeout=START)
        expect(self.page.locator("#jupyterlab-splash")).to_have_count(0)

    def show_mesh(self):
        self._show("Mesh", self.panel)
        expect(self.panel.get_by_role("button", name="Connected")).to_be_visible()
        return self.mesh

    def unfold(self, section):
        """Open a section of the Mesh panel, by its name; returns what is in it."""
        titles = self.panel.locator(".jp-AccordionPanel-title")
        name = self.page.get_by_text(re.compile(rf"^{section}(: \d+ new)?$"))
        title = titles.filter(has=name)
        if title.get_attribute("aria-expanded") != "true":
            title.locator(".lm-AccordionPanel-titleLabel").click()
        expect(title).to_have_attribute("aria-expanded", "true")
        return self.panel.locator(f"#jp-mesh-{section.lower()}")

    def show_files(self):
        self._show("File Browser", self.files.region)
        return self.files

    def _show(self, title, region):
        tab = self.page.get_by_role("tab", name=re.compile(rf"^{title}( \(|$)"))
        expect(tab).to_be_visible()
        # A click on the tab that is shown would hide it.
        if tab.get_attribute("aria-selected") != "true":
            tab.click()
        expect(region).to_be_visible()

    def choose(self, *entries):
        """Go through open menus."""
        # By text: an entry that opens another menu has no role of its own.
        for entry in entries:
            label = self.page.locator(".lm-Menu-itemLabel").get_by_text(entry, exact=True)
            label.last.click()

    def drag(self, row, folder):
        """From a row of one file browser onto a folder of the other."""
        mouse = self.page.mouse
        start, end = (where.bounding_box() for where in (row, folder))
        mouse.move(start["x"] + 60, start["y"] + start["height"] / 2)
        mouse.down()
        # A drag begins only after some distance.
        mouse.move(start["x"] + 90, start["y"] + start["height"] / 2, steps=5)
        mouse.move(end["x"] + 60, end["y"] + end["height"] / 2, steps=10)
        mouse.up()

    def from_menu_bar(self, menu, *entries):
        self.page.get_by_role("menuitem", name=menu, exact=True).click()
        self.choose(*entries)

    def press(self, button):
        """Press a button of the dialog."""
        self.dialog.get_by_role("button").filter(has_text=re.compile(f"^{button}$")).click()

    def answer(self, button):
        """Press a button of the dialog, which is the last one."""
        self.press(button)
        expect(self.dialog).to_have_count(0)

    def wait_for_kernel(self):
        idle = self.notebook.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']")
        expect(idle).to_be_visible(timeout=START)
        # The indicator in the toolbar is idle before there is a kernel, too.
        bar = self.page.get_by_role("contentinfo")
        expect(bar.get_by_text(re.compile(r"\| Idle$"))).to_be_visible(timeout=START)

    def run_all(self):
        self.wait_for_kernel()
        self.from_menu_bar("Run", "Run All Cells")
        expect(self.notebook.get_by_text("[*]:")).to_have_count(0, timeout=START)
        self.wait_for_kernel()

    def write(self, text):
        """Add to the end of the cell that is active."""
        self.notebook.locator(".jp-Cell.jp-mod-active .cm-content").click()
        self.page.keyboard.press("Control+End")
        self.page.keyboard.insert_text(text)

    def save(self):
        """Ctrl+S, and wait until the document is clean."""
        self.ask_to_save()
        self.wait_until_saved()

    def wait_until_saved(self):
        expect(self.page.locator(".lm-TabBar-tab.lm-mod-current.jp-mod-dirty")).to_have_count(0)

    def ask_to_save(self):
        self.page.keyboard.press("Control+S")

    @property
    def tab(self):
        return self.page.get_by_role("main").get_by_role("tab", selected=True)

    def theme(self, name):
        self.from_menu_bar("Settings", "Theme", name)
        expect(self.page.locator("body")).to_have_attribute("data-jp-theme-name", name)

    def picture(self, name):
        """Keep a screenshot in test-results/pictures/."""
        self.page.screenshot(path=PICTURES / f"{name}.png", animations="disabled")
