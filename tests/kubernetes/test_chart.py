"""Our chart, rendered by Helm's own engine, and our values for the chart of JupyterHub.

That chart is on a server of its own, which no test asks: what our values mean to it is checked with the classes that
they configure, and its words with those that it is known to have.
"""

import json
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from traitlets.config import Config

from jupyter_mesh_spawner.cs3 import CS3Authenticator
from jupyter_mesh_spawner.kube import MeshKubeSpawner
from tests.kubernetes.clusters import CannotBuild, built

FOLDER = Path(__file__).parents[2] / "hub-config" / "kubernetes"
MESH = {"site": "alpine", "gateway": "mesh.example.org:9142", "mountImage": "mount:1"}


@pytest.fixture(scope="module")
def render(tmp_path_factory):
    """Renders the chart with values; its objects, each valid for Kubernetes."""
    try:
        program = built("render") / "mesh-test-render"
    except CannotBuild as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("values")

    def run(**values):
        file = folder / "values.yaml"
        file.write_text(yaml.safe_dump(values))
        done = subprocess.run(
            [program, FOLDER / "chart", file], capture_output=True, text=True, check=False
        )
        if done.returncode:
            return done.stderr
        found = [each for each in yaml.safe_load_all(done.stdout) if each]
        for each in found:
            kubernetes_validate.validate(each, "1.34", strict=True)
        return {each["kind"]: each for each in found}

    return run


@pytest.mark.timeout(900)
def test_chart_says_the_site_to_the_hub(render):
    found = render(mesh=MESH)
    assert set(found) == {"ConfigMap", "NetworkPolicy"}
    assert json.loads(found["ConfigMap"]["data"]["mesh.json"]) == MESH
    (rule,) = found["NetworkPolicy"]["spec"]["egress"]
    assert [port["port"] for port in rule["ports"]] == [9142, 443]
    assert set(render(mesh=MESH | {"egress": []})) == {"ConfigMap"}


@pytest.mark.timeout(900)
def test_chart_asks_for_what_it_needs(render):
    assert "Say which site: --set mesh.site=NAME" in render(mesh={"gateway": "a:1"})
    assert "--set mesh.gateway=HOST:PORT" in render(mesh={"site": "alpine"})


def as_the_chart_does(values, replaced=None):
    """What the hub's configuration is then: classes by name, then the pieces of Python, sorted."""
    c = Config()
    for name, traits in values["hub"]["config"].items():
        c[name].update(traits)
    for _, code in sorted(values["hub"]["extraConfig"].items()):
        for text, other in (replaced or {}).items():
            assert text in code
            code = code.replace(text, other)
        exec(code, {"c": c})  # noqa: S102 - ours, as the hub runs it
    return c


def test_values_of_the_chart_configure_the_hub(tmp_path):
    values = yaml.safe_load((FOLDER / "chart" / "values.yaml").read_text())["jupyterhub"]
    (mount,) = values["hub"]["extraVolumeMounts"]
    (tmp_path / "mesh.json").write_text(json.dumps(MESH))
    c = as_the_chart_does(values, {mount["mountPath"]: str(tmp_path)})
    check(c)
    assert c.CS3Authenticator.mesh_gateway == MESH["gateway"]
    assert c.MeshKubeSpawner.mesh_sidecar_image == "mount:1"
    (tmp_path / "mesh.json").write_text(json.dumps(MESH | {"mountImage": ""}))
    c = as_the_chart_does(values, {mount["mountPath"]: str(tmp_path)})
    assert "mesh_mount_mode" not in c.MeshKubeSpawner


def test_values_for_the_chart_of_jupyterhub_configure_the_hub():
    c = as_the_chart_does(yaml.safe_load((FOLDER / "values.yaml").read_text()))
    check(c)
    assert c.MeshKubeSpawner.mesh_mount_mode == "sidecar"


def check(c):
    assert (c.JupyterHub.authenticator_class, c.JupyterHub.spawner_class) == (
        "mesh-cs3",
        "mesh-kube",
    )
    assert c.Authenticator.enable_auth_state is True
    for cls in (CS3Authenticator, MeshKubeSpawner):
        unknown = set(c[cls.__name__]) - set(cls.class_traits(config=True))
        assert unknown == set()


# From its schema and its templates: a word that it does not know is refused by it.
KNOWN = {
    "hub": {"image", "config", "extraConfig", "extraVolumes", "extraVolumeMounts"},
    "singleuser": {"image", "networkPolicy"},
}


@pytest.mark.parametrize("file", ["values.yaml", "chart/values.yaml"])
def test_words_that_the_chart_of_jupyterhub_knows(file):
    values = yaml.safe_load((FOLDER / file).read_text())
    values = values.get("jupyterhub", values)
    assert {part: set(words) - KNOWN[part] for part, words in values.items()} == {
        "hub": set(),
        "singleuser": set(),
    }


def test_versions_are_ours():
    chart = yaml.safe_load((FOLDER / "chart" / "Chart.yaml").read_text())
    from jupyter_mesh_spawner import __version__

    assert chart["version"] == chart["appVersion"] == __version__
