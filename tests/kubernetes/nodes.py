"""A node for the cluster of ``clusters``: kubelet, containerd, runc and a bridge, as root, so that pods run."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.kubernetes.clusters import NODE, PATIENCE, api, wait_for
from tests.kubernetes.images import IMAGE, write_image
from tests.mounts import mounted_below

HOST, BRIDGE, SUBNET = "10.213.0.1", "meshtest0", "10.213.0.0/24"
HERE = Path("/var/tmp/mesh-test-cluster")
"""Where the node lives; one at a time."""
CNI = next(
    (p for p in map(Path, ("/usr/lib/cni", "/opt/cni/bin")) if (p / "bridge").exists()), None
)
PROGRAMS = ("containerd", "runc", "ctr", "ip")


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
    write_image(cluster.programs / "image", HERE / "image.tar")
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
