"""What is told of a document that could not be saved."""

import json

import pytest

from jupyter_mesh.contents.save_errors import LIMIT, SaveErrors
from jupyter_mesh.errors import Conflict, Unavailable
from jupyter_mesh.server.events import UNSAVED

TEXT = {"type": "file", "format": "text", "content": "mine"}


@pytest.fixture
def events(jp_serverapp):
    """The events of ours since it was asked last."""
    seen = []

    async def listen(logger, schema_id, data):
        seen.append({name: data[name] for name in data if not name.startswith("__")})

    jp_serverapp.event_logger.add_listener(schema_id=UNSAVED, listener=listen)

    async def take():
        await jp_serverapp.event_logger.gather_listeners()
        taken = list(seen)
        seen.clear()
        return taken

    return take


@pytest.fixture
def unsaved(jp_fetch):
    async def ask(path):
        reply = await jp_fetch("api", "mesh", "unsaved", params={"path": path})
        assert reply.headers["Cache-Control"] == "no-store"
        return json.loads(reply.body)["unsaved"]

    return ask


@pytest.fixture
def put(jp_fetch):
    async def put(path, model=TEXT):
        return await jp_fetch("api", "contents", path, method="PUT", body=json.dumps(model))

    return put


async def test_a_refused_save_is_told_until_one_succeeds(put, unsaved, events, jp_serverapp):
    path = "mesh/home/refused.txt"
    await put(path)
    assert await unsaved(path) is None
    client = jp_serverapp.contents_manager.client
    await client.upload("home/refused.txt", b"theirs", size=6)
    with pytest.raises(Exception, match="412"):
        await put(path)
    told = await unsaved(path)
    assert told["status"] == 412
    assert "was changed" in told["message"]
    [event] = await events()
    assert event == {"saved": False, **told}
    moved = "mesh/home/refused-too.txt"
    jp_serverapp.contents_manager.mesh.save_errors.moved(path, moved)
    assert await unsaved(path) is None
    assert (await unsaved(moved))["status"] == 412
    assert [each["saved"] for each in await events()] == [True, False]
    await client.delete("home/refused.txt")
    await put(moved)
    assert await unsaved(moved) is None
    assert await events() == [{"path": moved, "saved": True}]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"path": "mesh/home/a.txt", "action": "retry", "hash": None}, 404),
        ({"path": "mesh/home/a.txt", "action": "delete", "hash": None}, 400),
        ({"path": 7, "action": "retry", "hash": None}, 400),
        ({"action": "retry"}, 400),
    ],
    ids=["no room", "no such action", "no path", "nothing"],
)
async def test_only_rooms_can_be_told_what_to_do(jp_fetch, body, status):
    with pytest.raises(Exception, match=str(status)):
        await jp_fetch("api", "mesh", "unsaved", method="POST", body=json.dumps(body))


def test_a_reason_that_stays_is_told_once_and_keeps_its_time():
    errors, told = SaveErrors(), []
    errors.listen(lambda path, error: told.append(error))
    first = errors.failed("a", Unavailable("Away."))
    assert errors.failed("a", Unavailable("Away.")) == first
    assert errors.failed("a", Conflict("Changed.")).since == first.since
    assert [error.status for error in told] == [503, 412]


def test_a_folder_takes_its_documents_along():
    errors = SaveErrors()
    for path in ("d/a", "d/sub/b", "da"):
        errors.failed(path, Unavailable("Away."))
    errors.moved("d", "e")
    assert [path for path in ("e/a", "e/sub/b", "da") if errors.get(path)] == [
        "e/a",
        "e/sub/b",
        "da",
    ]
    errors.forget("e")
    assert errors.get("e/a") is None
    assert errors.get("da") is not None


def test_the_oldest_goes_when_there_are_too_many():
    errors = SaveErrors()
    for number in range(LIMIT + 1):
        errors.failed(str(number), Unavailable("Away."))
    assert errors.get("0") is None
    assert errors.get(str(LIMIT)) is not None
