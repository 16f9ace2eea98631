"""``/api/mesh/runs``: notebooks that the server executes in the background."""

import asyncio
import json
import time

import pytest

from jupyter_mesh.server import runs
from jupyter_mesh.server.runs import Runs

PARAMETERS = 'station = "north"  # where\nyears: list = [2025]\nwhen = print\n'

# Kernels take their time on a busy machine.
pytestmark = pytest.mark.timeout(240)


def notebook(*sources, tagged=True, **metadata):
    cells = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {"tags": ["parameters"]} if tagged and not number else {},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for number, source in enumerate(sources)
    ]
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture
def stored(client, folder):
    """Saves a notebook; gives its API path."""

    async def store(name, content):
        await client.upload(f"{folder}/{name}", json.dumps(content).encode())
        return f"mesh/{folder}/{name}"

    return store


@pytest.fixture
def started(ask):
    async def start(path, **parameters):
        status, run = await ask("POST", "runs", json_body={"path": path, "parameters": parameters})
        assert status == 202, run
        return run

    return start


@pytest.fixture
def until(ask):
    """Waits for a run to be as wanted."""

    async def until(run, holds, seconds=150):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status, run = await ask("GET", "runs", run["id"])
            assert status == 200
            if holds(run):
                return run
            await asyncio.sleep(0.1)
        raise AssertionError(run)

    return until


def ended(run):
    return run["state"] not in ("waiting", "running")


def printed(content):
    return "".join(
        "".join(output.get("text", ""))
        for cell in json.loads(content)["cells"]
        for output in cell.get("outputs", ())
    )


async def test_a_notebook_runs_with_parameters_and_the_result_lies_beside_it(
    ask, stored, started, until, client, folder
):
    path = await stored("fit.ipynb", notebook(PARAMETERS, "print(station, years)"))
    run = await started(path, station="south", years=[1, 2])
    assert (run["path"], run["state"], run["message"]) == (path, "waiting", "")
    run = await until(run, ended)
    assert (run["state"], run["message"], run["done"], run["total"]) == ("done", "", 3, 3)
    name = run["output"].removeprefix(f"mesh/{folder}/")
    assert name.startswith("fit (run 20")
    assert printed(await client.read(f"{folder}/{name}")) == "south [1, 2]\n"
    assert printed(await client.read(f"{folder}/fit.ipynb")) == ""
    assert [each["id"] for each in (await ask("GET", "runs"))[1]["runs"]] == [run["id"]]
    assert (await ask("DELETE", "runs", run["id"]))[0] == 204
    assert (await ask("GET", "runs"))[1] == {"runs": []}
    assert (await ask("GET", "runs", run["id"]))[0] == 404


async def test_a_cell_that_fails_is_told_and_what_came_before_is_saved(
    stored, started, until, client, folder
):
    path = await stored("fit.ipynb", notebook("n = 1", "print('before')", "1/0", "print('never')"))
    run = await until(await started(path), ended)
    assert run["state"] == "failed"
    assert run["message"] == "In [3] failed: ZeroDivisionError: division by zero"
    assert printed(await client.read(run["output"].removeprefix("mesh/"))) == "before\n"


async def test_a_run_is_stopped_and_what_there_is_is_saved(ask, stored, started, until, client):
    path = await stored(
        "slow.ipynb", notebook("n = 1", "print('before')", "import time; time.sleep(600)")
    )
    run = await until(await started(path), lambda run: run["done"] == 2)
    assert (await ask("DELETE", "runs", run["id"]))[0] == 204
    run = await until(run, ended)
    assert (run["state"], run["message"]) == ("cancelled", "")
    assert printed(await client.read(run["output"].removeprefix("mesh/"))) == "before\n"


async def test_runs_end_with_the_server(jp_serverapp, stored, client):
    path = await stored(
        "slow.ipynb", notebook("n = 1", "print('before')", "import time; time.sleep(600)")
    )
    own = Runs(jp_serverapp.contents_manager.mesh)
    run = own.start(path, {})
    deadline = time.monotonic() + 150
    while own.get(run.id).done < 2:
        assert time.monotonic() < deadline, own.get(run.id)
        await asyncio.sleep(0.1)
    await own.close()
    run = own.get(run.id)
    assert run.state == "cancelled"
    assert printed(await client.read(run.output)) == "before\n"


async def test_what_was_refused_is_told_of_the_run(stored, started, until):
    path = await stored("fit.ipynb", notebook(PARAMETERS))
    run = await until(await started(path, nothing=1), ended)
    assert (run["state"], run["output"]) == ("failed", "")
    assert run["message"] == '"fit.ipynb" has no parameter "nothing". It has: station, years, when.'


async def test_parameters_are_read_and_nothing_is_executed(ask, stored):
    path = await stored("fit.ipynb", notebook(PARAMETERS))
    status, told = await ask("GET", "runs", "parameters", path=path)
    assert (status, told["message"]) == (200, "")
    assert told["parameters"] == [
        {
            "name": "station",
            "source": '"north"',
            "value": "north",
            "isLiteral": True,
            "help": "where",
        },
        {"name": "years", "source": "[2025]", "value": [2025], "isLiteral": True, "help": ""},
        {"name": "when", "source": "print", "value": None, "isLiteral": False, "help": ""},
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(
            notebook("a = 1", tagged=False), 'No cell of this notebook has the tag "p', id="no tag"
        ),
        pytest.param(notebook("a = = 1"), "No cell of this notebook", id="no code"),
        pytest.param(
            notebook("a <- 1", kernelspec={"name": "ir", "language": "R"}),
            "The parameters of a notebook that is not in Python cannot be read here.",
            id="R",
        ),
    ],
)
async def test_why_there_are_no_parameters(ask, stored, content, message):
    path = await stored("fit.ipynb", content)
    status, told = await ask("GET", "runs", "parameters", path=path)
    assert (status, told["parameters"]) == (200, [])
    assert told["message"].startswith(message)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({"path": "mesh/home/a.ipynb"}, 400, id="no parameters"),
        pytest.param({"path": 1, "parameters": {}}, 400, id="no path"),
        pytest.param({"path": "mesh/home/a.ipynb", "parameters": []}, 400, id="a list"),
        pytest.param({"path": "mesh/home/a.ipynb", "parameters": {}, "more": 1}, 400, id="more"),
        pytest.param({"path": "mesh/home/a.ipynb", "parameters": {"a b": 1}}, 400, id="no name"),
        pytest.param({"path": "mesh/home/a.txt", "parameters": {}}, 400, id="no notebook"),
        pytest.param({"path": "local.ipynb", "parameters": {}}, 404, id="not in the mesh"),
    ],
)
async def test_what_makes_no_sense_is_refused(ask, body, status):
    code, told = await ask("POST", "runs", json_body=body)
    assert code == status
    assert told["message"]


async def test_without_papermill_the_answer_says_what_to_install(ask, monkeypatch):
    monkeypatch.setattr(runs, "find_spec", lambda name: None)
    body = {"path": "mesh/home/a.ipynb", "parameters": {}}
    for answer in (
        await ask("POST", "runs", json_body=body),
        await ask("GET", "runs", "parameters", path=body["path"]),
    ):
        assert answer[0] == 501
        assert 'pip install "jupyter-mesh[batch]"' in answer[1]["message"]
