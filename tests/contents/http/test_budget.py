"""How often the site is asked: counted at its gateway, for the requests that Lab sends."""

import asyncio
import json
from collections import Counter
from contextlib import suppress

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_mesh.paths import join, parent_of
from jupyter_mesh.testing.contents import notebook, piece, put_by_others, text

ONCE = {"Authenticate", "WhoAmI", "ListStorageSpaces", "GetHome", "ListReceivedShares"}
"""Questions about the user and the site, whose answers are kept for long."""


@pytest.fixture
def cost(jp_fetch, site, contents, folder, jp_asyncio_loop, monkeypatch):
    """Sends one request to the contents; what the site was asked for it."""
    # With the first file it makes, a client finds out whether the site keeps conditions.
    first = contents.client.upload(contents.mesh_path(join(folder, ".x")), b"x", if_absent=True)
    jp_asyncio_loop.run_until_complete(first)

    async def send(method, path, body=None, *, door="api/contents/", **query):
        site.calls.clear()
        with suppress(HTTPClientError):
            await jp_fetch(
                door + path,
                method=method,
                body=None if body is None else json.dumps(body),
                params=query,
                allow_nonstandard_methods=True,
            )
        return Counter({name: number for name, number in site.calls.items() if name not in ONCE})

    async def together(*requests, **query):
        """All of them before the site answers the first."""
        site.calls.clear()
        waiting, all_here = set(range(len(requests))), asyncio.Event()
        is_hidden, client = contents.is_hidden, contents.client

        async def arrives(path):
            hidden = await is_hidden(path)
            waiting.pop()
            if not waiting:
                all_here.set()
            return hidden

        def held(ask):
            async def wait_and_ask(*args, **kwargs):
                await all_here.wait()
                return await ask(*args, **kwargs)

            return wait_and_ask

        with monkeypatch.context() as patch:
            patch.setattr(contents, "is_hidden", arrives)
            for name in ("stat", "list_folder"):
                patch.setattr(client, name, held(getattr(client, name)))
            await asyncio.gather(
                *(
                    jp_fetch(f"api/contents/{path}", method=method, params=query)
                    for method, path in requests
                )
            )
        return Counter({name: number for name, number in site.calls.items() if name not in ONCE})

    send.together = together
    return send


COPY_STATS = {"spaces": 4, "paths": 5}
"""Looks of a copy: whether the place is free, the source, what came of it."""


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


async def test_a_look_is_one_stat(cost, folder, contents):
    path = join(folder, "a.txt")
    await put_by_others(contents, path, b"x")
    for query in ({"content": 0}, {"content": 0, "hash": 1}):
        assert await cost("GET", path, **query) == {"Stat": 1}
        assert await cost("GET", folder, **query) == {"Stat": 1}
        assert await cost("GET", join(folder, "none"), **query) == {"Stat": 1}
    # Looks at the same thing at the same time are one.
    contents.site_part(path).changed(path)
    site_asked = await cost.together(*[("GET", path)] * 5, content=0)
    assert site_asked == {"Stat": 1}
    listed = await cost.together(*[("GET", folder)] * 5, content=1)
    assert within(listed, ListContainer=1, Stat=1)


@pytest.mark.parametrize("size", [100, 3 << 20], ids=["small", "large"])
async def test_opening_a_document(cost, folder, contents, size):
    path = join(folder, "n.ipynb")
    padded = notebook("x" * size)["content"]
    await put_by_others(contents, path, json.dumps(padded).encode())
    opened = await cost("GET", path, type="notebook", content=1, hash=1)
    assert opened == {"Stat": 1, "InitiateFileDownload": 1, "GET": 1}
    assert await cost("GET", path + "/checkpoints") == {"ListFileVersions": 1}
    assert await cost("GET", path, content=0, hash=1) == {"Stat": 1}
    assert await cost("POST", path + "/checkpoints") == {}
    trusted = await cost("POST", path + "/trust")
    assert within(trusted, Stat=2, InitiateFileDownload=1, GET=1)


@pytest.mark.parametrize("size", [100, 5 << 20], ids=["small", "large"])
async def test_saving_a_document(cost, folder, site, size):
    path = join(folder, "n.ipynb")
    await learn_conditions(cost, folder)
    # A site of paths keeps no conditions: it is looked at just before the upload as well.
    extra = 0 if site.flavour == "spaces" else 1
    new = await cost("PUT", path, notebook("1" * size))
    assert within(new, Stat=2 + extra, InitiateFileUpload=1, PUT=1)
    # Lab asks once for the hash of what it has just saved.
    assert await cost("GET", path, content=0, hash=1) == {}
    for said in ("2", "3"):
        # Autosave: a look, the save, and the hash of what was saved.
        assert await cost("GET", path, content=0, hash=1) == {"Stat": 1}
        saved = await cost("PUT", path, notebook(said * size))
        assert saved == {"Stat": 1 + extra, "InitiateFileUpload": 1, "PUT": 1}
        assert await cost("GET", path, content=0, hash=1) == {}
        # Saved by hand, it has a checkpoint.
        assert await cost("POST", path + "/checkpoints") == {}


async def learn_conditions(cost, folder):
    """The first save under a condition finds out whether the site keeps conditions."""
    for said in ("1", "2"):
        await cost("PUT", join(folder, "first.ipynb"), notebook(said))


async def test_restoring_a_version(cost, folder, contents, site):
    path = join(folder, "a.txt")
    for data in (b"1", b"2"):
        await put_by_others(contents, path, data)
    await cost("GET", path)
    version = (await contents.list_checkpoints(path))[0]["id"]
    assert within(
        await cost("POST", f"{path}/checkpoints/{version}"),
        RestoreFileVersion=1 if site.flavour == "spaces" else 2,
        Stat=1,
    )


async def test_an_upload_in_pieces_is_one_upload(cost, folder, contents, site):
    path = join(folder, "a.bin")
    await learn_conditions(cost, folder)
    extra = 0 if site.flavour == "spaces" else 1
    # Lab has the folder open.
    await cost("GET", folder)
    first = await cost("PUT", path, piece(1, b"x"))
    assert within(first, Stat=2)
    for number in (2, 3):
        assert await cost("PUT", path, piece(number, b"x")) == {}
    last = await cost("PUT", path, piece(-1, b"x"))
    assert within(last, Stat=1 + extra, InitiateFileUpload=1, PUT=1)


async def test_a_new_name_costs_the_same_however_many_there_are(cost, folder, site):
    await learn_conditions(cost, folder)
    extra = 0 if site.flavour == "spaces" else 1
    for _ in range(4):
        made = await cost("POST", folder, {"type": "notebook"})
        assert within(made, Stat=2 + extra, ListContainer=1, InitiateFileUpload=1, PUT=1)


async def test_a_copy_passes_through_here_once(cost, folder, contents, site):
    path = join(folder, "a.txt")
    await put_by_others(contents, path, b"x" * 1000)
    await learn_conditions(cost, folder)
    for _ in range(2):
        copied = await cost("POST", folder, {"copy_from": path})
        assert copied["ListContainer"] == copied["GET"] == copied["InitiateFileUpload"] == 1
        assert copied["Stat"] <= COPY_STATS[site.flavour]


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
    assert within(await cost("GET", path, door="view/"), Stat=1)


async def test_kernels_cost_nothing(contents, folder, site, cost):
    path = join(folder, "n.ipynb")
    assert await cost("GET", "?path=/srv/mesh/home/n.ipynb", door="api/resolvePath") == {}
    started = {"path": path, "type": "notebook", "name": "n", "kernel": {"name": "none"}}
    assert await cost("POST", "", started, door="api/sessions") == {}
    site.calls.clear()
    assert await contents.get_kernel_path(join(folder, "n.ipynb")) == folder
    await contents.is_hidden(join(folder, "n.ipynb"))
    await contents.resolve_path("/srv/mesh/home/n.ipynb")
    assert not site.calls
