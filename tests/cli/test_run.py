"""``jupyter mesh run``: a notebook of the mesh or of this machine, executed with parameters."""

import asyncio
import json
import os
import re
import signal
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

# Kernels take their time on a busy machine.
pytestmark = pytest.mark.timeout(300)

RESULT = re.compile(r"fit \(run \d{4}-\d\d-\d\d \d\d\.\d\d\.\d\d\)( \d)?\.ipynb")
PARAMETERS = "station = 'north'  # which\nyears = [2025]"


def notebook(*sources):
    cells = [new_code_cell(source) for source in sources]
    cells[0].metadata["tags"] = ["parameters"]
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    return nbformat.writes(new_notebook(cells=cells, metadata={"kernelspec": kernel})).encode()


def printed(content):
    return "".join(
        "".join(output.get("text", ""))
        for cell in json.loads(content)["cells"]
        for output in cell.get("outputs", ())
    )


@pytest.fixture
async def remote(site, signed_in):
    """An empty folder in the mesh with its client; gives both."""
    async with site.client() as mesh:
        await mesh.mkdir("home/runs")
        yield mesh, "home/runs"
        await mesh.delete("home/runs")


async def ended(process):
    out, error = await process.communicate()
    return process.returncode, out.decode(), error.decode()


async def test_a_notebook_of_the_mesh(program, remote, tmp_path):
    mesh, folder = remote
    code = "import os, jupyter_mesh\nprint(station, years, jupyter_mesh.here().url, os.listdir())"
    await mesh.upload(f"{folder}/fit.ipynb", notebook(PARAMETERS, code))
    words = ("-p", "station", "007 south", "-p", "years", "[1, 2]")
    code, out, error = await ended(await program("run", f"{folder}/fit.ipynb", *words))
    assert (code, error) == (0, "")
    path = out.strip()
    assert RESULT.fullmatch(path.removeprefix(f"{folder}/"))
    said = printed(await mesh.read(path))
    assert said == f"007 south [1, 2] cs3://{mesh.site}/home/runs []\n"
    assert printed(await mesh.read(f"{folder}/fit.ipynb")) == ""
    assert not [name for name in os.listdir(tmp_path) if "ipynb" in name]


async def test_an_address_and_an_output_of_ones_own(program, remote, tmp_path, monkeypatch):
    mesh, folder = remote
    mounted = tmp_path / "mounted" / folder
    mounted.mkdir(parents=True)
    monkeypatch.setenv("MESH_MOUNT", str(tmp_path / "mounted"))
    code = "import os, jupyter_mesh\nprint(os.getcwd(), jupyter_mesh.here().path)"
    await mesh.upload(f"{folder}/fit.ipynb", notebook(PARAMETERS, code))
    await mesh.mkdir(f"{folder}/out")
    url = f"cs3://{mesh.site}/{folder}/fit.ipynb"
    code, out, _ = await ended(await program("run", url, "-o", f"{folder}/out"))
    assert code == 0
    assert RESULT.fullmatch(out.strip().removeprefix(f"{folder}/out/"))
    code, out, _ = await ended(await program("run", url, "-o", f"{folder}/mine.ipynb"))
    assert (code, out) == (0, f"{folder}/mine.ipynb\n")
    assert printed(await mesh.read(f"{folder}/mine.ipynb")) == f"{mounted} {mounted}\n"
    code, out, error = await ended(await program("run", url, "-o", f"{folder}/mine.ipynb"))
    assert (code, out) == (1, "")
    assert f"There is already something at {folder}/mine.ipynb" in error


async def test_a_cell_that_fails(program, remote):
    mesh, folder = remote
    await mesh.upload(
        f"{folder}/fit.ipynb", notebook("n = 1", "print('before')", "1/0", "print('never')")
    )
    code, out, error = await ended(await program("run", f"{folder}/fit.ipynb", "--json"))
    told = json.loads(out)
    assert (code, error, told["state"]) == (1, "", "failed")
    assert told["message"] == "In [3] failed: ZeroDivisionError: division by zero"
    content = await mesh.read(told["output"])
    assert printed(content) == "before\n"
    assert b"ZeroDivisionError" in content


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
async def test_what_was_done_until_it_is_stopped_is_saved(program, tmp_path, number):
    mark = tmp_path / "begun"
    code = f"print('before')\nopen({str(mark)!r}, 'w').close()\nimport time\ntime.sleep(600)"
    (tmp_path / "fit.ipynb").write_bytes(notebook("n = 1", code, "print('never')"))
    process = await program("run", "./fit.ipynb", "--json")
    while not mark.exists():
        await _pause(process)
    process.send_signal(number)
    code, out, _ = await ended(process)
    told = json.loads(out)
    assert (code, told["state"], told["message"]) == (130, "cancelled", None)
    content = Path(told["output"]).read_bytes()
    assert printed(content) == "before\n"


async def test_the_result_grows_while_it_runs_and_others_changes_stay(program, remote, tmp_path):
    """Somebody opens the result and saves it: that stays, and the run goes on under another name."""
    mesh, folder = remote
    go = tmp_path / "go"
    wait = f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.1)"
    await mesh.upload(f"{folder}/fit.ipynb", notebook("n = 1", "print('first')", wait))
    process = await program("run", f"{folder}/fit.ipynb", "--json")
    name = ""
    while not name or "first" not in printed(await mesh.read(name)):
        await _pause(process)
        there = [child.path for child in await mesh.list_folder(folder)]
        name = next((path for path in there if "run" in path.removeprefix(folder)), "")
    await mesh.upload(name, notebook("theirs = 1"))
    go.touch()
    code, out, _ = await ended(process)
    told = json.loads(out)
    assert code == 0
    assert told["output"] == name.removesuffix(".ipynb") + " 2.ipynb"
    assert b"theirs" in await mesh.read(name)
    assert printed(await mesh.read(told["output"])) == "first\n"


async def test_a_local_notebook_runs_in_its_folder(program, tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "points.csv").write_text("1,2\n")
    (folder / "fit.ipynb").write_bytes(notebook("n = 1", "print(n, open('points.csv').read())"))
    code, out, error = await ended(await program("run", "work/fit.ipynb", "-p", "n", "2"))
    assert (code, error) == (0, "")
    content = Path(out.strip()).read_bytes()
    assert printed(content) == "2 1,2\n\n"
    assert set(os.listdir(folder)) == {"fit.ipynb", "points.csv", os.path.basename(out.strip())}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(
            ["-p", "x", "1"], '"fit.ipynb" has no parameter "x". It has: station, years.', id="name"
        ),
        pytest.param(["-p", "a;b", "1"], '"a;b" cannot be the name of a parameter.', id="no name"),
        pytest.param(
            ["--kernel", "cobol"], 'The kernel "cobol" is not installed here.', id="kernel"
        ),
        pytest.param(["-o", "./x.html"], 'call it "x.html.ipynb"', id="no notebook"),
    ],
)
async def test_what_cannot_be_is_refused_before_anything_is_made(run, tmp_path, words, sentence):
    path = tmp_path / "fit.ipynb"
    path.write_bytes(notebook(PARAMETERS))
    code, out, error = await run("run", path, *words)
    assert (code, out) == (1, "")
    assert sentence in error
    assert os.listdir(tmp_path) == ["fit.ipynb"]


async def test_without_papermill_it_says_what_to_install(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "papermill.clientwrap", None)
    monkeypatch.delitem(sys.modules, "jupyter_mesh.batch.execution", raising=False)
    (tmp_path / "fit.ipynb").write_bytes(notebook(PARAMETERS))
    code, _, error = await run("run", tmp_path / "fit.ipynb")
    assert code == 1
    assert 'Running notebooks needs papermill: pip install "jupyter-mesh[batch]".' in error


async def _pause(process):
    """A moment, in which the program still runs."""
    await asyncio.sleep(0.1)
    assert process.returncode is None, await process.communicate()
