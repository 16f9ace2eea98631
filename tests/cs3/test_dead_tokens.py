"""A dead token, in every way that sites answer it: it is never taken for a missing file."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from jupyter_mesh.auth import TokenSource
from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.errors import (
    LoginEnded,
    NotAllowed,
    Unavailable,
)
from jupyter_mesh.testing import traps
from jupyter_mesh.testing.site import RunningSite

Node = Callable[..., AbstractAsyncContextManager[tuple[RunningSite, MeshClient]]]


class Two(TokenSource):
    """A token that dies, and the one after it ("" if there is none)."""

    def __init__(self, first: str, second: str = "") -> None:
        self.current, self.second = first, second
        self.renewals = 0

    async def token(self, *, refresh: bool = False) -> str:
        if refresh:
            self.renewals += 1
            self.current = self.second or self.current
        return self.current


async def two_tokens(site: RunningSite) -> list[str]:
    """Two good tokens of one user that differ."""
    tokens: list[str] = []
    while len(set(tokens)) < 2:
        tokens.append(await site.tokens().token(refresh=True))
        await asyncio.sleep(0.2)
    return [tokens[0], tokens[-1]]


WORKS = {
    "stat": lambda mesh: mesh.stat("home/a.txt"),
    "exists": lambda mesh: mesh.exists("home/a.txt"),
    "list": lambda mesh: mesh.list_folder("home"),
    "read": lambda mesh: mesh.read("home/a.txt"),
    "save": lambda mesh: mesh.upload("home/a.txt", b"saved"),
    "save new": lambda mesh: mesh.upload("home/new.txt", b"saved", if_absent=True),
    "mkdir": lambda mesh: mesh.mkdir("home/sub"),
    "move": lambda mesh: mesh.move("home/a.txt", "home/b.txt"),
    "delete": lambda mesh: mesh.delete("home/a.txt"),
    "projects": lambda mesh: mesh.list_folder("projects"),
    "whoami": lambda mesh: mesh.whoami(),
}


@pytest.mark.parametrize("style", ["opencloud", "reva", "mute"])
async def test_a_dead_token_is_never_a_missing_file(node: Node, style: str) -> None:
    trap = traps.DeadToken(style)
    async with node(trap) as (site, mesh):
        await mesh.upload("home/a.txt", b"kept")
        dies, lives = await two_tokens(site)
        for name, work in WORKS.items():
            trap.dead.clear()
            source = Two(dies)
            async with MeshClient(site.settings, source) as client:
                await client.stat("home/a.txt")
                trap.dead.add(dies)
                # The proof that the token was good must not outlive it.
                client._gateway._proved = ("", 0.0)
                with pytest.raises(LoginEnded, match="Your login at alpine has ended"):
                    await work(client)
                assert source.renewals >= 1, name
        trap.dead.clear()
        assert await mesh.read("home/a.txt") == b"kept"
        for name, work in WORKS.items():
            trap.dead = {dies}
            source = Two(dies, lives)
            async with MeshClient(site.settings, source) as client:
                await work(client)
            assert source.renewals == 1, name
            for path in ("home/b.txt", "home/new.txt", "home/sub"):
                if await mesh.exists(path):
                    await mesh.delete(path)
            await mesh.upload("home/a.txt", b"kept")


async def test_a_good_token_is_not_renewed_for_a_missing_file(node: Node) -> None:
    async with node() as (site, _):
        source = Two(await site.tokens().token())
        async with MeshClient(site.settings, source) as client:
            await client.list_folder("home")
            site.calls.clear()
            assert not await client.exists("home/missing")
            assert site.calls == {"Stat": 1}
        assert source.renewals == 0


async def test_a_forbidden_thing_is_not_a_dead_token(node: Node) -> None:
    trap = traps.Fails()
    async with node(trap) as (site, _):
        source = Two(await site.tokens().token())
        async with MeshClient(site.settings, source) as client:
            trap.next["CreateContainer"] = [("PERMISSION_DENIED", "no")]
            with pytest.raises(NotAllowed):
                await client.mkdir("home/sub")
        assert source.renewals == 0


async def test_a_site_that_cannot_say_whether_the_token_lives_proves_nothing(node: Node) -> None:
    trap = traps.Fails()
    async with node(trap) as (_site, mesh):
        await mesh.upload("home/a.txt", b"kept")
        trap.next["Stat"] = [("NOT_FOUND", "gateway could not find space")]
        trap.next["WhoAmI"] = [("unavailable", "")] * 2
        with pytest.raises(Unavailable):
            await mesh.exists("home/a.txt")
