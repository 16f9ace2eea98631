"""No secret of a login or a transfer in a log, a repr, an error or a traceback."""

import logging
import traceback
from pathlib import Path

import pytest
from aiohttp import web

from jupyter_mesh.auth import FileToken, StaticToken
from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.cs3.data import Transfer
from jupyter_mesh.cs3.login import app_password, authenticate
from jupyter_mesh.errors import MeshError
from jupyter_mesh.testing import traps
from jupyter_mesh.testing.site import run_node


def everything_about(error: BaseException | None) -> str:
    """All texts of an error and of what it came from, shown or not."""
    texts = []
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        texts += [str(one), repr(one), repr(one.args), *traceback.format_exception(one)]
        waiting += [one.__cause__, one.__context__]
    return "\n".join(texts)


async def test_secrets_stay_inside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secrets: set[str] = set()
    told: list[str] = []

    @web.middleware
    async def overhear(request: web.Request, handler) -> web.StreamResponse:
        for header in ("x-access-token", "X-Reva-Transfer"):
            secrets.add(request.headers.get(header, ""))
        return await handler(request)

    statuses: dict[str, list[int]] = {}
    fails = traps.Fails()
    dead = traps.DeadToken("opencloud")
    elsewhere = traps.OtherDataHost("")
    async with run_node(
        tmp_path / "data",
        interceptors=[fails, dead],
        middlewares=[overhear, traps.refuses(statuses)],
    ) as site:
        user = site.users[0]
        login = await authenticate(site.settings, "basic", user.name, user.password)
        password = await app_password(site.settings, login.token, "label")
        secrets |= {user.password, login.token, password}
        token_file = tmp_path / "token"
        token_file.write_text(login.token)
        token_file.chmod(0o600)
        source = FileToken(token_file)
        async with MeshClient(site.settings, source) as mesh:
            told += [repr(mesh), repr(source), repr(login), repr(site), repr(user), str(login)]
            told += [repr(Transfer("simple", site.url, "transfer", login.token)), repr(elsewhere)]
            await mesh.upload("home/a.txt", b"content")
            async with mesh.download("home/a.txt") as download:
                told.append(repr(download))
                await download.read()
            failing = {
                "PUT refused": (
                    lambda: statuses.update(PUT=[500, 500]),
                    lambda: mesh.upload("home/a.txt", b"x"),
                ),
                "PUT without login": (
                    lambda: statuses.update(PUT=[401, 401]),
                    lambda: mesh.upload("home/a.txt", b"x"),
                ),
                "GET refused": (
                    lambda: statuses.update(GET=[500] * 5),
                    lambda: mesh.read("home/a.txt"),
                ),
                "PATCH refused": (
                    lambda: statuses.update(PATCH=[403] * 2),
                    lambda: mesh.upload("home/big", bytes(17 << 20)),
                ),
                "RPC refused": (
                    lambda: fails.next.update(Stat=[("INTERNAL", "inside")]),
                    lambda: mesh.stat("home"),
                ),
                "login ended": (
                    lambda: dead.dead.add(login.token),
                    lambda: mesh.stat("home/a.txt"),
                ),
            }
            for name, (prepare, work) in failing.items():
                prepare()
                with pytest.raises(MeshError) as caught:
                    await work()
                told.append(f"{name}: {everything_about(caught.value)}")
            wrong = "marker-wrong-password"
            with pytest.raises(MeshError) as caught:
                await authenticate(site.settings, "basic", user.name, wrong)
            secrets.add(wrong)
            told.append(everything_about(caught.value))
    async with MeshClient(site.settings, StaticToken(login.token)) as mesh:
        with pytest.raises(MeshError) as caught:
            await mesh.stat("home")
        told.append(everything_about(caught.value))
    told.append(caplog.text)
    told += [repr(record.args) + str(record.msg) for record in caplog.records]
    secrets.discard("")
    assert len(secrets) >= 6
    for text in told:
        for secret in secrets:
            assert secret not in text, f"{secret[:8]}… in {text[:300]}"
