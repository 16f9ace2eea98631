"""What pods and events mean to people: tables of what real clusters say."""

import pytest

from jupyter_mesh_spawner.pods import is_mounted, trouble_of, words_for


def container(name="notebook", *, last=None, **state):
    return {"name": name, "image": "lab:1", "state": state, "lastState": last or {}}


def pod(*servers, init=(), phase="Pending", **status):
    return {
        "metadata": {"name": "jupyter-maya"},
        "status": {
            "phase": phase,
            "containerStatuses": list(servers),
            "initContainerStatuses": list(init),
            **status,
        },
    }


def waiting(reason, name="notebook", message="of the cluster"):
    return container(name, waiting={"reason": reason, "message": message})


def ended(code, reason="Error", message="", name="notebook"):
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


SAID = "Traceback …\njupyter mesh mount: alpine does not answer."

TROUBLES = {
    "image that cannot be pulled": (pod(waiting("ErrImagePull")), "mesh_no_image", "lab:1"),
    "image, the second time": (pod(waiting("ImagePullBackOff")), "mesh_no_image", "lab:1"),
    "image that may not be pulled": (pod(waiting("ErrImageNeverPull")), "mesh_no_image", "Choose"),
    "image of the side-car": (
        pod(init=[waiting("ErrImagePull", "mesh-mount")]),
        "mesh_no_image",
        "which your server needs",
    ),
    "bad configuration": (
        pod(waiting("CreateContainerConfigError")),
        "mesh_pod_refused",
        "CreateContainerConfigError",
    ),
    "server ended": (pod(container(**ended(1))), "mesh_server_ended", "exit code 1"),
    "server ended and runs again": (
        pod(container(last=ended(3), running={})),
        "mesh_server_ended",
        "exit code 3",
    ),
    "server in a crash loop": (
        pod(container(last=ended(127), waiting={"reason": "CrashLoopBackOff"})),
        "mesh_server_ended",
        "exit code 127",
    ),
    "server with too little memory": (
        pod(container(**ended(137, "OOMKilled"))),
        "mesh_out_of_memory",
        "more memory",
    ),
    "mount failed": (
        pod(waiting("PodInitializing"), init=[container("mesh-mount", **ended(1, message=SAID))]),
        "mesh_mount_failed",
        "alpine does not answer.",
    ),
    "mount with too little memory": (
        pod(init=[container("mesh-mount", **ended(137, "OOMKilled"))]),
        "mesh_mount_failed",
        "needs more memory",
    ),
    "evicted": (
        pod(phase="Failed", reason="Evicted", message="low on disk"),
        "mesh_pod_failed",
        "Evicted",
    ),
    "being deleted": (
        {"metadata": {"deletionTimestamp": "2026-11-22T10:00:00Z"}, "status": {}},
        "mesh_pod_gone",
        "taken your server away",
    ),
}


@pytest.mark.parametrize(("found", "reason", "part"), TROUBLES.values(), ids=TROUBLES)
def test_trouble_is_told(found, reason, part):
    trouble = trouble_of(found)
    assert trouble is not None
    assert trouble.reason == reason
    assert part in trouble.sentence
    failure = trouble.failure()
    assert (failure.reason, failure.status_code) == (reason, 500)


FINE = {
    "new": {"metadata": {}, "status": {"phase": "Pending"}},
    "no status yet": {"metadata": {}},
    "no room yet": pod(
        conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]
    ),
    "being made": pod(
        waiting("ContainerCreating"), init=[waiting("PodInitializing", "mesh-mount")]
    ),
    "running": pod(container(running={}), init=[container("mesh-mount", running={})]),
    "init container of the operator is done": pod(
        waiting("PodInitializing"), init=[container("theirs", **ended(0, "Completed"))]
    ),
    "init container of the operator tries again": pod(
        waiting("PodInitializing"), init=[container("theirs", last=ended(1), running={})]
    ),
}


@pytest.mark.parametrize("found", FINE.values(), ids=FINE)
def test_no_trouble(found):
    assert trouble_of(found) is None


def test_mounted_when_the_side_car_is_ready():
    assert not is_mounted(pod())
    assert not is_mounted(pod(init=[{"name": "mesh-mount", "ready": False}]))
    assert not is_mounted(pod(init=[{"name": "theirs", "ready": True}]))
    assert is_mounted(pod(init=[{"name": "mesh-mount", "ready": True}]))


WORDS = {
    "no room": ("FailedScheduling", "", "0/3 nodes", "Waiting for a machine with enough room"),
    "found": ("Scheduled", "", "", "A machine has been found"),
    "server": ("Started", "spec.containers{notebook}", "", "Jupyter has started"),
    "mount": (
        "Started",
        "spec.initContainers{mesh-mount}",
        "",
        "The program that mounts your files has started",
    ),
    "disk": ("FailedMount", "", 'volume "home"', "Waiting for your disk"),
    "our Secret, a moment later": ("FailedMount", "", 'volume "mesh-secrets" : not found', ""),
    "of no interest": ("Created", "spec.containers{notebook}", "", ""),
}


@pytest.mark.parametrize(("reason", "path", "message", "words"), WORDS.values(), ids=WORDS)
def test_events_in_words(reason, path, message, words):
    event = {"reason": reason, "message": message, "involvedObject": {"fieldPath": path}}
    assert words_for(event) == words
