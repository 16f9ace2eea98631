"""Saves: what is written, and whose words are never overwritten."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from tornado.web import HTTPError

from jupyter_mesh.contents import CompositeContentsManager
from jupyter_mesh.contents.authors import SAVED
from jupyter_mesh.cs3.flavour import Feature
from jupyter_mesh.errors import Locked, NotSupported
from jupyter_mesh.paths import join
from jupyter_mesh.testing.contents.fixtures import ContentsFixtures
from jupyter_mesh.testing.contents.samples import (
    notebook,
    put_by_others,
    refused,
    stored,
    text,
)

if TYPE_CHECKING:
    from jupyter_mesh.contents.models import Model
    from jupyter_mesh.testing.contents.samples import Manager

__all__ = ["Saving"]


class Saving(ContentsFixtures):
    """What a save does, and what it refuses."""

    async def test_what_cannot_be_saved_is_refused(
        self, contents: Manager, folder: str, subtests: pytest.Subtests
    ) -> None:
        path = join(folder, "a.txt")
        await contents.save(text("kept"), path)
        for words, model in (
            ("No file type provided", {"content": "x"}),
            ("No file content provided", {"type": "file", "format": "text"}),
            ("'text' or 'base64'", {"type": "file", "content": "x"}),
            ("'text' or 'base64'", {"type": "file", "format": "json", "content": "x"}),
            ("Encoding error", {"type": "file", "format": "base64", "content": "a"}),
            ("Encoding error", {"type": "file", "format": "base64", "content": "YWJj!"}),
            ("Encoding error", {"type": "file", "format": "text", "content": "\ud800"}),
            ("must be a string", {"type": "file", "format": "text", "content": {}}),
            ("Unhandled contents type", {"type": "socket", "content": "x"}),
        ):
            with subtests.test(str(model)), refused(400, words):
                await contents.save(model, path)
        assert await stored(contents, path) == b"kept"

    async def test_saving_answers_what_a_later_look_answers(
        self, contents: Manager, folder: str
    ) -> None:
        for path, model in (
            ("a.txt", text("one")),
            ("n.ipynb", notebook("1")),
            ("d", {"type": "directory"}),
        ):
            saved = await contents.save(model, join(folder, path))
            later = await contents.get(join(folder, path), content=False, require_hash=True)
            assert saved == later

    async def test_a_foreign_change_is_not_overwritten(
        self, contents: Manager, folder: str
    ) -> None:
        path = join(folder, "a.txt")
        await contents.save(text("mine"), path)
        await contents.get(path, content=False, require_hash=True)
        await put_by_others(contents, path, b"theirs")
        with refused(412, "changed", path):
            await contents.save(text("mine, later"), path)
        assert await stored(contents, path) == b"theirs"
        # Overwriting on purpose: the front end looks again, asks its user, and saves.
        await contents.get(path, content=False, require_hash=True)
        await contents.save(text("mine, later"), path)
        assert await stored(contents, path) == b"mine, later"

    async def test_a_save_replaces_what_its_front_end_says_it_replaces(
        self, contents: Manager, folder: str
    ) -> None:
        path = join(folder, "a.txt")
        first = await contents.save(text("first"), path)
        await contents.save(text("second"), path)
        with refused(412, "changed", path):
            await contents.save(text("third") | {"mesh": {"base": first["hash"]}}, path)
        assert await stored(contents, path) == b"second"
        look = await contents.get(path, content=False, require_hash=True)
        await contents.save(text("third") | {"mesh": {"base": look["hash"]}}, path)
        assert await stored(contents, path) == b"third"

    async def test_a_conflict_names_who_saved_as_long_as_that_is_the_last_save(
        self, contents: Manager, folder: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("jupyter_mesh.contents.authors.HOME", "nobody else writes here")
        path = join(folder, "a.txt")
        mesh = contents.mesh_path(path)
        await contents.save(text("mine"), path)
        theirs = await contents.client.upload(mesh, b"theirs")
        entry = {"name": "Jan\tNov\u00e1k", "user": "jan@elsewhere", "etag": theirs.etag}
        await contents.client.set_metadata(mesh, {SAVED: json.dumps(entry)})
        with refused(412, "by JanNov\u00e1k at ", path):
            await contents.save(text("mine, later"), path)
        look = await contents.get(path, content=False, require_hash=True)
        assert look["mesh"]["changedBy"] == "JanNov\u00e1k"
        # Saved from here: our name, in the background, for the etag that is there now.
        await contents.save(text("mine, later"), path)
        for _ in range(100):
            found = await contents.client.stat(mesh)
            if json.loads(found.metadata[SAVED])["etag"] == found.etag:
                break
            await asyncio.sleep(0.02)
        # The first look after a save tells what was saved.
        await contents.get(path, content=False, require_hash=True)
        look = await contents.get(path, content=False, require_hash=True)
        me = await contents.client.whoami()
        assert look["mesh"]["changedBy"] == me.display_name
        await put_by_others(contents, path, b"unsigned")
        with refused(412, "in another place at "):
            await contents.save(text("mine, last"), path)
        assert "mesh" not in await contents.get(path, content=False, require_hash=True)

    async def test_a_file_locked_by_another_is_shown_and_kept(
        self, contents: Manager, folder: str
    ) -> None:
        path = join(folder, "a.txt")
        mesh = contents.mesh_path(path)
        await contents.save(text("before"), path)
        await contents.get(path, content=False, require_hash=True)
        try:
            await contents.client.lock(mesh, "opaquelocktoken:theirs", holder="Jan Nov\u00e1k")
        except NotSupported:
            return
        look = await contents.get(path, content=False, require_hash=True)
        (listed,) = (await contents.get(folder))["content"]
        for model in (look, listed, await contents.get(path)):
            assert model["writable"] is False
            assert model["mesh"]["lock"]["holder"] == "Jan Nov\u00e1k"
            assert model["mesh"]["lock"]["mine"] is False
            until = datetime.fromisoformat(model["mesh"]["lock"]["until"])
            assert until > datetime.now(UTC)
        with refused(423, "is locked by Jan Nov\u00e1k", path):
            await contents.save(text("mine"), path)
        assert await stored(contents, path) == b"before"
        await contents.client.unlock(mesh, "opaquelocktoken:theirs")
        look = await contents.get(path, content=False, require_hash=True)
        assert look["writable"] is True
        assert "mesh" not in look
        await contents.save(text("mine"), path)

    async def test_a_file_is_locked_while_it_is_saved_if_that_is_wanted(
        self, contents: Manager, folder: str
    ) -> None:
        part = contents.mesh if isinstance(contents, CompositeContentsManager) else contents
        part.lock_while_saving = True
        path = join(folder, "a.txt")
        mesh = contents.mesh_path(path)
        await contents.save(text("one"), path)
        await contents.save(text("two"), path)
        look = await contents.get(path, content=False, require_hash=True)
        lock = (await contents.client.stat(mesh)).lock
        if lock is None:
            assert (await contents.client.flavour()).can(Feature.LOCKS) is False
            return
        me = await contents.client.whoami()
        assert (look["writable"], look["mesh"]["lock"]["mine"]) == (True, True)
        assert look["mesh"]["lock"]["holder"] == me.display_name
        with pytest.raises(Locked):
            await put_by_others(contents, path, b"theirs")
        await contents.save(text("three"), path)
        # A lock that has ended, as locks do, loses nothing of anybody.
        await contents.client.unlock(mesh, lock.id)
        await contents.save(text("four"), path)
        await put_by_others(contents, path, b"theirs")
        with refused(412, "changed"):
            await contents.save(text("five"), path)
        assert await stored(contents, path) == b"theirs"
        await contents.get(path, content=False, require_hash=True)
        await contents.save(text("six"), path)
        # It hinders no work of its own user, and goes with the server.
        new = join(folder, "b.txt")
        await contents.rename(path, new)
        await contents.save(text("seven"), new)
        await part.savelocks.close()
        assert (await contents.client.stat(contents.mesh_path(new))).lock is None

    async def test_what_others_deleted_is_made_anew_by_the_second_save(
        self, contents: Manager, folder: str
    ) -> None:
        path = join(folder, "a.txt")
        await contents.save(text("mine"), path)
        await contents.client.delete(contents.mesh_path(path))
        with refused(412, "deleted", path):
            await contents.save(text("mine, later"), path)
        await contents.save(text("mine, later"), path)
        assert await stored(contents, path) == b"mine, later"

    async def test_the_text_that_was_opened_is_what_a_save_builds_on(
        self, contents: Manager, folder: str
    ) -> None:
        path = join(folder, "a.txt")
        await put_by_others(contents, path, b"first")
        await contents.get(path, require_hash=True)
        await put_by_others(contents, path, b"second")
        # Seeing it in a listing is not reading it.
        await contents.get(folder)
        with refused(412):
            await contents.save(text("built on first"), path)
        assert await stored(contents, path) == b"second"

    async def test_saves_in_a_row_are_no_conflict(self, contents: Manager, folder: str) -> None:
        path = join(folder, "a.txt")
        for number in range(3):
            await contents.save(text(str(number)), path)
        await asyncio.gather(*(contents.save(text(str(number)), path) for number in range(4)))
        assert (await stored(contents, path)).decode() in {"0", "1", "2", "3"}

    async def test_a_hash_changes_with_the_content_alone(
        self, contents: Manager, folder: str
    ) -> None:
        path = join(folder, "a.txt")
        first = await contents.save(text("one"), path)
        again = await contents.get(path, content=False, require_hash=True)
        second = await contents.save(text("two"), path)
        assert first["hash"] == again["hash"] != second["hash"]

    async def test_nothing_is_saved_below_what_is_not_there(
        self, contents: Manager, folder: str
    ) -> None:
        with refused(404):
            await contents.save(text("x"), join(folder, "none", "a.txt"))
        with refused(404):
            await contents.save({"type": "directory"}, join(folder, "none", "d"))

    async def test_folders_and_files_do_not_replace_each_other(
        self, contents: Manager, folder: str
    ) -> None:
        await contents.save({"type": "directory"}, join(folder, "d"))
        await contents.save({"type": "directory"}, join(folder, "d"))
        await contents.save(text("x"), join(folder, "a.txt"))
        with refused(400, "Not a directory"):
            await contents.save({"type": "directory"}, join(folder, "a.txt"))
        with refused(400):
            await contents.save(text("x"), join(folder, "d"))

    async def test_hooks_run_once(self, contents: Manager, folder: str) -> None:
        ran: list[str] = []

        def before(model: Model, path: str, **_: Any) -> None:
            ran.append(f"before {path}")
            model["content"] += "!"

        def after(model: Model, os_path: str, **_: Any) -> None:
            ran.append(f"after {model['path']}")

        contents.pre_save_hook = before
        contents.register_post_save_hook(after)
        path = join(folder, "a.txt")
        await contents.save(text("x"), path)
        assert ran == [f"before {path}", f"after {path}"]
        assert await stored(contents, path) == b"x!"

    async def test_a_hook_can_refuse_a_save(self, contents: Manager, folder: str) -> None:
        def never(**_: Any) -> None:
            raise HTTPError(400, "not today")

        contents.register_pre_save_hook(never)
        with refused(400, "not today"):
            await contents.save(text("x"), join(folder, "a.txt"))
        assert not await contents.exists(join(folder, "a.txt"))
