"""``jupyter mesh node``: what a person meets who runs a site, above all when something is wrong."""

import io
import json
import socket
import sqlite3
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from jupyter_mesh.cli import main
from jupyter_mesh.node import check
from jupyter_mesh.node.index import Index
from jupyter_mesh.node.users import People

COMMAND = [sys.executable, "-m", "jupyter_mesh.cli", "node"]


@pytest.fixture
def run(capsys, monkeypatch):
    """Runs ``jupyter mesh node`` with arguments and standard input; returns exit code, output and errors."""

    def call(*arguments, text=""):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        capsys.readouterr()
        code = main(["node", *map(str, arguments)])
        return SimpleNamespace(code=code, **capsys.readouterr()._asdict())

    return call


def one_sentence(result):
    """A failure as it should be: exit code 1, one line, no traceback."""
    assert result.code == 1, result
    lines = result.err.strip().splitlines()
    assert len(lines) == 1, result.err
    assert "Traceback" not in result.err
    return lines[0]


@pytest.fixture
def running(data):
    """A node in a process of its own: the facts of its ready file."""
    ready = data.parent / "ready.json"
    ready.write_text("of an earlier run")
    command = [*COMMAND, "--name", "alpine", "--data", str(data), "--ready-file", str(ready)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 50
        while not (ready.exists() and ready.read_text().startswith("{")):
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)  # there is no event to wait for in another process
        yield json.loads(ready.read_text()) | {"process": process}
        process.terminate()
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert output.startswith("alpine: gateway 127.0.0.1:")


def test_a_site_in_the_foreground(run, running, data):
    assert set(running) == {"name", "gateway", "url", "domain", "public_url", "process"}
    assert running["public_url"] == f"http://{running['domain']}"
    assert running["name"] == "alpine"
    assert running["gateway"].startswith("127.0.0.1:")
    assert running["url"].startswith("http://127.0.0.1:")
    assert "in use by another node" in one_sentence(run("--name", "coast", "--data", data))
    added = run("user", "add", "bohr", "--data", data, "--group", "atoms", text="secret-of-bohr\n")
    assert (added.code, added.out) == (0, "Added bohr.\n")
    added = run(
        "project",
        "add",
        "quanta",
        "--data",
        data,
        "--member",
        "bohr:owner",
        "--member",
        "@atoms:viewer",
    )
    assert added.code == 0, added.err
    checked = run("check", "--data", data)
    assert (checked.code, checked.out) == (0, f"The site in {data} is consistent.\n")


def test_add_a_user(run, tmp_path):
    data = tmp_path / "new"
    options = [
        "--data",
        data,
        "--group",
        "a",
        "--group",
        "b",
        "--display-name",
        "Niels",
        "--quota",
        "1000",
    ]
    assert run("user", "add", "bohr", *options, text="secret-of-bohr\n").code == 0
    with Index(data) as index:
        user = People(index).by_name("bohr")
    assert (user.display, user.groups, user.quota) == ("Niels", ("a", "b"), 1000)
    assert (data / ".node" / "index.sqlite").stat().st_mode & 0o077 == 0
    # The files below are readable, so that the folder is where others of this machine have to stop.
    assert data.stat().st_mode & 0o077 == 0


MISTAKES = [
    ("user add einstein", "pw\n", 'There is a user "einstein" already.'),
    ("user add EINSTEIN", "pw\n", 'There is a user "EINSTEIN" already.'),
    ("user add new", "", "An empty password is not allowed."),
    ("user add ../x", "pw\n", '"../x" cannot be a user name'),
    ("user add .node", "pw\n", '".node" cannot be a user name'),
    ("user add new --quota -5", "pw\n", "A quota is a number of bytes"),
    ("project add ../x", "", '"../x" cannot be the name of a project'),
    ("project add .x", "", '".x" cannot be the name of a project'),
    ("project add x --member nobody", "", 'There is no user "nobody" at this site.'),
    ("project add x --member einstein:king", "", '"king" is not a role'),
]


@pytest.mark.parametrize(
    ("arguments", "text", "expected"), MISTAKES, ids=[case[0] for case in MISTAKES]
)
def test_a_mistake(run, data, arguments, text, expected):
    assert expected in one_sentence(run(*arguments.split(), "--data", data, text=text))


def test_no_name_or_folder(run, tmp_path):
    assert "--name alpine --data DIR" in one_sentence(run())
    assert "--name alpine --data DIR" in one_sentence(run("--name", "alpine"))
    assert "--data DIR" in one_sentence(run("user", "add", "bohr", text="pw\n"))


@pytest.mark.parametrize(
    "verb",
    [["--name", "x"], ["user", "add", "bohr"], ["project", "add", "p"]],
    ids=lambda verb: verb[0],
)
def test_a_folder_that_cannot_be_written(run, tmp_path, verb):
    (tmp_path / "file").write_text("")
    assert "cannot be written" in one_sentence(
        run(*verb, "--data", tmp_path / "file" / "data", text="pw\n")
    )


@pytest.mark.parametrize("option", ["--gateway-port", "--http-port"])
def test_a_port_that_is_taken(run, data, option):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = one_sentence(run("--name", "alpine", "--data", data, option, port))
    assert f"Port {port}" in message
    assert option in message


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])  # noqa: S104 - they are refused
def test_another_address_needs_a_certificate_or_a_flag(run, data, host):
    assert "--allow-remote" in one_sentence(run("--name", "alpine", "--data", data, "--host", host))


@pytest.mark.parametrize(
    "verb", [["--name", "x"], ["user", "add", "bohr"]], ids=lambda verb: verb[0]
)
def test_a_corrupt_database(run, data, verb):
    path = data / ".node" / "index.sqlite"
    path.write_bytes(b"this is no database" * 1000)
    message = one_sentence(run(*verb, "--data", data, text="pw\n"))
    assert "cannot be read" in message
    assert path.read_bytes() == b"this is no database" * 1000, "nothing is overwritten"
    assert "cannot be read" in check(data)[0]


def test_a_database_of_a_newer_node(run, data):
    with sqlite3.connect(data / ".node" / "index.sqlite") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    assert "newer version" in one_sentence(run("--name", "alpine", "--data", data))


def test_check_finds_what_is_wrong(run, data):
    assert run("check", "--data", data).code == 0
    with sqlite3.connect(data / ".node" / "index.sqlite") as database:
        space = database.execute("SELECT id FROM spaces").fetchone()[0]
        database.execute(
            "INSERT INTO nodes VALUES ('n', ?, 'none', 'f', 0, 'e', 1, 1, 1, 1, '', 0)", [space]
        )
        database.execute("INSERT INTO versions VALUES ('k', 'n', 5, 1, 'e', '', 1)")
    database.close()
    result = run("check", "--data", data)
    assert result.code == 1
    assert result.out.splitlines() == [
        'The folder of "f" is not known.',
        'A version of "f" has lost its content.',
    ]
    assert check(data.parent / "nowhere") == [f"There is no site in {data.parent / 'nowhere'}."]


def test_a_short_machine_key(run, data, tmp_path):
    (tmp_path / "key").write_text("short")
    options = ["--name", "alpine", "--data", data, "--machine-key-file"]
    assert "too short" in one_sentence(run(*options, tmp_path / "key"))
    assert "cannot be read" in one_sentence(run(*options, tmp_path / "nothing"))


def test_a_certificate_without_a_key(run, data, tmp_path):
    assert "--tls-key" in one_sentence(
        run("--name", "alpine", "--data", data, "--tls-cert", tmp_path / "c")
    )
    options = ["--tls-cert", tmp_path / "c", "--tls-key", tmp_path / "k"]
    assert "certificate" in one_sentence(run("--name", "alpine", "--data", data, *options))
