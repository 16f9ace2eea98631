"""Rooms of jupyter-collaboration, without a browser: what is typed at a bad moment is not lost."""

import asyncio
import json

import pytest

from jupyter_mesh.errors import Conflict

CELLS = 8


def notebook(text):
    cells = [
        {"cell_type": "markdown", "id": f"cell-{number}", "metadata": {}, "source": text}
        for number in range(CELLS)
    ]
    metadata = {"kernelspec": {"name": "", "display_name": ""}, "language_info": {"name": ""}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture
def jp_server_config(jp_server_config, tmp_path, monkeypatch):
    jp_server_config["ServerApp"]["jpserver_extensions"] |= {
        "jupyter_server_ydoc": True,
        "jupyter_server_fileid": True,
    }
    # Asked from Python, the extension makes its history where the server was started.
    monkeypatch.chdir(tmp_path)
    # No look at a file and no save comes by itself while a test runs.
    jp_server_config["YDocExtension"] = {"file_poll_interval": 600, "document_save_delay": 600}
    return jp_server_config


@pytest.fixture
def documents(jp_serverapp, jp_asyncio_loop):
    """The extension that has the rooms."""
    [extension] = jp_serverapp.extension_manager.extension_apps["jupyter_server_ydoc"]
    extension.met = []
    yield extension
    jp_asyncio_loop.run_until_complete(extension.file_loaders.clear())
    for room in extension.met:
        # Nobody there closes it.
        room._update_send_stream.close()


@pytest.fixture
def enter(documents):
    """Opens a document; gives its room."""

    async def enter(path, kind="notebook", form="json"):
        document = await documents.get_document(
            path=path, content_type=kind, file_format=form, copy=False, create=True
        )
        rooms = documents.ywebsocket_server.rooms.values()
        room = next(room for room in rooms if room._document is document)
        await room.ydoc_observed.wait()
        documents.met.append(room)
        return room

    return enter


@pytest.fixture
def store(client):
    async def store(path, content):
        data = json.dumps(content).encode() if isinstance(content, dict) else content.encode()
        await client.upload(path, data, size=len(data))

    return store


async def until(condition):
    """Wait for a state that lasts a few steps of the loop only."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0)


def type_into(room):
    source = room._document.ycells[0]["source"]
    source += " and mine"


def sources(room):
    return [str(cell["source"]) for cell in room._document.ycells]


async def test_what_is_typed_while_theirs_is_compared_stays(enter, store, folder):
    path = f"{folder}/compared.ipynb"
    await store(path, notebook("old"))
    room = await enter(f"mesh/{path}")
    await store(path, notebook("theirs"))
    loading = asyncio.create_task(room.load_theirs())
    await until(room._update_lock.locked)
    await asyncio.sleep(0)
    assert sources(room) == ["old"] * CELLS
    type_into(room)
    with pytest.raises(Conflict):
        await loading
    assert sources(room) == ["old and mine"] + ["old"] * (CELLS - 1)
    assert room._document.dirty
    # Nor does the next save win over theirs.
    with pytest.raises(Conflict):
        await room._save_to_disc()


async def test_what_is_typed_while_theirs_is_shown_is_an_edit(enter, store, folder):
    path = f"{folder}/shown.ipynb"
    await store(path, notebook("old"))
    room = await enter(f"mesh/{path}")
    await store(path, notebook("theirs"))
    loading = asyncio.create_task(room.load_theirs())
    await until(lambda: str(room._document.ycells[0]["source"]) == "theirs")
    assert not loading.done()
    type_into(room)
    await loading
    assert sources(room) == ["theirs and mine"] + ["theirs"] * (CELLS - 1)
    assert room._document.dirty
    assert room.is_behind


@pytest.mark.parametrize("changed", [False, True], ids=["nobody else wrote", "somebody else wrote"])
async def test_the_last_words_before_a_stop_come_back(enter, store, folder, documents, changed):
    path = f"{folder}/last.txt"
    await store(path, "start\n")
    room = await enter(f"mesh/{path}", "file", "text")
    room._document._ysource += "kept"
    await until(lambda: "mesh_unsaved" in room._document.ystate)
    await written(room)
    await documents.ywebsocket_server.delete_room(room=room)
    if changed:
        await store(path, "theirs\n")
    again = await enter(f"mesh/{path}", "file", "text")
    assert again is not room
    assert again._document.get() == "start\nkept"
    assert again.is_behind
    if changed:
        with pytest.raises(Conflict):
            await again._save_to_disc()
    else:
        await again._save_to_disc()
        assert not again.is_behind
        assert "mesh_unsaved" not in again._document.ystate


async def written(room):
    """Wait until the history has what is in the room."""
    async with asyncio.timeout(20):
        while (kept := await room._kept()) is None or kept[1] != room._document.get():  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.01)


async def test_an_answer_goes_to_the_room_that_failed(enter, store, folder, ask):
    path = f"{folder}/both.ipynb"
    await store(path, notebook("old"))
    await enter(f"mesh/{path}")
    text = await enter(f"mesh/{path}", "file", "text")
    text._document.set(json.dumps(notebook("mine")))
    await store(path, notebook("theirs"))
    with pytest.raises(Conflict):
        await text._save_to_disc()
    status, _ = await ask(
        "POST", "unsaved", json_body={"path": f"mesh/{path}", "action": "load", "hash": None}
    )
    assert status == 200
    assert not text.is_behind
    assert json.loads(text._document.get()) == notebook("theirs")
