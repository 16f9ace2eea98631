"""One cluster for all tests of the folder, and a build of it that begins when the tests are collected."""

import subprocess
from pathlib import Path

import pytest

from tests.kubernetes import clusters, nodes
from tests.kubernetes.hubs import KubeHub, make_namespaces

SLOW = {"programs", "cluster", "node", "hub"}
_building: list[subprocess.Popen] = []


def pytest_collection_modifyitems(items):
    """The first of them may wait for the build, and for the others."""
    for item in items:
        if Path(__file__).parent in item.path.parents and SLOW & set(item.fixturenames):
            item.add_marker(pytest.mark.timeout(1800))


def pytest_collection_finish(session):
    """Begin to build beside the other tests, which are many; each worker asks, and one builds."""
    if _building or session.config.option.collectonly:
        return
    if any(
        "programs" in item.fixturenames for item in session.items if hasattr(item, "fixturenames")
    ):
        command = ["nice", "-n", "10", str(clusters.BUILD), "cluster"]
        quiet = subprocess.DEVNULL
        _building.append(
            subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)
        )


def pytest_sessionfinish():
    """What was begun is complete by now, or was not needed."""
    for process in _building:
        if process.poll() is None:
            process.terminate()
        process.wait()


@pytest.fixture(scope="session")
def programs():
    """The folder with the programs of Kubernetes."""
    try:
        return clusters.built("cluster")
    except clusters.CannotBuild as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def cluster(programs, tmp_path_factory):
    """The API of Kubernetes, with a node where this machine can have one."""
    if nodes.why_no_node():
        with clusters.api(programs, tmp_path_factory.mktemp("cluster")) as running:
            make_namespaces(running)
            yield running
    else:
        with nodes.node(programs) as running:
            make_namespaces(running)
            yield running


@pytest.fixture(scope="session")
def node(cluster):
    """A cluster that runs pods."""
    if why := nodes.why_no_node():
        pytest.skip(f"no pod can run: {why}")
    return cluster


@pytest.fixture(scope="session")
def hub(cluster, tmp_path_factory):
    """A hub on this machine, over a site of its own, with servers in the cluster."""
    hub = KubeHub(tmp_path_factory.mktemp("hub"), cluster)
    hub.start()
    yield hub
    hub.stop()
    hub.site.stop()
