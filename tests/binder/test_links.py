"""Public links as people paste them."""

import pytest

from jupyter_mesh.binder.links import PublicLink

TOKEN = "AbCdEfGh12345"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        pytest.param(f"https://mesh.example.org/s/{TOKEN}", "", id="as shared"),
        pytest.param(f" https://mesh.example.org/s/{TOKEN}/ ", "", id="spaces and slash"),
        pytest.param(f"https://mesh.example.org/index.php/s/{TOKEN}", "", id="index.php"),
        pytest.param(f"cs3://mesh.example.org/s/{TOKEN}", "", id="cs3"),
        pytest.param(f"https://mesh.example.org/s/{TOKEN}/a/b%20c", "/a/b%20c", id="below"),
        pytest.param(f"https://mesh.example.org/s/{TOKEN}/in/a", "/a", id="page of a node"),
        pytest.param(f"https://mesh.example.org/s/{TOKEN}?path=%2Fa%2Fb", "/a/b", id="query"),
        pytest.param(
            f"https://mesh.example.org/s/{TOKEN}/a/ro-crate-metadata.json", "/a", id="crate"
        ),
    ],
)
def test_links(text, url):
    link = PublicLink.parse(text)
    assert link.url == f"https://mesh.example.org/s/{TOKEN}{url}"
    assert PublicLink.parse(link.url) == link


def test_without_tls_on_this_machine_alone():
    assert PublicLink.parse(f"http://127.0.0.1:8080/s/{TOKEN}").origin == "http://127.0.0.1:8080"
    assert PublicLink.parse(f"cs3://localhost:8080/s/{TOKEN}").origin == "http://localhost:8080"
    assert PublicLink.parse(f"http://mesh.example.org/s/{TOKEN}") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "https://github.com/jupyterhub/repo2docker",
        "10.5281/zenodo.3242074",
        "https://mesh.example.org/s/",
        "https://mesh.example.org/s/short",
        f"https://mesh.example.org/x/s/{TOKEN}",
        f"https://user:password@mesh.example.org/s/{TOKEN}",
        f"https://mesh.example.org/s/{TOKEN}/../x",
        f"https://mesh.example.org/s/{TOKEN}/a%2Fb",
        f"ftp://mesh.example.org/s/{TOKEN}",
        "cs3://alpine/home/work",
    ],
)
def test_everything_else_is_left_to_others(text):
    assert PublicLink.parse(text) is None
