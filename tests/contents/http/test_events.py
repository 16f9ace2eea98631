"""Each operation emits one event, and the file id service stays right by them."""

import json

import pytest

from jupyter_mesh.contents import CompositeContentsManager
from jupyter_mesh.paths import join
from jupyter_mesh.testing.contents import notebook, piece, put_by_others

SCHEMA = "https://events.jupyter.org/jupyter_server/contents_service/v1"
TEXT = {"type": "file", "format": "text", "content": "changed"}
FOLDER = {"type": "directory"}

CASES = {
    "look": ("GET", "a.txt?content=0", None, ["get a.txt"]),
    "open": ("GET", "a.txt?content=1&hash=1", None, ["get a.txt"]),
    "open a notebook": ("GET", "n.ipynb?type=notebook", None, ["get n.ipynb"]),
    "list": ("GET", "sub", None, ["get sub"]),
    "save": ("PUT", "a.txt", TEXT, ["save a.txt"]),
    "save a notebook": ("PUT", "n.ipynb", notebook("2"), ["save n.ipynb"]),
    "save something new": ("PUT", "new.txt", TEXT, ["save new.txt"]),
    "make a folder": ("PUT", "new", FOLDER, ["save new"]),
    "untitled file": ("POST", "", {"type": "file", "ext": ".md"}, ["save untitled.md"]),
    "untitled notebook": ("POST", "", {"type": "notebook"}, ["save Untitled.ipynb"]),
    "untitled folder": ("POST", "", FOLDER, ["save Untitled Folder"]),
    "rename": ("PATCH", "a.txt", {"path": "b.txt"}, ["rename a.txt b.txt"]),
    "rename a folder": ("PATCH", "sub", {"path": "other"}, ["rename sub other"]),
    "rename to the same": ("PATCH", "a.txt", {"path": "a.txt"}, []),
    "copy": ("POST", "", {"copy_from": "a.txt"}, ["copy a.txt a-Copy1.txt"]),
    "copy a folder": ("POST", "", {"copy_from": "sub"}, ["copy sub sub-Copy1"]),
    "copy into a folder": ("POST", "sub", {"copy_from": "a.txt"}, ["copy a.txt sub/a.txt"]),
    "delete": ("DELETE", "a.txt", None, ["delete a.txt"]),
    "delete a folder": ("DELETE", "sub", None, ["delete sub"]),
    "trust": ("POST", "n.ipynb/trust", None, []),
    "make a checkpoint": ("POST", "a.txt/checkpoints", None, []),
    "list checkpoints": ("GET", "a.txt/checkpoints", None, []),
}
"""Method, address below the folder, body with paths below it, and the events, paths below it as well."""


@pytest.fixture(autouse=True)
def no_blocking_calls():
    """Ids and the notary of local notebooks are looked up in SQLite where they are asked for: Jupyter's way."""


@pytest.fixture
def jp_server_config(jp_server_config, tmp_path):
    extensions = {"jupyter_mesh": True, "jupyter_server_fileid": True}
    jp_server_config["ServerApp"]["jpserver_extensions"] = extensions
    return jp_server_config | {"BaseFileIdManager": {"db_path": str(tmp_path / "ids.db")}}


@pytest.fixture
def events(jp_serverapp):
    """Gives the events since it was asked last, as "action [source] path"."""
    seen = []

    async def listen(logger, schema_id, data):
        parts = (data["action"], data.get("source_path"), data["path"])
        seen.append(" ".join(part for part in parts if part is not None))

    jp_serverapp.event_logger.add_listener(schema_id=SCHEMA, listener=listen)

    async def take() -> list[str]:
        await jp_serverapp.event_logger.gather_listeners()
        taken = list(seen)
        seen.clear()
        return taken

    return take


@pytest.fixture
def ask(jp_fetch):
    async def ask(method, path, body=None, **query):
        reply = await jp_fetch(
            f"api/contents/{path}",
            method=method,
            body=None if body is None else json.dumps(body),
            params=query,
            allow_nonstandard_methods=True,
        )
        return json.loads(reply.body) if reply.body else None

    return ask


@pytest.fixture(autouse=True)
def ids(jp_serverapp):
    """The file id service."""
    manager = jp_serverapp.web_app.settings["file_id_manager"]
    yield manager
    manager.con.close()


@pytest.fixture
def local(contents):
    """The root of the local part: "" in a composite; without one the mesh is all there is."""
    return "" if isinstance(contents, CompositeContentsManager) else None


async def fill(ask, folder: str) -> None:
    await ask("PUT", join(folder, "a.txt"), TEXT)
    await ask("PUT", join(folder, "n.ipynb"), notebook("1"))
    await ask("PUT", join(folder, "sub"), FOLDER)
    await ask("PUT", join(folder, "sub/deep.txt"), TEXT)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_one_event_for_each_operation(case, ask, events, folder, local):
    for place in [folder] if local is None else [folder, local]:
        await try_case(case, place, ask, events)


async def try_case(case, place, ask, events):
    method, address, body, expected = case
    await fill(ask, place)
    await events()
    path, _, query = address.partition("?")
    body = body and {
        name: join(place, value) if name in ("path", "copy_from") else value
        for name, value in body.items()
    }
    await ask(
        method,
        join(place, path),
        body,
        **dict(each.split("=") for each in query.split("&") if each),
    )
    action_and_paths = [each.split(" ", 1) for each in expected]
    here = [
        f"{action} " + " ".join(join(place, each) for each in split(paths))
        for action, paths in action_and_paths
    ]
    assert await events() == here


def split(paths: str) -> list[str]:
    """The two paths of a rename or copy, the one of all others."""
    known = paths.split(" ")
    return [paths] if paths.endswith(" Folder") else known


async def test_an_upload_in_pieces_is_one_save(ask, events, folder):
    path = join(folder, "a.bin")
    for number in (1, 2, -1):
        await ask("PUT", path, piece(number, b"x"))
    assert await events() == [f"save {path}"]


async def test_a_restored_version_is_one_save(ask, events, folder):
    path = join(folder, "a.txt")
    await ask("PUT", path, TEXT)
    await ask("PUT", path, TEXT | {"content": "once more"})
    versions = await ask("GET", path + "/checkpoints")
    await events()
    await ask("POST", f"{path}/checkpoints/{versions[0]['id']}")
    assert await events() == [f"save {path}"]


async def test_what_fails_is_no_event(ask, events, folder):
    await fill(ask, folder)
    await events()
    for method, path, body in [
        ("GET", "missing", None),
        ("DELETE", "missing", None),
        ("PATCH", "a.txt", {"path": join(folder, "n.ipynb")}),
        ("PUT", "missing/a.txt", TEXT),
    ]:
        with pytest.raises(Exception, match=r"HTTP (400|404|409)"):
            await ask(method, join(folder, path), body)
    assert await events() == []


@pytest.mark.parametrize("layout", ["composite"])
@pytest.mark.parametrize("way", ["to the mesh", "from the mesh"])
async def test_a_move_between_the_parts_is_one_rename(way, ask, events, folder, local, ids):
    await fill(ask, local)
    old, new = "sub", join(folder, "moved")
    if way == "from the mesh":
        await ask("PATCH", old, {"path": new})
        old, new = new, "back"
    inside = ids.index(join(old, "deep.txt"))
    await events()
    await ask("PATCH", old, {"path": new})
    assert await events() == [f"rename {old} {new}"]
    assert ids.get_path(inside) == join(new, "deep.txt")
    await ask(
        "POST", local if way == "to the mesh" else folder, {"copy_from": join(new, "deep.txt")}
    )
    [copied] = await events()
    assert copied.startswith(f"copy {new}/deep.txt ")


async def test_ids_follow_their_files(ask, events, folder, ids):
    await fill(ask, folder)
    file, deep = (ids.index(join(folder, path)) for path in ("a.txt", "sub/deep.txt"))
    await ask("PATCH", join(folder, "a.txt"), {"path": join(folder, "b.txt")})
    await ask("PATCH", join(folder, "sub"), {"path": join(folder, "other")})
    await events()
    assert ids.get_path(file) == join(folder, "b.txt")
    assert ids.get_path(deep) == join(folder, "other/deep.txt")
    copy = await ask("POST", folder, {"copy_from": join(folder, "b.txt")})
    await events()
    assert ids.get_path(file) == join(folder, "b.txt")
    assert ids.get_id(copy["path"]) not in (None, file)
    # A new file under the old name is another one.
    await ask("PUT", join(folder, "a.txt"), TEXT)
    assert ids.index(join(folder, "a.txt")) != file
    await ask("DELETE", join(folder, "b.txt"))
    await ask("DELETE", join(folder, "other"))
    await events()
    assert ids.get_path(file) is None
    assert ids.get_path(deep) is None


async def test_ids_follow_to_names_that_are_patterns_or_were_taken(
    ask, events, folder, ids, contents
):
    await fill(ask, folder)
    deep, gone = ids.index(join(folder, "sub/deep.txt")), ids.index(join(folder, "data [1]"))
    for old, new in [("sub", "data [1]"), ("data [1]", "data *"), ("data *", "sub")]:
        await ask("PATCH", join(folder, old), {"path": join(folder, new)})
        await events()
        assert ids.get_path(deep) == join(folder, f"{new}/deep.txt")
        assert ids.get_path(gone) is None


async def test_ids_survive_what_others_write(ask, events, folder, contents, ids):
    await fill(ask, folder)
    path = join(folder, "a.txt")
    file = ids.index(path)
    await put_by_others(contents, path, b"theirs")
    assert (await ask("GET", path))["content"] == "theirs"
    await events()
    assert ids.get_path(file) == path
    assert ids.index(path) == file
