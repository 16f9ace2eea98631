import json

import pytest

from jupyter_mesh.errors import InvalidRequest
from jupyter_mesh.tags import KEY, tags_of, tags_text
from jupyter_mesh.testing.site import run_node


@pytest.fixture(scope="module", params=["spaces", "paths"])
async def site(request, tmp_path_factory):
    data = tmp_path_factory.mktemp("site") / "data"
    async with run_node(data, flavour=request.param) as site, site.client() as mesh:
        await mesh.upload("home/tagged.txt", b"x" * 1500)
        yield site


async def test_quota(run, told, signed_in):
    (room,) = await told("quota")
    assert set(room) == {"path", "url", "used", "total", "free"}
    assert room["used"] >= 1500
    code, out, _ = await run("quota", "home", "projects/dimuon")
    assert code == 0
    assert [line.partition(":")[0] for line in out.splitlines()] == ["home", "projects/dimuon"]


async def test_tags(run, told, signed_in, site):
    path = "home/tagged.txt"
    assert await run("tag", "add", path, "run-7", "kalibriert ü") == (0, "", "")
    assert await run("tag", "add", path, "run-7", "new") == (0, "", "")
    assert await run("tag", "list", path) == (0, "run-7\nkalibriert ü\nnew\n", "")
    (facts,) = await told("tag", "remove", path, "run-7", "never")
    assert facts == {
        "path": path,
        "url": f"cs3://alpine/{path}",
        "tags": ["kalibriert ü", "new"],
    }
    async with site.client() as mesh:
        kept = (await mesh.stat(path)).metadata[KEY]
    assert json.loads(kept) == ["kalibriert ü", "new"]
    await run("tag", "remove", path, "kalibriert ü", "new")
    async with site.client() as mesh:
        assert KEY not in (await mesh.stat(path)).metadata


async def test_tags_stay_with_a_renamed_file(run, told, signed_in):
    await run("tag", "add", "home/tagged.txt", "stays")
    await run("mv", "home/tagged.txt", "home/renamed.txt")
    assert (await told("tag", "list", "home/renamed.txt"))[0]["tags"] == ["stays"]
    await run("mv", "home/renamed.txt", "home/tagged.txt")
    await run("tag", "remove", "home/tagged.txt", "stays")


@pytest.mark.parametrize("tag", ["", " x", "a\nb", "\x1b[2J", "x" * 65])
async def test_what_cannot_be_a_tag(run, signed_in, tag):
    code, out, error = await run("tag", "add", "home/tagged.txt", tag)
    assert (code, out) == (1, "")
    assert "cannot be a tag" in error
    assert "\x1b" not in error


@pytest.mark.parametrize(
    "value",
    ["", "{", "{}", "null", "[1, null]", '["\\u001b[2J"]', "[" * 100_000],
    ids=["empty", "half", "object", "null", "numbers", "control", "deep"],
)
def test_what_others_wrote_is_no_harm(value):
    assert tags_of({KEY: value}) == []


def test_there_are_not_too_many_tags():
    with pytest.raises(InvalidRequest, match="at most 32"):
        tags_text(str(number) for number in range(33))
    with pytest.raises(InvalidRequest, match="too long together"):
        tags_text(f"{number}{'ü' * 60}" for number in range(30))


async def test_open_on_a_hub(run, told, signed_in, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_PUBLIC_HUB_URL", "https://hub.example.org/hub/")
    link = "https://hub.example.org/hub/user-redirect/mesh/open?path=mesh%2Fhome%2Ftagged.txt"
    assert await run("open", "home/tagged.txt") == (0, f"{link}\n", "")
    assert await told("open", "home/tagged.txt") == {"path": "home/tagged.txt", "link": link}


async def test_open_on_a_hub_that_does_not_tell_its_address(run, signed_in, monkeypatch):
    monkeypatch.delenv("JUPYTERHUB_PUBLIC_HUB_URL", raising=False)
    monkeypatch.setenv("JUPYTERHUB_BASE_URL", "/")
    code, out, error = await run("open")
    assert (code, out) == (0, "/hub/user-redirect/mesh/open?path=mesh%2Fhome\n")
    assert "put it before the link" in error


async def test_open_needs_a_place_and_a_server(run, signed_in, monkeypatch, tmp_path):
    for name in ("JUPYTERHUB_PUBLIC_HUB_URL", "JUPYTERHUB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    assert "home/none" in (await run("open", "home/none"))[2]
    assert "--server" in (await run("open", "home"))[2]
    code, out, _ = await run("open", "home", "--server", "http://127.0.0.1:8888/user/maya/")
    assert (code, out) == (0, "http://127.0.0.1:8888/user/maya/mesh/open?path=mesh%2Fhome\n")
