"""A share that ends while a document of it is open: the text is refused with a reason, and stays on the screen."""

import json

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_mesh.models import Role, ShareState
from jupyter_mesh.sharing import Sharing

pytestmark = pytest.mark.parametrize("sites", ["spaces", "paths"], indirect=True, scope="session")


@pytest.fixture
def contents(jp_fetch):
    """Asks the contents API; gives status and answer."""

    async def ask(method, path, **model):
        try:
            reply = await jp_fetch(
                "api",
                "contents",
                *path.split("/"),
                method=method,
                body=json.dumps(model) if model else None,
            )
        except HTTPClientError as error:
            reply = error.response
        return reply.code, json.loads(reply.body)

    return ask


@pytest.fixture
def opened(ask, einstein, marie, noether, meet, folder_of, contents):
    """A file that somebody shares with Einstein, who has opened it: its API path, and how to end the share."""

    async def opened(who):
        owner = {"marie": marie, "noether": noether}[who]
        if who == "noether":
            await meet()
            (me,) = await noether.contacts()
        else:
            (me,) = await marie.find_users("einstein")
        path = await folder_of(owner, "a.txt")
        given = await Sharing(owner).share(path, me, Role.EDITOR)
        mine = Sharing(einstein)
        (share,) = [each for each in await mine.received() if each.name in path]
        if share.state is ShareState.PENDING:
            share = await mine.answer(share.id, ShareState.ACCEPTED)
        path = f"mesh/{share.path}/a.txt"
        status, model = await contents("GET", path)
        assert (status, model["content"]) == (200, "text of a.txt")
        return path, share.name, lambda: Sharing(owner).remove(given.id)

    return opened


@pytest.mark.parametrize("who", ["marie", "noether"])
async def test_the_text_is_refused_with_the_reason(contents, opened, who):
    path, name, end = await opened(who)
    status, _ = await contents("PUT", path, type="file", format="text", content="first")
    assert status == 200
    await end()
    for _ in range(2):
        status, answer = await contents("PUT", path, type="file", format="text", content="second")
        assert status == 404, answer
        assert answer["message"] == f'{who} stopped sharing "{name}".'
