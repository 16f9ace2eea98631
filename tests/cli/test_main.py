import logging
import os
import subprocess
import sys

import pytest

from jupyter_mesh import cli
from jupyter_mesh.errors import NotFound

VERBS = ["node", "demo", "doctor", "login", "logout", "whoami", "sites", "ls", "get", "put"]
HEAVY = ["grpc", "cs3", "aiohttp", "jupyter_server", "jupyterlab", "tornado"]


def test_every_verb_stands_in_the_help(capsys):
    assert cli.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert [verb for verb in VERBS if f"\n  {verb} " not in shown] == []


def test_the_help_imports_nothing_heavy():
    code = (
        "import contextlib, io, sys, jupyter_mesh.cli as cli\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        "    cli.main(['--help'])\n"
        f"print(*set({HEAVY}) & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("\n", "", 0)


def test_secrets_are_looked_for_once_in_each_record(monkeypatch, capsys):
    monkeypatch.setattr("jupyter_mesh.demo.supervisor.run_demo", lambda folder: None)
    handler = logging.NullHandler()
    logging.getLogger().addHandler(handler)
    try:
        for _ in range(3):
            assert cli.main(["demo"]) == 0
        assert len(handler.filters) == 1
    finally:
        logging.getLogger().removeHandler(handler)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb, capsys):
    assert cli.main([verb, "--help"]) == 0
    assert f"jupyter mesh {verb}" in capsys.readouterr().out


def test_an_error_is_one_sentence_and_code_1(monkeypatch, capsys):
    def fail(folder):
        raise NotFound('There is no "x" here.')

    monkeypatch.setattr("jupyter_mesh.demo.supervisor.run_demo", fail)
    assert cli.main(["demo"]) == 1
    assert capsys.readouterr().err == 'jupyter mesh demo: There is no "x" here.\n'


def test_a_missing_package_is_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "jupyter_mesh.demo.supervisor", None)
    assert cli.main(["demo"]) == 1
    error = capsys.readouterr().err
    assert "is missing. Install what this verb needs" in error
    assert error.count("\n") == 1


def test_ctrl_c_is_quiet(monkeypatch, capsys):
    def interrupt(folder):
        raise KeyboardInterrupt

    monkeypatch.setattr("jupyter_mesh.demo.supervisor.run_demo", interrupt)
    assert cli.main(["demo"]) == 130
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        pytest.param(["ls", "elsewhere"], "holds home, projects and shares", id="unknown area"),
        pytest.param(["ls", "home/../x"], "is not allowed", id="dots"),
        pytest.param(
            ["get", "cs3:/alpine/home/a"], "holds home, projects and shares", id="half a URL"
        ),
        pytest.param(["get", "cs3://"], "is not an address of the mesh", id="empty URL"),
    ],
)
def test_bad_addresses_are_told_apart_before_anything_is_asked(argv, says, capsys):
    assert cli.main(argv) == 1
    assert says in capsys.readouterr().err


def test_jupyter_finds_the_program():
    environment = {**os.environ, "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["jupyter", "mesh", "--version"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("jupyter-mesh 0")
