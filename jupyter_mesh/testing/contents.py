"""ContentsContract: what Jupyter's front ends expect of a contents manager, on any site, as tests to inherit.

::

    class TestMySite(ContentsContract):
        @pytest.fixture(scope="session")
        def site(self): return site_from_file(Path("site.toml"))

Each test runs for both managers: the composite, and the one whose root is a part of the mesh. Everything
happens in fresh folders, which are deleted at the end.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_events import EventLogger
from jupyter_server import DEFAULT_EVENTS_SCHEMA_PATH
from tornado.web import HTTPError
from traitlets.config import Config

from jupyter_mesh.contents import CompositeContentsManager, MeshContentsManager
from jupyter_mesh.contents.authors import SAVED
from jupyter_mesh.cs3.flavour import Feature
from jupyter_mesh.errors import Locked, NotSupported
from jupyter_mesh.paths import join, parent_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from jupyter_mesh.contents.models import Model
    from jupyter_mesh.testing.site import RunningSite

    Manager = MeshContentsManager | CompositeContentsManager

__all__ = ["ODD_NAMES", "ContentsContract", "Events", "refused"]

ODD_NAMES = (
    "with space.txt",
    "hash # percent % 100%25.txt",
    "question?colon:amp&plus+.txt",
    "semi;tilde~back\\slash.txt",
    "caf\u00e9-nfc.txt",
    "cafe\u0301-nfd.txt",
    "\U0001f9ea emoji.txt",
    "dots..in.the.middle.txt",
    "trailing space .txt",
    "#%?&+:;\\~ all at once.txt",
    "x" * 251 + ".txt",
    "\u00e9" * 125 + "x.txt",
)
"""Names that some layer of the way likes to change."""

KEYS = {
    "name", "path", "type", "writable", "created", "last_modified", "size", "mimetype", "content", "format",
    "hash", "hash_algorithm",
}  # fmt: skip


@contextmanager
def refused(status: int, *words: str) -> Iterator[None]:
    """What is inside must end as an HTTPError with ``status`` whose sentence holds all ``words``."""
    with pytest.raises(HTTPError) as caught:
        yield
    sentence = f"{caught.value.reason} {caught.value.log_message}"
    assert caught.value.status_code == status, sentence
    for word in words:
        assert word in sentence


def _event_logger() -> EventLogger:
    logger = EventLogger()
    logger.register_event_schema(DEFAULT_EVENTS_SCHEMA_PATH / "contents_service" / "v1.yaml")
    return logger


class Events:
    """Collects the events of a manager from now on."""

    def __init__(self, contents: Manager) -> None:
        self._logger = contents.event_logger
        self._seen: list[dict[str, Any]] = []
        self._logger.add_listener(schema_id=contents.event_schema_id, listener=self._take)

    async def _take(self, logger: Any, schema_id: str, data: dict[str, Any]) -> None:
        self._seen.append({key: value for key, value in data.items() if not key.startswith("_")})

    async def taken(self) -> list[dict[str, Any]]:
        """The events since the last call."""
        await self._logger.gather_listeners()
        seen, self._seen = self._seen, []
        return seen


def text(content: str) -> Model:
    """A model to save as a text file."""
    return {"type": "file", "format": "text", "content": content}


def binary(content: bytes) -> Model:
    """A model to save as a file of any bytes."""
    return {"type": "file", "format": "base64", "content": base64.b64encode(content).decode()}


def notebook(*sources: str) -> Model:
    """A model to save as a notebook with these code cells."""
    cells: list[Model] = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "source": source,
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
        for number, source in enumerate(sources)
    ]
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return {"type": "notebook", "content": content}


def piece(number: Any, content: bytes) -> Model:
    """A model that is one piece of an upload."""
    return {**binary(content), "chunk": number}


async def stored(contents: Manager, path: str) -> bytes:
    """The bytes at the site."""
    return await contents.client.read(contents.mesh_path(path))


def mesh_of(contents: Manager) -> MeshContentsManager:
    """The part of a manager that holds the mesh."""
    return contents if isinstance(contents, MeshContentsManager) else contents.mesh


def only_part(folder: str) -> Path:
    """The file of the one upload that is under way."""
    (part,) = Path(folder).glob("*.part")
    return part


@asynccontextmanager
async def next_server(contents: Manager) -> AsyncIterator[MeshContentsManager]:
    """What is there after a restart: another manager that finds the uploads of the first."""
    mesh = mesh_of(contents)
    manager = MeshContentsManager(
        mesh_root=mesh.mesh_root,
        prefix=mesh.prefix,
        upload_folder=mesh.upload_folder,
        client=mesh.client,
        event_logger=mesh.event_logger,
    )
    yield manager
    await manager.spools.close()


async def put_by_others(contents: Manager, path: str, content: bytes) -> None:
    """A write past the manager."""
    await contents.client.upload(contents.mesh_path(path), content)


class ContentsContract:
    """Every rule of the contents API that a front end relies on, and those that keep texts safe.

    Needs a fixture ``site`` that gives a RunningSite.
    """

    @pytest.fixture(params=["root", "composite"])
    async def contents(
        self, request: pytest.FixtureRequest, site: RunningSite, tmp_path: Path
    ) -> AsyncIterator[Manager]:
        """A manager of the first user."""
        config = Config()
        config.NotebookNotary.data_dir = str(tmp_path)
        config.NotebookNotary.db_file = ":memory:"
        # A server makes the event logger long before its loop runs: it reads a file.
        events = await asyncio.to_thread(_event_logger)
        manager: Manager
        if request.param == "root":
            manager = mesh = MeshContentsManager(
                config=config, event_logger=events, mesh_root="home"
            )
        else:
            manager = CompositeContentsManager(
                config=config, event_logger=events, root_dir=str(tmp_path)
            )
            mesh = manager.mesh
        mesh.upload_folder = str(tmp_path / "uploads")
        mesh.client = site.client()
        yield manager
        await manager.close()

    @pytest.fixture
    async def folder(self, contents: Manager) -> AsyncIterator[str]:
        """The API path of a fresh folder."""
        mesh = f"home/contents-{secrets.token_hex(6)}"
        await contents.client.mkdir(mesh)
        yield contents.api_path(mesh)
        await contents.client.delete(mesh)

    # Models

    async def test_a_file_has_all_keys_of_a_model(self, contents: Manager, folder: str) -> None:
        path = join(folder, "a.txt")
        await contents.save(text("one"), path)
        model = await contents.get("/" + path, content=False, require_hash=True)
        assert set(model) == KEYS
        assert model["name"] == "a.txt"
        assert model["path"] == path
        assert model["type"] == "file"
        assert model["writable"] is True
        assert model["size"] == 3
        assert model["mimetype"] == "text/plain"
        assert (model["content"], model["format"]) == (None, None)
        assert model["hash"]
        assert model["hash_algorithm"]
        assert model["created"].tzinfo is UTC
        assert abs((datetime.now(UTC) - model["last_modified"]).total_seconds()) < 300

    async def test_a_folder_lists_what_a_single_look_shows(
        self, contents: Manager, folder: str
    ) -> None:
        await contents.save(text("one"), join(folder, "a.txt"))
        await contents.save(notebook("1"), join(folder, "b.ipynb"))
        await contents.save({"type": "directory"}, join(folder, "c"))
        listing = await contents.get(folder)
        assert (listing["type"], listing["format"], listing["mimetype"], listing["size"]) == (
            "directory", "json", None, None,
        )  # fmt: skip
        children = sorted(listing["content"], key=lambda child: child["name"])
        assert [child["type"] for child in children] == ["file", "notebook", "directory"]
        for child in children:
            assert child == await contents.get(child["path"], content=False)

    async def test_folders_have_a_hash_and_no_slashes(self, contents: Manager, folder: str) -> None:
        model = await contents.get(f"/{folder}/", content=True, require_hash=True)
        assert model["path"] == folder
        assert model["writable"] is True
        assert model["hash"] is not None
        assert model["hash_algorithm"] is not None
        assert model["content"] == []

    async def test_every_folder_up_to_the_root_can_be_listed(
        self, contents: Manager, folder: str
    ) -> None:
        path = folder
        while path:
            above = parent_of(path)
            listing = await contents.get(above)
            assert path in [child["path"] for child in listing["content"]]
            assert await contents.dir_exists(above)
            path = above
        assert (await contents.get("/", content=False))["path"] == ""

    async def test_a_wrong_type_is_refused(
        self, contents: Manager, folder: str, subtests: pytest.Subtests
    ) -> None:
        await contents.save(text("one"), join(folder, "a.txt"))
        await contents.save({"type": "directory"}, join(folder, "d"))
        for name, asked, words in (
            ("a.txt", "directory", "is not a directory"),
            ("d", "file", "is a directory, not a file"),
            ("d", "notebook", "is a directory, not a notebook"),
        ):
            for content in (True, False):
                case = subtests.test(name=name, asked=asked, content=content)
                with case, refused(400, "bad type", words):
                    await contents.get(join(folder, name), type=asked, content=content)

    async def test_content_comes_as_text_or_base64(
        self, contents: Manager, folder: str, subtests: pytest.Subtests
    ) -> None:
        plain, other = "text/plain", "application/octet-stream"
        for what, data, asked, content, form, mimetype in (
            ("text", "é".encode(), None, "é", "text", plain),
            ("bytes", b"\xff\x00", None, "/wA=", "base64", other),
            ("text as base64", b"abc", "base64", "YWJj", "base64", other),
            ("empty", b"", None, "", "text", plain),
            ("line ends", b"a\r\nb", "text", "a\r\nb", "text", plain),
        ):
            with subtests.test(what):
                await put_by_others(contents, join(folder, what), data)
                model = await contents.get(join(folder, what), format=asked)
                assert (model["content"], model["format"]) == (content, form)
                assert model["mimetype"] == mimetype

    async def test_bytes_are_not_passed_off_as_text(self, contents: Manager, folder: str) -> None:
        path = join(folder, "a.bin")
        await contents.save(binary(b"\xff\xfe\x00"), path)
        with refused(400, "bad format", "UTF-8"):
            await contents.get(path, format="text")

    async def test_large_content_is_the_same_after_a_round_trip(
        self, contents: Manager, folder: str
    ) -> None:
        content = bytes(range(256)) * 8192
        path = join(folder, "large.bin")
        await contents.save(binary(content), path)
        assert await stored(contents, path) == content
        assert base64.b64decode((await contents.get(path))["content"]) == content

    # Notebooks

    async def test_a_notebook_comes_back_as_it_was_saved(
        self, contents: Manager, folder: str
    ) -> None:
        path = join(folder, "n.ipynb")
        model = notebook("1 + 1", "2")
        await contents.save(model, path)
        got = await contents.get(path, require_hash=True)
        assert (got["type"], got["format"], got["mimetype"]) == ("notebook", "json", None)
        assert [cell["source"] for cell in got["content"]["cells"]] == ["1 + 1", "2"]
        assert "message" not in got
        assert (await stored(contents, path)).endswith(b"}\n")
        as_file = await contents.get(path, type="file")
        assert (as_file["type"], as_file["format"]) == ("file", "text")

    async def test_a_notebook_that_is_not_valid_opens_and_says_so(
        self, contents: Manager, folder: str
    ) -> None:
        path = join(folder, "odd.ipynb")
        model = notebook("1")
        model["content"]["cells"][0]["surprise"] = True
        saved = await contents.save(model, path)
        assert "validation failed" in saved["message"]
        assert "validation failed" in (await contents.get(path))["message"]

    async def test_what_is_no_notebook_is_refused(self, contents: Manager, folder: str) -> None:
        path = join(folder, "n.ipynb")
        await put_by_others(contents, path, b"{not json")
        with refused(400, "Unreadable Notebook"):
            await contents.get(path)
        with refused(400, "not a notebook"):
            await contents.save({"type": "notebook", "content": [1]}, path)
        assert await stored(contents, path) == b"{not json"

    async def test_trust_is_kept_over_a_save(self, contents: Manager, folder: str) -> None:
        path = join(folder, "n.ipynb")
        await contents.save(notebook("1"), path)
        foreign = notebook("print(2)")
        script = {"text/html": "<script></script>"}
        output = {"output_type": "display_data", "data": script, "metadata": {}}
        foreign["content"]["cells"][0]["outputs"] = [output]
        await put_by_others(contents, path, json.dumps(foreign["content"]).encode())
        assert not (await contents.get(path))["content"]["cells"][0]["metadata"]["trusted"]
        await contents.trust_notebook(path)
        assert (await contents.get(path))["content"]["cells"][0]["metadata"]["trusted"]

    # What is not there, or may not be seen

    async def test_what_is_not_there_is_404_for_all(
        self, contents: Manager, folder: str, subtests: pytest.Subtests
    ) -> None:
        for path in (join(folder, "none.txt"), join(folder, "none/none.txt")):
            with subtests.test(path):
                await self._is_404(contents, folder, path)
                assert not await contents.exists(path)
                assert not await contents.file_exists(path)
                assert not await contents.dir_exists(path)

    async def test_no_path_leads_elsewhere(
        self, contents: Manager, folder: str, subtests: pytest.Subtests
    ) -> None:
        for path in (f"{folder}/../{folder}/a", f"{folder}/./a", "../a", f"{folder}/a\0b"):
            with subtests.test(path):
                await self._is_404(contents, folder, path)
                for call in (
                    contents.exists(path),
                    contents.file_exists(path),
                    contents.dir_exists(path),
                    contents.is_hidden(path),
                    contents.get_kernel_path(path),
                    contents.save(text(""), path),
                ):
                    with refused(404):
                        await call

    async def _is_404(self, contents: Manager, folder: str, path: str) -> None:
        for call in (
            contents.get(path),
            contents.get(path, content=False, require_hash=True),
            contents.get(path, type="file"),
            contents.get(path, type="notebook"),
            contents.delete(path),
            contents.rename(path, join(folder, "new")),
            contents.copy(path, folder),
            contents.new_untitled(path),
            contents.list_checkpoints(path),
            contents.create_checkpoint(path),
            contents.restore_checkpoint("current", path),
            contents.trust_notebook(path),
        ):
            with refused(404):
                await call

    async def test_hidden_files_stay_hidden(self, contents: Manager, folder: str) -> None:
        path = join(folder, ".secret")
        await put_by_others(contents, path, b"x")
        await contents.save(text("one"), join(folder, "a.txt"))
        assert await contents.is_hidden(path)
        assert not await contents.is_hidden(folder)
        assert [child["name"] for child in (await contents.get(folder))["content"]] == ["a.txt"]
        with refused(404):
            await contents.get(path)
        for call in (
            contents.save(text("two"), path),
            contents.delete(path),
            contents.rename(path, join(folder, "shown")),
            contents.rename(join(folder, "a.txt"), path),
            contents.copy(path, folder),
        ):
            with refused(400, "hidden"):
                await call
        assert await stored(contents, path) == b"x"
        contents.allow_hidden = True
        assert (await contents.get(path))["content"] == "x"
        assert len((await contents.get(folder))["content"]) == 2

    async def test_names_of_hide_globs_are_not_listed(self, contents: Manager, folder: str) -> None:
        for name in ("a.pyc", "b~", "c.py"):
            await put_by_others(contents, join(folder, name), b"")
        assert [child["name"] for child in (await contents.get(folder))["content"]] == ["c.py"]

    async def test_a_name_that_no_site_takes_is_refused(
        self, contents: Manager, folder: str
    ) -> None:
        with refused(400, "longer than 255 bytes"):
            await contents.save(text(""), join(folder, "é" * 128))

    async def test_odd_names_stay_as_they_are(
        self, contents: Manager, folder: str, subtests: pytest.Subtests
    ) -> None:
        for name in ODD_NAMES:
            with subtests.test(name):
                path = join(folder, name)
                model = await contents.save(text(name), path)
                assert (model["name"], model["path"]) == (name, path)
                listing = await contents.get(folder)
                assert name in [child["name"] for child in listing["content"]]
                assert (await contents.get(path))["content"] == name
                await contents.rename(path, join(folder, f"{name[:-4]}.abc"))
                assert not await contents.exists(path)

    # Saving

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

    # Uploads in pieces

    async def test_pieces_become_one_file_and_one_event(
        self, contents: Manager, folder: str
    ) -> None:
        path = join(folder, "a.bin")
        events = Events(contents)
        first = await contents.save(piece(1, b"abc"), path)
        assert (first["path"], first["size"], first["type"]) == (path, 3, "file")
        assert await contents.file_exists(path)
        await contents.save(piece(2, b"def"), path)
        assert not await contents.client.exists(contents.mesh_path(path))
        last = await contents.save(piece(-1, b"g"), path)
        assert last["size"] == 7
        assert await stored(contents, path) == b"abcdefg"
        assert await events.taken() == [{"action": "save", "path": path}]
        assert last == await contents.get(path, content=False, require_hash=True)

    async def test_an_upload_leaves_one_version(self, contents: Manager, folder: str) -> None:
        path = join(folder, "a.bin")
        await contents.save(binary(b"old"), path)
        before = len(await contents.list_checkpoints(path))
        for number in (1, 2, 3, -1):
            await contents.save(piece(number, b"x"), path)
        assert len(await contents.list_checkpoints(path)) in (before, before + 1)

    async def test_pieces_out_of_order_store_nothing(
        self, contents: Manager, folder: str, subtests: pytest.Subtests
    ) -> None:
        for what, status, numbers in (
            ("no first", 400, [2]),
            ("only the last", 400, [-1]),
            ("one left out", 409, [1, 3]),
            ("one twice", 409, [1, 2, 2]),
            ("zero", 400, [0]),
            ("negative", 400, [-2]),
            ("text", 400, ["1"]),
        ):
            with subtests.test(what):
                path = join(folder, what)
                await contents.save(binary(b"old"), path)
                *good, bad = numbers
                for number in good:
                    await contents.save(piece(number, b"new"), path)
                with refused(status):
                    await contents.save(piece(bad, b"new"), path)
                assert await stored(contents, path) == b"old"

    async def test_two_uploads_to_one_place_do_not_mix(
        self, contents: Manager, folder: str
    ) -> None:
        path = join(folder, "a.bin")
        await contents.save(piece(1, b"mine"), path)
        with refused(409, "under way"):
            await contents.save(piece(1, b"theirs"), path)
        # After a broken connection the same upload begins again.
        await contents.save(piece(1, b"mine"), path)
        await contents.save(piece(-1, b"!"), path)
        assert await stored(contents, path) == b"mine!"

    async def test_an_upload_goes_on_after_a_restart(
        self, contents: Manager, folder: str, subtests: pytest.Subtests
    ) -> None:
        for what, sizes, lost, status in (
            ("equal pieces", (4, 4), 0, 0),
            ("half a piece lost", (4, 4), 2, 0),
            ("other pieces", (4, 3), 0, 400),
        ):
            with subtests.test(what):
                path = join(folder, what)
                await contents.save(binary(b"old"), path)
                for number, size in enumerate(sizes, 1):
                    await contents.save(piece(number, b"x" * size), path)
                await mesh_of(contents).spools.close()
                part = await asyncio.to_thread(only_part, mesh_of(contents).upload_folder)
                await asyncio.to_thread(os.truncate, part, sum(sizes) - lost)
                async with next_server(contents) as server:
                    assert await server.file_exists(path)
                    if status:
                        with refused(status, "interrupted"):
                            await server.save(piece(3, b"y"), path)
                        assert await stored(contents, path) == b"old"
                        continue
                    if lost:
                        await server.save(piece(2, b"xxxx"), path)
                    await server.save(piece(3, b"yyyy"), path)
                    assert await stored(contents, path) == b"old"
                    await server.save(piece(-1, b"!"), path)
                assert await stored(contents, path) == b"xxxxxxxxyyyy!"
                assert not await asyncio.to_thread(part.exists)

    async def test_a_full_disk_ends_an_upload(self, contents: Manager, folder: str) -> None:
        path = join(folder, "a.bin")
        await contents.save(binary(b"old"), path)
        mesh_of(contents).upload_limit = 1
        await contents.save(piece(1, bytes(600_000)), path)
        with refused(507, "Unfinished uploads fill the room"):
            await contents.save(piece(2, bytes(600_000)), path)
        with refused(400, "interrupted"):
            await contents.save(piece(3, b"x"), path)
        assert await stored(contents, path) == b"old"
        assert not await asyncio.to_thread(os.listdir, mesh_of(contents).upload_folder)

    async def test_an_upload_over_a_later_change_is_refused(
        self, contents: Manager, folder: str
    ) -> None:
        path = join(folder, "a.bin")
        await contents.save(binary(b"old"), path)
        await contents.save(piece(1, b"new"), path)
        await put_by_others(contents, path, b"theirs")
        with refused(412):
            await contents.save(piece(-1, b"new"), path)
        assert await stored(contents, path) == b"theirs"

    async def test_an_upload_is_refused_before_it_is_sent(
        self, contents: Manager, folder: str
    ) -> None:
        await contents.save({"type": "directory"}, join(folder, "d"))
        with refused(404):
            await contents.save(piece(1, b"x"), join(folder, "none", "a.bin"))
        with refused(400, "folder"):
            await contents.save(piece(1, b"x"), join(folder, "d"))
        with refused(400, "not supported for large file transfer"):
            await contents.save({**notebook("1"), "chunk": 1}, join(folder, "n.ipynb"))
        with refused(400, "Encoding error"):
            await contents.save({**piece(1, b""), "content": "a"}, join(folder, "a.bin"))

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
