"""Whose an instance is: never two users in one, whatever fsspec keeps, and no secret that leaves the process."""

import asyncio
import contextlib
import gc
import io
import json
import logging
import os
import pickle
import secrets
import traceback
from dataclasses import replace
from pathlib import Path

import dask
import fsspec
import pytest
from fsspec.asyn import get_loop, sync

from jupyter_mesh.auth import TokenSource, write_token_file
from jupyter_mesh.config import SiteSettings
from jupyter_mesh.cs3 import MeshClient
from jupyter_mesh.cs3.renewal import log_in
from jupyter_mesh.errors import InvalidRequest, LoginEnded, NotFound
from jupyter_mesh.fs import CS3FileSystem
from jupyter_mesh.fs import identity as identities
from jupyter_mesh.models import User
from jupyter_mesh.sites import credential_file, find_site, read_credential, token_file
from jupyter_mesh.testing.site import RunningSite


@pytest.fixture(autouse=True)
def kept(site: RunningSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SiteSettings:
    """The first user is signed in to "alpine", and no instance is kept from before."""
    for name in [name for name in os.environ if name.startswith("MESH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    user = site.users[0]
    sync(
        get_loop(), log_in, replace(site.settings, name="alpine", username=user.name), user.password
    )
    CS3FileSystem.clear_instance_cache()
    identities._held.clear()
    return find_site("alpine")


@pytest.fixture
def tokens(site: RunningSite) -> list[str]:
    """A token of each user."""
    return [token_of(site, 0), token_of(site, 1)]


def token_of(site: RunningSite, user: int) -> str:
    from jupyter_mesh.cs3.login import authenticate

    who = site.users[user]
    return sync(get_loop(), authenticate, site.settings, "basic", who.name, who.password).token


def who(fs: CS3FileSystem) -> str:
    """Whom the site takes an instance for."""

    async def ask() -> str:
        return (await fs.client().whoami()).username

    return sync(fs.loop, ask)


# Two users in one process


def test_one_login_is_one_instance(site: RunningSite) -> None:
    fs = CS3FileSystem()
    assert fs is CS3FileSystem("alpine")
    assert fs is CS3FileSystem(site="alpine")
    assert fs is fsspec.filesystem("cs3", site="alpine")
    assert fs is fsspec.core.url_to_fs("cs3://alpine/home/x")[0]
    assert who(fs) == site.users[0].name


def test_two_tokens_are_two_instances(site: RunningSite, tokens: list[str]) -> None:
    first, second = (CS3FileSystem("alpine", token=token) for token in tokens)
    assert first is not second
    assert [who(first), who(second)] == [user.name for user in site.users]
    assert CS3FileSystem("alpine", token=tokens[0]) is first
    assert CS3FileSystem("alpine", token=tokens[1]) is second
    assert CS3FileSystem("alpine") not in (first, second)
    for fs in (first, second):
        assert set(fs.storage_options) == {"site", "identity", "token_ref"}
        assert all(token not in str(fs.storage_options) for token in tokens)


def test_what_a_forged_token_says_of_its_user_gives_no_instance_of_that_user(
    tokens: list[str],
) -> None:
    victim = CS3FileSystem("alpine")
    assert victim.ls("/home", refresh=True) is not None
    head, claims, _ = tokens[0].split(".")
    forger = CS3FileSystem("alpine", token=f"{head}.{claims}.{secrets.token_urlsafe(32)}")
    assert forger is not victim
    assert forger is not CS3FileSystem("alpine", token=tokens[0])
    with pytest.raises(LoginEnded):
        forger.ls("/home")
    assert victim.exists("/home")


def test_a_new_token_reaches_an_instance_that_is_kept(site: RunningSite, tokens: list[str]) -> None:
    fs = CS3FileSystem("alpine", identity="albert", token="a-token-that-the-site-refuses")
    with pytest.raises(LoginEnded):
        fs.ls("/home")
    assert CS3FileSystem("alpine", identity="albert", token=tokens[0]) is fs
    assert who(fs) == site.users[0].name
    assert CS3FileSystem("alpine", identity="albert", token=token_of(site, 0)) is fs
    assert who(fs) == site.users[0].name


def test_one_identity_for_two_users_is_refused_also_on_a_kept_instance(
    site: RunningSite, tokens: list[str]
) -> None:
    fs = CS3FileSystem("alpine", identity="us", token=tokens[0])
    assert who(fs) == site.users[0].name
    assert CS3FileSystem("alpine", identity="us", token=tokens[1]) is fs
    with pytest.raises(LoginEnded, match="now belongs to another user"):
        who(fs)


def test_the_token_file_of_the_environment_becomes_anothers(
    site: RunningSite, tokens: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "token"
    write_token_file(path, tokens[0])
    for name, value in (
        ("MESH_SITE", "hub"),
        ("MESH_GATEWAY", site.gateway),
        ("MESH_TOKEN_FILE", str(path)),
    ):
        monkeypatch.setenv(name, value)
    first = CS3FileSystem()
    assert (first.site, who(first)) == ("hub", site.users[0].name)
    assert CS3FileSystem("hub") is first
    write_token_file(path, token_of(site, 0))
    assert CS3FileSystem() is first, "renewed"
    write_token_file(path, tokens[1])
    second = CS3FileSystem()
    assert second is not first
    assert who(second) == site.users[1].name

    async def again() -> str:
        # As after the second for which a token file is believed.
        first.client()._gateway.tokens._source._looked = float("-inf")
        return (await first.client().whoami()).username

    with pytest.raises(LoginEnded, match="now belongs to another user"):
        sync(first.loop, again)


async def test_whose_an_opaque_token_is_the_site_is_asked(
    site: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some sites give tokens that tell nothing."""
    owners = {"opaque-1": "ann", "opaque-2": "ann", "opaque-3": "bob"}
    asked = []

    async def ask(settings: SiteSettings, token: str) -> User:
        asked.append(token)
        if token not in owners:
            raise LoginEnded("refused")
        return User(id=owners[token], idp="x", username="u", display_name="")

    class Source(TokenSource):
        now = "opaque-1"

        async def token(self, *, refresh: bool = False) -> str:
            return self.now

    monkeypatch.setattr(identities, "user_of_token", ask)
    source = Source()
    guarded = identities.OneUser(site.settings, source, "token:0")
    for source.now in ("opaque-1", "opaque-1", "opaque-2", "dead", "opaque-1"):
        assert await guarded.token() == source.now
    assert asked == ["opaque-1", "opaque-2", "dead", "opaque-1"]
    source.now = "opaque-3"
    for _ in range(2):
        with pytest.raises(LoginEnded, match="another user"):
            await guarded.token()


def test_opaque_tokens_in_a_file_are_told_apart(tmp_path: Path) -> None:
    instances = []
    for token in ("opaque-token-1", "opaque-token-2"):
        write_token_file(tmp_path / "token", token)
        instances.append(CS3FileSystem("alpine", token_ref=f"file:{tmp_path}/token"))
        assert token not in instances[-1].to_json()
    assert instances[0] is not instances[1]


@pytest.mark.parametrize("kind", ["async", "async with end", "sync", "sync that gives a coroutine"])
def test_a_provider_is_asked_when_it_must_be(
    kind: str, site: RunningSite, tokens: list[str]
) -> None:
    asked = []

    async def give() -> object:
        asked.append(1)
        return (tokens[0], None if kind == "async" else 4e9) if "end" in kind else tokens[0]

    def give_now() -> str:
        asked.append(1)
        return tokens[0]

    provider = {"sync": give_now, "sync that gives a coroutine": lambda: give()}.get(kind, give)
    fs = CS3FileSystem("alpine", identity="albert", token_provider=provider)
    assert [who(fs), who(fs)] == [site.users[0].name] * 2
    assert CS3FileSystem("alpine", identity="albert", token_provider=provider) is fs
    assert who(fs) == site.users[0].name
    assert asked == [1]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"token": "a", "token_ref": "hub:"}, "Give one login, not token and token_ref"),
        ({"token": "a", "token_provider": print}, "Give one login, not token and token_provider"),
        ({"token_provider": print}, "needs identity="),
        ({"token": "two words"}, "not a token"),
        ({"identity": ""}, "identity must be a text"),
        ({"token_ref": "memory:"}, "needs identity="),
        ({"site": "zoo"}, 'The site "zoo" is not known here; known: alpine'),
        ({"token_ref": "site:zoo"}, 'The site "zoo" is not known here'),
    ],
    ids=[
        "token and ref",
        "token and provider",
        "provider alone",
        "no token",
        "no identity",
        "memory",
        "site",
        "ref to site",
    ],
)
def test_what_cannot_be_a_login_is_refused(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        CS3FileSystem(**options)
    assert sentence in str(caught.value)


# Where a login is


def test_every_way_to_say_where_a_login_is(
    site: RunningSite, tokens: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_token_file(tmp_path / "other", tokens[1])
    monkeypatch.setenv("TOKEN_OF_MARIE", str(tmp_path / "other"))
    monkeypatch.setenv("HOME", str(tmp_path))
    first, second = (user.name for user in site.users)
    for token_ref, name in (
        (f"file:{tmp_path}/other", second),
        ("file:~/other", second),
        ("env:TOKEN_OF_MARIE", second),
        ("site:alpine", first),
        ("site:", first),
    ):
        fs = CS3FileSystem("alpine", token_ref=token_ref)
        assert who(fs) == name, token_ref
        assert pickle.loads(pickle.dumps(fs)) is fs
        assert json.loads(fs.to_json())["token_ref"] == token_ref


def test_the_hub_is_asked_in_a_server_of_a_hub_alone() -> None:
    with pytest.raises(LoginEnded, match="in a server that a hub started"):
        CS3FileSystem("alpine", token_ref="hub:")


@pytest.mark.parametrize("kind", ["missing", "open", "pipe", "folder", "link to an open file"])
def test_a_file_that_cannot_hold_a_login_is_one_sentence(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "login"
    if kind == "open":
        path.write_text("marker-of-a-token")
        path.chmod(0o644)
    elif kind == "pipe":
        os.mkfifo(path, 0o600)
    elif kind == "folder":
        path.mkdir(0o700)
    elif kind != "missing":
        (tmp_path / "victim").write_text("marker-of-a-token")
        (tmp_path / "victim").chmod(0o644)
        path.symlink_to(tmp_path / "victim")
    with pytest.raises((InvalidRequest, LoginEnded)) as caught:
        CS3FileSystem("alpine", token_ref=f"file:{path}")
    assert str(path) in str(caught.value)
    assert "marker" not in str(caught.value)


@pytest.mark.parametrize("token_ref", ["", "file:", "env:", "nothing", "call:os:system"])
def test_a_reference_that_is_none_is_refused_and_not_repeated(token_ref: str) -> None:
    for given in (token_ref, token_ref + "-eyJtYXJrZXI.eyJzZWNyZXQ"):
        if given.startswith(("file:-", "env:-")):
            continue
        with pytest.raises(InvalidRequest, match="token_ref says where a login is") as caught:
            CS3FileSystem("alpine", token_ref=given)
        assert "eyJ" not in str(caught.value)


def test_who_is_not_signed_in_is_told_how(kept: SiteSettings) -> None:
    token_file("alpine").unlink()
    credential_file("alpine").unlink()
    with pytest.raises(LoginEnded, match="jupyter mesh login alpine"):
        CS3FileSystem()


def test_a_token_that_is_gone_is_renewed(site: RunningSite) -> None:
    token_file("alpine").unlink()
    assert who(CS3FileSystem()) == site.users[0].name


# Nothing secret leaves


@pytest.fixture
def secret(site: RunningSite, tokens: list[str]) -> list[str]:
    """Every secret there is."""
    credential = read_credential(credential_file("alpine"))
    assert credential is not None
    kept = token_file("alpine").read_text().strip()
    return [*tokens, kept, credential.password, *(user.password for user in site.users)]


@pytest.mark.parametrize("way", ["site", "token", "provider", "file", "delegated"])
def test_no_secret_is_in_anything_that_leaves_the_process(
    way: str,
    site: RunningSite,
    tokens: list[str],
    secret: list[str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    write_token_file(tmp_path / "token", tokens[0])
    with contextlib.ExitStack() as at_end:
        if way == "delegated":
            delegation = at_end.enter_context(CS3FileSystem().delegate())
            options = delegation.storage_options
            secret.append(json.loads(delegation.path.read_text())["password"])
            told = [repr(delegation), str(vars(delegation))]
        else:
            told = []
            options = {
                "site": {},
                "token": {"token": tokens[0]},
                "provider": {"identity": "albert", "token_provider": lambda: tokens[0]},
                "file": {"token_ref": f"file:{tmp_path}/token"},
            }[way]
        fs = CS3FileSystem(**{"site": "alpine", **options})
        name = f"/home/{secrets.token_hex(6)}.txt"
        fs.pipe(name, b"content")
        with fs.open(name) as file:
            told += [repr(file), str(file), pickle.dumps(file).decode("latin-1")]
            assert pickle.loads(pickle.dumps(file)).read() == b"content"
        files = fsspec.open_files([f"cs3://alpine{name}"], **options)
        told += [
            repr(fs),
            str(fs),
            f"{fs}",
            fs.to_json(),
            json.dumps(fs.to_dict()),
            fs.to_json(include_password=False),
            str(fs.storage_options),
            str(fs.storage_args),
            str({key: repr(value) for key, value in vars(fs).items()}),
            *(pickle.dumps(fs, protocol).decode("latin-1") for protocol in range(2, 6)),
            dask.base.tokenize(fs),
            repr(fs._login),
            repr(files),
            pickle.dumps(list(files)).decode("latin-1"),
            str(fs.info(name)),
        ]
        graph = dask.delayed(lambda fs, name: fs.cat(name))(fs, name)
        told += [str(dict(graph.dask)), repr(dict(graph.dask))]
        import cloudpickle

        told.append(cloudpickle.dumps(dict(graph.dask)).decode("latin-1"))
        assert graph.compute(scheduler="sync") == b"content"
        for work in (
            lambda: fs.cat("/home/there-is-nothing"),
            lambda: fs.ls("/elsewhere"),
            lambda: fs.mkdir(name),
            lambda: fs.cat_file(name, 5, object()),
        ):
            with pytest.raises(Exception) as caught:  # noqa: PT011  whatever it is, it tells nothing
                work()
            told.append("".join(traceback.format_exception(caught.value)))
        fs.rm(name)
    if way == "delegated":
        broken = io.StringIO()
        with pytest.raises(LoginEnded) as ended:
            CS3FileSystem(**options, skip_instance_cache=True).ls("/home")
        traceback.print_exception(ended.value, file=broken)
        told.append(broken.getvalue())
    told.append(caplog.text)
    told += [f"{record.msg} {record.args!r}" for record in caplog.records]
    for text in told:
        for one in secret:
            assert one not in text, text[:300]


def test_an_ended_login_tells_nothing_in_its_traceback(tokens: list[str]) -> None:
    fs = CS3FileSystem("alpine", token=tokens[0][:-4])
    with pytest.raises(LoginEnded) as caught:
        fs.ls("/home")
    text = "".join(traceback.format_exception(caught.value))
    assert tokens[0][:-4] not in text
    assert tokens[0].split(".")[1] not in text


def test_a_password_given_as_an_option_is_refused() -> None:
    """fsspec would keep unknown options in pickles and JSON."""
    for name in ("password", "secret", "headers", "auth"):
        with pytest.raises(TypeError, match=f'has no option "{name}"') as caught:
            CS3FileSystem("alpine", **{name: "marker-of-a-secret"})
        assert "marker" not in str(caught.value)


# Loops


def test_in_a_cell_with_a_running_loop_the_synchronous_methods_work() -> None:
    async def cell() -> None:
        fs = CS3FileSystem()
        fs.pipe("/home/cell.txt", b"1")
        assert fs.cat("/home/cell.txt") == b"1"
        fs.rm("/home/cell.txt")

    asyncio.run(cell())


async def test_in_a_server_the_loop_is_its_own(site: RunningSite) -> None:
    fs = CS3FileSystem(asynchronous=True)
    assert fs is not CS3FileSystem()
    assert CS3FileSystem().asynchronous is False
    try:
        await fs._pipe_file("/home/server.txt", b"1")
        assert await fs._cat_file("/home/server.txt") == b"1"
        assert CS3FileSystem().cat("/home/server.txt") == b"1", "the other is another one"
        with pytest.raises(RuntimeError):
            fs.cat("/home/server.txt")
        await fs._rm("/home/server.txt")
    finally:
        await fs._close()


async def test_what_a_library_drops_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = asyncio.Event()
    close = MeshClient.close

    async def seen(client: MeshClient) -> None:
        await close(client)
        closed.set()

    monkeypatch.setattr(MeshClient, "close", seen)
    fs = CS3FileSystem(asynchronous=True, skip_instance_cache=True)
    assert await fs._exists("/home")
    del fs
    gc.collect()
    async with asyncio.timeout(30):
        await closed.wait()


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestWarning")
@pytest.mark.parametrize("closed", [True, False], ids=["closed", "left open"])
def test_many_short_loops_leave_no_channels(closed: bool) -> None:
    fs = CS3FileSystem(asynchronous=True)

    async def once() -> None:
        assert await fs._exists("/home")
        assert await fs._cat_file("/home/loops.txt") == b"1"
        if closed:
            await fs._close()

    CS3FileSystem().pipe("/home/loops.txt", b"1")
    counts = []
    for _ in range(8):
        asyncio.run(once())
        gc.collect()
        counts.append(len(os.listdir("/proc/self/fd")))
    assert len(fs._clients) == (0 if closed else 1)
    assert counts[-1] <= counts[2] + 8, counts
    fs._clients.clear()
    gc.collect()  # Whatever was left open is told of here, and no later.


def test_many_threads_make_one_instance() -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: id(CS3FileSystem()), range(40)))
    assert len(found) == 1


def test_a_missing_file_is_still_a_missing_file() -> None:
    with pytest.raises(NotFound):
        CS3FileSystem().cat("/home/nothing-here")
