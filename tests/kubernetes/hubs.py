"""A hub on this machine whose servers are pods, over a site that pods reach; and what the hub may do in the cluster."""

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from jupyter_mesh.cs3.login import authenticate
from jupyter_mesh.node.users import add_user
from tests.e2e.processes import MODULE, wait_for
from tests.hub.hubs import Hub, until
from tests.kubernetes.images import IMAGE
from tests.kubernetes.nodes import HOST, why_no_node

ROOT = Path(__file__).parents[2]
HOME = "/home/jovyan"
PASSWORD = "marker-PASSWORD-of-{}"
USERS = (
    *("ada", "bob", "absent", "crash", "hungry", "unmounted", "sidecarless", "slow"),
    *("stopped", "died", "starting", "surviving", "strict", "poor", "elise"),
)
ODD = "élise.o+x@mail.org"
"""The hub's name of a user of the site; sites have other rules for names."""

# The whole of what the chart of JupyterHub allows its hub.
ROLE = [
    {
        "apiGroups": [""],
        "resources": ["pods", "persistentvolumeclaims", "secrets", "services"],
        "verbs": ["get", "watch", "list", "create", "delete"],
    },
    {"apiGroups": [""], "resources": ["events"], "verbs": ["get", "watch", "list"]},
]
NAMESPACES = {
    "hub": {},
    "strict": {"pod-security.kubernetes.io/enforce": "baseline"},
    "poor": {},
}


def make_namespaces(cluster):
    """Namespaces in which the hub may do what the chart allows it."""
    rbac = "rbac.authorization.k8s.io"
    for name, labels in NAMESPACES.items():
        cluster.create("/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
        path = f"/apis/{rbac}/v1/namespaces/{name}"
        cluster.create(f"{path}/roles", {"metadata": {"name": "hub"}, "rules": ROLE})
        subject = {"kind": "User", "name": "hub", "apiGroup": rbac}
        role = {"kind": "Role", "name": "hub", "apiGroup": rbac}
        binding = {"metadata": {"name": "hub"}, "subjects": [subject], "roleRef": role}
        cluster.create(f"{path}/rolebindings", binding)
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    cluster.create("/api/v1/namespaces/poor/resourcequotas", quota)
    # A namespace takes pods once its account is there.
    for name in NAMESPACES:
        wait_for(
            lambda name=name: cluster.request(f"/api/v1/namespaces/{name}/serviceaccounts/default"),
            f"the account of {name}",
            seconds=60,
        )


# Which kind of server a user gets is said by the name of the user.
CONFIG = """
import os, sys
from jupyter_mesh_spawner.kube import MeshKubeSpawner

PREFIXES = {prefixes!r}
SEEN = [dict(name=f"host-{{n}}", mountPath=path, readOnly=True) for n, path in enumerate(PREFIXES)]
PATHS = dict(PATH="{bin}:/usr/bin:/bin", PYTHONDONTWRITEBYTECODE="1")
FAKE = ["/small", "serve", "8888"]
ALL = dict(mesh_mount_mode="sidecar")
FATES = {{
    "ada": ALL,
    "bob": dict(cmd=FAKE),
    {odd!r}: dict(cmd=FAKE),
    "absent": dict(image="mesh.test/absent:1"),
    "crash": dict(cmd=["/small", "exit", "3"]),
    "hungry": dict(
        cmd=[sys.executable, "-c", "bytearray(512 << 20)"], mem_limit="64M", mem_guarantee="16M"
    ),
    "unmounted": ALL | dict(cmd=FAKE, mesh_gateway="grpc://{host}:1"),
    "sidecarless": ALL | dict(cmd=FAKE, mesh_sidecar_image="mesh.test/absent:2"),
    "slow": dict(cmd=FAKE, node_selector=dict(no="such"), start_timeout=5),
    "starting": dict(cmd=FAKE, node_selector=dict(no="such")),
    "stopped": dict(cmd=FAKE),
    "died": ALL | dict(cmd=FAKE),
    "surviving": ALL | dict(cmd=FAKE),
    "strict": ALL | dict(cmd=FAKE, namespace="strict"),
    "poor": dict(cmd=FAKE, namespace="poor"),
}}

def record(what, spawner):
    with open({record!r}, "a") as file:
        print(what, spawner.user.name, file=file)

class Recording(MeshKubeSpawner):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name, value in FATES.get(self.user.name, {{}}).items():
            setattr(self, name, value)

    async def mesh_pod_created(self, pod):
        await super().mesh_pod_created(pod)
        record("made", self)

    async def mesh_remove(self, name, value):
        await super().mesh_remove(name, value)
        if name == "secret":
            record("removed", self)

def hook(spawner, pod):
    # The operator's: it sees what is ours.
    pod.metadata.annotations["operator"] = ",".join(v["name"] for v in pod.spec.volumes if isinstance(v, dict))
    return pod

c.JupyterHub.spawner_class = Recording
c.JupyterHub.hub_bind_url = "http://{host}:{port}"
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": 0}}
c.JupyterHub.cleanup_servers = False
c.Recording.namespace = "hub"
c.Recording.modify_pod_hook = hook
c.Recording.image = c.Recording.mesh_sidecar_image = "{image}"
c.Recording.image_pull_policy = "Never"
c.Recording.uid, c.Recording.gid, c.Recording.fs_gid = 1000, 100, 100
c.Recording.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Recording.notebook_dir = "{home}"
c.Recording.environment = PATHS | dict(HOME="{home}", JUPYTER_CONFIG_PATH="{servers}", JUPYTER_PREFER_ENV_PATH="1")
c.Recording.volumes = [dict(name=f"host-{{n}}", hostPath=dict(path=path)) for n, path in enumerate(PREFIXES)]
c.Recording.volumes += [dict(name="home", emptyDir={{}})]
c.Recording.volume_mounts = SEEN + [dict(name="home", mountPath="{home}")]
c.Recording.mesh_sidecar = dict(
    imagePullPolicy="Never",
    command=[sys.executable, "-m", "jupyter_mesh.cli", "mount"],
    env=[dict(name=name, value=value) for name, value in PATHS.items()],
    volumeMounts=SEEN,
)
c.Recording.poll_interval = 1
c.Recording.start_timeout = 300
c.Recording.http_timeout = 120
"""


class KubeSite:
    """A node of the mesh in a process of its own, at an address that pods reach."""

    def __init__(self, folder, host):
        self.data, self.ready = folder / "site", folder / "site.json"
        self.log = folder / "site.log"
        self.host = host
        for user in USERS:
            add_user(self.data, user, PASSWORD.format(user))
        options = ["--host", host, "--allow-remote", "--gateway-port", "0", "--http-port", "0"]
        options += ["--token-life", "600", "--ready-file", str(self.ready)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*MODULE, "node", "--name", "alpine", "--data", str(self.data), *options],
                stdout=log,
                stderr=log,
            )
        wait_for(self._is_ready, "the site", seconds=90)
        self.gateway = "grpc://" + json.loads(self.ready.read_text())["gateway"]

    def _is_ready(self):
        assert self.process.poll() is None, self.log.read_text()
        return self.ready.exists()

    def home(self, user):
        return self.data / "home" / user

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


class KubeHub(Hub):
    """``add`` makes users known who have logged in; what happened to their Secrets is recorded."""

    def __init__(self, folder, cluster):
        host = "127.0.0.1" if why_no_node() else HOST
        self.cluster = cluster
        self.site = KubeSite(folder, host)
        self.record = folder / "record"
        self.record.touch()
        prefixes = {"/usr", "/bin", "/lib", "/lib64", str(ROOT), sys.prefix, sys.base_prefix}
        prefixes = sorted(
            path
            for path in prefixes
            if os.path.exists(path)
            and not any(path != each and Path(path).is_relative_to(each) for each in prefixes)
        )
        # The ports of Hub are of loopback; this one listens where pods are.
        super().__init__(folder, gateway=self.site.gateway)
        config = CONFIG.format(
            prefixes=prefixes,
            bin=Path(sys.executable).parent,
            host=host,
            port=self.ports[1],
            image=IMAGE,
            home=HOME,
            odd=ODD,
            servers=ROOT / "hub-config" / "local" / "servers",
            record=str(self.record),
        )
        self.config.write_text(self.config.read_text() + config)
        self.environment["KUBECONFIG"] = str(cluster.kubeconfig("hub"))

    def history(self, user):
        lines = [line.split() for line in self.record.read_text().splitlines()]
        return [what for what, name in lines if name == user]

    async def add(self, user):
        """A user who has logged in; returns the token of the site."""
        name = "elise" if user == ODD else user
        login = await authenticate(self.site.gateway, "basic", name, PASSWORD.format(name))
        now = time.time()
        credential = {
            "token": login.token,
            "received": now,
            "expires": now + 300,
            "username": name,
            "user": f"idp!{name}",
        }
        async with self.api() as api:
            async with api.post(f"users/{user}") as reply:
                assert reply.status in (201, 409)
            state = {"auth_state": {"mesh": credential}}
            async with api.patch(f"users/{user}", json=state) as reply:
                assert reply.status == 200
        return login.token

    async def begin(self, user):
        """Ask for a server, and do not wait."""
        async with self.api() as api, api.post(f"users/{user}/server") as reply:
            assert reply.status in (201, 202), await reply.text()

    async def events(self, user):
        """What those who wait for a server are told, until its start has ended."""
        async with self.api() as api, api.get(f"users/{user}/server/progress") as stream:
            async for line in stream.content:
                if line.startswith(b"data: "):
                    yield json.loads(line.removeprefix(b"data: "))

    async def outcome(self, user):
        """How the start of a server ended: the last thing that they are told."""
        last = {}
        async for event in self.events(user):
            last = event
        return last

    async def start_server(self, user):
        """Start one that must start."""
        await self.begin(user)
        outcome = await self.outcome(user)
        assert outcome.get("ready"), (outcome, self.log[-5000:])

    async def stop_server(self, user):
        async with self.api() as api:
            async with api.delete(f"users/{user}/server") as reply:
                assert reply.status in (202, 204), await reply.text()
            await until(lambda: self._gone(api, user), seconds=180)

    def pods(self, user, namespace="hub"):
        found = self.cluster.objects(f"/api/v1/namespaces/{namespace}/pods")
        return [
            pod
            for pod in found
            if pod["metadata"]["annotations"].get("hub.jupyter.org/username") == user
        ]

    def secrets(self, namespace="hub"):
        return self.cluster.objects(f"/api/v1/namespaces/{namespace}/secrets")

    async def nothing_is_left(self, user):
        """No pod, and no Secret that belongs to none."""
        await until(lambda: not self.pods(user), seconds=90)
        owners = {pod["metadata"]["uid"] for pod in self.cluster.objects("/api/v1/pods")}
        await until(
            lambda: all(
                each["metadata"]["ownerReferences"][0]["uid"] in owners for each in self.secrets()
            ),
            seconds=90,
        )


def processes(*words):
    """Processes of this machine whose command line has all these words, in this order."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            line = os.fsdecode(file.read_bytes()).split("\0")
            if all(word in line for word in words):
                found.append(int(file.parent.name))
    return found
