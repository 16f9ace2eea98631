"""What a look at files, folders and notebooks shows, and what it never shows."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from jupyter_mesh.paths import join, parent_of
from jupyter_mesh.testing.contents.fixtures import ContentsFixtures
from jupyter_mesh.testing.contents.samples import (
    KEYS,
    ODD_NAMES,
    binary,
    notebook,
    put_by_others,
    refused,
    stored,
    text,
)

if TYPE_CHECKING:
    import pytest

    from jupyter_mesh.testing.contents.samples import Manager

__all__ = ["Showing"]


class Showing(ContentsFixtures):
    """Models, notebooks, and what is not there or may not be seen."""

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
