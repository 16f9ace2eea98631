"""The settings of a site: from the environment, from traits, and what is refused."""

from pathlib import Path

import pytest
from traitlets import TraitError
from traitlets.config import Config

from jupyter_mesh.config import MeshSite, SiteSettings, is_loopback
from jupyter_mesh.errors import InvalidRequest

ENVIRONMENT = {
    "MESH_SITE": "alpine",
    "MESH_GATEWAY": "mesh.example.org:9142",
    "MESH_TOKEN_FILE": "/home/me/token",
}


def test_the_environment_is_enough() -> None:
    settings = SiteSettings.from_environment(ENVIRONMENT)
    assert settings == SiteSettings(
        name="alpine", gateway="mesh.example.org:9142", token_file=Path("/home/me/token")
    )


def test_optional_parts_of_the_environment() -> None:
    settings = SiteSettings.from_environment(
        ENVIRONMENT | {"MESH_CA_FILE": "/ca.pem", "MESH_DATA_HOSTS": "a.org, b.org,"}
    )
    assert (settings.ca_file, settings.data_hosts) == (Path("/ca.pem"), ("a.org", "b.org"))


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(InvalidRequest, match=f"{name} is not set"):
        SiteSettings.from_environment({**ENVIRONMENT, name: ""})


@pytest.mark.parametrize(
    ("gateway", "target", "plaintext"),
    [
        ("mesh.example.org:9142", "mesh.example.org:9142", False),
        ("127.0.0.1:19000", "127.0.0.1:19000", True),
        ("127.0.0.2:19000", "127.0.0.2:19000", True),
        ("localhost:19000", "localhost:19000", True),
        ("[::1]:19000", "[::1]:19000", True),
        ("localhost.example.org:1", "localhost.example.org:1", False),
        ("10.0.0.1:9142", "10.0.0.1:9142", False),
        ("grpc://node:9142", "node:9142", True),
        ("grpcs://127.0.0.1:9142", "127.0.0.1:9142", False),
    ],
)
def test_tls_everywhere_but_on_this_machine(gateway: str, target: str, plaintext: bool) -> None:
    settings = SiteSettings(name="alpine", gateway=gateway)
    assert (settings.target, settings.plaintext) == (target, plaintext)


@pytest.mark.parametrize(
    "gateway",
    ["", "mesh.example.org", ":9142", "host:port", "host:99999", "https://host", "host:-1"],
)
def test_bad_addresses_are_refused(gateway: str) -> None:
    with pytest.raises(InvalidRequest, match="not the address of a gateway"):
        SiteSettings(name="alpine", gateway=gateway)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.8.9.1", True),
        ("[::1]", True),
        ("10.0.0.1", False),
        ("a.b", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_traits_come_before_the_environment() -> None:
    config = Config({"MeshSite": {"name": "coast", "timeout": 5.0, "data_hosts": ["c.org"]}})
    settings = MeshSite(config=config).settings(ENVIRONMENT)
    assert (settings.name, settings.gateway) == ("coast", "mesh.example.org:9142")
    assert (settings.timeout, settings.data_hosts) == (5.0, ("c.org",))


def test_unknown_traits_are_refused() -> None:
    for build in (
        lambda: MeshSite(config=Config({"MeshSite": {"gatway": "x:1"}})),
        lambda: MeshSite(gatway="x:1"),
    ):
        with pytest.raises(TraitError, match=r"no setting gatway\. It has: ca_file, data_hosts"):
            build()


def test_every_trait_explains_itself() -> None:
    for name, trait in MeshSite.class_traits(config=True).items():
        assert trait.help.endswith("."), name
