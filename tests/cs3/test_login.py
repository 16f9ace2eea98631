"""Logging in, app passwords, and what a wrong secret tells: nothing."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jupyter_mesh.auth import StaticToken
from jupyter_mesh.config import SiteSettings
from jupyter_mesh.cs3.client import MeshClient, connect
from jupyter_mesh.cs3.login import app_password, authenticate, revoke_app_password
from jupyter_mesh.errors import InvalidRequest, LoginEnded, Unavailable
from jupyter_mesh.testing.site import RunningSite, run_node

MACHINE_KEY = "machine-key-of-the-tests"


@pytest.fixture(scope="module", params=["spaces", "paths"])
async def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningSite]:
    data = tmp_path_factory.mktemp("node")
    async with run_node(
        data, flavour=request.param, options={"machine_key": MACHINE_KEY}
    ) as running:
        yield running


async def test_password(site: RunningSite) -> None:
    user = site.users[0]
    login = await authenticate(site.gateway, "basic", user.name, user.password)
    assert login.user.username == user.name
    assert login.expires is not None
    assert login.expires > datetime.now(UTC)
    async with MeshClient(site.settings, StaticToken(login.token)) as mesh:
        assert await mesh.whoami() == login.user


async def test_machine_key(site: RunningSite) -> None:
    login = await authenticate(site.gateway, "machine", site.users[1].name, MACHINE_KEY)
    assert login.user.username == site.users[1].name


@pytest.mark.parametrize(
    ("kind", "name", "secret"),
    [
        ("basic", "einstein", "wrong password"),
        ("basic", "nobody", "relativity"),
        ("machine", "einstein", "wrong machine key"),
        ("appauth", "einstein", "wrong app password"),
    ],
)
async def test_wrong_secrets_all_sound_the_same(
    site: RunningSite, kind: str, name: str, secret: str
) -> None:
    with pytest.raises(LoginEnded) as caught:
        await authenticate(site.gateway, kind, name, secret)
    assert str(caught.value).endswith(
        "does not accept this user name and password. Check both and try again."
    )


async def test_app_passwords_log_in_until_they_are_revoked(site: RunningSite) -> None:
    user = site.users[0]
    token = (await authenticate(site.gateway, "basic", user.name, user.password)).token
    ends = datetime.now(UTC) + timedelta(hours=1)
    password = await app_password(site.gateway, token, "the hub", ends)
    kept = await app_password(site.gateway, token, "another")
    login = await authenticate(site.gateway, "appauth", user.name, password)
    async with MeshClient(site.settings, StaticToken(login.token)) as mesh:
        await mesh.list_folder("home")
    assert await revoke_app_password(site.gateway, token, "the hub") == 1
    with pytest.raises(LoginEnded):
        await authenticate(site.gateway, "appauth", user.name, password)
    await authenticate(site.gateway, "appauth", user.name, kept)
    assert await revoke_app_password(site.gateway, token, "the hub") == 0


async def test_a_gateway_that_is_not_there() -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        await authenticate("127.0.0.1:1", "basic", "einstein", "relativity")


async def test_connect_by_the_environment(
    site: RunningSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "token"
    token.write_text(await site.tokens().token())
    token.chmod(0o600)
    for name in ("MESH_SITE", "MESH_GATEWAY", "MESH_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InvalidRequest, match="No site is known here"):
        async with connect():
            pass
    monkeypatch.setenv("MESH_SITE", "alpine")
    monkeypatch.setenv("MESH_GATEWAY", site.gateway)
    monkeypatch.setenv("MESH_TOKEN_FILE", str(token))
    for name in ("", "alpine"):
        async with connect(name) as mesh:
            assert (await mesh.whoami()).username == site.users[0].name
    with pytest.raises(InvalidRequest, match='"coast" is not known'):
        async with connect("coast"):
            pass
    with pytest.raises(InvalidRequest, match="no token file"):
        async with connect(SiteSettings(name="alpine", gateway=site.gateway)):
            pass
