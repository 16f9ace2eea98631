"""Run as Batch…: a notebook runs on the server with parameters, while pages come and go."""

import json
import urllib.request

import pytest
from playwright.sync_api import Page, expect

SAVE = """async ([path, model]) => {
  await window.jupyterapp.serviceManager.contents.save(path, model);
}"""
RUN = "path => window.jupyterapp.commands.execute('mesh:run-batch', {path})"

# A kernel beside a browser, on a machine with much to do.
KERNEL = 120_000


def notebook(*sources):
    cells = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {"tags": ["parameters"]} if not number else {},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for number, source in enumerate(sources)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = {
        "cells": cells,
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return {"type": "notebook", "format": "json", "content": content}


@pytest.fixture
def gate(tmp_path):
    """A notebook waits for this file, and shows that it does by the other."""
    go, waiting = tmp_path / "go", tmp_path / "waiting"
    code = (
        f"import os, time\nopen({str(waiting)!r}, 'w').close()\n"
        f"while not os.path.exists({str(go)!r}): time.sleep(0.1)"
    )
    yield go, code
    go.touch()


def runs(lab, token):
    request = urllib.request.Request(  # noqa: S310  http to ourselves
        f"{lab}/api/mesh/runs", headers={"Authorization": f"token {token}"}
    )
    with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310
        return json.load(reply)["runs"]


def toast(page: Page, text):
    return page.locator(".Toastify__toast").filter(has_text=text)


@pytest.mark.timeout(400)
def test_a_run_goes_on_while_the_page_is_loaded_again(
    open_panel, site, lab, token, gate, accessible
):
    go, wait = gate
    page = open_panel()
    path = "mesh/home/batch/fit.ipynb"
    page.evaluate(
        "path => window.jupyterapp.serviceManager.contents.save(path, {type: 'directory'})",
        "mesh/home/batch",
    )
    code = "station = 'north'  # where it stands\nyears = 3\ndraw = True"
    page.evaluate(SAVE, [path, notebook(code, wait, "print('from', station, years, draw)")])

    # The dialog knows the parameters, and the keyboard is in it.
    page.evaluate(f"path => void ({RUN})(path)", path)
    dialog = page.get_by_role("dialog", name='Run "fit.ipynb" as batch')
    expect(dialog.get_by_label("station")).to_have_value("north")
    expect(dialog.get_by_label("station")).to_be_focused()
    accessible(dialog)
    dialog.get_by_label("station").fill("south")
    dialog.get_by_label("years").fill("many")
    dialog.get_by_label("draw").uncheck()
    dialog.get_by_role("button", name="Run").click()
    expect(dialog.get_by_role("alert")).to_have_text('"years" needs a number.')
    dialog.get_by_label("years").fill("4")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()

    # How far it is, also after the page was loaded again.
    expect(toast(page, '"fit.ipynb" runs: 2 of 4 cells.')).to_be_visible(timeout=KERNEL)
    page.reload()
    running = toast(page, '"fit.ipynb" runs: 2 of 4 cells.')
    expect(running).to_be_visible(timeout=KERNEL)
    expect(running.get_by_role("button", name="Cancel")).to_be_visible()
    go.touch()
    done = toast(page, '"fit.ipynb" has run.')
    expect(done).to_be_visible(timeout=KERNEL)
    done.get_by_role("button", name="Open").click()
    tab = page.get_by_role("main").get_by_role("tab", name="fit (run ")
    expect(tab).to_be_visible(timeout=KERNEL)
    expect(page.get_by_text("from south 4 False")).to_be_visible(timeout=KERNEL)
    expect(toast(page, "fit.ipynb")).to_have_count(0)
    page.wait_for_function(
        "async url => (await (await fetch(url)).json()).runs.length === 0",
        arg="/api/mesh/runs",
    )
    names = sorted(entry.name for entry in site.disk("home/batch").iterdir())
    assert len(names) == 2
    assert b"from south" not in site.disk(path.removeprefix("mesh/")).read_bytes()


@pytest.mark.timeout(400)
def test_a_run_is_stopped_and_one_that_fails_shows_where(open_panel, site, lab, token, gate):
    _, wait = gate
    page = open_panel()
    slow, bad = "mesh/home/slow.ipynb", "mesh/home/bad.ipynb"
    page.evaluate(SAVE, [slow, notebook("n = 1", "print('before')", wait)])
    page.evaluate(SAVE, [bad, notebook("n = 1", "1/0")])
    for path in (slow, bad):
        page.evaluate(f"path => void ({RUN})(path)", path)
        page.get_by_role("dialog").get_by_role("button", name="Run").click()
    failed = toast(page, '"bad.ipynb" failed. In [2] failed: ZeroDivisionError')
    expect(failed).to_be_visible(timeout=KERNEL)
    expect(failed.get_by_role("button", name="Open")).to_be_visible()
    running = toast(page, '"slow.ipynb" runs: 2 of 3 cells.')
    expect(running).to_be_visible(timeout=KERNEL)
    running.get_by_role("button", name="Cancel").click()
    stopped = toast(page, '"slow.ipynb" was stopped. What it did until then is saved.')
    expect(stopped).to_be_visible(timeout=KERNEL)
    states = {run["path"]: run["state"] for run in runs(lab, token)}
    assert states == {slow: "cancelled", bad: "failed"}
    for one in (failed, stopped):
        one.get_by_role("button", name="Hide notification").click()
    expect(toast(page, "ipynb")).to_have_count(0)
