"""``jupyter mesh doctor --hub``: what is wrong with the configuration of a hub, and what to do."""

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_mesh_spawner.doctor import look
from jupyter_mesh_spawner.doctor.cluster import blocking

GOOD = """
from jupyter_mesh_spawner import apply_defaults

apply_defaults(c)
c.CryptKeeper.keys = ["0" * 64]
c.JupyterHub.authenticator_class = "mesh-cs3"
c.CS3Authenticator.mesh_site = "alpine"
c.CS3Authenticator.mesh_gateway = "127.0.0.1:{port}"
c.CS3Authenticator.allow_all = True
c.JupyterHub.spawner_class = "mesh-local"
c.ConfigurableHTTPProxy.command = {proxy!r}
"""
PROXY = str(Path(sys.executable).with_name("configurable-http-proxy"))


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def config(tmp_path, port):
    """Writes a good configuration with lines after it."""

    def config(more=""):
        file = tmp_path / "jupyterhub_config.py"
        file.write_text(GOOD.format(port=port, proxy=PROXY) + more)
        return file

    return config


@pytest.fixture
def doctor(config, monkeypatch):
    """What each check finds in a good configuration with lines after it."""
    for name in [name for name in os.environ if name.startswith(("JUPYTERHUB_", "MESH_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", "/nonexistent")

    async def doctor(more=""):
        return {each.check: each for each in await look(config(more))}

    return doctor


def test_people_read_a_line_per_check(config, tmp_path):
    command = [sys.executable, "-m", "jupyter_mesh.cli", "doctor", "--hub"]
    config("c.CryptKeeper.keys = []")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("problem"))
    assert "openssl rand -hex 32" in line
    (tmp_path / "jupyterhub_config.py").unlink()
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "There is no jupyterhub_config.py. Name the hub's configuration" in done.stdout


async def test_a_hub_that_is_well(doctor):
    found = await doctor()
    assert [each for each in found.values() if each.ok is False] == []
    for check in ("versions", "crypt key", "login", "scopes", "proxy", "spawner", "gateway"):
        assert found[check].ok is True, found[check]
    assert "jupyter mesh login" in found["clock"].text


CASES = {
    "no crypt key": ("c.CryptKeeper.keys = []", "crypt key", "openssl rand -hex 32"),
    "auth_state off": (
        "c.Authenticator.enable_auth_state = False",
        "crypt key",
        "do not set Authenticator.enable_auth_state",
    ),
    "a login without storage": (
        "c.JupyterHub.authenticator_class = 'dummy'",
        "login",
        "DummyAuthenticator keeps no tokens",
    ),
    "nobody may log in": (
        "c.CS3Authenticator.allow_all = False",
        "login",
        "CS3Authenticator.allow_all = True",
    ),
    "the scope does not exist": ("c.JupyterHub.custom_scopes = {}", "scopes", "apply_defaults(c)"),
    "users without the scope": (
        "c.JupyterHub.load_roles = [{'name': 'user', 'scopes': ['self']}]",
        "scopes",
        'Add it to the role "user"',
    ),
    "servers without the scope": (
        "c.Spawner.server_token_scopes = ['users:activity!user', 'access:servers!server']",
        "scopes",
        "add it to Spawner.server_token_scopes",
    ),
    "no proxy": (
        "c.ConfigurableHTTPProxy.command = 'no-such-proxy'",
        "proxy",
        "npm install -g configurable-http-proxy",
    ),
    "a spawner without files": (
        "c.JupyterHub.spawner_class = 'simple'",
        "spawner",
        "mesh-local",
    ),
    "a gateway that is away": (
        "c.CS3Authenticator.mesh_gateway = '127.0.0.1:1'",
        "gateway",
        "Nothing answers at 127.0.0.1:1",
    ),
}


@pytest.mark.parametrize(("more", "check", "says"), CASES.values(), ids=CASES)
async def test_what_is_wrong_and_what_to_do(doctor, more, check, says):
    found = await doctor(more)
    assert found[check].ok is False, found
    assert says in found[check].text


async def test_the_python_package_of_the_proxy(doctor, tmp_path):
    program = tmp_path / "configurable-http-proxy"
    program.write_text("#!/usr/bin/python3\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    found = await doctor(f"c.ConfigurableHTTPProxy.command = {str(program)!r}")
    assert found["proxy"].ok is False
    assert "breaks collaboration" in found["proxy"].text


@pytest.mark.parametrize(
    ("more", "says"),
    [
        pytest.param("c.CS3Authenticator.mesh_gateway = ''", "mesh_gateway", id="no gateway"),
        pytest.param("import no_such_module", "No module named", id="broken file"),
        pytest.param("c.JupyterHub.spawner_class = 'no-such'", "no-such", id="unknown class"),
        pytest.param("raise SystemExit(3)", "SystemExit: 3", id="ends"),
    ],
)
async def test_a_configuration_with_which_no_hub_starts(doctor, more, says):
    found = await doctor(more)
    assert says in found["configuration"].text
    assert "jupyterhub_config.py" in found["configuration"].text


CONTAINERS = """
from jupyterhub.spawner import SimpleLocalProcessSpawner
from jupyter_mesh_spawner.mixin import MeshSpawnerMixin

class {base}(SimpleLocalProcessSpawner):
    "Stands where there is no engine and no cluster."

class X(MeshSpawnerMixin, {base}):
    pass

c.JupyterHub.spawner_class = X
"""


async def test_a_hub_that_containers_cannot_reach(doctor):
    found = await doctor(CONTAINERS.format(base="KubeSpawner"))
    assert found["hub address"].ok is False
    assert "hub_bind_url" in found["hub address"].text
    found = await doctor(
        CONTAINERS.format(base="KubeSpawner")
        + "c.JupyterHub.hub_bind_url = 'http://10.1.2.3:8081'",
    )
    assert found["hub address"].ok is True


async def test_a_cluster_that_cannot_be_asked(doctor):
    found = await doctor(CONTAINERS.format(base="KubeSpawner"))
    assert found["cluster"].ok is False
    assert "kubectl exec deploy/hub" in found["cluster"].text


async def test_an_engine_that_is_away(doctor, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    found = await doctor(CONTAINERS.format(base="DockerSpawner"))
    assert found["engine"].ok is False
    assert "The Docker engine does not answer" in found["engine"].text


def policy(*rules, selects=None, name="singleuser"):
    return {
        "metadata": {"name": name},
        "spec": {
            "podSelector": {"matchLabels": selects or {"component": "singleuser-server"}},
            "policyTypes": ["Egress"],
            "egress": list(rules),
        },
    }


# What the chart of JupyterHub makes: DNS, and everything outside, without what is private.
DNS = {"to": [{"ipBlock": {"cidr": "10.96.0.10/32"}}], "ports": [{"port": 53, "protocol": "TCP"}]}
OUTSIDE = {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "192.168.0.0/16"]}}]}
TO_GATEWAY = {"to": [{"ipBlock": {"cidr": "10.7.0.0/16"}}], "ports": [{"port": 9142}]}

POLICIES = {
    "none": ([], "10.7.0.5", []),
    "the site is outside": ([policy(DNS, OUTSIDE)], "203.0.113.5", []),
    "the site is private": ([policy(DNS, OUTSIDE)], "10.7.0.5", ["singleuser"]),
    "private and allowed": ([policy(DNS, OUTSIDE, TO_GATEWAY)], "10.7.0.5", []),
    "allowed by another one": ([policy(DNS), policy(TO_GATEWAY, name="more")], "10.7.0.5", []),
    "for other pods": ([policy(selects={"component": "hub"})], "10.7.0.5", []),
    "nothing may go out": ([policy()], "203.0.113.5", ["singleuser"]),
    "another port": (
        [policy({"to": TO_GATEWAY["to"], "ports": [{"port": 443}]})],
        "10.7.0.5",
        ["singleuser"],
    ),
    "a range of ports": (
        [policy({"to": TO_GATEWAY["to"], "ports": [{"port": 9000, "endPort": 9999}]})],
        "10.7.0.5",
        [],
    ),
    "everything": ([policy({})], "10.7.0.5", []),
}


@pytest.mark.parametrize(("policies", "address", "names"), POLICIES.values(), ids=POLICIES)
def test_network_policies_that_keep_servers_from_the_site(policies, address, names):
    labels = {"app": "jupyterhub", "component": "singleuser-server"}
    assert blocking(policies, labels, {address}, 9142) == names
