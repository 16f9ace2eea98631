"""What goes wrong between a browser, a hub and a site, and what the user reads and keeps then."""

import re
import time

import nbformat
import pytest
from playwright.sync_api import expect

from jupyter_mesh.auth import expiry_of
from tests.e2e.lab import notebook_of
from tests.e2e.processes import wait_for

NOTEBOOK = notebook_of("'first'")


@pytest.fixture
def ada(harbour):
    return harbour.site.accounts["ada"]


@pytest.fixture
def pier(harbour):
    """The folder of a project that both users may write to."""
    return harbour.node.data / "projects" / "pier"


@pytest.fixture
def lab(open_lab, ada):
    return open_lab(ada)


def open_text(lab, file, text):
    """Open a file of the user that holds "first", and write something else; returns the editor."""
    lab.open(f"lab?reset&mesh=mesh/home/{file.name}")
    editor = lab.page.locator(".jp-FileEditor .cm-content")
    expect(editor).to_have_text("first")
    editor.fill(text)
    return editor


def test_wrong_address_of_a_place(lab):
    lab.open("lab?reset&mesh=mesh/home/never-there")
    expect(lab.dialog).to_contain_text('"mesh/home/never-there" cannot be opened')
    lab.answer("Close")


def test_conflict_of_two_people(open_lab, harbour, pier):
    accounts = harbour.site.accounts
    accounts["ada"].ask_site(lambda mesh: mesh.upload("projects/pier/plan.ipynb", NOTEBOOK))
    ada, bob = (open_lab(account) for account in accounts.values())
    for lab in (ada, bob):
        lab.open("lab?reset&mesh=mesh/projects/pier/plan.ipynb")
        lab.wait_for_kernel()
    ada.write("\n'by ada'")
    ada.save()
    bob.write("\n'by bob'")
    bob.ask_to_save()
    expect(bob.dialog).to_contain_text(
        re.compile('"plan.ipynb" was changed by ada .*Your changes are still here', re.DOTALL)
    )
    bob.picture("conflict-light")
    bob.answer("Save mine as a copy")
    expect(bob.page.get_by_role("main").get_by_role("tab", name="my version")).to_be_visible()
    copy = wait_for(lambda: next(pier.glob("plan (my version).ipynb"), None), "the copy")
    assert sources(pier / "plan.ipynb") == ["'first'\n'by ada'"]
    assert sources(copy) == ["'first'\n'by bob'"]


def sources(path):
    return [cell.source for cell in nbformat.read(path, 4).cells]


def test_conflict_of_one_person_with_two_browsers(open_lab, ada):
    draft = ada.files / "draft.txt"
    draft.write_text("first")
    here, there = open_lab(ada), open_lab(ada)
    open_text(here, draft, "from here")
    open_text(there, draft, "from there")
    here.save()
    there.ask_to_save()
    expect(there.dialog).to_contain_text('"draft.txt" was changed by somebody else')
    there.answer("Cancel")
    expect(there.page.locator(".jp-FileEditor .cm-content")).to_have_text("from there")
    assert draft.read_text().rstrip() == "from here"
    there.ask_to_save()
    there.press("Overwrite…")
    there.answer("Overwrite")
    there.wait_until_saved()
    assert draft.read_text().rstrip() == "from there"


def test_site_stopped_while_a_notebook_is_open(lab, harbour, ada):
    (ada.files / "open.ipynb").write_bytes(NOTEBOOK)
    lab.open("lab?reset&mesh=mesh/home/open.ipynb")
    lab.wait_for_kernel()
    lab.write("\n'while the site was away'")
    lab.page.wait_for_load_state(
        "networkidle"
    )  # what the start still asks for is not what fails here
    harbour.node.kill()
    try:
        lab.ask_to_save()
        expect(lab.dialog).to_contain_text("harbour does not answer")
        expect(lab.dialog).not_to_contain_text(re.compile("Traceback|Exception|gRPC|50[0-9]"))
        lab.picture("site-away-save")
        lab.answer("Close")
        notice = lab.panel.get_by_role("alert")
        expect(notice).to_contain_text("harbour does not answer since")
        expect(lab.page.get_by_role("button", name="harbour · Not answering")).to_be_visible()
        lab.picture("site-away-light")
        lab.theme("JupyterLab Dark")
        lab.picture("site-away-dark")
        lab.theme("JupyterLab Light")
    finally:
        harbour.node.start()
    lab.panel.get_by_role("button", name="Refresh").click()
    expect(notice).to_have_count(0)
    lab.notebook.click()
    lab.save()
    assert sources(ada.files / "open.ipynb") == ["'first'\n'while the site was away'"]


def test_token_is_renewed_unseen(lab, harbour, ada):
    refused = []
    lab.page.on("response", lambda reply: reply.status >= 400 and refused.append(reply.url))
    long = ada.files / "long.txt"
    long.write_text("first")
    editor = open_text(lab, long, "second")
    first = [file.read_text() for file in harbour.token_files]
    last_end = max(expiry_of(token.strip()).timestamp() for token in first)
    wait_for(lambda: time.time() > last_end, "the end of the tokens")
    assert not {file.read_text() for file in harbour.token_files} & set(first)
    lab.save()
    assert long.read_text().rstrip() == "second"
    editor.fill("third")
    lab.save()
    assert long.read_text().rstrip() == "third"
    expect(lab.dialog).to_have_count(0)
    expect(lab.panel.get_by_role("alert")).to_have_count(0)
    assert refused == []


def test_site_away_at_login(open_lab, harbour, ada):
    lab = open_lab(ada, known=False)
    lab.page.goto(lab.hub)
    harbour.node.stop()
    try:
        lab.fill_login(ada.password)
        expect(
            lab.page.get_by_text(
                "harbour cannot check your password right now. Try again in a few minutes."
            )
        ).to_be_visible()
        lab.picture("site-away-login")
    finally:
        harbour.node.start()
    lab.fill_login(ada.password)
    lab.wait_until_open()


def test_sign_out(open_lab, ada):
    lab = open_lab(ada, known=False)
    lab.page.goto(lab.hub)
    lab.fill_login(ada.password)
    lab.wait_until_open()
    lab.from_menu_bar("File", "Log Out")
    expect(lab.page.get_by_label("Password")).to_be_visible()
    lab.page.goto(f"{lab.base}/lab")
    expect(lab.page.get_by_label("Password")).to_be_visible()
    answer = lab.page.request.get(f"{lab.base}/api/contents/mesh/home", max_redirects=0)
    assert answer.status in (302, 403)
