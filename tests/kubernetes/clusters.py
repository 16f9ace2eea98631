"""Kubernetes on this machine: real parts that end with the process that started them, and leave nothing.

``api`` is the API server with its controllers and scheduler, and needs nothing of the machine: pods stay pending.
``node`` adds a kubelet with containerd, runc and a bridge, as root: pods run. One of these at a time.
"""

import fcntl
import http.client
import io
import json
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tarfile
import time
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.mounts import mounted_below

BUILD = Path(__file__).with_name("build")
ORPHAN = Path(__file__).parents[2] / "jupyter_mesh" / "mount" / "orphan.py"

HOST, BRIDGE, SUBNET = "10.213.0.1", "meshtest0", "10.213.0.0/24"
NODE = "node1"
IMAGE = "mesh.test/small:1"
HERE = Path("/var/tmp/mesh-test-cluster")
"""Where the node lives; one at a time."""
CNI = next(
    (p for p in map(Path, ("/usr/lib/cni", "/opt/cni/bin")) if (p / "bridge").exists()), None
)
PROGRAMS = ("containerd", "runc", "ctr", "ip")
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


def why_no_node():
    """What keeps this machine from running pods; "" when nothing does."""
    if os.geteuid() != 0:
        return "only root can run a node of Kubernetes"
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing or CNI is None:
        return f"a node of Kubernetes needs {', '.join(missing) or 'the plugins of CNI'}"
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "there is no /dev/fuse"
    if not os.access("/sys/fs/cgroup", os.W_OK):
        return "cgroups cannot be made here"
    return ""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


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


@contextmanager
def node(programs):
    """The API with one node; raises AssertionError when one runs already."""
    HERE.parent.mkdir(exist_ok=True)
    with (HERE.with_suffix(".lock")).open("w") as lock, ExitStack() as stack:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _sweep()
        HERE.mkdir(mode=0o755)
        stack.callback(_sweep)
        cluster = stack.enter_context(api(programs, HERE))
        _make_bridge()
        _start_containerd(cluster)
        stack.callback(cluster.end, "containerd")
        _start_kubelet(cluster)
        stack.callback(_empty, cluster)
        yield cluster


def _make_bridge():
    _run("ip", "link", "add", BRIDGE, "type", "bridge")
    _run("ip", "address", "add", f"{HOST}/24", "dev", BRIDGE)
    _run("ip", "link", "set", BRIDGE, "up")


def _start_containerd(cluster):
    socket_ = HERE / "containerd.sock"
    (HERE / "cni").mkdir()
    plugins = [
        {
            "type": "bridge",
            "bridge": BRIDGE,
            "isGateway": True,
            "ipam": {
                "type": "host-local",
                "dataDir": str(HERE / "addresses"),
                "ranges": [[{"subnet": SUBNET, "gateway": HOST}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }
    ]
    network = {"cniVersion": "0.4.0", "name": "mesh-test", "plugins": plugins}
    (HERE / "cni" / "10-mesh.conflist").write_text(json.dumps(network))
    (HERE / "containerd.toml").write_text(f"""
version = 2
root = "{HERE}/containerd"
state = "{HERE}/containerd-state"
[grpc]
address = "{socket_}"
[plugins."io.containerd.internal.v1.opt"]
path = "{HERE}/opt"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{IMAGE}"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{CNI}"
conf_dir = "{HERE}/cni"
""")
    program = shutil.which("containerd")
    process = cluster.run("containerd", program, "--config", HERE / "containerd.toml")
    wait_for(lambda: _ctr("version"), "containerd", process)
    _write_image(cluster.programs / "image", HERE / "image.tar")
    assert _ctr("images", "import", str(HERE / "image.tar")), cluster.log("containerd")


def _ctr(*words):
    done = subprocess.run(
        ["ctr", "--address", HERE / "containerd.sock", "--namespace", "k8s.io", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    return done.returncode == 0 and (done.stdout or True)


def _start_kubelet(cluster):
    folder = HERE / "kubelet"
    folder.mkdir()
    # What a side-car mounts is seen by others where the folder of the kubelet is a shared mount.
    _run("mount", "--bind", str(folder), str(folder))
    _run("mount", "--make-rshared", str(folder))
    config = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": HOST,
        "port": cluster.kubelet_port,
        "healthzPort": 0,
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": "/",
        "failSwapOn": False,
        "failCgroupV1": False,
        "containerRuntimeEndpoint": f"unix://{HERE}/containerd.sock",
        # A full disk of the machine is not what is tested.
        "evictionHard": {"memory.available": "10Mi", "nodefs.available": "0%"}
        | {"imagefs.available": "0%", "nodefs.inodesFree": "0%"},
        "imageGCHighThresholdPercent": 100,
    }
    (HERE / "kubelet.json").write_text(json.dumps(config))
    process = cluster.run(
        "kubelet",
        cluster.part("kubelet"),
        f"--kubeconfig={cluster.kubeconfig('node')}",
        f"--config={HERE / 'kubelet.json'}",
        f"--root-dir={folder}",
        f"--cert-dir={HERE / 'kubelet-certificates'}",
        f"--hostname-override={NODE}",
        f"--node-ip={HOST}",
    )

    def ready():
        conditions = json.loads(cluster.request(f"/api/v1/nodes/{NODE}"))["status"]["conditions"]
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    def taken():
        return cluster.request(f"/api/v1/nodes/{NODE}") and ready()

    wait_for(taken, "kubelet", process)


def _empty(cluster):
    """End every pod while the kubelet can still do it, and then the kubelet."""
    for pod in cluster.objects("/api/v1/pods"):
        facts = pod["metadata"]
        path = f"/api/v1/namespaces/{facts['namespace']}/pods/{facts['name']}"
        cluster.ask("DELETE", f"{path}?gracePeriodSeconds=1")
    with suppress(AssertionError):
        wait_for(lambda: _ctr("tasks", "list", "-q") is True, "the end of all pods", seconds=60)
    cluster.end("kubelet")


def _sweep():
    """Take away whatever a node has left, also one whose process was killed."""
    if not HERE.exists():
        return
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if f"{HERE}/".encode() in file.read_bytes() and int(file.parent.name) != os.getpid():
                os.kill(int(file.parent.name), signal.SIGKILL)
    groups = [*Path("/sys/fs/cgroup").glob("*/kubepods"), Path("/sys/fs/cgroup/kubepods")]
    for group in groups:
        for file in group.glob("**/cgroup.procs"):
            for pid in file.read_text().split():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
    for point in reversed(mounted_below(HERE)):
        subprocess.run(["umount", "--lazy", point], check=False, capture_output=True)
    subprocess.run(["ip", "link", "delete", BRIDGE], check=False, capture_output=True)
    shutil.rmtree(HERE, ignore_errors=True)
    for group in groups:
        _remove_groups(group)


def _remove_groups(top):
    if top.is_dir():
        for folder, _, _ in os.walk(top, topdown=False):
            with suppress(OSError):
                os.rmdir(folder)


def _run(*words):
    subprocess.run(words, check=True, capture_output=True)


def _write_image(program, path):
    """An image of one small program, as ``docker save`` would write it in the form of the OCI."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.add(program, "small")
        for name in ("tmp", "run", "home/jovyan"):
            info = tarfile.TarInfo(name)
            info.type, info.mode = tarfile.DIRTYPE, 0o1777
            tar.addfile(info)
        texts = {
            "etc/passwd": "root:x:0:0::/root:/bin/sh\njovyan:x:1000:100::/home/jovyan:/bin/sh\n",
            "etc/group": "root:x:0:\nusers:x:100:\n",
        }
        for name, text in texts.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
        link = tarfile.TarInfo("etc/mtab")
        link.type, link.linkname = tarfile.SYMTYPE, "/proc/self/mounts"
        tar.addfile(link)
    content = layer.getvalue()
    config = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine],
        "os": "linux",
        "config": {"Cmd": ["/small", "pause"], "Env": ["PATH=/"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(content).hexdigest()}"]},
    }
    kind = "application/vnd.oci.image"
    with tarfile.open(path, "w") as tar:

        def add(name, data):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))

        def blob(data, media):
            digest = sha256(data).hexdigest()
            add(f"blobs/sha256/{digest}", data)
            return {"mediaType": media, "digest": f"sha256:{digest}", "size": len(data)}

        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{kind}.manifest.v1+json",
            "config": blob(json.dumps(config).encode(), f"{kind}.config.v1+json"),
            "layers": [blob(content, f"{kind}.layer.v1.tar")],
        }
        entry = blob(json.dumps(manifest).encode(), f"{kind}.manifest.v1+json")
        entry["annotations"] = {"io.containerd.image.name": IMAGE}
        index = {"schemaVersion": 2, "manifests": [entry]}
        add("index.json", json.dumps(index).encode())
        add("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
