"""Keycloak, a real OpenID Connect provider: fetched and prepared once, started in ten seconds.

``python -m tests.oidc.keycloak`` fetches and prepares it (``make .venv/.keycloak``), or says why it cannot.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

VERSION = "26.7.3"
REALM = Path(__file__).with_name("realm.json")
# Not that of the tests, which is empty each time.
CACHE = Path.home() / ".cache" / "jupyter-mesh-tests" / f"keycloak-{VERSION}"
SERVER = CACHE / f"keycloak-{VERSION}"
PREPARED = CACHE / f"{hashlib.sha256(REALM.read_bytes()).hexdigest()[:16]}.mv.db"

ADMIN = "password-of-admin"
UP = 600.0
"""Seconds in which it must be up: the first start rebuilds it, 40 s on an idle machine and minutes on a busy one."""

# Straight to this machine, whatever proxy the environment names.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def why_not():
    """Why there is no prepared server here; "" when there is one."""
    if problem := _no_java():
        return problem
    return "" if PREPARED.exists() else f"{PREPARED} is missing: make .venv/.keycloak says why"


def _no_java():
    if shutil.which("java") is None:
        return "no java"
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', said.stderr)
    if found is None or int(found[1]) < 17:
        return f"java 17 or newer is needed: {said.stderr.strip()[:80]}"
    return ""


def prepare():
    """Fetch the server and import the realm, unless that is done; why it cannot be, or ""."""
    if problem := _no_java():
        return problem
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not SERVER.exists() and (problem := _fetch()):
            return problem
        if not PREPARED.exists():
            with tempfile.TemporaryDirectory() as folder:
                server = Keycloak(Path(folder))
                try:
                    server.start(importing=True)
                finally:
                    server.stop()
                shutil.copy(server.database, PREPARED.with_suffix(".new"))
            PREPARED.with_suffix(".new").rename(PREPARED)
    return ""


def _fetch():
    if shutil.which("mvn") is None:
        return "no mvn to fetch it with"
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        command = [
            "mvn",
            "-q",
            "-B",
            "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy",
            f"-Dartifact=org.keycloak:keycloak-quarkus-dist:{VERSION}:zip",
            f"-DoutputDirectory={folder}",
        ]
        try:
            said = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, check=False, timeout=600
            )
        except subprocess.TimeoutExpired:
            return "it could not be fetched within ten minutes"
        if said.returncode:
            return f"it cannot be fetched: {said.stdout[-500:]}"
        (archive,) = Path(folder).glob("*.zip")
        with zipfile.ZipFile(archive) as files:
            files.extractall(folder)
        unpacked = Path(folder) / SERVER.name
        for program in (unpacked / "bin").glob("*.sh"):
            program.chmod(0o755)
        unpacked.rename(SERVER)
    return ""


class Keycloak:
    """One server with the users and clients of realm.json; ``start``, ``stop``, and start again on the same port."""

    def __init__(self, folder):
        self.folder = folder
        self.log_file = folder / "keycloak.log"
        self.database = folder / "data" / "h2" / "keycloakdb.mv.db"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.issuer = f"{self.url}/realms/mesh"
        self.process = None

    @property
    def log(self):
        return self.log_file.read_text()

    def at(self, endpoint):
        return f"{self.issuer}/protocol/openid-connect/{endpoint}"

    def start(self, *, importing=False):
        """The first start begins with the prepared realm; a later one goes on with what is there."""
        self.database.parent.mkdir(parents=True, exist_ok=True)
        home = SERVER
        command = [str(home / "bin" / "kc.sh"), "start-dev"]
        command += ["--db=dev-file", f"--db-url={self._database_url()}"]
        command += ["--http-host=127.0.0.1", f"--http-port={self.port}", f"--hostname={self.url}"]
        if importing:
            (home / "data" / "import").mkdir(parents=True, exist_ok=True)
            shutil.copy(REALM, home / "data" / "import" / "mesh-realm.json")
            command.append("--import-realm")
        elif not self.database.exists():
            shutil.copy(PREPARED, self.database)
        environment = os.environ | {
            "KC_BOOTSTRAP_ADMIN_USERNAME": "admin",
            "KC_BOOTSTRAP_ADMIN_PASSWORD": ADMIN,
            "JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx512m",
        }
        with self.log_file.open("a") as log:
            self.process = subprocess.Popen(
                command,
                env=environment,
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + UP
        while not self._answers():
            assert self.process.poll() is None, self.log[-3000:]
            assert time.monotonic() < deadline, self.log[-3000:]
            time.sleep(0.2)

    def _database_url(self):
        path = str(self.database).removesuffix(".mv.db")
        return f"jdbc:h2:file:{path};NON_KEYWORDS=VALUE;DB_CLOSE_ON_EXIT=FALSE"

    def _answers(self):
        try:
            with OPENER.open(f"{self.issuer}/.well-known/openid-configuration", timeout=5) as reply:
                return json.load(reply)["issuer"] == self.issuer
        except (OSError, ValueError):
            return False

    def stop(self):
        """The shell that started java forwards SIGTERM; SIGKILL, after a while, goes to all of them."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None

    def post(self, url, form, token=""):
        """Status and JSON of the answer."""
        return self._send("POST", url, urllib.parse.urlencode(form).encode(), token)

    def _send(self, method, url, body=None, token="", kind="application/x-www-form-urlencoded"):
        headers = {"Content-Type": kind} | ({"Authorization": f"Bearer {token}"} if token else {})
        request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310
        try:
            with OPENER.open(request, timeout=60) as reply:
                status, text = reply.status, reply.read()
        except urllib.error.HTTPError as error:
            with error:
                status, text = error.code, error.read()
        return status, json.loads(text) if text else {}

    def admin(self, method, path, value=None):
        """What the administrator's API answers; asserts that it does what it is told."""
        form = {"grant_type": "password", "client_id": "admin-cli", "username": "admin"}
        _, login = self.post(
            f"{self.url}/realms/master/protocol/openid-connect/token", form | {"password": ADMIN}
        )
        body = None if value is None else json.dumps(value).encode()
        status, answer = self._send(
            method,
            f"{self.url}/admin/realms/mesh/{path}",
            body,
            login["access_token"],
            "application/json",
        )
        assert status < 300, (status, answer)
        return answer

    def set_client(self, name, *, attributes=None, **values):
        """Change a client: ``redirectUris=[…]``; attributes are added to those that it has."""
        (client,) = self.admin("GET", f"clients?clientId={name}")
        client["attributes"] |= attributes or {}
        self.admin("PUT", f"clients/{client['id']}", client | values)

    def add_redirects(self, client, callback, logout):
        """Let a client send browsers back to one more hub."""
        (known,) = self.admin("GET", f"clients?clientId={client}")
        old = known["attributes"].get("post.logout.redirect.uris", "")
        logouts = "##".join(filter(None, [old, logout]))
        self.set_client(
            client,
            attributes={"post.logout.redirect.uris": logouts},
            redirectUris=[*known["redirectUris"], callback],
        )

    def user_id(self, name):
        (user,) = self.admin("GET", f"users?username={name}&exact=true")
        return user["id"]

    def end_sessions(self, name):
        """What an administrator does when a laptop was stolen."""
        self.admin("POST", f"users/{self.user_id(name)}/logout")

    def tokens(self, user, client="hub", scope="openid"):
        """A login without a browser: the whole answer of the token endpoint."""
        form = {
            "grant_type": "password",
            "client_id": client,
            "client_secret": f"marker-SECRET-of-{client}",
            "username": user,
            "password": f"password of {user}",
            "scope": scope,
        }
        status, answer = self.post(self.at("token"), form)
        assert status == 200, answer
        return answer


if __name__ == "__main__":
    reason = prepare()
    sys.exit(f"No Keycloak here, so tests/oidc is left out: {reason}" if reason else 0)
