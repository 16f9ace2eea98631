"""``/api/mesh/compare``: two states of a file, compared in a process of its own."""

import asyncio
import json
import time
from pathlib import Path

import pytest

from jupyter_mesh.compare import process as comparer
from jupyter_mesh.contents import process


def cell(id, source, outputs=(), kind="code"):
    made = {"cell_type": kind, "id": id, "metadata": {}, "source": source}
    if kind == "code":
        made |= {"outputs": list(outputs), "execution_count": None}
    return made


def text(content, count=None):
    return {
        "output_type": "execute_result",
        "data": {"text/plain": content},
        "metadata": {},
        "execution_count": count,
    }


def notebook(*cells, **metadata):
    return {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture
def stored(client, folder):
    """Saves states of one file after each other; gives its API path."""

    async def store(name, *states):
        for state in states:
            data = state if isinstance(state, bytes) else json.dumps(state).encode()
            await client.upload(f"{folder}/{name}", data)
        return f"mesh/{folder}/{name}"

    return store


@pytest.fixture
def compare(ask):
    async def compare(path, old, new):
        return await ask("POST", "compare", json_body={"path": path, "old": old, "new": new})

    return compare


@pytest.fixture
def oldest(ask):
    """The reference of the oldest version."""

    async def oldest(path):
        _, told = await ask("GET", "versions", path=path)
        return {"version": told["versions"][-1]["id"]}

    return oldest


async def test_notebooks_by_cells(stored, compare, oldest):
    before = notebook(
        cell("a", "# Title\nof all", kind="markdown"),
        cell("b", "x = 1\nprint(x)\nx + 1", [text("2", 1)]),
        cell("c", "gone = 'quite another text'"),
    )
    after = notebook(
        cell("n", "import numpy as np\nnp.zeros(3)"),
        cell("a", "# Title\nof all", kind="markdown"),
        cell("b", "x = 1\nprint(x)\nx + 2", [text("3", 5)]),
    )
    path = await stored("n.ipynb", before, after)
    status, told = await compare(path, await oldest(path), {"current": True})
    assert (status, told["kind"], told["metadata"]) == (200, "notebook", None)
    rows = [(row["state"], row.get("parts")) for row in told["rows"]]
    assert rows == [
        ("added", None),
        ("same", None),
        ("changed", ["source", "outputs"]),
        ("removed", None),
    ]
    changed = told["rows"][2]
    assert changed["old"]["source"].endswith("x + 1")
    assert changed["new"]["source"].endswith("x + 2")
    assert told["rows"][3]["old"]["source"].startswith("gone")
    assert set(told["facts"]["old"]) == {"size", "modified"}


async def test_what_is_no_change_to_a_person_is_none(stored, compare, oldest):
    before = notebook(cell("a", "1 + 1", [text("2", 1)]))
    after = notebook(cell("other id", "1 + 1", [text("2", 9)]))
    after["cells"][0]["execution_count"] = 9
    after["cells"][0]["metadata"] = {"trusted": True}
    path = await stored("n.ipynb", before, after)
    _, told = await compare(path, await oldest(path), {"current": True})
    assert [row["state"] for row in told["rows"]] == ["same"]


async def test_an_open_document_beside_the_file(stored, compare, site):
    path = await stored("n.ipynb", notebook(cell("a", "theirs = 1"), kernelspec={"name": "r"}))
    mine = {"content": notebook(cell("a", "mine__ = 1"), kernelspec={"name": "py"})}
    site.calls.clear()
    _, told = await compare(path, {"current": True}, mine)
    assert told["metadata"] == {
        "old": {"kernelspec": {"name": "r"}},
        "new": {"kernelspec": {"name": "py"}},
    }
    assert told["facts"]["new"] is None
    assert site.calls == {"Stat": 1, "InitiateFileDownload": 1, "GET": 1}


async def test_one_state_alone_is_a_preview(stored, compare, oldest):
    output = text("2", 1)
    path = await stored("n.ipynb", notebook(cell("a", "1 + 1", [output])), notebook())
    _, told = await compare(path, None, await oldest(path))
    assert [row["new"]["outputs"] for row in told["rows"]] == [[output]]
    assert told["facts"]["old"] is None


async def test_text_side_by_side(stored, compare, oldest):
    path = await stored("a.py", b"one\ntwo\n", "one\nzwölf\n".encode())
    _, told = await compare(path, await oldest(path), {"current": True})
    assert (told["kind"], told["old"], told["new"]) == ("text", "one\ntwo\n", "one\nzwölf\n")


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(b"not even JSON", id="no JSON"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b'{"nbformat": 4}', id="no cells"),
        pytest.param(b'{"nbformat": 4, "cells": [{"cell_type": "code"}]}', id="no source"),
        pytest.param(b'{"nbformat": 4, "cells": [1]}', id="no cell"),
        pytest.param(b'{"nbformat": "x", "cells": []}', id="no version"),
        pytest.param(b"[" * 100_000, id="too deep"),
    ],
)
async def test_a_damaged_notebook_is_shown_as_text(stored, compare, oldest, damaged):
    path = await stored("n.ipynb", damaged, notebook(cell("a", "1")))
    status, told = await compare(path, await oldest(path), {"current": True})
    assert (status, told["kind"]) == (200, "text")
    assert told["old"] == damaged.decode()


async def test_notebooks_of_long_ago_are_converted(stored, compare):
    ancient = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [
            {
                "metadata": {},
                "cells": [
                    {
                        "cell_type": "code",
                        "input": ["print 1"],
                        "language": "python",
                        "metadata": {},
                        "outputs": [],
                    }
                ],
            }
        ],
    }
    path = await stored("n.ipynb", ancient)
    _, told = await compare(path, None, {"current": True})
    assert [row["new"]["source"] for row in told["rows"]] == ["print 1"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("a.bin", b"\0\1\2", id="binary"),
        pytest.param("a.txt", b"\xff\xfe", id="no UTF-8"),
        pytest.param("a.csv", b"1,2\n" * (1 << 20), id="too large"),
    ],
)
async def test_of_other_files_size_and_time_are_told(stored, compare, oldest, name, content):
    path = await stored(name, content, b"x")
    status, told = await compare(path, await oldest(path), {"current": True})
    assert (status, told["kind"]) == (200, "other")
    assert [told["facts"][side]["size"] for side in ("old", "new")] == [len(content), 1]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param([], 400, id="no object"),
        pytest.param({"path": "mesh/home/a"}, 400, id="no sides"),
        pytest.param({"path": 1, "old": None, "new": {"current": True}}, 400, id="no path"),
        pytest.param({"path": "local.txt", "old": None, "new": {"current": True}}, 404, id="local"),
        pytest.param({"path": "mesh/home/no", "old": None, "new": {"current": True}}, 404, id="no"),
        pytest.param({"path": "mesh/home", "old": None, "new": {"current": True}}, 400, id="dir"),
        pytest.param({"path": "mesh/home/a", "old": None, "new": {"version": "!"}}, 404, id="id"),
        pytest.param({"path": "mesh/home/a", "old": 1, "new": {"content": ""}}, 400, id="ref"),
        pytest.param({"path": "mesh/home/a", "old": None, "new": {"content": 1}}, 400, id="number"),
        pytest.param({"path": "mesh/home/a", "old": None, "new": None}, 400, id="nothing"),
    ],
)
async def test_refuses_a_request_without_sense(ask, body, status):
    refused, told = await ask("POST", "compare", json_body=body)
    assert refused == status, told
    assert told["message"]


async def test_what_takes_too_long_is_given_up(stored, compare, oldest, monkeypatch):
    path = await stored("n.ipynb", notebook(cell("a", "1")), notebook(cell("a", "2")))
    old = await oldest(path)
    monkeypatch.setattr(comparer, "DEADLINE", 0.05)
    status, told = await compare(path, old, {"current": True})
    assert status == 504
    assert "Download both" in told["message"]
    monkeypatch.undo()
    # Nothing of it is in the way of the next one.
    assert (await compare(path, old, {"current": True}))[0] == 200


async def test_a_process_that_dies_is_an_error(stored, compare, monkeypatch):
    path = await stored("n.ipynb", notebook(cell("a", "1")))
    monkeypatch.setattr(process.sys, "executable", "/bin/false")
    status, told = await compare(path, None, {"current": True})
    assert status == 500
    assert "broke off" in told["message"]
    monkeypatch.undo()
    assert (await compare(path, None, {"current": True}))[0] == 200


async def test_many_at_once_all_get_an_answer(stored, compare):
    path = await stored("a.txt", b"x")
    told = await asyncio.gather(*[compare(path, None, {"current": True}) for _ in range(5)])
    assert [status for status, _ in told] == [200] * 5


async def test_the_process_gets_no_secret(stored, compare, monkeypatch):
    path = await stored("a.txt", b"x")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "a-token-of-the-hub")
    start, told = process.subprocess.Popen, []

    def watched(*args, **kwargs):
        started = start(*args, **kwargs)
        environ, found = Path(f"/proc/{started.pid}/environ"), b""
        # Linux shows an empty environment while the program is still being exec'd.
        while started.poll() is None and not (found := environ.read_bytes()):
            time.sleep(0.01)
        told.append(found)
        return started

    monkeypatch.setattr(process.subprocess, "Popen", watched)
    assert (await compare(path, None, {"current": True}))[0] == 200
    (environment,) = told
    assert b"PATH=" in environment
    assert b"TOKEN" not in environment
