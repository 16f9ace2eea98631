import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from urllib.parse import urlsplit

import pytest

from jupyter_mesh.demo import supervisor
from jupyter_mesh.errors import InvalidRequest
from tests.demo.processes import processes_with, wait_for
from tests.mounts import can_mount

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc"),
    pytest.mark.timeout(360),
    pytest.mark.xdist_group("demo"),
]


class Demo:
    """A running demo, started as a person does it: in a terminal of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.ready_file = folder / "ready.json"
        self.earlier = self._ready_stamp()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyter_mesh.cli", "demo", "--dir", str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def ready(self):
        wait_for(
            lambda: (
                self._ready_stamp() not in (None, self.earlier) or self.process.poll() is not None
            ),
            150,
        )
        assert self.process.poll() is None, self.process.stderr.read()
        return json.loads(self.ready_file.read_text())["sites"]

    def _ready_stamp(self):
        try:
            status = self.ready_file.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns

    def ctrl_c(self):
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self):
        out, error = self.process.communicate(timeout=120)
        return self.process.returncode, out, error

    def pid(self, *words):
        """The pid of the one program of the demo that has all ``words`` in its command line, not its guard."""
        found = []
        for pid in processes_with(str(self.folder)):
            with open(f"/proc/{pid}/cmdline") as file:
                command = file.read().split("\0")
            if set(words) <= set(command) and "jupyter_mesh.demo.guard" not in command:
                found.append(pid)
        (pid,) = found
        return pid


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the demo lives: from test to test the same, as for a person who comes back."""
    return tmp_path_factory.mktemp("demo") / "demo"


@pytest.fixture
def demo(folder):
    """A demo on its way up; whatever is left of it is killed at the end."""
    demo = Demo(folder)
    yield demo
    demo.process.kill()
    demo.process.communicate()
    for pid in processes_with(str(folder)):
        os.kill(pid, signal.SIGKILL)


def addresses(sites):
    for site in sites:
        yield tuple(site["gateway"].rsplit(":", 1))
        for url in (site["url"], site["hub"]):
            yield urlsplit(url).hostname, urlsplit(url).port


def answers(address):
    with socket.socket() as client:
        return client.connect_ex((address[0], int(address[1]))) == 0


def test_from_the_first_start_to_ctrl_c(demo, folder):
    sites = demo.ready()
    assert [site["name"] for site in sites] == ["alpine", "coast"]
    assert all(set(site) == {"name", "gateway", "url", "domain", "hub", "users"} for site in sites)
    assert [user["name"] for site in sites for user in site["users"]] == [
        "maya",
        "tom",
        "jan",
        "ines",
    ]
    assert demo.ready_file.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    for site in sites:
        with urllib.request.urlopen(f"{site['hub']}/hub/login", timeout=10) as page:  # noqa: S310  http://127.0.0.1
            assert page.status == 200
    assert (
        folder / "alpine/data/home/maya/sea-breeze/weather-new-york-2013.csv"
    ).stat().st_size > 2_000_000

    code, out, error = Demo(folder).end()
    assert (code, out) == (1, "")
    assert error == (
        f"jupyter mesh demo: A demo already runs in {folder}. "
        "Stop it first (Ctrl-C in its terminal), or use another --dir.\n"
    )
    assert demo.ready_file.exists()

    logs = "".join(log.read_text() for log in folder.glob("*/*.log"))
    passwords = [user["password"] for site in sites for user in site["users"]]
    assert [word for word in passwords if word in logs or processes_with(word)] == []

    demo.ctrl_c()
    code, out, _ = demo.end()
    assert code == 0
    for site in sites:
        assert site["hub"] in out
        assert all(user["password"] in out for user in site["users"])
    assert processes_with(str(folder)) == []
    assert [address for address in addresses(sites) if answers(address)] == []
    assert ("No mount: " in out) != ("find the files of the site in ~/mesh" in out)
    assert ("No mount: " in out) != can_mount()
    assert not demo.ready_file.exists()


def test_a_program_that_dies_is_told_of_and_the_rest_stops(demo, folder):
    demo.ready()
    os.kill(demo.pid("node", "coast"), signal.SIGKILL)
    code, _, error = demo.end()
    assert code == 1
    assert "The node of coast has stopped" in error
    assert str(folder / "coast" / "node.log") in error
    assert "gateway 127.0.0.1" in error, "the last lines of the log"
    assert "Traceback" not in error
    assert processes_with(str(folder)) == []


def test_a_killed_demo_leaves_nothing_and_the_next_one_starts(demo, folder):
    before = demo.ready()
    demo.process.kill()
    again = Demo(folder)
    try:
        after = again.ready()
        again.ctrl_c()
        code, _, _ = again.end()
    finally:
        again.process.kill()
    assert code == 0
    for fact in ("users", "domain", "hub"):
        assert [site[fact] for site in after] == [site[fact] for site in before]
    assert processes_with(str(folder)) == []


def test_ctrl_c_while_it_starts_stops_it(demo, folder):
    # The demo itself, a guard and a node at least.
    wait_for(lambda: len(processes_with(str(folder))) > 2)
    demo.ctrl_c()
    code, _, error = demo.end()
    assert code == 0
    assert "Traceback" not in error
    assert processes_with(str(folder)) == []


def test_a_folder_that_cannot_be_used_is_told_of(tmp_path):
    (tmp_path / "file").touch()
    code, _, error = Demo(tmp_path / "file" / "demo").end()
    assert code == 1
    assert "choose another --dir" in error
    assert "Traceback" not in error


def test_what_is_not_installed_is_named_before_anything_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "PACKAGES", ("json", "no_such_package"))
    monkeypatch.setattr(supervisor, "PROXY", "no-such-proxy")
    with pytest.raises(InvalidRequest, match="The demo needs no_such_package, no-such-proxy"):
        supervisor.run_demo(tmp_path / "demo")
    assert list(tmp_path.iterdir()) == []
