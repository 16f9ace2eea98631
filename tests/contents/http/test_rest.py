"""What Jupyter's own handlers answer with our managers behind them: every status a front end meets."""

import json
from http import HTTPStatus
from urllib.parse import quote

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_mesh.paths import join
from jupyter_mesh.testing.contents import (
    ODD_NAMES,
    binary,
    notebook,
    piece,
    put_by_others,
    stored,
    text,
)


@pytest.fixture
def rest(jp_fetch):
    """Sends one request; the status, the headers and what the JSON says."""

    async def send(method, path, body=None, *, raw=None, headers=None, **query):
        data = raw if raw is not None else (None if body is None else json.dumps(body))
        try:
            answer = await jp_fetch(
                "api/contents/" + path,
                method=method,
                body=data,
                params=query,
                headers=headers,
                allow_nonstandard_methods=True,
            )
        except HTTPClientError as error:
            if error.response is None:
                raise
            answer = error.response
        try:
            return answer.code, answer.headers, json.loads(answer.body or "null")
        except ValueError:
            return answer.code, answer.headers, answer.body.decode()

    return send


async def test_a_file_lives_its_life(rest, folder, contents):
    path = join(folder, "a.txt")
    status, headers, model = await rest("PUT", path, text("one"))
    assert (status, model["path"]) == (201, path)
    assert headers["Location"].endswith(quote(path))
    assert headers["Last-Modified"]
    assert (await rest("PUT", path, text("two")))[0] == 200
    status, headers, model = await rest("GET", path, content=1, hash=1)
    assert (status, model["content"]) == (200, "two")
    assert model["hash"]
    assert isinstance(model["last_modified"], str)
    new = join(folder, "b.txt")
    status, headers, model = await rest("PATCH", path, {"path": new})
    assert (status, model["path"]) == (200, new)
    assert headers["Location"].endswith(quote(new))
    status, _, model = await rest("POST", folder, {"copy_from": new})
    assert (status, model["name"]) == (201, "b-Copy1.txt")
    assert (await rest("DELETE", new))[0] == 204
    assert (await rest("GET", new))[0] == 404
    assert await stored(contents, join(folder, "b-Copy1.txt")) == b"two"


async def test_a_notebook_lives_its_life(rest, folder):
    status, _, model = await rest("POST", folder, {"type": "notebook"})
    path = join(folder, "Untitled.ipynb")
    assert (status, model["path"], model["type"]) == (201, path, "notebook")
    status, _, model = await rest("GET", path, type="notebook", content=1, hash=1)
    assert (status, model["content"]["cells"]) == (200, [])
    assert (await rest("PUT", path, notebook("1")))[0] == 200
    assert (await rest("POST", path + "/trust"))[0] == 201
    status, _, listed = await rest("GET", path + "/checkpoints")
    assert (status, listed[-1]["id"]) == (200, "current")
    status, headers, made = await rest("POST", path + "/checkpoints")
    assert (status, made["id"]) == (201, "current")
    assert headers["Location"].endswith("/checkpoints/current")
    assert (await rest("POST", f"{path}/checkpoints/{listed[0]['id']}"))[0] == 204
    status, _, model = await rest("GET", path)
    assert (status, model["content"]["cells"]) == (200, [])
    assert (await rest("DELETE", path + "/checkpoints/current"))[0] == 403


async def test_folders_live_their_life(rest, folder):
    path = join(folder, "d")
    assert (await rest("PUT", path, {"type": "directory"}))[0] == 201
    assert (await rest("PUT", path, {"type": "directory"}))[0] in (200, 201)
    status, _, model = await rest("POST", path, {"type": "directory"})
    assert (status, model["name"]) == (201, "Untitled Folder")
    status, _, model = await rest("GET", folder, content=1, hash=1)
    assert (status, [child["name"] for child in model["content"]]) == (200, ["d"])
    assert model["hash"]
    assert (await rest("DELETE", path))[0] == 204


async def test_what_is_refused_is_refused_with_its_status(rest, folder, contents):
    a, b, n = (join(folder, name) for name in ("a.txt", "b.txt", "n.ipynb"))
    await contents.save(text("a"), a)
    await contents.save(text("b"), b)
    await contents.save(binary(b"\xff"), join(folder, "bytes"))
    await put_by_others(contents, n, b"{}")
    await put_by_others(contents, join(folder, ".hidden"), b"")
    missing, hidden = join(folder, "none"), join(folder, ".hidden")
    table = [
        # (what, status, words in the message)
        (("GET", missing), 404, ""),
        (("GET", hidden), 404, ""),
        (("GET", join(folder, "../../../x")), 404, ""),
        (("GET", a, None, "type=directory"), 400, "is not a directory"),
        (("GET", folder, None, "type=file"), 400, "is a directory, not a file"),
        (("GET", join(folder, "bytes"), None, "format=text"), 400, "UTF-8"),
        (("GET", a, None, "format=odd"), 400, "Format"),
        (("GET", a, None, "content=2"), 400, "Content"),
        (("GET", a, None, "hash=2"), 400, "Hash"),
        (("GET", n), 400, "Unreadable Notebook"),
        (("GET", a, None, "type=odd"), 200, ""),
        (("HEAD", a), 405, ""),
        (("PUT", a, {"content": "x"}), 400, "No file type provided"),
        (("PUT", a, {"type": "file"}), 400, "No file content provided"),
        (("PUT", hidden, text("x")), 400, "hidden"),
        (("PUT", join(missing, "a.txt"), text("x")), 404, "none"),
        (("PUT", folder, text("x")), 400, ""),
        (("PUT", a, {"copy_from": b}), 400, "Cannot copy with PUT"),
        (("POST", a, {"type": "file"}), 400, "Cannot POST to files"),
        (("POST", missing, {"type": "file"}), 404, "none"),
        (("POST", folder, {"copy_from": missing}), 404, "none"),
        (("POST", folder, {"copy_from": hidden}), 400, "Cannot copy"),
        (("PATCH", missing, {"path": join(folder, "c")}), 404, "none"),
        (("PATCH", a, {"path": b}), 409, "b.txt"),
        (("PATCH", a, {"path": hidden}), 400, ""),
        (("DELETE", missing), 404, "none"),
        (("DELETE", hidden), 400, ""),
        (("DELETE", ""), 400, ""),
        (("GET", missing + "/checkpoints"), 404, "none"),
        (("POST", missing + "/checkpoints"), 404, "none"),
        (("POST", a + "/checkpoints/bm9uZQ"), 404, ""),
        (("POST", missing + "/trust"), 404, ""),
    ]
    wrong = []
    for (method, path, *rest_of), status, words in table:
        body = rest_of[0] if rest_of else None
        query = dict([rest_of[1].split("=")]) if len(rest_of) > 1 else {}
        answered, _, said = await rest(method, path, body, **query)
        message = said.get("message", "") if isinstance(said, dict) else said
        if answered != status or words not in str(message):
            wrong.append(f"{method} {path} {body}: {answered} {message}, not {status} {words}")
    assert not wrong, "\n".join(wrong)
    assert await stored(contents, a) == b"a"
    assert (await rest("PUT", a, raw="{"))[0] == 400


async def test_a_rename_does_not_hide_a_foreign_change(rest, folder, contents):
    path, new = join(folder, "a.txt"), join(folder, "b.txt")
    await rest("PUT", path, text("mine"))
    _, _, read = await rest("GET", path, content=1, hash=1)
    await put_by_others(contents, path, b"theirs, and longer")
    status, _, renamed = await rest("PATCH", path, {"path": new})
    assert (status, renamed["hash"]) == (200, read["hash"]), "Lab takes this for what it has read"
    assert (await rest("PUT", new, text("mine again")))[0] == 412
    assert await stored(contents, new) == b"theirs, and longer"


async def test_what_was_read_can_be_saved_after_a_rename(rest, folder, contents):
    path, new = join(folder, "a.txt"), join(folder, "b.txt")
    await rest("PUT", path, text("one"))
    await rest("GET", path, content=1, hash=1)
    _, _, renamed = await rest("PATCH", path, {"path": new})
    assert renamed["hash"] == (await rest("GET", new, content=0, hash=1))[2]["hash"]
    assert (await rest("PUT", new, text("two")))[0] == 200
    assert await stored(contents, new) == b"two"


async def test_a_refused_rename_forgets_nothing(rest, folder, contents):
    path, taken = join(folder, "a.txt"), join(folder, "b.txt")
    await rest("PUT", path, text("mine"))
    await rest("PUT", taken, text("taken"))
    await put_by_others(contents, path, b"theirs, and longer")
    assert (await rest("PATCH", path, {"path": taken}))[0] == 409
    assert (await rest("PUT", path, text("mine again")))[0] == 412


async def test_a_foreign_change_is_a_412_with_a_sentence(rest, folder, contents):
    path = join(folder, "100% done.txt")
    await rest("PUT", path, text("mine"))
    await rest("GET", path, content=0, hash=1)
    await put_by_others(contents, path, b"theirs")
    status, _, said = await rest("PUT", path, text("mine again"))
    assert status == 412
    assert said["message"].startswith(f'"{path}" was changed in another place at ')
    assert await stored(contents, path) == b"theirs"


async def test_what_came_after_a_404_is_not_replaced(rest, folder, contents):
    path = join(folder, "a.txt")
    assert (await rest("GET", path, content=0))[0] == 404
    await put_by_others(contents, path, b"theirs")
    status, _, said = await rest("PUT", path, text("mine"))
    assert status == 409
    assert "the name is taken" in said["message"]
    assert await stored(contents, path) == b"theirs"
    # Lab looks again, asks its user, and saves.
    assert (await rest("GET", path, content=0))[0] == 200
    assert (await rest("PUT", path, text("mine")))[0] == 200
    assert (await rest("GET", path))[2]["content"] == "mine"


async def test_a_change_right_after_a_save_is_not_taken_for_the_save(rest, folder, contents):
    path = join(folder, "a.txt")
    _, _, saved = await rest("PUT", path, text("mine"))
    await put_by_others(contents, path, b"theirs")
    # Lab asks for the hash of what it saved, and takes the answer for that of its own text.
    _, _, own = await rest("GET", path, content=0, hash=1)
    assert own["hash"] == saved["hash"]
    # Before the next save it looks whether that is still there.
    _, _, found = await rest("GET", path, content=0, hash=1)
    assert found["hash"] != own["hash"]


async def test_lab_uploads_in_pieces(rest, folder, contents):
    path = join(folder, "big.bin")
    statuses = [(await rest("PUT", path, piece(number, bytes([number % 256]) * 1000)))[0]
                for number in (1, 2, 3, -1)]  # fmt: skip
    assert set(statuses) <= {200, 201}
    expected = b"".join(bytes([number % 256]) * 1000 for number in (1, 2, 3, -1))
    assert await stored(contents, path) == expected
    assert (await rest("PUT", path, piece(1, b"x")))[0] == 200
    status, _, said = await rest("PUT", path, piece(3, b"x"))
    assert status == 409
    assert "out of order" in said["message"]
    assert await stored(contents, path) == expected


async def test_odd_names_pass_the_routes(rest, folder):
    for name in ODD_NAMES:
        path = join(folder, name)
        status, headers, model = await rest("PUT", path, text(name))
        assert (status, model["name"]) == (201, name)
        assert headers["Location"].isascii()
        status, _, model = await rest("GET", path)
        assert (status, model["content"]) == (200, name)
    status, _, model = await rest("GET", folder)
    assert {child["name"] for child in model["content"]} == set(ODD_NAMES)


@pytest.mark.parametrize("name", ["checkpoints", "trust"])
async def test_folders_with_the_names_of_actions_are_folders(rest, folder, contents, name):
    path = join(folder, name)
    assert (await rest("GET", path))[0] == 404
    assert (await rest("PUT", path, {"type": "directory"}))[0] == 201
    for inside in ("a.txt", "Makefile", name):
        status, _, model = await rest("PUT", join(path, inside), text(name))
        assert (status, model["path"]) == (201, join(path, inside))
        assert (await rest("GET", join(path, inside)))[2]["content"] == name
    status, _, model = await rest("GET", path, content=1, hash=1)
    assert (status, model["path"], model["type"]) == (200, path, "directory")
    assert {child["name"] for child in model["content"]} == {"a.txt", "Makefile", name}
    status, _, model = await rest("POST", path, {"type": "file", "ext": ".txt"})
    assert (status, model["path"]) == (201, join(path, "untitled.txt"))
    status, _, model = await rest("PATCH", path, {"path": path + "-2"})
    assert (status, model["path"]) == (200, path + "-2")
    assert (await rest("PATCH", path + "-2", {"path": path}))[0] == 200
    assert (await rest("DELETE", join(path, "Makefile")))[0] == 204
    assert (await rest("DELETE", path))[0] == 204
    assert not await contents.client.exists(contents.mesh_path(path))


@pytest.mark.parametrize("name", ["checkpoints", "trust"])
async def test_behind_a_file_they_are_actions(rest, folder, name):
    path = join(folder, "a.txt")
    await rest("PUT", path, text("x"))
    for method, body in (("PUT", text("x")), ("PATCH", {"path": "x"}), ("DELETE", None)):
        assert (await rest(method, join(path, name), body))[0] == 405
    assert (await rest("GET", join(path, name)))[0] == (200 if name == "checkpoints" else 405)


async def test_the_root_is_a_folder(rest, layout, jp_root_dir):
    (jp_root_dir / "local.txt").write_text("x")
    status, _, model = await rest("GET", "", content=1, hash=1)
    names = [child["name"] for child in model["content"]]
    expected = ["home", "projects", "shares"] if layout == "root" else ["local.txt", "mesh"]
    assert (status, model["path"], names) == (HTTPStatus.OK, "", expected)


@pytest.mark.parametrize("padding", [0, 2_000_000], ids=["small", "large"])
async def test_no_number_becomes_another(jp_fetch, folder, contents, padding):
    """Parsers that are quick make a float of an integer beyond 64 bits."""
    model = notebook("x" * padding)
    model["content"]["metadata"]["huge"] = 12345678901234567890123
    path = f"{folder}/n.ipynb"
    await jp_fetch("api/contents", path, method="PUT", body=json.dumps(model))
    assert b"12345678901234567890123" in await stored(contents, path)


async def test_pieces_of_two_windows_do_not_become_one_file(rest, folder, contents):
    path = join(folder, "a.bin")
    one, other = (
        {"Referer": f"http://localhost/lab/workspaces/{name}/tree/a"} for name in ("one", "other")
    )
    assert (await rest("PUT", path, piece(1, b"same"), headers=one))[0] == 201
    status, _, said = await rest("PUT", path, piece(-1, b"other"), headers=other)
    assert (status, said["message"][:14]) == (409, "Another window")
    assert not await contents.client.exists(contents.mesh_path(path))
    assert (await rest("PUT", path, piece(-1, b"one"), headers=one))[0] == 200
    assert await stored(contents, path) == b"sameone"
