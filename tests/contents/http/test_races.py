"""Two windows that save the same file at the same time: every save is accounted for."""

import asyncio
import json
from collections import Counter

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_mesh.paths import join
from jupyter_mesh.testing.contents import stored, text

SAVES = 500


class Window:
    """A window of JupyterLab: it looks before it saves, asks for the hash of what it saved, and loads theirs after a conflict.

    Every text holds the text that it was made from, so that the order of all that was stored can be told.
    """

    def __init__(self, name, fetch, path, *, says_base):
        self.name = name
        self._fetch = fetch
        self._path = path
        self._says_base = says_base
        self._mine = ""
        self._hash = ""
        self.stored = {}
        self.seen = Counter()

    async def _ask(self, method, body=None, **query):
        page = f"http://localhost/lab/workspaces/{self.name}/tree/{self._path}"
        try:
            answer = await self._fetch(
                "api/contents/" + self._path,
                method=method,
                body=None if body is None else json.dumps(body),
                params=query,
                headers={"Referer": page},
            )
        except HTTPClientError as error:
            return error.code, json.loads(error.response.body)
        return answer.code, json.loads(answer.body)

    async def load(self):
        status, model = await self._ask("GET", type="file", format="text", content=1, hash=1)
        assert status == 200, model
        self._mine, self._hash = model["content"].split(" ")[0], model["hash"]

    async def look(self):
        """True if nothing changed; else theirs is loaded."""
        status, model = await self._ask("GET", content=0, hash=1)
        assert status == 200, model
        if model["hash"] == self._hash:
            return True
        self.seen["a change before the save"] += 1
        await self.load()
        return False

    async def save(self, number):
        new = f"{self.name}-{number}"
        model = text(f"{new} {self._mine}")
        if self._says_base:
            model["mesh"] = {"base": self._hash}
        status, answer = await self._ask("PUT", model)
        if status == 200:
            self.stored[new] = self._mine
            self._mine = new
            _, model = await self._ask("GET", content=0, hash=1)
            self._hash = model["hash"]
            self.seen["saved"] += 1
        else:
            assert status == 412, answer
            assert "was changed in another place at" in answer["message"]
            self.seen["refused"] += 1
            await self.load()


def chain(stored, last, first):
    """The texts from the last one back to the first, each made from the one before."""
    found = [last]
    while found[-1] != first:
        found.append(stored[found[-1]])
    return found


@pytest.mark.timeout(240)
@pytest.mark.parametrize("together", [True, False], ids=["in step", "freely"])
async def test_of_two_windows_none_overwrites_what_it_has_not_read(
    jp_fetch, contents, folder, together
):
    path = join(folder, "a.txt")
    await contents.client.upload(contents.mesh_path(path), b"first ")
    # One as stock Lab saves, one that says what its text is based on.
    windows = [Window(name, jp_fetch, path, says_base=name == "b") for name in ("a", "b")]
    gate = asyncio.Barrier(2)

    async def work(window):
        await window.load()
        for number in range(SAVES // 5 if together else SAVES):
            if together:
                await gate.wait()
            clean = await window.look()
            if together:
                # Both have seen the same state, and both save over it now.
                await gate.wait()
            if clean or together:
                await window.save(number)

    await asyncio.gather(*(work(window) for window in windows))
    saved = {new: old for window in windows for new, old in window.stored.items()}
    last = (await stored(contents, path)).decode().split(" ")[0]
    # Whoever replaced a text had read it: all that was acknowledged is one chain from the first to the last.
    assert len(chain(saved, last, "first")) == len(saved) + 1
    seen = windows[0].seen + windows[1].seen
    assert seen["saved"] == len(saved)
    if together:
        assert seen["saved"] == seen["refused"] == SAVES // 5
    else:
        assert seen.total() == 2 * SAVES
        assert seen["refused"]
        assert all(window.stored for window in windows)
