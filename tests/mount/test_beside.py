"""A mount that root serves to somebody in another container."""

import http.client
import json
import os
import socket
import stat
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from jupyter_mesh.mount.folder import shared_folder

from .mounts import PATIENCE, Mount, wait_for

pytestmark = [
    pytest.mark.timeout(4 * PATIENCE),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts for somebody else"),
]

USER = 10123
HUB_TOKEN = "hub-t0ken"


@pytest.fixture
def hub(alpine):
    """Gives tokens of the site to whoever has its own token, and remembers for whom."""
    asked = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            allowed = self.headers["Authorization"] == f"token {HUB_TOKEN}"
            asked.append(self.path if allowed else "refused")
            body = {"token": alpine.token(), "expires": time.time() + 3600} if allowed else {}
            text = json.dumps(body).encode()
            self.send_response(200 if allowed else 403)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    server.asked = asked
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def health(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    finally:
        connection.close()


BECOME = f"""
import ctypes, os
os.setgroups([])
os.setgid({USER})
os.setuid({USER})
# Or the system keeps its own descriptors from a process that has changed its user.
ctypes.CDLL(None).prctl(4, 1)
"""


def as_user(imports, code, **environment):
    """What a Python program of the user prints, which need not get to where Python is."""
    done = subprocess.run(
        [sys.executable, "-c", f"{imports}\n{BECOME}\n{code}"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def passable():
    """A folder to which everybody gets, as they do in a container; those of pytest are closed."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_somebody_else_works_in_it(alpine, hub, passable, monkeypatch):
    """The first token is refused by the site: the one that the hub gives is used, and the file is the user's."""
    secrets, port = passable / "secrets", free_port()
    secrets.mkdir()
    (secrets / "token").write_text("ended\n")
    (secrets / "hub-token").write_text(HUB_TOKEN)
    # As Kubernetes makes it where the pod has a group.
    (secrets / "hub-token").chmod(0o440)
    monkeypatch.setenv("JUPYTERHUB_API_URL", f"http://127.0.0.1:{hub.server_port}/hub/api")
    monkeypatch.setenv("JUPYTERHUB_USER", "einstein")
    monkeypatch.setenv("MESH_HUB_TOKEN_FILE", str(secrets / "hub-token"))
    monkeypatch.setenv("MESH_FIRST_TOKEN_FILE", str(secrets / "token"))
    words = ("--owner", f"{USER}:{USER}", "--health", str(port))
    one = Mount(alpine, passable / "mesh", passable, options=words)
    try:
        one.start()
        assert hub.asked
        assert set(hub.asked) <= {
            "/hub/api/mesh/users/einstein/token",
            "/hub/api/mesh/users/einstein/token?force=1",
        }
        wait_for(lambda: health(port) == 200)
        file = one.home / "theirs.txt"
        as_user("", f"open({str(file)!r}, 'w').write('mine')")
        found = file.stat()
        assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (USER, 0o600)
        # As the server does: it finds the program by the folder, and has it upload.
        imports = "import asyncio, concurrent.futures.thread, encodings.idna; from jupyter_mesh.mount.client import find_mount"
        code = (
            "async def main():\n"
            "    mounted = await find_mount()\n"
            "    print(await mounted.flush('home'), (await mounted.status())['state'], mounted.dir)\n"
            "asyncio.run(main())"
        )
        told = as_user(imports, code, MESH_MOUNT=str(one.dir), XDG_STATE_HOME="/nonexistent")
        assert told == f"[] ready {one.dir}"
        assert alpine.read("home/theirs.txt") == b"mine"
        assert one.stop() == 0
    finally:
        one.sweep()
    assert not (shared_folder(one.dir) / "mount.json").exists()
