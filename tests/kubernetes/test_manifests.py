"""The manifests that we make, against the schemas of Kubernetes, every unknown word refused; no cluster is needed."""

import copy
import json
import subprocess
import sys

import kubernetes_validate
import pytest
from kubernetes_asyncio.client import (
    ApiClient,
    V1Container,
    V1EnvVar,
    V1ObjectMeta,
    V1Pod,
    V1PodSpec,
)

from jupyter_mesh_spawner.sidecar import (
    Sidecar,
    add_token_folder,
    keep_out_of_manifest,
    secret_manifest,
)

OLDEST, NEWEST = "1.29", "1.34"
"""The first with native side-cars by default, and the one of our cluster."""

API_TOKEN = "api-t0ken-of-the-server"


def pod(*, own=None, whole=None, **spec):
    """A pod as KubeSpawner makes one."""
    server = V1Container(
        name="notebook",
        image="lab:1",
        env=[
            V1EnvVar(name="JUPYTERHUB_API_TOKEN", value=API_TOKEN),
            V1EnvVar(name="JPY_API_TOKEN", value=API_TOKEN),
            V1EnvVar(name="MESH_SITE", value="alpine"),
        ],
        security_context=own,
    )
    return V1Pod(
        api_version="v1",
        kind="Pod",
        metadata=V1ObjectMeta(name="jupyter-maya", namespace="hub"),
        spec=V1PodSpec(containers=[server], security_context=whole, **spec),
    )


def sidecar(**more):
    facts = {
        "image": "mount:1",
        "secret": "mesh-1234",
        "environment": {"MESH_SITE": "alpine", "JUPYTERHUB_USER": "maya"},
        "grace": 30.0,
        "cache": {"emptyDir": {}},
    }
    return Sidecar(**facts | more)


async def manifest(made):
    async with ApiClient() as client:
        found = client.sanitize_for_serialization(made)
    for version in (OLDEST, NEWEST):
        kubernetes_validate.validate(found, version, strict=True)
    return found


async def whole(made=None, **more):
    made = made or pod()
    keep_out_of_manifest(made, "mesh-1234", API_TOKEN)
    add_token_folder(made)
    sidecar(**more).add_to(made)
    return await manifest(made)


async def test_schemas_refuse_a_slip():
    """Or the tests below would prove nothing."""
    found = await whole()
    mount = found["spec"]["containers"][0]["volumeMounts"][0]
    mount["mountPropogation"] = "HostToContainer"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(found, NEWEST, strict=True)


async def test_server_without_mount():
    made = pod()
    keep_out_of_manifest(made, "mesh-1234", API_TOKEN)
    add_token_folder(made)
    found = await manifest(made)
    (server,) = found["spec"]["containers"]
    assert "initContainers" not in found["spec"]
    assert server["volumeMounts"] == [
        {"name": "mesh-api-token", "mountPath": "/run/mesh-secrets", "readOnly": True},
        {"name": "mesh-token", "mountPath": "/run/mesh"},
    ]
    memory = next(each for each in found["spec"]["volumes"] if each["name"] == "mesh-token")
    assert memory["emptyDir"]["medium"] == "Memory"


async def test_no_token_is_in_the_manifest():
    found = await whole()
    assert API_TOKEN not in json.dumps(found)
    reference = {"secretKeyRef": {"name": "mesh-1234", "key": "api-token"}}
    assert found["spec"]["containers"][0]["env"] == [
        {"name": "JUPYTERHUB_API_TOKEN", "valueFrom": reference},
        {"name": "JPY_API_TOKEN", "valueFrom": reference},
        {"name": "MESH_SITE", "value": "alpine"},
    ]


async def test_what_server_and_sidecar_may():
    found = await whole()
    (server,), (mount,) = found["spec"]["containers"], found["spec"]["initContainers"]
    assert server["securityContext"] == {"capabilities": {"drop": ["ALL"]}}
    assert (mount["restartPolicy"], mount["securityContext"]["privileged"]) == ("Always", True)
    assert {each["mountPath"]: each.get("mountPropagation") for each in mount["volumeMounts"]} == {
        "/mesh": "Bidirectional",
        "/run/mesh": None,
        "/run/mesh-secrets": None,
        "/var/lib/mesh": None,
    }
    seen = {each["mountPath"]: each for each in server["volumeMounts"]}
    assert set(seen) == {"/mesh", "/run/mesh", "/run/mesh-secrets"}
    assert seen["/mesh"]["mountPropagation"] == "HostToContainer"
    assert seen["/mesh"]["readOnly"] is True
    # Each sees its own keys of the Secret.
    secrets = {
        each["name"]: [item["key"] for item in each["secret"]["items"]]
        for each in found["spec"]["volumes"]
        if "secret" in each
    }
    assert secrets == {"mesh-api-token": ["api-token"], "mesh-secrets": ["token", "hub-token"]}
    assert found["spec"]["terminationGracePeriodSeconds"] == 45


OWNERS = {
    "nobody says": (None, None, "1000:100"),
    "the container": ({"runAsUser": 7, "runAsGroup": 8}, {"runAsUser": 1, "fsGroup": 2}, "7:8"),
    "the pod": (None, {"runAsUser": 5, "runAsGroup": 6}, "5:6"),
    "as the chart of JupyterHub": ({"runAsUser": 1000}, {"fsGroup": 100}, "1000:100"),
    "root": ({"runAsUser": 0}, None, "0:100"),
}


@pytest.mark.parametrize(("own", "all_", "owner"), OWNERS.values(), ids=OWNERS)
async def test_files_are_the_servers(own, all_, owner):
    found = await whole(pod(own=own, whole=all_))
    (mount,) = found["spec"]["initContainers"]
    assert mount["args"][mount["args"].index("--owner") + 1] == owner


async def test_operator_has_the_last_word():
    made = pod(
        own={"capabilities": {"add": ["NET_BIND_SERVICE"]}},
        init_containers=[V1Container(name="theirs", image="busybox")],
        volumes=[{"name": "home", "emptyDir": {}}],
        termination_grace_period_seconds=300,
    )
    extra = {
        "resources": {"limits": {"memory": "2Gi"}},
        "imagePullPolicy": "Never",
        "env": [{"name": "MESH_CA_FILE", "value": "/ca.pem"}],
        "volumeMounts": [{"name": "home", "mountPath": "/ca"}],
    }
    given = copy.deepcopy(extra)
    found = await whole(made, extra=extra, cache={"persistentVolumeClaim": {"claimName": "mesh-1"}})
    mount, theirs = found["spec"]["initContainers"]
    assert theirs["name"] == "theirs"
    assert mount["resources"] == {"limits": {"memory": "2Gi"}}
    assert mount["env"][-1] == extra["env"][0]
    assert len(mount["env"]) == 7
    assert mount["volumeMounts"][-1] == extra["volumeMounts"][0]
    assert len(mount["volumeMounts"]) == 5
    assert found["spec"]["terminationGracePeriodSeconds"] == 300
    assert found["spec"]["volumes"][0] == {"name": "home", "emptyDir": {}}
    server = found["spec"]["containers"][0]
    assert server["securityContext"] == {"capabilities": {"add": ["NET_BIND_SERVICE"]}}
    assert extra == given


def test_secret_is_owned_by_the_pod():
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "jupyter-maya", "uid": "1-2-3"}
    made = secret_manifest("mesh-1234", owner, {"token": "t0ken"})
    kubernetes_validate.validate(made, NEWEST, strict=True)
    assert made["metadata"]["ownerReferences"] == [owner]


def test_other_spawners_need_none_of_this():
    code = "import sys, jupyter_mesh_spawner.local; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"kubespawner", "kubernetes_asyncio"}
