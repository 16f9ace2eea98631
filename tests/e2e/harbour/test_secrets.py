"""No storage secret anywhere but in the token files and, encrypted, in the hub's database."""

import json
import re
from pathlib import Path

from playwright.sync_api import Error, expect

from tests.e2e.lab import notebook_of
from tests.e2e.processes import family, wait_for

TOKEN = re.compile(rb"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}")
WRONG = "marker-WRONG-password"
CELL = """
from jupyter_mesh.cs3 import connect

async with connect() as mesh:
    data = await mesh.read("home/seen.ipynb")
    print("read:", (await mesh.whoami()).username, mesh)
"""


class Recorder:
    """Keeps everything that a page gets from the hub and from the servers behind it."""

    def __init__(self, page):
        self.heard = {}
        page.on("response", self._answer)
        page.on("websocket", self._socket)

    def _answer(self, answer):
        kept = self._kept(answer.url)
        kept += json.dumps(answer.all_headers()).encode()
        if "/static/" not in answer.url:
            try:
                kept += answer.body()
            except Error:
                # A redirect, or the answer to a page that was left, has no body.
                return

    def _socket(self, socket):
        kept = self._kept(socket.url)

        def frame(data):
            kept.extend(data.encode() if isinstance(data, str) else data)

        socket.on("framereceived", frame)
        socket.on("framesent", frame)

    def _kept(self, url):
        return self.heard.setdefault(f"answer of {url}", bytearray())


def secrets_of(harbour):
    """What must not be seen, by what it is. Tokens change: ask again later."""
    known = {f"password of {who}": word for who, word in harbour.passwords.items()}
    known["wrong password"] = WRONG
    for who, login in harbour.logins().items():
        known |= {f"{what} of {who}": login[what] for what in ("token", "app_password")}
    for file in harbour.token_files:
        known[f"token in {file}"] = file.read_text().strip()
    return {(what, secret.encode()) for what, secret in known.items()}


def search(places, secrets):
    """Where what was found: every known secret, and anything that looks like a token."""
    return [
        (what, place)
        for place, text in places.items()
        for what, found in [
            *((what, secret in text) for what, secret in secrets),
            ("what looks like a token", TOKEN.search(text)),
        ]
        if found
    ]


def files_below(folder):
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def told_by_processes(*pids):
    """Environment and command line of the processes and all that they started."""
    members = set().union(*(family(pid) for pid in pids))
    return {
        f"{what} of {pid}": Path(f"/proc/{pid}/{what}").read_bytes()
        for pid in members
        for what in ("environ", "cmdline")
    }


def test_no_secret_is_seen(open_lab, harbour):
    ada = harbour.site.accounts["ada"]
    (ada.files / "seen.ipynb").write_bytes(notebook_of(CELL))

    lab = open_lab(ada, known=False)
    page = lab.page
    recorder = Recorder(page)
    page.goto(lab.hub)
    lab.fill_login(WRONG)
    expect(page.get_by_text("Invalid username or password")).to_be_visible()
    lab.fill_login(ada.password)
    lab.wait_until_open()
    secrets = secrets_of(harbour)
    lab.open("lab?reset&mesh=mesh/home/seen.ipynb")
    lab.wait_for_kernel()
    lab.run_all()
    expect(lab.notebook.get_by_text("read: ada")).to_be_visible()
    lab.save()
    lab.panel.get_by_role("button", name="Connected").click()
    expect(lab.dialog).to_contain_text("harbour")
    lab.answer("Close")
    wait_for(lambda: secrets_of(harbour) - secrets, "another token")
    secrets |= secrets_of(harbour)
    processes = told_by_processes(harbour.hub.process.pid, harbour.node.process.pid)
    assert any(b"ipykernel" in text for text in processes.values())
    for address in (
        f"{lab.base}/api/mesh/status",
        f"{lab.base}/api/contents/mesh/home?content=1",
        f"{lab.hub}/hub/home",
        f"{lab.hub}/hub/token",
        f"{lab.hub}/hub/api/user",
        f"{lab.hub}/hub/api/users/ada?include_auth_state=1",
        f"{lab.hub}/hub/api/mesh/users/ada/token",
    ):
        page.goto(address)

    tokens = {str(file): file for file in harbour.token_files}
    modes = {oct(path.stat().st_mode & 0o777) for path in tokens.values()}
    folders = {oct(path.parent.stat().st_mode & 0o777) for path in tokens.values()}
    assert (modes, folders) == ({"0o600"}, {"0o700"})
    files = files_below(harbour.folder)
    assert str(harbour.hub.state / "jupyterhub.sqlite") in files
    kept = {name: files.pop(name) for name in tokens}
    assert search(kept, secrets), "the search finds nothing where there is something"
    for heard in ("api/mesh/status", "api/contents/mesh/home/seen.ipynb", "channels", "hub/home"):
        assert any(heard in place for place in recorder.heard), f"nothing was heard of {heard}"
    assert search(files | processes | recorder.heard, secrets) == []
