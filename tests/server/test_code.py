"""``/api/mesh/code``: what code calls a file, with and without a mount."""

import pytest

from jupyter_mesh.contents.mounted import MountedFiles


@pytest.fixture
def mounted(monkeypatch):
    """A mount at /srv/mesh that works."""

    async def folder(self):
        return "/srv/mesh"

    monkeypatch.setattr(MountedFiles, "folder", folder)


async def test_without_a_mount_it_is_the_url(ask, client, folder):
    await client.upload(f"{folder}/a b.csv", b"x\n1\n")
    status, told = await ask("GET", "code", path=f"mesh/{folder}/a b.csv")
    assert status == 200
    url = f"cs3://alpine/{folder}/a%20b.csv"
    assert told["url"] == url
    assert told["path"] is None
    assert told["lines"] == ["import pandas as pd", f'df = pd.read_csv("{url}")']


async def test_in_a_mount_it_is_the_path(ask, mounted, folder):
    _, told = await ask("GET", "code", path=f"mesh/{folder}/a b.csv")
    assert told["path"] == f"/srv/mesh/{folder}/a b.csv"
    assert told["lines"][1] == f'df = pd.read_csv("/srv/mesh/{folder}/a b.csv")'


WAYS = {
    "beside": ("home/x/fit.ipynb", "home/x/a.csv", "a.csv"),
    "below": ("home/x/fit.ipynb", "home/x/y/a.csv", "y/a.csv"),
    "above": ("home/x/fit.ipynb", "home/a.csv", "../a.csv"),
    "in the same project": ("projects/p/fit.ipynb", "projects/p/d/a.csv", "d/a.csv"),
    "in another project": (
        "projects/p/fit.ipynb",
        "projects/q/a.csv",
        "/srv/mesh/projects/q/a.csv",
    ),
    "in another area": ("projects/p/fit.ipynb", "home/a.csv", "/srv/mesh/home/a.csv"),
}


@pytest.mark.parametrize("way", WAYS)
async def test_a_notebook_gets_the_way_from_its_folder(ask, mounted, way):
    origin, path, expected = WAYS[way]
    _, told = await ask("GET", "code", **{"path": f"mesh/{path}", "from": f"mesh/{origin}"})
    assert told["lines"][1] == f'df = pd.read_csv("{expected}")'
    assert told["path"] == f"/srv/mesh/{path}"


async def test_a_local_notebook_gets_the_whole_path(ask, mounted):
    _, told = await ask("GET", "code", **{"path": "mesh/home/a.csv", "from": "work/fit.ipynb"})
    assert told["lines"][1] == 'df = pd.read_csv("/srv/mesh/home/a.csv")'


async def test_a_folder_is_known_as_one(ask, folder):
    _, told = await ask("GET", "code", path=f"mesh/{folder}")
    assert "url_to_fs" in told["lines"][1]


@pytest.mark.parametrize(
    ("query", "status"),
    [({"path": "local.txt"}, 404), ({"path": "mesh/home/../../etc/passwd"}, 404), ({}, 400)],
)
async def test_what_is_not_of_the_mesh_is_refused(ask, query, status):
    assert (await ask("GET", "code", **query))[0] == status
