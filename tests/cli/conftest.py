import asyncio
import contextlib
import fcntl
import io
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from jupyter_mesh import cli
from jupyter_mesh.testing.site import run_node


@pytest.fixture(scope="module")
async def site(tmp_path_factory):
    """A node with two users."""
    async with run_node(tmp_path_factory.mktemp("site") / "data") as site:
        yield site


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the program as a terminal would, in a thread; gives exit code, output and errors."""

    async def run(*argv, stdin=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = await asyncio.to_thread(cli.main, [str(word) for word in argv])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def told(run):
    """Runs the program with ``--json``; gives what the document holds."""

    async def told(*argv):
        code, out, error = await run(*argv, "--json")
        assert (code, error) == (0, "")
        return json.loads(out)

    return told


@pytest.fixture
def program(tmp_path):
    """Starts the program in a process of its own, in the environment of the test; gives it with its pipes."""

    async def program(*argv, **kwargs):
        command = (sys.executable, "-m", "jupyter_mesh.cli", *(str(word) for word in argv))
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), asyncio.subprocess.PIPE)
        return await asyncio.create_subprocess_exec(*command, cwd=tmp_path, **(pipes | kwargs))

    return program


@pytest.fixture
async def signed_in(site, run, tmp_path, tmp_path_factory, monkeypatch):
    """The environment of a user's server, for the first user; gives the token file."""
    user = site.users[0]
    token_file = tmp_path / "token"
    login = (
        "login",
        "--gateway",
        site.gateway,
        "--username",
        user.name,
        "--token-file",
        token_file,
    )
    code, _, error = await run(*login, stdin=user.password + "\n")
    assert (code, error) == (0, "")
    monkeypatch.setenv("MESH_SITE", site.settings.name)
    monkeypatch.setenv("MESH_GATEWAY", site.gateway)
    monkeypatch.setenv("MESH_TOKEN_FILE", str(token_file))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
    return token_file


@pytest.fixture
def terminal():
    """Starts programs in terminals, and ends them with the test. They block: use them in a thread."""
    started = []

    def start(*args, **kwargs):
        started.append(Terminal(*args, **kwargs))
        return started[-1]

    yield start
    for one in started:
        one.close()


DEADLINE = 40.0


class Terminal:
    """Runs a program in a terminal of 100 columns; type to it, and read what it shows."""

    def __init__(self, argv, env, cwd=None, *, separate_output=None):
        self.text = ""
        self._fd, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        self._process = subprocess.Popen(
            argv,
            stdin=inner,
            stdout=separate_output or inner,
            stderr=inner,
            env=env,
            cwd=cwd,
            start_new_session=True,
            # The terminal is theirs: Ctrl-C and job control work.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509  it locks nothing
        )
        os.close(inner)

    def type(self, text):
        """Type when the program sleeps: a Ctrl-C on the way into a read is lost, in Python as elsewhere."""
        give_up = time.monotonic() + DEADLINE
        asleep = 0
        while asleep < 3:
            assert time.monotonic() < give_up, f"it does not wait for input: {self.text!r}"
            state = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(") ")[2][0]
            asleep = asleep + 1 if state in "SZ" else 0
            time.sleep(0.02)
        os.write(self._fd, text.encode())

    def wait_for(self, text, since=0):
        """Read until ``text`` is shown after position ``since``; gives all that is shown."""
        give_up = time.monotonic() + DEADLINE
        while text not in self.text[since:]:
            assert time.monotonic() < give_up, f"{text!r} is not shown: {self.text!r}"
            assert self._read(), f"ended without {text!r}: {self.text!r}"
        return self.text

    def end(self):
        """Read to the end; gives the exit code and all that was shown."""
        give_up = time.monotonic() + DEADLINE
        while self._read():
            assert time.monotonic() < give_up, self.text
        return self._process.wait(10), self.text

    def interrupt(self):
        os.killpg(self._process.pid, signal.SIGINT)

    def _read(self):
        """True as long as more can come."""
        if not select.select([self._fd], [], [], 0.2)[0]:
            return self._process.poll() is None
        try:
            data = os.read(self._fd, 65536)
        except OSError:
            return False
        self.text += data.decode(errors="replace")
        return bool(data)

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._fd)
