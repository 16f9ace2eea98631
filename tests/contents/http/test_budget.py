"""How often the site is asked: counted at its gateway, for the requests that Lab sends."""

import json
from collections import Counter

import pytest

from jupyter_mesh.paths import join, parent_of
from jupyter_mesh.testing.contents import notebook, piece, put_by_others, text

ONCE = {"Authenticate", "WhoAmI", "ListStorageSpaces", "GetHome", "ListReceivedShares"}
"""Questions about the user and the site, whose answers are kept for long."""


@pytest.fixture
def cost(jp_fetch, site, contents):
    """Sends one request to the contents; what the site was asked for it."""

    async def send(method, path, body=None, *, door="api/contents/", **query):
        site.calls.clear()
        await jp_fetch(
            door + path,
            method=method,
            body=None if body is None else json.dumps(body),
            params=query,
            allow_nonstandard_methods=True,
        )
        return Counter({name: number for name, number in site.calls.items() if name not in ONCE})

    return send


def within(calls: Counter[str], **budget: int) -> bool:
    """True if nothing was asked more often than ``budget`` says, and nothing else at all."""
    return calls <= Counter(budget)


async def test_a_listing_is_one_look_beside_one_list(cost, folder, contents, site):
    for name in ("a.txt", "b.txt", "c.txt"):
        await put_by_others(contents, join(folder, name), b"x")
    both, look = {"ListContainer": 1, "Stat": 1}, {"Stat": 1}
    assert within(await cost("GET", folder, content=1, hash=0), ListContainer=1, Stat=1)
    assert within(await cost("GET", folder, content=1, hash=0), ListContainer=1, Stat=1)
    # Where etags of folders tell of all changes, a folder that is as it was is not listed again.
    again = look if site.flavour == "spaces" else both
    for _ in range(3):
        assert await cost("GET", folder, content=1, hash=0) == again
    assert await cost("GET", folder, content=1, hash=1) == again
    await put_by_others(contents, join(folder, "d.txt"), b"x")
    assert await cost("GET", folder, content=1, hash=0) == both
    assert await cost("GET", folder, content=1, hash=0) == again
    # Our own save is known to have changed the folder.
    await cost("PUT", join(folder, "e.txt"), text("x"))
    assert await cost("GET", folder, content=1, hash=0) == both


async def test_the_list_of_areas_is_free(cost, folder):
    areas = parent_of(parent_of(folder))
    assert await cost("GET", areas, content=1, hash=0) == {}
    assert await cost("GET", "", content=1, hash=1) == {}


async def test_opening_a_document(cost, folder, contents):
    path = join(folder, "n.ipynb")
    await put_by_others(contents, path, json.dumps(notebook("1")["content"]).encode())
    opened = await cost("GET", path, type="notebook", content=1, hash=1)
    assert opened == {"Stat": 1, "InitiateFileDownload": 1, "GET": 1}
    assert await cost("GET", path + "/checkpoints") == {"ListFileVersions": 1}
    assert await cost("GET", path, content=0, hash=1) == {"Stat": 1}
    assert await cost("POST", path + "/checkpoints") == {}


async def test_saving_a_document(cost, folder, contents):
    path = join(folder, "n.ipynb")
    new = await cost("PUT", path, notebook("1"))
    assert within(new, Stat=3, InitiateFileUpload=1, PUT=1)
    # The first save under a condition finds out whether the site keeps conditions.
    await cost("PUT", path, notebook("2"))
    # Lab asks once for the hash of what it has just saved.
    assert await cost("GET", path, content=0, hash=1) == {}
    assert await cost("GET", path, content=0, hash=1) == {"Stat": 1}
    saved = await cost("PUT", path, notebook("3"))
    assert within(saved, Stat=2, InitiateFileUpload=1, PUT=1)


async def test_an_upload_in_pieces_is_one_upload(cost, folder):
    path = join(folder, "a.bin")
    first = await cost("PUT", path, piece(1, b"x"))
    assert within(first, Stat=2)
    for number in (2, 3):
        assert await cost("PUT", path, piece(number, b"x")) == {}
    last = await cost("PUT", path, piece(-1, b"x"))
    assert within(last, Stat=2, InitiateFileUpload=1, PUT=1)


async def test_a_new_name_costs_the_same_however_many_there_are(cost, folder):
    for _ in range(4):
        made = await cost("POST", folder, {"type": "notebook"})
        assert within(made, Stat=3, ListContainer=1, InitiateFileUpload=1, PUT=1)


async def test_moving_and_deleting(cost, folder, contents):
    path, new = join(folder, "a.txt"), join(folder, "b.txt")
    await put_by_others(contents, path, b"x")
    assert within(await cost("PATCH", path, {"path": new}), Stat=2, Move=1)
    assert await cost("DELETE", new) == {"Delete": 1}
    assert within(await cost("PUT", path, {"type": "directory"}), Stat=3, CreateContainer=1)


async def test_bytes_are_one_look_and_one_download(cost, folder, contents):
    path = join(folder, "a.bin")
    await put_by_others(contents, path, b"0123456789")
    whole = {"Stat": 1, "InitiateFileDownload": 1, "GET": 1}
    assert await cost("GET", path, door="files/") == whole
    assert await cost("HEAD", path, door="files/") == {"Stat": 1}


async def test_kernels_cost_nothing(contents, folder, site):
    site.calls.clear()
    assert await contents.get_kernel_path(join(folder, "n.ipynb")) == folder
    await contents.is_hidden(join(folder, "n.ipynb"))
    await contents.resolve_path("/srv/mesh/home/n.ipynb")
    assert not site.calls
