"""Kubernetes on this machine: real parts that end with the process that started them, and leave nothing.

``api`` is the API server with its controllers and scheduler, and needs nothing of the machine: pods stay pending.
"""

import http.client
import json
import os
import secrets
import ssl
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.hub.hubs import free_ports

BUILD = Path(__file__).with_name("build")
ORPHAN = Path(__file__).parents[2] / "jupyter_mesh" / "mount" / "orphan.py"

NODE = "node1"
PATIENCE = 120


class CannotBuild(Exception):
    """The programs cannot be built here; the sentence says why."""


def built(module):
    """The folder with the programs of a module beside this file; builds them if need be, which takes minutes."""
    done = subprocess.run([BUILD, module], capture_output=True, text=True, check=False)
    if done.returncode == 3:
        raise CannotBuild(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def wait_for(look, what, process=None, seconds=PATIENCE):
    """Poll until ``look()`` is true; a process that ends meanwhile is told at once."""
    end = time.monotonic() + seconds
    while True:
        with suppress(OSError, http.client.HTTPException):
            if found := look():
                return found
        assert process is None or process.poll() is None, f"{what}: {process.args} has ended"
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.1)


class Cluster:
    """One that runs: ``kubectl`` as people know it, and tokens of its accounts."""

    def __init__(self, programs, folder):
        self.programs = programs
        self.folder = folder
        self.api_port, self.etcd_port, peer_port, self.kubelet_port = free_ports(4)
        self.peer_port = peer_port
        self.url = f"https://127.0.0.1:{self.api_port}"
        self.tokens = {name: secrets.token_hex(16) for name in ("admin", "node", "hub")}
        self.processes = {}

    def part(self, name):
        """The program of a part, which is one for all: it is the part that it is called by."""
        path = self.folder / "programs" / name
        path.parent.mkdir(exist_ok=True)
        path.symlink_to(self.programs / "mesh-test-cluster")
        return path

    def kubeconfig(self, name):
        """A file to work with as admin, node or hub."""
        cluster = {"server": self.url, "insecure-skip-tls-verify": True}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": name, "user": {"token": self.tokens[name]}}],
            "contexts": [{"name": name, "context": {"cluster": "test", "user": name}}],
            "current-context": name,
        }
        path = self.folder / f"{name}.kubeconfig"
        path.write_text(json.dumps(config))
        path.chmod(0o600)
        return path

    def log(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def run(self, name, program, *words, **environment):
        """Start a program that is killed when this process ends, however it does."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-I", "-S", ORPHAN, str(os.getpid()), program, *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **environment},
                start_new_session=True,
            )
        return self.processes[name]

    def end(self, name):
        process = self.processes.pop(name, None)
        if process is None:
            return
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def ask(self, method, path, body=None, who="admin"):
        """Status and text of what the API says."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.api_port, timeout=30, context=context
        )
        kind = "merge-patch+json" if method == "PATCH" else "json"
        headers = {
            "Authorization": f"Bearer {self.tokens[who]}",
            "Content-Type": f"application/{kind}",
        }
        try:
            connection.request(method, path, body and json.dumps(body), headers)
            reply = connection.getresponse()
            return reply.status, reply.read().decode()
        finally:
            connection.close()

    def request(self, path):
        """What the API says to a GET, as text; None for a status other than 200."""
        status, text = self.ask("GET", path)
        return text if status == 200 else None

    def create(self, path, body):
        status, text = self.ask("POST", path, body)
        assert status == 201, text

    def objects(self, path):
        """The items of a list of the API."""
        return json.loads(self.request(path) or '{"items": []}')["items"]


@contextmanager
def api(programs, folder):
    """The API with its controllers and scheduler."""
    cluster = Cluster(programs, folder)
    with ExitStack() as stack:
        for start in (_start_etcd, _start_apiserver, _start_controllers):
            stack.callback(lambda before=set(cluster.processes): _end_new(cluster, before))
            start(cluster)
        yield cluster


def _end_new(cluster, before):
    for name in reversed(list(cluster.processes)):
        if name not in before:
            cluster.end(name)


def _start_etcd(cluster):
    client, peer = (f"http://127.0.0.1:{port}" for port in (cluster.etcd_port, cluster.peer_port))
    cluster.run(
        "etcd",
        cluster.part("etcd"),
        *("--data-dir", cluster.folder / "etcd", "--unsafe-no-fsync", "--log-level=error"),
        *("--listen-client-urls", client, "--advertise-client-urls", client),
        *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
        *("--initial-cluster", f"default={peer}"),
    )


def _start_apiserver(cluster):
    folder = cluster.folder
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (folder / "accounts.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    lines = {"admin": "admin,admin,system:masters", "node": f"system:node:{NODE},node,system:nodes"}
    lines["hub"] = "hub,hub"
    text = "".join(f"{cluster.tokens[who]},{line}\n" for who, line in lines.items())
    (folder / "tokens.csv").write_text(text)
    process = cluster.run(
        "kube-apiserver",
        cluster.part("kube-apiserver"),
        f"--etcd-servers=http://127.0.0.1:{cluster.etcd_port}",
        f"--secure-port={cluster.api_port}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--cert-dir={folder / 'certificates'}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=Node,RBAC",
        "--service-cluster-ip-range=10.96.0.0/24",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={folder / 'accounts.key'}",
        f"--service-account-signing-key-file={folder / 'accounts.key'}",
        "--endpoint-reconciler-type=none",
        "--kubelet-preferred-address-types=InternalIP",
        "--allow-privileged=true",
    )
    wait_for(lambda: cluster.request("/readyz"), "kube-apiserver", process)


def _start_controllers(cluster):
    admin = cluster.kubeconfig("admin")
    cluster.run(
        "kube-controller-manager",
        cluster.part("kube-controller-manager"),
        *(f"--kubeconfig={admin}", "--leader-elect=false", "--secure-port=0"),
        f"--service-account-private-key-file={cluster.folder / 'accounts.key'}",
    )
    cluster.run(
        "kube-scheduler",
        cluster.part("kube-scheduler"),
        *(f"--kubeconfig={admin}", "--leader-elect=false", "--secure-port=0"),
    )
    wait_for(
        lambda: cluster.request("/api/v1/namespaces/default/serviceaccounts/default"),
        "kube-controller-manager",
        cluster.processes["kube-controller-manager"],
    )
