"""The hub: from the click to a usable Lab, fifty starts at once, and tokens for servers."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from asyncio.subprocess import DEVNULL
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from benchmarks.comparison import Bench, Row, timed
from benchmarks.hub_settings import TOKEN
from benchmarks.servers import READY_WITHIN, ROOT, Running, end, free_port
from benchmarks.site import USER
from jupyter_mesh.mount.possible import why_not

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

AT_ONCE = 50
USERS = 1_000
EXTRA = 0.5
"""Seconds that a start with files may take longer than a plain one."""


@dataclass(slots=True)
class Hub(Running):
    """A hub in its own process, asked over its REST by a service."""

    folder: Path
    url: str
    api_url: str
    """Its own address, without the proxy: where servers ask."""
    session: aiohttp.ClientSession = field(repr=False)

    async def api(self, method: str, path: str, token: str = TOKEN, **options: Any) -> Any:
        """One request; its JSON. Raises RuntimeError for every status that is an error."""
        headers = {"Authorization": f"token {token}"}
        url = f"{self.api_url}/hub/api/{path}"
        async with self.session.request(method, url, headers=headers, **options) as reply:
            text = await reply.text()
            if reply.status >= 400:
                raise RuntimeError(f"{method} {path}: {reply.status} {text[:300]}")
            return json.loads(text) if text else None

    async def add(self, users: list[str], token: str) -> None:
        """Users who have logged in at the site."""
        await self.api("POST", "users", json={"usernames": users})
        now = time.time()
        for user in users:
            login = {"token": token, "received": now, "expires": now + 9999}
            login |= {"username": user, "user": f"idp!{user}"}
            await self.api("PATCH", f"users/{user}", json={"auth_state": {"mesh": login}})

    async def start(self, user: str) -> None:
        """From the click until the hub sends the browser on."""
        await self.api("POST", f"users/{user}/server")
        await self._wait(user, ready=True)

    async def stop(self, user: str) -> None:
        """Until nothing of it is left."""
        await self.api("DELETE", f"users/{user}/server")
        await self._wait(user, ready=False)

    async def _wait(self, user: str, *, ready: bool) -> None:
        while True:
            servers = (await self.api("GET", f"users/{user}"))["servers"]
            if servers.get("", {}).get("ready") if ready else not servers:
                return
            await asyncio.sleep(0.02)

    async def usable(self, user: str, listing: str) -> None:
        """Start, and get the page of Lab and a listing of files."""
        await self.start(user)
        for path in ("lab", f"api/contents/{listing}?content=1"):
            headers = {"Authorization": f"token {TOKEN}"}
            async with self.session.get(f"{self.url}/user/{user}/{path}", headers=headers) as reply:
                await reply.read()
                assert reply.status == 200, (path, reply.status)

    async def stall(self) -> float:
        """Milliseconds of the longest stall since the last question."""
        async with self.session.get(f"{self.api_url}/hub/benchmark/stall") as reply:
            longest: float = (await reply.json())["stall_ms"]
            return longest


@asynccontextmanager
async def hub(folder: Path, kind: str, servers: str, gateway: str) -> AsyncIterator[Hub]:
    """A hub with its proxy, ended with all of its servers."""
    (folder / "tokens").mkdir(parents=True)
    (folder / "home").mkdir()
    ports = [free_port() for _ in range(3)]
    config = folder / "jupyterhub_config.py"
    config.write_text(
        "from pathlib import Path\nfrom benchmarks.hub_settings import settle\n"
        f"settle(c, Path({str(folder)!r}), {kind!r}, {servers!r}, {ports!r}, {gateway!r})\n"
    )
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    async with AsyncExitStack() as stack:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path}
        environment["BENCH_TOKENS"] = str(folder / "tokens")
        environment["BENCH_SERVER"] = await stack.enter_async_context(_any_server())
        log = stack.enter_context((folder / "log").open("wb"))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "jupyterhub", "-f", str(config)),
            cwd=folder,
            env=environment,
            stdout=DEVNULL,
            stderr=log,
        )
        stack.push_async_callback(end, process)
        limits = aiohttp.TCPConnector(limit=2 * AT_ONCE)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=limits))
        addresses = [f"http://127.0.0.1:{port}" for port in ports]
        running = Hub(process, folder, addresses[0], addresses[1], session)
        give_up = time.monotonic() + READY_WITHIN
        while not await _is_up(running):
            if process.returncode is not None or time.monotonic() > give_up:
                raise RuntimeError((folder / "log").read_text())
            await asyncio.sleep(0.1)
        yield running


async def _is_up(running: Hub) -> bool:
    try:
        async with running.session.get(f"{running.url}/hub/health") as reply:
            return reply.status == 200
    except aiohttp.ClientError:
        return False


@asynccontextmanager
async def _any_server() -> AsyncIterator[str]:
    """A server that a hub takes for that of any user."""

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"version": "2.0"}, headers={"X-JupyterHub-Version": "6.1.1"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def hubs(bench: Bench) -> list[Row]:
    """Beside hubs with the spawners of JupyterHub itself."""
    return [*await _clicks(bench), *await _at_once(bench), await _tokens(bench)]


async def _clicks(bench: Bench) -> list[Row]:
    """All kinds take turns."""
    gateway = bench.site.gateway
    async with (
        hub(bench.folder / "plain-hub", "plain", "real", gateway) as plain,
        hub(bench.folder / "mesh-hub", "mesh", "real", gateway) as mesh,
    ):
        await plain.api("POST", "users", json={"usernames": ["somebody"]})
        cases = {"plain": (plain, "somebody", ""), "none": (mesh, f"{USER}-none", "mesh/home")}
        if not await why_not():
            cases["mounted"] = (mesh, f"{USER}-mount", "mesh/home")
        await mesh.add([user for _, user, _ in list(cases.values())[1:]], await bench.site.token())
        times: dict[str, list[float]] = {name: [] for name in cases}
        for number in range(bench.rounds + 1):
            for name, (at, user, listing) in cases.items():
                took = await timed(at.usable(user, listing))
                await at.stop(user)
                if number:
                    times[name].append(took)
    compared = statistics.median(times["plain"])
    rows = []
    for name, what in (("none", "without a mount"), ("mounted", "with a mount")):
        if name in times:
            ours = statistics.median(times[name])
            row = Row("hub", f"click to usable Lab, {what}", "s", ours, compared)
            row.goal, row.met = f"≤ plain + {EXTRA} s", ours <= compared + EXTRA
            row.facts = {"ours_s": _rounded(times[name]), "theirs_s": _rounded(times["plain"])}
            rows.append(row)
    return rows


async def _at_once(bench: Bench) -> list[Row]:
    """Stand-ins for servers: the machine has nothing to do but the hub's work."""
    users = [f"user-{number}" for number in range(bench.size(AT_ONCE))]
    stalls: dict[str, list[float]] = {"plain": [], "mesh": [], "idle": []}
    took: dict[str, list[float]] = {"plain": [], "mesh": []}
    for kind in ("plain", "mesh"):
        folder = bench.folder / f"{kind}-stand-in"
        async with hub(folder, kind, "stand-in", bench.site.gateway) as at:
            if kind == "mesh":
                await at.add(users, await bench.site.token())
            else:
                await at.api("POST", "users", json={"usernames": users})
            for number in range(bench.rounds + 1):
                await at.stall()
                await asyncio.sleep(1)
                idle = await at.stall()
                seconds = await timed(asyncio.gather(*map(at.start, users)))
                longest = await at.stall()
                await asyncio.gather(*map(at.stop, users))
                if number:
                    stalls["idle"].append(idle)
                    stalls[kind].append(longest)
                    took[kind].append(seconds)
    name = f"stall of the hub while {len(users)} servers start at once"
    ours, theirs = (statistics.median(stalls[kind]) for kind in ("mesh", "plain"))
    row = Row("hub", name, "ms", ours, theirs, None, "≤ 20 ms", ours <= 20)
    row.facts = {f"{kind}_ms": _rounded(all_of) for kind, all_of in stalls.items()}
    both = [1000 * statistics.median(took[kind]) for kind in ("mesh", "plain")]
    return [
        Row(
            "hub",
            "stall of the hub while nothing starts (noise)",
            "ms",
            statistics.median(stalls["idle"]),
        ),
        row,
        Row("hub", f"{len(users)} servers at once, until all are ready", "ms", *both),
    ]


async def _tokens(bench: Bench) -> Row:
    """Servers ask for the token of their user, all the time."""
    users = [f"user-{number}" for number in range(bench.size(USERS))]
    some = users[:: max(1, len(users) // AT_ONCE)]
    rates = []
    async with hub(bench.folder / "token-hub", "mesh", "stand-in", bench.site.gateway) as at:
        await at.add(users, await bench.site.token())
        await asyncio.gather(*map(at.start, some))
        tokens = {user: (at.folder / "tokens" / user).read_text() for user in some}
        each = max(1, bench.size(2_000) // len(some))

        async def ask(user: str) -> None:
            for _ in range(each):
                await at.api("GET", f"mesh/users/{user}/token", token=tokens[user])

        used = 0.0
        for number in range(bench.rounds + 1):
            before = at.cpu()
            seconds = await timed(asyncio.gather(*map(ask, some)))
            if number:
                rates.append(each * len(some) / seconds)
                used += at.cpu() - before
    rate = statistics.median(rates)
    name = f"tokens for servers, {len(users)} users in the database"
    row = Row("hub", name, "per s", rate, None, None, "≥ 300 per s", rate >= 300)
    spent = 1000 * used / (bench.rounds * each * len(some))
    row.facts = {"all_per_s": _rounded(rates), "cpu_ms": {"hub": round(spent, 2)}}
    return row


def _rounded(values: list[float]) -> list[float]:
    return [round(each, 2) for each in values]
