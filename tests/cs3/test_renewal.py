"""Logins that are kept: renewed by one process for all, revoked, and never more than a wrong password leaves."""

import asyncio
import base64
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from jupyter_mesh.auth import FileToken, write_token_file
from jupyter_mesh.config import SiteSettings
from jupyter_mesh.cs3.client import MeshClient, connect
from jupyter_mesh.cs3.login import authenticate, revoke_app_password
from jupyter_mesh.cs3.renewal import (
    SiteToken,
    _held,
    log_in,
    log_out,
    make_credential,
    token_source,
)
from jupyter_mesh.errors import InvalidRequest, LoginEnded, SiteError, Unavailable
from jupyter_mesh.sites import credential_file, find_site, read_credential, token_file
from jupyter_mesh.testing.site import RunningSite, run_node
from jupyter_mesh.testing.traps import Fails


@pytest.fixture(scope="module")
def fails() -> Fails:
    return Fails()


@pytest.fixture(scope="module", params=["spaces", "paths"])
async def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, fails: Fails
) -> AsyncIterator[RunningSite]:
    data = tmp_path_factory.mktemp("node") / "data"
    async with run_node(data, flavour=request.param, interceptors=[fails]) as running:
        yield running


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the configuration, empty, and no site in the environment."""
    for name in [name for name in os.environ if name.startswith("MESH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "jupyter-mesh"


@pytest.fixture
def settings(site: RunningSite) -> SiteSettings:
    """The site of the first user, not signed in to yet."""
    return replace(site.settings, name="alpine", username=site.users[0].name)


@pytest.fixture
async def kept(site: RunningSite, settings: SiteSettings) -> SiteSettings:
    """The same, signed in to."""
    await log_in(settings, site.users[0].password)
    return find_site("alpine")


def ended(seconds: float = -10.0) -> str:
    """A token that says it has ended, or ends in so many seconds; no site has made it."""
    claims = json.dumps({"exp": time.time() + seconds, "sub": "x"}).encode()
    return f"e30.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.c2ln"


def credential_of(name: str = "alpine"):
    credential = read_credential(credential_file(name))
    assert credential is not None
    return credential


async def test_a_login_is_used_by_name_alone(kept: SiteSettings, site: RunningSite) -> None:
    for name in ("", "alpine"):
        async with connect(name) as mesh:
            assert (await mesh.whoami()).username == site.users[0].name


async def test_the_password_of_the_user_is_kept_nowhere(
    kept: SiteSettings, site: RunningSite, folder: Path
) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            assert site.users[0].password.encode() not in path.read_bytes(), path


async def test_a_wrong_password_changes_nothing(
    kept: SiteSettings, settings: SiteSettings, folder: Path
) -> None:
    def all_files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    before = all_files()
    with pytest.raises(LoginEnded, match="does not accept this user name and password"):
        await log_in(replace(settings, gateway=settings.gateway), "wrong")
    assert all_files() == before


@pytest.mark.parametrize("state", ["ended", "gone", "refused"])
async def test_a_login_renews_itself(kept: SiteSettings, state: str) -> None:
    if state == "gone":
        token_file("alpine").unlink()
    else:
        write_token_file(
            token_file("alpine"), ended() if state == "ended" else "refused-by-the-site"
        )
    async with MeshClient(kept, token_source(kept)) as mesh:
        assert (await mesh.whoami()).username == kept.username
    assert FileToken(token_file("alpine")).read() not in ("", "refused-by-the-site")
    assert token_file("alpine").stat().st_mode & 0o777 == 0o600


async def test_a_token_is_renewed_before_it_ends(kept: SiteSettings, site: RunningSite) -> None:
    source = SiteToken(kept)
    first = await source.token()
    assert await source.token() == first
    source._old_at = 0.0
    before = site.calls["Authenticate"]
    assert await source.token() != ""
    assert site.calls["Authenticate"] == before + 1


async def test_many_that_renew_at_once_log_in_once(kept: SiteSettings, site: RunningSite) -> None:
    write_token_file(token_file("alpine"), ended())
    code = (
        "import asyncio\n"
        "from jupyter_mesh.cs3 import token_source\n"
        "from jupyter_mesh.sites import find_site\n"
        "async def main():\n"
        "    sources = [token_source(find_site('alpine')) for _ in range(3)]\n"
        "    print(*set(await asyncio.gather(*(source.token() for source in sources))))\n"
        "asyncio.run(main())\n"
    )
    before = site.calls["Authenticate"]
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(4)
    ]
    printed = {(await process.communicate())[0] for process in processes}
    assert len(printed) == 1
    assert printed.pop().decode().strip() == FileToken(token_file("alpine")).read()
    assert site.calls["Authenticate"] == before + 1


async def test_who_gives_up_waiting_leaves_no_lock(kept: SiteSettings) -> None:
    write_token_file(token_file("alpine"), ended())
    lock = token_file("alpine").with_name(".alpine.lock")
    async with _held(lock):
        waiting = [asyncio.create_task(SiteToken(kept).token()) for _ in range(5)]
        for _ in range(3):
            await asyncio.sleep(0.02)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    async with asyncio.timeout(20):
        assert await SiteToken(kept).token() != ""


async def test_a_site_that_is_away_does_not_end_a_token_that_lives(
    kept: SiteSettings, fails: Fails
) -> None:
    write_token_file(token_file("alpine"), alive := ended(600))
    source = SiteToken(kept)
    assert await source.token() == alive
    source._old_at = 0.0
    fails.next["Authenticate"] = [("UNAVAILABLE", "away")]
    assert await source.token() == alive
    fails.next["Authenticate"] = [("UNAVAILABLE", "away")]
    with pytest.raises(Unavailable):
        await source.token(refresh=True)
    assert FileToken(token_file("alpine")).read() == alive


async def test_a_revoked_login_says_how_to_get_a_new_one(kept: SiteSettings) -> None:
    token = await SiteToken(kept).token()
    assert await revoke_app_password(kept, token, credential_of().label) == 1
    with pytest.raises(LoginEnded, match="Sign in: jupyter mesh login alpine") as caught:
        await SiteToken(kept).token(refresh=True)
    assert caught.value.__cause__ is None
    assert credential_of().password not in str(caught.value)
    assert FileToken(token_file("alpine")).read() == token, "it may still live"


async def test_not_signed_in_says_how(kept: SiteSettings) -> None:
    await log_out(kept)
    with pytest.raises(LoginEnded, match="not signed in to alpine"):
        await SiteToken(kept).token()


async def test_a_second_login_revokes_the_first(
    kept: SiteSettings, settings: SiteSettings, site: RunningSite
) -> None:
    first = credential_of()
    await log_in(settings, site.users[0].password)
    second = credential_of()
    assert second.label != first.label
    with pytest.raises(LoginEnded):
        await authenticate(kept, "appauth", first.username, first.password)
    await authenticate(kept, "appauth", second.username, second.password)


async def test_logging_out_revokes_and_deletes(kept: SiteSettings) -> None:
    credential = credential_of()
    write_token_file(token_file("alpine"), ended())
    assert await log_out(kept) is True
    assert not token_file("alpine").exists()
    assert not credential_file("alpine").exists()
    with pytest.raises(LoginEnded):
        await authenticate(kept, "appauth", credential.username, credential.password)
    assert await log_out(kept) is False
    assert find_site("alpine").username == kept.username


async def test_logging_out_of_a_site_that_is_away_tells_what_stays(
    kept: SiteSettings, fails: Fails
) -> None:
    credential = credential_of()
    fails.next["ListAppPasswords"] = [("UNAVAILABLE", "")] * 3
    with pytest.raises(Unavailable) as caught:
        await log_out(kept)
    fails.next.clear()
    assert credential.label in str(caught.value)
    assert f"{credential.ends:%Y-%m-%d}" in str(caught.value)
    assert not token_file("alpine").exists()
    assert not credential_file("alpine").exists()


async def test_a_credential_goes_to_no_other_gateway(
    kept: SiteSettings, folder: Path, tmp_path: Path
) -> None:
    async with run_node(tmp_path / "other") as other:
        path = folder / "sites.toml"
        path.write_text(path.read_text().replace(kept.gateway, other.gateway))
        moved = find_site("alpine")
        assert moved.gateway == other.gateway
        old = await SiteToken(moved).token(refresh=True)
        assert old == FileToken(token_file("alpine")).read()
        token_file("alpine").unlink()
        with pytest.raises(LoginEnded, match="not signed in"):
            await SiteToken(moved).token()
        assert await log_out(moved) is True
        assert not other.calls


async def test_a_site_without_app_passwords_keeps_the_token_alone(
    settings: SiteSettings, site: RunningSite, fails: Fails
) -> None:
    fails.next["GenerateAppPassword"] = [("UNIMPLEMENTED", "")]
    _, credential = await log_in(settings, site.users[0].password)
    assert credential is None
    assert read_credential(credential_file("alpine")) is None
    kept = find_site("alpine")
    source = token_source(kept)
    token = await source.token()
    assert await source.token(refresh=True) == token, "the old one: there is no other"
    async with MeshClient(kept, source) as mesh:
        assert (await mesh.whoami()).username == kept.username


async def test_a_broken_credential_is_told_and_a_new_login_mends_it(
    kept: SiteSettings, settings: SiteSettings, site: RunningSite
) -> None:
    credential_file("alpine").write_text("{")
    with pytest.raises(InvalidRequest, match="holds no login"):
        await SiteToken(kept).token(refresh=True)
    await log_in(settings, site.users[0].password)
    assert await SiteToken(kept).token(refresh=True) != ""


@pytest.mark.site
async def test_on_a_real_site(real_site: RunningSite, tmp_path: Path) -> None:
    user = real_site.users[0]
    settings = replace(real_site.settings, name="alpine", username=user.name)
    _, credential = await log_in(settings, user.password)
    kept = find_site("alpine")
    if credential is not None:
        token_file("alpine").unlink()
    async with connect("alpine") as mesh:
        assert (await mesh.whoami()).username == user.name
        await mesh.list_folder("home")
    worker = await make_credential(
        settings, await token_source(kept).token(), "worker", timedelta(hours=1)
    )
    assert (worker is None) == (credential is None)
    await log_out(kept)
    if worker is not None and credential is not None:
        login = await authenticate(settings, "appauth", worker.username, worker.password)
        assert await revoke_app_password(settings, login.token, worker.label) == 1
        for gone in (worker, credential):
            with pytest.raises((LoginEnded, SiteError)):  # OpenCloud says INTERNAL
                await authenticate(settings, "appauth", gone.username, gone.password)
