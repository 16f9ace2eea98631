"""A node that is killed while it works: what it acknowledged is there afterwards, and nothing else was touched."""

import asyncio
import json
import random
import sys
from contextlib import asynccontextmanager
from types import SimpleNamespace

import aiohttp
import grpc
from cs3.gateway.v1beta1 import gateway_api_pb2 as gateway
from cs3.gateway.v1beta1 import gateway_api_pb2_grpc as stubs
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider

from jupyter_mesh.node import check
from jupyter_mesh.node.index import Index

from .conftest import PASSWORD, Client

KILLS = 3
CALLS_PER_LIFE = 70
WORKERS = 4


@asynccontextmanager
async def process(data, flavour):
    """A node in a process of its own, killed at the end."""
    ready = data.parent / "ready.json"
    ready.unlink(missing_ok=True)
    command = [
        "node",
        "--name",
        "alpine",
        "--data",
        data,
        "--flavour",
        flavour,
        "--ready-file",
        ready,
        # Users have the domain of the site in their ids, which else follows the port.
        "--public-url",
        "https://alpine.example",
    ]
    node = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "jupyter_mesh.cli",
        *map(str, command),
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(30):
            while not ready.exists():
                assert node.returncode is None, "the node ended"
                await asyncio.sleep(0.02)
        facts = json.loads(ready.read_text())
        async with (
            grpc.aio.insecure_channel(facts["gateway"]) as channel,
            aiohttp.ClientSession() as web,
        ):
            yield node, SimpleNamespace(stub=stubs.GatewayAPIStub(channel), web=web)
    finally:
        if node.returncode is None:
            node.kill()
        await node.wait()


class Ledger:
    """What must be at the site: the content acknowledged for each name, and what may be there as well."""

    def __init__(self):
        self.content = {}
        """None for a name that must be free."""
        self.maybe = {}
        """What a call that was never answered would have made of a name."""
        self.calls = 0


async def work(client, ledger, names, rng, enough):
    """Upload, move and delete until the node is gone."""
    while True:
        name = rng.choice(names)
        other = rng.choice([one for one in names if one != name])
        kind = rng.choice(["put", "put", "put", "move", "delete"])
        if kind == "put":
            content = rng.randbytes(rng.choice([0, 10, 5000, 300_000]))
            wanted = {name: content}
            call = client.put(f"work/{name}", content)
        elif (
            kind == "delete"
            or ledger.content.get(name) is None
            or ledger.content.get(other) is not None
        ):
            wanted = {name: None}
            call = client.delete(f"work/{name}")
        else:
            wanted = {other: ledger.content[name], name: None}
            call = client.move(f"work/{name}", f"work/{other}")
        ledger.maybe = {**ledger.maybe, **wanted}
        answer = await call
        assert answer in (200, "OK", "NOT_FOUND"), answer
        ledger.content |= wanted
        ledger.maybe = {key: value for key, value in ledger.maybe.items() if key not in wanted}
        ledger.calls += 1
        if ledger.calls >= enough:
            return


async def test_killed_while_it_works(data, flavour):
    rng = random.Random(20261121)  # noqa: S311 - it need not be secret
    ledger = Ledger()
    token = user = ""
    roots = {}
    untouched = None
    for life in range(KILLS + 1):
        async with process(data, flavour) as (node, connected):
            if not token:
                login = await connected.stub.Authenticate(
                    gateway.AuthenticateRequest(
                        type="basic", client_id="einstein", client_secret=PASSWORD
                    )
                )
                token, user = login.token, login.user.id.opaque_id
            client = Client(node, connected.stub, connected.web, token, user, flavour, roots)
            if life == 0:
                await client.call("CreateHome", provider.CreateHomeRequest())
                roots["home"] = (await client.spaces())[0].root
                assert await client.mkdir("work") == "OK"
                assert await client.mkdir("calm") == "OK"
                for number in range(10):
                    assert await client.put(f"calm/{number}", b"calm" * number) == 200
                untouched = await client.ls("calm")
            await compare(client, data, ledger)
            assert await client.ls("calm") == untouched
            assert check(data) == []
            with Index(data, create=False) as index:
                assert index.rows("SELECT facts FROM intents") == [], (
                    "the start concluded what was under way"
                )
            if life == KILLS:
                break
            before = ledger.calls
            # Each worker has names of its own, so that it is clear what must be there.
            workers = [
                asyncio.create_task(
                    work(
                        client,
                        ledger,
                        [f"{number}-{one}" for one in range(5)],
                        rng,
                        before + 10 * CALLS_PER_LIFE,
                    )
                )
                for number in range(WORKERS)
            ]
            async with asyncio.timeout(30):
                while ledger.calls < before + CALLS_PER_LIFE:  # noqa: ASYNC110 - the moment is to be random
                    await asyncio.sleep(rng.random() / 100)
            node.kill()
            await node.wait()
            failures = await asyncio.gather(*workers, return_exceptions=True)
            assert all(
                isinstance(one, grpc.aio.AioRpcError | aiohttp.ClientError | None)
                for one in failures
            ), failures
    assert ledger.calls >= 200


async def compare(client, data, ledger):
    """Every name holds what was acknowledged, or what the call under way at the kill would have made of it."""
    listed = await client.ls("work")
    assert set(listed) <= set(ledger.content) | set(ledger.maybe)
    for name in {*ledger.content, *ledger.maybe}:
        path = data / "home" / "einstein" / "work" / name
        found = path.read_bytes() if path.exists() else None
        allowed = [
            ledger.content.get(name),
            *([ledger.maybe[name]] if name in ledger.maybe else []),
        ]
        assert found in allowed, (
            f"{name}: {found and found[:20]!r} of {[one and one[:20] for one in allowed]!r}"
        )
        assert (name in listed) == (found is not None)
        if found is not None:
            assert listed[name].size == len(found)
            assert await client.get(f"work/{name}") == found
        ledger.content[name] = found
    ledger.maybe = {}
