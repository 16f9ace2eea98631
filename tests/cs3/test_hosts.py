"""Which hosts may receive a user's token."""

import pytest

from jupyter_mesh.config import SiteSettings
from jupyter_mesh.cs3.data import DataGateway
from jupyter_mesh.errors import NotAllowed

REMOTE = "Mesh.example.org:9142"


@pytest.mark.parametrize(
    ("gateway", "url"),
    [
        (REMOTE, "https://mesh.example.org/data"),
        (REMOTE, "https://mesh.example.org:8443/data?x=y"),
        (REMOTE, "https://data.example.org/data"),
        (REMOTE, "https://[2001:db8::1]/data"),
        ("127.0.0.1:9142", "https://localhost:9200/data"),
        ("127.0.0.1:9142", "http://127.0.0.2:19001/data"),
        ("[::1]:9142", "http://[::1]:80/data"),
        ("grpc://node:9142", "http://node:9200/data"),
    ],
)
def test_hosts_of_the_site(gateway: str, url: str) -> None:
    hosts = ("data.example.org", "[2001:db8::1]")
    DataGateway(SiteSettings(name="alpine", gateway=gateway, data_hosts=hosts)).check(url)


@pytest.mark.parametrize(
    ("gateway", "url", "words"),
    [
        (REMOTE, "https://other.example.org/data", "MESH_DATA_HOSTS"),
        (REMOTE, "https://example.org/data", "MESH_DATA_HOSTS"),
        (REMOTE, "https://mesh.example.org.evil.example/data", "MESH_DATA_HOSTS"),
        (REMOTE, "https://mesh.example.org@evil.example/data", "MESH_DATA_HOSTS"),
        (REMOTE, "http://127.0.0.1/data", "MESH_DATA_HOSTS"),
        (REMOTE, "http://mesh.example.org/data", "without encryption"),
        (REMOTE, "ftp://mesh.example.org/data", "without encryption"),
        (REMOTE, "", "an unknown host"),
        (REMOTE, "https://[bad", "an unknown host"),
        ("127.0.0.1:9142", "https://mesh.example.org/data", "MESH_DATA_HOSTS"),
    ],
)
def test_hosts_of_others(gateway: str, url: str, words: str) -> None:
    with pytest.raises(NotAllowed, match=words):
        DataGateway(SiteSettings(name="alpine", gateway=gateway)).check(url)
