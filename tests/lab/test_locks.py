"""A file that somebody else is editing: said in the listing and in the document, and free again afterwards."""

import os
import subprocess
import sys

import pytest
from playwright.sync_api import expect

#: A second client of the same site, as another application of it would be.
CLIENT = """
import asyncio, sys
from jupyter_mesh.cs3 import connect

async def main(verb, path):
    async with connect() as client:
        if verb == "lock":
            await client.lock(path, "opaquelocktoken:theirs", holder="Jan Novak")
        else:
            await client.unlock(path, "opaquelocktoken:theirs")

asyncio.run(main(*sys.argv[1:]))
"""
SENTENCE = "Jan Novak is editing this file: you can read it, but not save it."


@pytest.fixture
def others(site):
    """Locks and unlocks a file as somebody else."""

    def act(verb: str, path: str) -> None:
        subprocess.run(
            [sys.executable, "-c", CLIENT, verb, path],
            env=os.environ | site.environment,
            check=True,
            timeout=30,
        )

    return act


def test_a_locked_file_says_who_is_editing_it_until_it_is_free(open_panel, site, others):
    site.put("home/locked/report.txt", "before")
    others("lock", "home/locked/report.txt")
    page = open_panel()
    page.evaluate(
        "window.jupyterapp.commands.execute('mesh:open-path', {path: 'mesh/home/locked'})"
    )
    panel = page.get_by_role("region", name="Mesh", exact=True)
    row = panel.get_by_role("listitem").filter(has_text="report.txt")
    expect(row).to_contain_text("editing: Jan Novak")
    row.get_by_text("report.txt", exact=True).dblclick()
    document = page.locator(".jp-FileEditor:visible")
    expect(document).to_contain_text("before")
    toolbar = page.get_by_role("main").get_by_role("toolbar", name="main area toolbar")
    expect(page.get_by_role("main").get_by_text(SENTENCE)).to_be_visible()
    expect(toolbar.get_by_text("read-only")).to_have_count(0)
    expect(row.get_by_role("button", name="report.txt, editing: Jan Novak")).to_have_count(1)
    others("unlock", "home/locked/report.txt")
    site.put("home/locked/report.txt", "what Jan wrote")
    expect(page.get_by_role("main").get_by_text(SENTENCE)).to_have_count(0, timeout=40_000)
    expect(page.get_by_text('"report.txt" can be edited again.')).to_be_visible()
    expect(document).to_contain_text("what Jan wrote")
    document.locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.type(", and Maya")
    page.keyboard.press("Control+s")
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)
    assert site.get("home/locked/report.txt") == "what Jan wrote, and Maya"
    panel.get_by_role("button", name="Refresh").click()
    expect(row).not_to_contain_text("editing")
