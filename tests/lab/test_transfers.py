"""Uploads, copies and zips in a real browser: what a person sees, and the bytes at the site."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.lab.line import Line, line_to

MB = 1_000_000
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
