"""The composite: local files and the mesh side by side, and what goes from one to the other."""

import asyncio
import logging
import os
from contextlib import asynccontextmanager

import pytest
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from nbformat.sign import MemorySignatureStore, NotebookNotary
from tornado.web import HTTPError
from traitlets import TraitError
from traitlets.config import Config, LoggingConfigurable

from jupyter_mesh.contents import CompositeContentsManager, MeshContentsManager
from jupyter_mesh.contents.answers import answers
from jupyter_mesh.errors import NotAllowed, Unavailable
from jupyter_mesh.paths import join
from jupyter_mesh.testing.contents import (
    Events,
    notebook,
    piece,
    put_by_others,
    refused,
    stored,
    text,
)
from jupyter_mesh.testing.site import run_node


@pytest.fixture(scope="module")
async def site(tmp_path_factory):
    async with run_node(tmp_path_factory.mktemp("node")) as site:
        yield site


@pytest.fixture
def local(tmp_path):
    """The local root: a folder with files."""
    root = tmp_path / "scratch"
    root.mkdir()
    (root / "a.txt").write_text("local")
    (root / "d").mkdir()
    (root / "d" / "b.txt").write_text("below")
    return root


@pytest.fixture
async def contents(site, local, tmp_path):
    config = Config()
    config.NotebookNotary.data_dir = str(tmp_path)
    manager = await asyncio.to_thread(CompositeContentsManager, config=config, root_dir=str(local))
    await asyncio.to_thread(lambda: manager.event_logger)
    manager.mesh.client = site.client()
    yield manager
    await manager.close()


@pytest.fixture
async def folder(contents):
    name = "mesh/home/composite"
    await contents.client.mkdir("home/composite")
    yield name
    await contents.client.delete("home/composite")


class Server(LoggingConfigurable):
    """What a manager sees of its server."""

    root_dir = ""
    preferred_dir = ""


async def test_the_local_root_is_the_folder_of_the_server_never_the_disk(tmp_path, monkeypatch):
    server = Server()
    server.root_dir = str(tmp_path)
    manager = await asyncio.to_thread(CompositeContentsManager, parent=server)
    assert manager.root_dir == manager.local.root_dir == str(tmp_path)
    assert isinstance(manager.local, AsyncLargeFileManager)
    monkeypatch.chdir(tmp_path)
    alone = await asyncio.to_thread(CompositeContentsManager)
    assert alone.local.root_dir == str(tmp_path)
    assert (await asyncio.to_thread(MeshContentsManager, parent=server)).root_dir == str(tmp_path)


async def test_the_root_lists_local_files_and_the_mesh_without_a_call(contents, site):
    site.calls.clear()
    listing = await contents.get("")
    assert sorted(child["path"] for child in listing["content"]) == ["a.txt", "d", "mesh"]
    entry = next(child for child in listing["content"] if child["name"] == "mesh")
    assert entry == await contents.get("mesh", content=False)
    first = await contents.get("mesh", content=False, require_hash=True)
    assert first == await contents.get("mesh", content=False, require_hash=True)
    assert (await contents.get("", require_hash=True))["hash"]
    areas = await contents.get("mesh")
    assert [child["path"] for child in areas["content"]] == [
        "mesh/home",
        "mesh/projects",
        "mesh/shares",
    ]
    assert areas["last_modified"] == entry["last_modified"]
    assert await contents.dir_exists("mesh")
    assert not await contents.file_exists("mesh")
    assert not site.calls


async def test_a_local_folder_named_mesh_is_hidden_with_a_warning(
    contents, local, caplog, monkeypatch
):
    (local / "mesh").mkdir()
    (local / "mesh" / "inside.txt").write_text("x")
    with caplog.at_level(logging.WARNING):
        names = [child["name"] for child in (await contents.get(""))["content"]]
    assert names.count("mesh") == 1
    assert "is not shown" in caplog.text
    caplog.clear()
    # The mount itself is there by design.
    monkeypatch.setenv("MESH_MOUNT", str(local / "mesh"))
    await contents.get("")
    assert "is not shown" not in caplog.text
    with refused(404):
        await contents.get("mesh/inside.txt")


async def test_what_holds_the_mount_goes_nowhere(contents, local, monkeypatch):
    """A mount deeper in the local files: whoever deletes or moves what is around it means no files of a site."""
    mount = local / "d" / "mesh"
    (mount / "home").mkdir(parents=True)
    (mount / "home" / "of-the-site.txt").write_text("kept")
    monkeypatch.setenv("MESH_MOUNT", str(mount))
    for call in (
        contents.delete("d"),
        contents.rename("d", "e"),
        contents.rename("d", "mesh/home/e"),
        contents.copy("d", ""),
        contents.copy("d", "mesh/home"),
        contents.delete("d/mesh"),
    ):
        with refused(400, "holds the files of your site"):
            await call
    assert (mount / "home" / "of-the-site.txt").read_text() == "kept"
    assert [child["name"] for child in (await contents.get("d"))["content"]] == ["b.txt"]
    assert [item.name for item in await contents.tree("d").entries("d")] == ["b.txt"]
    await contents.delete("d/b.txt")


async def test_beside_the_mount_the_same_is_listed_as_ever(contents, local, monkeypatch):
    os.mkfifo(local / "pipe")
    (local / "dead").symlink_to(local / "nothing")
    (local / "link").symlink_to(local / "a.txt")
    (local / ".hidden").touch()

    async def listed():
        return sorted(
            (child["name"], child["type"]) for child in (await contents.get(""))["content"]
        )

    ever = await listed()
    assert ("pipe", "file") not in ever
    (local / "mesh").mkdir()
    monkeypatch.setenv("MESH_MOUNT", str(local / "mesh"))
    assert await listed() == ever


async def test_an_archive_of_the_local_files_is_without_the_mesh(contents, local, monkeypatch):
    (local / "mesh" / "home").mkdir(parents=True)
    monkeypatch.setenv("MESH_MOUNT", str(local / "mesh"))
    assert [item.name for item in await contents.tree("").entries("")] == ["a.txt", "d"]


async def test_the_folder_of_the_mesh_stays(contents):
    for call in (
        contents.delete("mesh"),
        contents.rename("mesh", "other"),
        contents.rename("a.txt", "mesh"),
        contents.save(text("x"), "mesh"),
        contents.copy("mesh", "d"),
    ):
        with pytest.raises(HTTPError) as caught:
            await call
        assert caught.value.status_code in (400, 403)
    with refused(400, "bad type"):
        await contents.get("mesh", type="file")


async def test_local_files_work_as_ever(contents, local):
    events = Events(contents)
    for call, expected in (
        (contents.save(text("x"), "n.txt"), {"action": "save", "path": "n.txt"}),
        (contents.get("/n.txt"), {"action": "get", "path": "n.txt"}),
        (contents.get(""), {"action": "get", "path": ""}),
        (contents.update({"path": "m.txt"}, "n.txt"), {"action": "rename", "path": "m.txt", "source_path": "n.txt"}),
        (contents.copy("m.txt", "d"), {"action": "copy", "path": "d/m.txt", "source_path": "m.txt"}),
        (contents.copy("d", ""), {"action": "copy", "path": "d-Copy1", "source_path": "d"}),
        (contents.new_untitled("d", "file", ".py"), {"action": "save", "path": "d/untitled.py"}),
        (contents.save(piece(1, b"x"), "big"), None),
        (contents.save(piece(-1, b"y"), "big"), {"action": "save", "path": "big"}),
    ):  # fmt: skip
        await call
        assert await events.taken() == ([expected] if expected else [])
    assert (local / "big").read_bytes() == b"xy"
    contents.delete_to_trash = False
    await contents.delete("m.txt")
    assert await events.taken() == [{"action": "delete", "path": "m.txt"}]
    assert (local / "d" / "m.txt").read_text() == "x"
    await contents.save(notebook("1"), "n.ipynb")
    [checkpoint] = await contents.list_checkpoints("n.ipynb")
    await contents.save(notebook("2"), "n.ipynb")
    await contents.restore_checkpoint(checkpoint["id"], "n.ipynb")
    assert (await contents.get("n.ipynb"))["content"]["cells"][0]["source"] == "1"


# From one part to the other


async def test_a_file_moves_into_the_mesh_and_back(contents, folder, local):
    events = Events(contents)
    model = await contents.update({"path": join(folder, "a.txt")}, "a.txt")
    assert await events.taken() == [
        {"action": "rename", "path": join(folder, "a.txt"), "source_path": "a.txt"}
    ]
    assert model == await contents.get(join(folder, "a.txt"), content=False)
    assert await stored(contents, join(folder, "a.txt")) == b"local"
    assert not (local / "a.txt").exists()
    await contents.rename(join(folder, "a.txt"), "d/back.txt")
    assert (local / "d" / "back.txt").read_text() == "local"
    assert not await contents.exists(join(folder, "a.txt"))


async def test_a_folder_moves_into_the_mesh_and_back(contents, folder, local):
    (local / "d" / "empty").mkdir()
    await contents.rename("d", join(folder, "d"))
    assert await stored(contents, join(folder, "d/b.txt")) == b"below"
    assert await contents.dir_exists(join(folder, "d/empty"))
    assert not (local / "d").exists()
    await contents.rename(join(folder, "d"), "e")
    assert (local / "e" / "b.txt").read_text() == "below"
    assert (local / "e" / "empty").is_dir()
    assert not await contents.exists(join(folder, "d"))


async def test_copies_go_both_ways_and_are_numbered(contents, folder, local):
    events = Events(contents)
    assert (await contents.copy("a.txt", folder))["path"] == join(folder, "a.txt")
    assert (await contents.copy("a.txt", folder))["path"] == join(folder, "a-Copy1.txt")
    assert [event["action"] for event in await events.taken()] == ["copy", "copy"]
    assert (await contents.copy("d", folder))["type"] == "directory"
    back = await contents.copy(join(folder, "d"), "")
    assert back["path"] == "d-Copy1"
    assert (local / "d-Copy1" / "b.txt").read_text() == "below"
    assert (local / "a.txt").read_text() == "local"
    mode = (local / "d-Copy1" / "b.txt").stat().st_mode & 0o777
    assert mode == (local / "a.txt").stat().st_mode & 0o777


async def test_nothing_is_replaced_on_the_way(contents, folder, local):
    await put_by_others(contents, join(folder, "a.txt"), b"theirs")
    for call in (
        contents.rename("a.txt", join(folder, "a.txt")),
        contents.rename(join(folder, "a.txt"), "a.txt"),
        contents.copy("a.txt", join(folder, "a.txt")),
        contents.rename("d", join(folder, "a.txt")),
    ):
        with refused(409, "exists"):
            await call
    assert await stored(contents, join(folder, "a.txt")) == b"theirs"
    assert (local / "a.txt").read_text() == "local"
    for call in (
        contents.rename("none", join(folder, "none")),
        contents.rename(join(folder, "none"), "none"),
        contents.rename("a.txt", join(folder, "none", "a.txt")),
        contents.rename(join(folder, "a.txt"), "none/a.txt"),
    ):
        with refused(404):
            await call
    for call in (
        contents.rename("a.txt", join(folder, ".a")),
        contents.copy(join(folder, "a.txt"), ".a"),
    ):
        with refused(400, "hidden"):
            await call


async def test_what_is_neither_file_nor_folder_stays(contents, folder, local):
    await asyncio.to_thread(os.mkfifo, local / "d" / "pipe")
    (local / "e").mkdir()
    (local / "e" / "link").symlink_to(local / "d")
    for name, words in (("d", "not an ordinary file"), ("e", "a link to another folder")):
        with refused(400, words):
            await contents.rename(name, join(folder, name))
        assert (local / name).exists()
        assert not await contents.exists(join(folder, name))
    with refused(403, "not an ordinary file"):
        await answers_of(contents.file_source("d/pipe").look(), contents)


async def answers_of(work, contents):
    """What the files handler would answer."""

    class Handler:
        log = contents.log

        @answers
        async def get(self):
            return await work

    return await Handler().get()


@pytest.mark.parametrize("what", ["a.txt", "d"])
async def test_the_source_stays_when_the_way_fails(contents, folder, local, monkeypatch, what):
    async def away(*args, **kwargs):
        raise Unavailable("alpine does not answer. Try again later.")

    monkeypatch.setattr(contents.client, "upload", away)
    with refused(503, "does not answer"):
        await contents.rename(what, join(folder, "new"))
    monkeypatch.undo()
    assert (local / what).exists()
    assert not await contents.exists(join(folder, "new"))


@pytest.mark.parametrize("what", ["a.txt", "d"])
async def test_the_source_stays_when_it_changes_on_the_way(
    contents, folder, local, monkeypatch, what
):
    file = local / what if what == "a.txt" else local / what / "b.txt"
    upload = contents.client.upload

    async def slow(*args, **kwargs):
        done = await upload(*args, **kwargs)
        await asyncio.to_thread(file.write_text, "saved meanwhile")
        return done

    monkeypatch.setattr(contents.client, "upload", slow)
    with refused(412, "was copied to", "changed meanwhile"):
        await contents.rename(what, join(folder, "new"))
    assert file.read_text() == "saved meanwhile"
    assert await contents.exists(join(folder, "new"))


async def test_a_copy_that_fails_takes_nothing_of_others_with_it(
    contents, folder, local, monkeypatch
):
    await contents.client.mkdir("home/composite/d")
    await put_by_others(contents, join(folder, "d", "b.txt"), b"theirs")
    mine = local / "new" / "mine.txt"

    @asynccontextmanager
    async def away(*args, **kwargs):
        await asyncio.to_thread(mine.parent.mkdir, exist_ok=True)
        await asyncio.to_thread(mine.write_text, "mine")
        raise Unavailable("alpine does not answer. Try again later.")
        yield

    monkeypatch.setattr(contents.client, "download", away)
    with refused(503):
        await contents.copy(join(folder, "d"), "new")
    monkeypatch.undo()
    assert mine.read_text() == "mine"
    assert {path.name for path in local.iterdir()} == {"a.txt", "d", "new"}
    with refused(404, "none/new"):
        await contents.copy("d", join(folder, "none", "new"))


async def test_a_download_that_breaks_leaves_no_half_file(contents, folder, local, monkeypatch):
    await put_by_others(contents, join(folder, "a.bin"), b"x" * 100)
    whole = contents.client.download

    class Broken:
        def __init__(self, path):
            self.inner = whole(path)

        async def __aenter__(self):
            download = await self.inner.__aenter__()

            async def chunks():
                yield memoryview(b"x")
                raise Unavailable("alpine does not answer. Try again later.")

            download.views = chunks()
            return download

        async def __aexit__(self, *error):
            return await self.inner.__aexit__(*error)

    monkeypatch.setattr(contents.client, "download", Broken)
    before = sorted(local.iterdir())
    with refused(503):
        await contents.rename(join(folder, "a.bin"), "a.bin")
    monkeypatch.undo()
    assert sorted(local.iterdir()) == before
    assert await contents.exists(join(folder, "a.bin"))


async def test_what_cannot_be_removed_is_said_to_be_in_both_places(contents, folder, monkeypatch):
    await put_by_others(contents, join(folder, "a.bin"), b"x")

    async def never(*args, **kwargs):
        raise NotAllowed("Could not delete it: ask its owner.")

    monkeypatch.setattr(contents.client, "delete", never)
    with refused(403, "was copied to", "ask its owner"):
        await contents.rename(join(folder, "a.bin"), "a.bin")
    monkeypatch.undo()
    assert (await contents.get("a.bin"))["content"] == "x"


# Settings


async def test_settings_reach_both_parts_now_and_later(tmp_path):
    def hook(**_):
        pass

    config = Config()
    config.CompositeContentsManager.allow_hidden = True
    config.CompositeContentsManager.hide_globs = ["*.tmp"]
    config.FileContentsManager.delete_to_trash = False
    manager = await asyncio.to_thread(
        CompositeContentsManager, config=config, root_dir=str(tmp_path)
    )
    assert manager.local.allow_hidden is manager.mesh.allow_hidden is True
    assert manager.local.hide_globs == manager.mesh.hide_globs == ["*.tmp"]
    # What is said to one part alone stays its own.
    assert (manager.local.delete_to_trash, manager.mesh.delete_to_trash) == (False, True)
    manager.allow_hidden = False
    manager.untitled_notebook = "New"
    manager.hash_algorithm = "md5"
    manager.delete_to_trash = False
    manager.pre_save_hook = hook
    for part in (manager.local, manager.mesh):
        assert (part.allow_hidden, part.untitled_notebook, part.pre_save_hook) == (
            False,
            "New",
            hook,
        )
        assert part.delete_to_trash is False
    assert manager.local.hash_algorithm == "md5"
    notary = NotebookNotary(store_factory=MemorySignatureStore, secret=b"s")
    manager.notary = notary
    assert manager.local.notary is notary
    assert manager.mesh.notary.store_factory is notary.store_factory


# Jupyter's managers warn of a hook that configuration sets, also without us.
@pytest.mark.filterwarnings("ignore:Overriding existing pre_save_hook")
async def test_a_hook_of_all_managers_runs_once(local, tmp_path):
    ran = []
    config = Config()
    config.NotebookNotary.data_dir = str(tmp_path)
    config.ContentsManager.pre_save_hook = lambda path, **_: ran.append(path)
    manager = await asyncio.to_thread(CompositeContentsManager, config=config, root_dir=str(local))
    await asyncio.to_thread(lambda: manager.event_logger)
    await manager.save(text("x"), "n.txt")
    assert ran == ["n.txt"]


@pytest.mark.parametrize("cls", [CompositeContentsManager, MeshContentsManager])
def test_a_preferred_folder_is_not_looked_for(cls, tmp_path):
    manager = cls(root_dir=str(tmp_path), preferred_dir="/mesh/home/")
    assert manager.preferred_dir == "mesh/home"
    manager.preferred_dir = ""
    with pytest.raises(TraitError, match="preferred_dir"):
        cls(root_dir=str(tmp_path), preferred_dir="../etc")


async def test_files_of_this_machine_are_found_by_their_path(contents, local, monkeypatch):
    monkeypatch.setenv("MESH_MOUNT", str(local / "mesh"))
    assert (
        await contents.resolve_path(str(local / "mesh" / "home" / "a b.txt")) == "mesh/home/a b.txt"
    )
    assert await contents.resolve_path(str(local / "a.txt")) == "a.txt"
    assert await contents.resolve_path(str(local / "none.txt")) is None
    assert await contents.resolve_path("/etc/passwd") is None


async def test_kernels_of_local_documents_start_beside_them(contents):
    assert await contents.get_kernel_path("d/n.ipynb") == "d"
    assert await contents.get_kernel_path("mesh/home/d/n.ipynb") == "mesh/home/d"
    assert await contents.get_kernel_path("mesh/home/a:b/n.ipynb") == "mesh/home/a:b"
    with refused(404):
        await contents.get_kernel_path("../../etc/x")


async def test_addresses_go_both_ways(contents):
    assert contents.mesh_path("/mesh/home/a.txt") == "home/a.txt"
    assert contents.mesh_path("mesh") == ""
    assert contents.api_path("projects/x") == "mesh/projects/x"
    part = MeshContentsManager(mesh_root="projects/x")
    assert part.mesh_path("a/b") == "projects/x/a/b"
    assert part.api_path("projects/x/a/b") == "a/b"
    assert part.api_path("projects/x") == ""
