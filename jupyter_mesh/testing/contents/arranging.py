"""New names, moves, copies, deletions, and what else happens to whole files."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tornado.web import HTTPError

from jupyter_mesh.paths import join, parent_of
from jupyter_mesh.testing.contents.fixtures import ContentsFixtures
from jupyter_mesh.testing.contents.samples import (
    ODD_NAMES,
    Events,
    put_by_others,
    refused,
    stored,
    text,
)

if TYPE_CHECKING:
    from jupyter_mesh.testing.contents.samples import Manager

__all__ = ["Arranging"]


class Arranging(ContentsFixtures):
    """New names, moving, copying, deleting, checkpoints, events, kernels."""

    # New names

    async def test_new_things_get_the_next_free_name(
        self, contents: Manager, folder: str, subtests: pytest.Subtests
    ) -> None:
        asked: dict[str, str]
        for number, (asked, names) in enumerate(
            (
                ({"type": "notebook"}, ["Untitled.ipynb", "Untitled1.ipynb", "Untitled2.ipynb"]),
                ({"ext": ".ipynb"}, ["Untitled.ipynb", "Untitled1.ipynb"]),
                ({"type": "file", "ext": ".txt"}, ["untitled.txt", "untitled1.txt"]),
                ({"type": "file", "ext": ".py"}, ["untitled.py", "untitled1.py"]),
                ({}, ["untitled", "untitled1"]),
                ({"type": "directory"}, ["Untitled Folder", "Untitled Folder 1"]),
            )
        ):
            with subtests.test(str(asked)):
                inside = join(folder, str(number))
                await contents.save({"type": "directory"}, inside)
                made = [await contents.new_untitled(inside, **asked) for _ in names]
                assert [model["name"] for model in made] == names
                assert [model["path"] for model in made] == [join(inside, each) for each in names]

    async def test_new_things_at_once_do_not_collide(self, contents: Manager, folder: str) -> None:
        made = await asyncio.gather(*(contents.new_untitled(folder, "notebook") for _ in range(4)))
        assert len({model["name"] for model in made}) == 4
        assert (await contents.get(made[0]["path"]))["content"]["cells"] == []

    # Moving, copying, deleting

    async def test_a_file_is_renamed(self, contents: Manager, folder: str) -> None:
        old, new = join(folder, "a.txt"), join(folder, "b.txt")
        saved = await contents.save(text("x"), old)
        model = await contents.update({"path": "/" + new}, "/" + old)
        assert (model["path"], model["name"], model["content"]) == (new, "b.txt", None)
        assert model == await contents.get(new, content=False, require_hash=True)
        assert model["last_modified"] == saved["last_modified"]
        assert not await contents.file_exists(old)
        assert await contents.update({"path": new}, new) == await contents.get(new, content=False)

    async def test_a_folder_is_moved_with_all_it_holds(
        self, contents: Manager, folder: str
    ) -> None:
        for name in ("d", "e"):
            await contents.save({"type": "directory"}, join(folder, name))
        await contents.save(text("x"), join(folder, "d", "a.txt"))
        await contents.get(join(folder, "d"))
        await contents.rename(join(folder, "d"), join(folder, "e", "d"))
        assert (await contents.get(join(folder, "e", "d", "a.txt")))["content"] == "x"
        with refused(404):
            await contents.get(join(folder, "d"))

    async def test_renaming_replaces_nothing(self, contents: Manager, folder: str) -> None:
        for name in ("a", "b"):
            await contents.save(text(name), join(folder, name))
        await contents.save({"type": "directory"}, join(folder, "d"))
        with refused(409):
            await contents.rename(join(folder, "a"), join(folder, "b"))
        with refused(409):
            await contents.rename(join(folder, "a"), join(folder, "d"))
        with refused(400):
            await contents.rename(join(folder, "d"), join(folder, "d", "e"))
        assert await stored(contents, join(folder, "b")) == b"b"

    async def test_odd_names_are_copied_and_moved(
        self, contents: Manager, folder: str, subtests: pytest.Subtests
    ) -> None:
        for name in ODD_NAMES:
            with subtests.test(name):
                path = join(folder, name)
                await contents.save(text(name), path)
                copy = await contents.copy(path, folder)
                assert copy["name"] != name
                assert len(copy["name"].encode()) <= 255
                assert await stored(contents, copy["path"]) == name.encode()
        moved = join(parent_of(folder), f"{folder.rpartition('/')[2]} & co")
        try:
            await contents.rename(folder, moved)
            listing = await contents.get(moved)
            assert len(listing["content"]) == 2 * len(ODD_NAMES)
            await contents.copy(moved, folder)
        finally:
            await contents.client.delete(contents.mesh_path(moved))
        assert len((await contents.get(folder))["content"]) == 2 * len(ODD_NAMES)

    async def test_copies_are_numbered(self, contents: Manager, folder: str) -> None:
        for name in ("a.txt", "b.tar.gz", "n.v2.ipynb"):
            await put_by_others(contents, join(folder, name), name.encode())
        names = [
            (await contents.copy("/" + join(folder, name), folder))["name"]
            for name in ("a.txt", "a.txt", "a-Copy1.txt", "b.tar.gz", "n.v2.ipynb")
        ]
        assert names == [
            "a-Copy1.txt",
            "a-Copy2.txt",
            "a-Copy3.txt",
            "b-Copy1.tar.gz",
            "n.v2-Copy1.ipynb",
        ]
        assert await stored(contents, join(folder, "a-Copy3.txt")) == b"a.txt"

    async def test_a_copy_can_have_a_name(self, contents: Manager, folder: str) -> None:
        await contents.save(text("x"), join(folder, "a.txt"))
        model = await contents.copy(join(folder, "a.txt"), join(folder, "b.txt"))
        assert model == await contents.get(join(folder, "b.txt"), content=False)
        beside = await contents.copy(join(folder, "b.txt"))
        assert beside["path"] == join(folder, "b-Copy1.txt")
        with refused(409):
            await contents.copy(join(folder, "a.txt"), join(folder, "b.txt"))

    async def test_folders_are_copied_with_all_they_hold(
        self, contents: Manager, folder: str
    ) -> None:
        for path in ("d", "d/e", "d/empty"):
            await contents.save({"type": "directory"}, join(folder, path))
        await contents.save(text("one"), join(folder, "d/a.txt"))
        await contents.save(text("two"), join(folder, "d/e/b.txt"))
        model = await contents.copy(join(folder, "d"), folder)
        assert (model["name"], model["type"]) == ("d-Copy1", "directory")
        assert await stored(contents, join(folder, "d-Copy1/e/b.txt")) == b"two"
        assert await contents.dir_exists(join(folder, "d-Copy1/empty"))
        with refused(400, "into itself"):
            await contents.copy(join(folder, "d"), join(folder, "d"))

    async def test_files_and_full_folders_are_deleted(self, contents: Manager, folder: str) -> None:
        await contents.save({"type": "directory"}, join(folder, "d"))
        await contents.save(text("x"), join(folder, "d/a.txt"))
        await contents.delete(join(folder, "d/a.txt"))
        assert not await contents.exists(join(folder, "d/a.txt"))
        await contents.save(text("x"), join(folder, "d/a.txt"))
        await contents.delete("/" + join(folder, "d"))
        assert not await contents.exists(join(folder, "d"))
        assert not await contents.exists(join(folder, "d/a.txt"))
        assert contents.delete_to_trash is True

    async def test_full_folders_are_kept_without_trash(
        self, contents: Manager, folder: str
    ) -> None:
        contents.delete_to_trash = False
        await contents.save({"type": "directory"}, join(folder, "d"))
        await contents.save(text("x"), join(folder, "d/a.txt"))
        with refused(400, "not empty"):
            await contents.delete(join(folder, "d"))
        await contents.delete(join(folder, "d/a.txt"))
        await contents.delete(join(folder, "d"))

    async def test_what_holds_everything_stays(self, contents: Manager, folder: str) -> None:
        path = folder
        while path := parent_of(path):
            if not parent_of(path) or path.endswith(("home", "mesh")):
                for call in (
                    contents.delete(path),
                    contents.rename(path, join(folder, "moved")),
                    contents.save(text("x"), path),
                ):
                    with pytest.raises(HTTPError) as caught:
                        await call
                    assert caught.value.status_code in (400, 403, 409)
        with refused(400):
            await contents.delete("/")
        assert await contents.dir_exists(folder)

    # Checkpoints

    async def test_checkpoints_are_the_versions_of_the_site(
        self, contents: Manager, folder: str
    ) -> None:
        path = join(folder, "a.txt")
        saved = await contents.save(text("one"), path)
        only = {"id": "current", "last_modified": saved["last_modified"]}
        assert await contents.list_checkpoints(path) == [only]
        assert await contents.create_checkpoint(path) == only
        await contents.save(text("two"), path)
        await contents.restore_checkpoint("current", path)
        assert await stored(contents, path) == b"two"
        oldest, *_, newest = await contents.list_checkpoints(path)
        assert set(oldest) == {"id", "last_modified"}
        assert oldest["id"].replace("-", "_").isidentifier() or oldest["id"][0].isdigit()
        # Sites tell the times of versions in whole seconds.
        assert oldest["last_modified"] <= newest["last_modified"] + timedelta(seconds=1)
        await contents.restore_checkpoint(oldest["id"], path)
        assert (await contents.get(path))["content"] == "one"
        # The text that was there is not lost, and the restored one can be built on.
        await contents.save(text("three"), path)
        assert len(await contents.list_checkpoints(path)) >= 3

    async def test_checkpoints_that_cannot_be(self, contents: Manager, folder: str) -> None:
        path = join(folder, "a.txt")
        await contents.save(text("one"), path)
        with refused(403, "cannot be deleted"):
            await contents.delete_checkpoint("current", path)
        for unknown in ("no-such", "bm9uZQ"):
            with refused(404):
                await contents.restore_checkpoint(unknown, path)
        assert await stored(contents, path) == b"one"

    # Events

    async def test_each_operation_emits_one_event(self, contents: Manager, folder: str) -> None:
        a, b = join(folder, "a.txt"), join(folder, "b.txt")
        events = Events(contents)
        for call, expected in (
            (contents.save(text("x"), "/" + a), {"action": "save", "path": a}),
            (contents.get("/" + a), {"action": "get", "path": a}),
            (contents.get(folder), {"action": "get", "path": folder}),
            (contents.update({"path": "/" + b}, "/" + a), {"action": "rename", "path": b, "source_path": a}),
            (contents.rename("/" + b, "/" + a), {"action": "rename", "path": a, "source_path": b}),
            (contents.copy("/" + a, b), {"action": "copy", "path": b, "source_path": a}),
            (contents.delete("/" + b), {"action": "delete", "path": b}),
            (contents.new_untitled(folder), {"action": "save", "path": join(folder, "untitled")}),
            (contents.save({"type": "directory"}, b), {"action": "save", "path": b}),
        ):  # fmt: skip
            await call
            assert await events.taken() == [expected]

    async def test_what_fails_emits_nothing(self, contents: Manager, folder: str) -> None:
        events = Events(contents)
        path = join(folder, "none")
        for call in (contents.get(path), contents.delete(path), contents.rename(path, path + "2")):
            with refused(404):
                await call
        assert await events.taken() == []

    # Kernels

    async def test_kernels_start_in_the_folder_of_their_document(
        self, contents: Manager, folder: str
    ) -> None:
        assert await contents.get_kernel_path(join(folder, "n.ipynb")) == folder
        assert await contents.get_kernel_path("/" + join(folder, "0e5c-uuid")) == folder
        assert await contents.get_kernel_path("n.ipynb") == ""

    async def test_files_below_the_mount_are_found(
        self, contents: Manager, folder: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MESH_MOUNT", "/srv/somewhere/mesh")
        path = join(folder, "a b.txt")
        assert (
            await contents.resolve_path(f"/srv/somewhere/mesh/{contents.mesh_path(path)}") == path
        )
        assert await contents.resolve_path("/srv/somewhere/meshes/a") is None
        assert await contents.resolve_path("/srv/somewhere/mesh/../a") is None
