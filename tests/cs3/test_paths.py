"""Addresses: what is a path, what a URL, and what is neither."""

import pytest

from jupyter_mesh.errors import BY_CS3_CODE, InvalidRequest, MeshError, NotFound
from jupyter_mesh.models import ResourceId
from jupyter_mesh.paths import MeshPath, from_url, is_within, join, normalise, to_url
from jupyter_mesh.testing.client import NAMES


@pytest.mark.parametrize(
    ("path", "area", "space", "rel"),
    [
        ("", "", "", ""),
        ("/", "", "", ""),
        ("home", "home", "", ""),
        ("/home//a/b/", "home", "", "a/b"),
        ("projects", "projects", "", ""),
        ("projects/x", "projects", "x", ""),
        ("projects/x/a", "projects", "x", "a"),
        ("shares/x y/a b", "shares", "x y", "a b"),
        (".id/s$p!o", ".id", "s$p!o", ""),
        (".id/s!o/a/b", ".id", "s!o", "a/b"),
    ],
)
def test_mesh_paths(path: str, area: str, space: str, rel: str) -> None:
    parsed = MeshPath.parse(path)
    assert parsed == MeshPath(area, space, rel)
    assert str(parsed) == normalise(path)


@pytest.mark.parametrize(
    ("path", "is_area", "is_root"),
    [
        ("", True, False),
        ("projects", True, False),
        ("shares", True, False),
        ("home", False, True),
        ("projects/x", False, True),
        ("shares/x", False, True),
        (".id/s!o", False, False),
        ("home/a", False, False),
    ],
)
def test_what_no_site_holds_and_what_is_a_root(path: str, is_area: bool, is_root: bool) -> None:
    parsed = MeshPath.parse(path)
    assert (parsed.is_area, parsed.is_space_root) == (is_area, is_root)


@pytest.mark.parametrize(
    "path", ["home/..", "home/./a", "..", "home/a\0b", "home/" + "x" * 256, "home/\udc80", ".id/x"]
)
def test_no_paths(path: str) -> None:
    with pytest.raises(InvalidRequest):
        MeshPath.parse(path)


@pytest.mark.parametrize("path", ["elsewhere", "Home/a", "mesh/home/a"])
def test_unknown_areas(path: str) -> None:
    with pytest.raises(NotFound):
        MeshPath.parse(path)


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_urls_keep_every_name(name: str) -> None:
    url = to_url("alpine", f"home/{name}/x")
    assert url.isascii()
    assert "::" not in url
    assert from_url(url) == ("alpine", f"home/{name}/x")


@pytest.mark.parametrize(
    "url", ["", "home/a", "cs3:/a/b", "cs3://", "http://a/home", "cs3:///home"]
)
def test_no_urls(url: str) -> None:
    with pytest.raises(InvalidRequest):
        from_url(url)


@pytest.mark.parametrize(
    ("path", "folder", "expected"),
    [
        ("a/b", "a", True),
        ("a", "a", True),
        ("ab", "a", False),
        ("a", "a/b", False),
        ("a", "", True),
    ],
)
def test_within(path: str, folder: str, expected: bool) -> None:
    assert is_within(path, folder) is expected


def test_join_leaves_out_what_is_empty() -> None:
    assert join("", "home", "", "a/", "b") == "home/a/b"


@pytest.mark.parametrize("text", ["s$p!o", "s!o", "s$p!o!x", "a$b$c!d"])
def test_ids_round_trip(text: str) -> None:
    assert str(ResourceId.parse(text)) == text


@pytest.mark.parametrize("text", ["", "s", "s$p", "!o", "s!", "$p!o"])
def test_no_ids(text: str) -> None:
    with pytest.raises(ValueError, match="not a resource id"):
        ResourceId.parse(text)


@pytest.mark.parametrize("error", sorted(set(BY_CS3_CODE.values()), key=lambda one: one.__name__))
def test_errors_speak_one_sentence(error: type[MeshError]) -> None:
    assert str(error("One sentence.", trace="t")) == "One sentence."
    assert 400 <= error.status < 600
