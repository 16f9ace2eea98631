"""hub-config/docker, and what our spawner leaves to the operator; no engine is needed."""

import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from jupyterhub.app import JupyterHub
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from jupyter_mesh_spawner.cs3 import CS3Authenticator
from jupyter_mesh_spawner.docker import MeshDockerSpawner

FOLDER = Path(__file__).parents[2] / "hub-config" / "docker"
SET = {"MESH_SITE": "alpine", "MESH_GATEWAY": "mesh.example.org:9142"}


def test_compose_file_is_one_for_docker_where_that_can_be_asked():
    for words in (["docker", "compose"], ["docker-compose"]):
        program = shutil.which(words[0])
        if (
            program
            and not subprocess.run([*words, "version"], capture_output=True, check=False).returncode
        ):
            break
    else:
        pytest.skip("neither docker compose nor docker-compose is here")
    command = [*words, "-f", str(FOLDER / "compose.yaml"), "config", "--quiet"]
    done = subprocess.run(
        command,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", **SET},
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_compose_file_names_only_what_there_is(monkeypatch, tmp_path):
    text = (FOLDER / "compose.yaml").read_text()
    compose = yaml.safe_load(text)
    assert set(compose) == {"name", "services", "networks", "volumes"}
    hub = compose["services"]["hub"]
    for service in compose["services"].values():
        assert (FOLDER / service["build"]["dockerfile"]).is_file()
        assert set(service.get("depends_on", {})) <= set(compose["services"])
        assert set(service.get("networks", [])) <= set(compose["networks"])
        named = {volume.partition(":")[0] for volume in service.get("volumes", [])}
        assert {each for each in named if not each.startswith("/")} <= set(compose["volumes"])
    assert hub["environment"]["MESH_SERVER_IMAGE"] == compose["services"]["server"]["image"]
    assert hub["environment"]["MESH_NETWORK"] == compose["networks"]["mesh"]["name"]
    config = read(
        monkeypatch,
        tmp_path,
        {**SET, **{name: value for name, value in hub["environment"].items() if "$" not in value}},
    )
    assert "hub" in config.JupyterHub.hub_connect_url
    # No secret in an environment: keys are made in the state folder.
    assert not re.search("KEY|SECRET|TOKEN|PASSWORD", " ".join(hub["environment"]))
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def read(monkeypatch, folder, environment):
    for name, value in {**environment, "MESH_HUB_STATE": str(folder)}.items():
        monkeypatch.setenv(name, value)
    return PyFileConfigLoader("jupyterhub_config.py", path=str(FOLDER)).load_config()


def test_every_setting_of_the_configuration_exists(monkeypatch, tmp_path):
    config = read(
        monkeypatch, tmp_path, {**SET, "MESH_NETWORK": "mesh", "MESH_SERVER_IMAGE": "mesh-server"}
    )
    for cls in (JupyterHub, CS3Authenticator, MeshDockerSpawner):
        assert set(config[cls.__name__]) <= set(cls.class_traits(config=True)), cls
    spawner = MeshDockerSpawner(config=config, user=SimpleNamespace(name="ada"))
    assert (spawner.remove, spawner.mesh_mount_mode) == (True, "none")
    assert spawner.mesh_mounter_image == "mesh-server"


@pytest.mark.parametrize(
    ("theirs", "merged"),
    [
        ({}, {"tmpfs": {"/run/mesh": "size=1m,mode=1777"}}),
        (
            {"tmpfs": {"/tmp": "size=9m"}, "dns": ["192.0.2.1"]},
            {"tmpfs": {"/run/mesh": "size=1m,mode=1777", "/tmp": "size=9m"}, "dns": ["192.0.2.1"]},
        ),
        (
            {"tmpfs": ["/tmp", "/var/tmp:size=9m"], "mounts": ["theirs"]},
            {
                "tmpfs": {"/run/mesh": "size=1m,mode=1777", "/tmp": "", "/var/tmp": "size=9m"},
                "mounts": ["theirs"],
            },
        ),
        (
            lambda spawner: {"privileged": False},
            {"privileged": False, "tmpfs": {"/run/mesh": "size=1m,mode=1777"}},
        ),
        (None, {"tmpfs": {"/run/mesh": "size=1m,mode=1777"}}),
    ],
    ids=["none", "a folder of theirs", "a list of theirs", "a function", "nothing"],
)
async def test_what_the_operator_says_of_containers_stays(theirs, merged):
    config = Config()
    if theirs is not None:
        config.DockerSpawner.extra_host_config = theirs
    config.DockerSpawner.volumes = {"homes-{username}": "/home/jovyan"}
    spawner = MeshDockerSpawner(config=config, user=SimpleNamespace(name="ada"))
    for _ in range(2):
        # Also at the second start of the same object.
        await spawner.mesh_create(None)
        assert await spawner.extra_host_config(spawner) == merged
        assert spawner.volumes == {"homes-{username}": "/home/jovyan"}
    assert config.DockerSpawner.volumes == {"homes-{username}": "/home/jovyan"}
