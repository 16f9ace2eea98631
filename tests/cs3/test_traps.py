"""Each trap of a real site, imitated: the client does not fall in."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import resources_pb2 as rs

from jupyter_mesh.auth import TokenSource
from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.cs3.failures import SENTENCES, sentence
from jupyter_mesh.cs3.flavour import Feature
from jupyter_mesh.errors import (
    BY_CS3_CODE,
    AlreadyExists,
    Conflict,
    InvalidRequest,
    LoginEnded,
    MeshError,
    NotAllowed,
    NotFound,
    NotSupported,
    SiteError,
    Unavailable,
)
from jupyter_mesh.models import BinItem, Kind
from jupyter_mesh.testing import traps
from jupyter_mesh.testing.site import RunningSite, run_node

Node = Callable[..., AbstractAsyncContextManager[tuple[RunningSite, MeshClient]]]


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """Starts a node with traps around it, and a client of its first user."""

    @asynccontextmanager
    async def start(*around, flavour: str = "spaces", middlewares=()):
        async with (
            run_node(
                tmp_path / "data", flavour=flavour, interceptors=around, middlewares=middlewares
            ) as site,
            site.client() as mesh,
        ):
            yield site, mesh

    return start


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


# Tokens that die.


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


# What must never be sent.


async def test_roots_are_not_deleted_and_nothing_moves_into_itself(node: Node) -> None:
    trap = traps.DestroyingDelete()
    async with node(trap) as (site, mesh):
        await mesh.mkdir("home/a/b", parents=True)
        home = (await mesh.stat("home")).id
        for path in ("home", "projects/dimuon", f".id/{home}", "projects", ""):
            with pytest.raises(InvalidRequest):
                await mesh.delete(path)
            with pytest.raises(InvalidRequest):
                await mesh.move(path, "home/x")
        inside = (await mesh.stat("home/a/b")).id
        for source, target in (
            ("home/a", "home/a"),
            ("home/a", "home/a/b/c"),
            (f".id/{home}/a", "home/a/c"),
            ("home/a", f".id/{home}/a/c"),
            ("home/a", f".id/{inside}/c"),
        ):
            with pytest.raises(InvalidRequest):
                await mesh.move(source, target)
        assert trap.fell == []
        assert (site.calls["Delete"], site.calls["Move"]) == (0, 0)
        await mesh.move("home/a/b", f".id/{home}/b")
        assert await mesh.exists("home/b")


@pytest.mark.parametrize("flavour", ["spaces", "paths"])
async def test_deleting_the_mount_of_a_share_leaves_it(node: Node, flavour: str) -> None:
    trap = traps.SharedFolder("data")
    async with node(trap, flavour=flavour) as (site, mesh):
        await mesh.mkdir("home/owners")
        await mesh.upload("home/owners/theirs.txt", b"theirs")
        trap.shared = (await mesh.stat("home/owners")).id
        (share,) = await mesh.list_folder("shares")
        assert (share.path, share.kind) == ("shares/data", Kind.DIRECTORY)
        assert [child.path for child in await mesh.list_folder("shares/data")] == [
            "shares/data/theirs.txt"
        ]
        assert await mesh.read("shares/data/theirs.txt") == b"theirs"
        for path in ("shares/data", f".id/{trap.shared}"):
            with pytest.raises(InvalidRequest):
                await mesh.move(path, "home/mine")
        await mesh.delete(f".id/{trap.shared}")
        trap.answers.clear()
        mesh._places.forget()
        await mesh.delete("shares/data")
        assert trap.answers == ["SHARE_STATE_REJECTED"]
        assert trap.fell == []
        assert site.calls["Delete"] == 0
        assert await mesh.list_folder("shares") == []
        assert await mesh.read("home/owners/theirs.txt") == b"theirs"


async def test_the_mount_of_a_share_has_no_address(node: Node) -> None:
    jail = "a0ca6a90-a365-4782-871e-d44447bbc668"
    async with node() as (site, mesh):
        with pytest.raises(InvalidRequest):
            await mesh.delete(f".id/{jail}${jail}!mount-of-a-share")
        assert site.calls["Delete"] == 0


@pytest.mark.parametrize("key", ["", "/"])
async def test_the_bin_is_never_emptied(node: Node, key: str) -> None:
    async with node() as (site, mesh):
        await mesh.touch("home/a.txt")
        await mesh.delete("home/a.txt")
        item = BinItem(
            key=key, path="home/a.txt", kind=Kind.FILE, size=0, deleted=datetime.now(UTC)
        )
        for work in (mesh.purge_from_bin, mesh.restore_from_bin):
            with pytest.raises(InvalidRequest):
                await work(item)
        assert site.calls["PurgeRecycle"] == 0
        assert len(await mesh.bin()) == 1


# Uploads.


async def test_uploads_always_tell_their_true_length(node: Node, tmp_path: Path) -> None:
    trap = traps.EmptyingUpload()
    async with node(trap, middlewares=[traps.stores_no_chunks]) as (_, mesh):

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield b"piece"

        (tmp_path / "local").write_bytes(b"local")
        await mesh.upload("home/a", b"before")
        await mesh.upload("home/a", pieces())
        assert await mesh.read("home/a") == b"piece" * 3
        await mesh.upload("home/a", tmp_path / "local")
        with (tmp_path / "local").open("rb") as file:
            await mesh.upload("home/a", file)
        assert await mesh.read("home/a") == b"local"
        assert trap.fell == []
        assert trap.announced == [6, 15, 5, 5]


@pytest.mark.parametrize("content", [b"mine", b""], ids=["content", "empty"])
async def test_conditions_hold_on_sites_that_ignore_them(node: Node, content: bytes) -> None:
    async with node(traps.NoConditions()) as (site, mesh):
        old = await mesh.upload("home/a.txt", b"one")
        new = await mesh.upload("home/a.txt", b"theirs", if_match=old.etag)
        assert (await mesh.flavour()).can(Feature.CONDITIONS) is False
        site.calls.clear()
        with pytest.raises(Conflict):
            await mesh.upload("home/a.txt", content, if_match=old.etag)
        with pytest.raises(AlreadyExists):
            await mesh.upload("home/a.txt", content, if_absent=True)
        assert site.calls["InitiateFileUpload"] == 0
        assert (await mesh.stat("home/a.txt")).etag == new.etag


async def test_of_two_saves_at_once_one_wins_and_the_other_knows(node: Node) -> None:
    async with node() as (_, mesh):
        old = await mesh.upload("home/a.txt", b"old")
        await mesh.upload("home/b.txt", b"b")
        results = await asyncio.gather(
            *(mesh.upload("home/a.txt", text, if_match=old.etag) for text in (b"one", b"two")),
            return_exceptions=True,
        )
        assert [type(result).__name__ for result in results].count("Conflict") == 1
        assert await mesh.read("home/a.txt") in (b"one", b"two")


async def test_reads_and_deletes_wait_for_the_site_to_finish(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyter_mesh.cs3.base.FIRST_PAUSE", 0.001)
    trap = traps.Processing(stats=3)
    async with node(trap, middlewares=[trap.middleware]) as (_, mesh):
        for content in (b"one", b"two"):
            written = await mesh.upload("home/a.txt", content)
            assert not written.processing
            trap.left = 3
            assert await mesh.read("home/a.txt") == content
        trap.left = 2
        await mesh.delete("home/a.txt")
        assert not await mesh.exists("home/a.txt")


async def test_what_a_site_does_not_keep_is_not_needed(node: Node) -> None:
    trap = traps.KeepsNothing()
    async with node(trap, middlewares=[_no_etags]) as (_, mesh):
        written = await mesh.upload("home/a.txt", b"content")
        assert (written.checksum, written.name) == (None, "a.txt")
        written = await mesh.upload("home/a.txt", b"more", if_match=written.etag)
        with pytest.raises(Conflict):
            await mesh.upload("home/a.txt", b"x", if_match="stale")
        by_id = f".id/{written.id}"
        assert await mesh.read(by_id) == b"more"
        await mesh.list_folder("home")
        await mesh.mkdir(f".id/{(await mesh.stat('home')).id}/sub")
        for work in (mesh.lock("home/a.txt", "id"), mesh.get_lock("home/a.txt")):
            with pytest.raises(NotSupported):
                await work
        await mesh.delete(by_id)
        assert trap.fell == []


@web.middleware
async def _no_etags(request: web.Request, handler) -> web.StreamResponse:
    reply = await handler(request)
    for name in ("ETag", "OC-ETag"):
        reply.headers.popall(name, None)
    return reply


BIG = (16 << 20) + 12_345


@pytest.mark.parametrize("breaks", [1, 3])
async def test_large_uploads_go_on_after_a_break(node: Node, breaks: int) -> None:
    content = secrets.token_bytes(BIG)
    middlewares = [traps.breaks_patches(breaks, after=5 << 20)]
    async with node(middlewares=middlewares) as (site, mesh):
        written = await mesh.upload("home/big", content)
        assert written.size == BIG
        assert await mesh.read("home/big") == content
        # More than one question after a break, if the site is not done with it yet.
        assert breaks <= site.calls["HEAD"] <= 2 * breaks
        assert site.calls["InitiateFileUpload"] == 1
        assert site.calls["PUT"] == 0


async def test_large_uploads_without_tus_go_in_one_piece(node: Node) -> None:
    content = secrets.token_bytes(BIG)
    async with node(middlewares=[traps.refuses({"PATCH": [501]})]) as (site, mesh):
        await mesh.upload("home/big", content)
        assert await mesh.read("home/big") == content
        await mesh.upload("home/big", content)
        assert (site.calls["PATCH"], site.calls["PUT"]) == (1, 2)


async def test_a_transfer_that_ended_is_announced_again_once(node: Node) -> None:
    statuses = {"PUT": [403]}
    async with node(middlewares=[traps.refuses(statuses)]) as (site, mesh):
        await mesh.upload("home/a.txt", b"content")
        assert await mesh.read("home/a.txt") == b"content"
        statuses["PUT"] = [403, 403, 403]
        site.calls.clear()
        with pytest.raises(NotAllowed):
            await mesh.upload("home/a.txt", b"more")
        assert site.calls["PUT"] == 2
        assert await mesh.read("home/a.txt") == b"content"


async def test_a_save_whose_answer_was_lost_is_found_to_be_done(node: Node) -> None:
    async with node(middlewares=[traps.drops_reply("PUT")]) as (site, mesh):
        await mesh.touch("home/a.txt")
        etag = (await mesh.stat("home/a.txt")).etag
        written = await mesh.upload("home/a.txt", b"content", if_match=etag)
        assert await mesh.read("home/a.txt") == b"content"
        assert (await mesh.stat("home/a.txt")).etag == written.etag
        assert site.calls["PUT"] == 1
        assert len(await mesh.versions("home/a.txt")) <= 1


@pytest.mark.parametrize(
    ("status", "error"),
    [(412, Conflict), (419, SiteError), (460, SiteError), (500, SiteError), (507, MeshError)],
)
async def test_a_refused_put_saves_nothing(node: Node, status: int, error: type[MeshError]) -> None:
    statuses: dict[str, list[int]] = {}
    async with node(middlewares=[traps.refuses(statuses)]) as (_, mesh):
        await mesh.upload("home/a.txt", b"kept")
        statuses["PUT"] = [status, status]
        with pytest.raises(error):
            await mesh.upload("home/a.txt", b"lost")
        assert await mesh.read("home/a.txt") == b"kept"


async def test_a_cancelled_upload_saves_nothing(node: Node) -> None:
    async with node() as (_site, mesh):
        await mesh.upload("home/a.txt", b"kept")
        started = asyncio.Event()
        save = asyncio.ensure_future(
            mesh.upload("home/a.txt", bytes(40 << 20), progress=lambda _: started.set())
        )
        await started.wait()
        save.cancel()
        with pytest.raises(asyncio.CancelledError):
            await save
        assert await mesh.read("home/a.txt") == b"kept"


# Downloads.


async def test_parts_of_files_on_sites_without_ranges(node: Node) -> None:
    async with node(middlewares=[traps.no_ranges]) as (site, mesh):
        await mesh.upload("home/ten", b"0123456789")
        for start, stop, expected in ((3, 7, b"3456"), (8, None, b"89")):
            async with mesh.download("home/ten", start=start, stop=stop) as download:
                assert await download.read() == expected
        # Asked in vain once, remembered then.
        assert site.calls["GET"] == 3


async def test_a_version_is_not_mistaken_for_the_present(node: Node) -> None:
    class IgnoresKeys(traps.Trap):
        async def answer(self, name, request, token, ask):
            if name == "InitiateFileDownload":
                request.opaque.map.pop("version_key", None)
            return await ask()

    async with node(IgnoresKeys(), flavour="paths") as (_, mesh):
        for content in (b"old", b"new"):
            await mesh.upload("home/a.txt", content)
        (version,) = await mesh.versions("home/a.txt")
        for _ in range(2):
            with pytest.raises(NotSupported):
                async with mesh.download("home/a.txt", version=version.key):
                    pass
        await mesh.restore_version("home/a.txt", version.key)
        assert await mesh.read("home/a.txt") == b"old"


async def test_content_that_ends_early_is_an_error(node: Node) -> None:
    @web.middleware
    async def half(request: web.Request, handler) -> web.StreamResponse:
        if request.method != "GET":
            return await handler(request)
        reply = web.StreamResponse(headers={"Content-Length": "10"})
        await reply.prepare(request)
        await reply.write(b"01234")
        request.transport.abort()
        return reply

    async with node(middlewares=[half]) as (_, mesh):
        await mesh.upload("home/ten", b"0123456789")
        with pytest.raises(MeshError):
            await mesh.read("home/ten")


async def test_a_file_that_changes_under_the_read_is_read_whole(node: Node) -> None:
    async with node() as (site, mesh):
        await mesh.upload("home/a.txt", b"old")

        stat = mesh._stat

        async def then_save(place):
            found = await stat(place)
            mesh._stat = stat
            async with site.client() as writer:
                await writer.upload("home/a.txt", b"longer than before")
            return found

        mesh._stat = then_save
        async with mesh.download("home/a.txt") as download:
            assert await download.read() == b"longer than before"
            assert download.resource.etag == (await mesh.stat("home/a.txt")).etag


# Hosts.


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example.org/data",
        "http://elsewhere.example.org/data",
        "https://127.0.0.1.example.org/data",
        "ftp://127.0.0.1/data",
        "file:///etc/passwd",
        "https://elsewhere.example.org@127.0.0.2.example.org/",
        "",
    ],
)
async def test_the_token_goes_to_no_other_host(node: Node, url: str) -> None:
    trap = traps.OtherDataHost("")
    async with node(trap) as (_, mesh):
        await mesh.touch("home/a.txt")
        await mesh.set_metadata("home/a.txt", {"a": "b"})
        trap.url = url
        with pytest.raises((NotAllowed, NotSupported)):
            await mesh.upload("home/a.txt", b"content")


async def test_redirects_are_not_followed(node: Node) -> None:
    went: list[str] = []

    @web.middleware
    async def redirect(request: web.Request, handler) -> web.StreamResponse:
        went.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    async with node(middlewares=[redirect]) as (_, mesh):
        with pytest.raises(SiteError):
            await mesh.upload("home/a.txt", b"content")
        assert set(went) == {"/data"}


# Gateways in trouble.


@pytest.mark.parametrize("code", ["UNAVAILABLE", "unavailable"])
async def test_reads_are_tried_again_and_writes_are_not(node: Node, code: str) -> None:
    trap = traps.Fails()
    async with node(trap) as (site, mesh):
        await mesh.mkdir("home/sub")
        trap.next["ListContainer"] = [(code, "")]
        await mesh.list_folder("home")
        trap.next = {name: [(code, "")] for name in ("CreateContainer", "Move", "Delete")}
        site.calls.clear()
        for work in (
            mesh.mkdir("home/other"),
            mesh.move("home/sub", "home/moved"),
            mesh.delete("home/sub"),
        ):
            with pytest.raises(Unavailable, match="alpine does not answer"):
                await work
        assert (site.calls["CreateContainer"], site.calls["Move"], site.calls["Delete"]) == (
            1,
            1,
            1,
        )


async def test_a_reply_in_another_dialect_is_one_clear_error(node: Node) -> None:
    async with node(traps.Garbles({"ListContainer"})) as (_, mesh):
        with pytest.raises(SiteError, match="Could not list home: alpine failed"):
            await mesh.list_folder("home")
        assert (await mesh.stat("home")).is_directory


async def test_a_folder_larger_than_a_message_of_grpc(node: Node) -> None:
    class Crowd(traps.Trap):
        async def answer(self, name, request, token, ask):
            reply = await ask()
            if name == "ListContainer":
                info = rs.ResourceInfo(type=rs.RESOURCE_TYPE_FILE, etag="e" * 400)
                reply = provider.ListContainerResponse(status=reply.status)
                for number in range(12_000):
                    info.name = f"{number:06}"
                    reply.infos.append(info)
            return reply

    async with node(Crowd()) as (_, mesh):
        listed = await mesh.list_folder("home")
        assert len(listed) == 12_000
        assert listed[-1].path == "home/011999"


async def test_a_site_that_is_not_there(node: Node) -> None:
    async with node() as (site, _):
        settings = site.settings
        token = await site.tokens().token()
    async with MeshClient(settings, Two(token)) as mesh:
        with pytest.raises(Unavailable, match="alpine does not answer"):
            await mesh.stat("home")


async def test_milliseconds_where_seconds_belong(node: Node) -> None:
    async with node(flavour="paths") as (_, mesh):
        for content in (b"one", b"two"):
            await mesh.upload("home/a.txt", content)
        await mesh.delete("home/a.txt")
        (item,) = await mesh.bin()
        assert item.deleted.year == datetime.now(UTC).year


async def test_a_move_between_spaces_is_a_copy_and_a_delete(node: Node) -> None:
    async with node() as (_, mesh):
        await mesh.mkdir("home/a/b", parents=True)
        await mesh.upload("home/a/b/c.txt", b"content")
        moved = await mesh.move("home/a", "projects/dimuon/a")
        assert moved.is_directory
        assert await mesh.read("projects/dimuon/a/b/c.txt") == b"content"
        assert not await mesh.exists("home/a")


async def test_half_a_copy_is_never_left(node: Node) -> None:
    trap = traps.Fails()
    async with node(trap) as (_, mesh):
        await mesh.mkdir("home/a")
        for name in "xyz":
            await mesh.upload(f"home/a/{name}", name.encode())
        trap.next["InitiateFileUpload"] = [("INSUFFICIENT_STORAGE", "full")]
        with pytest.raises(MeshError, match="no room"):
            await mesh.copy("home/a", "home/b")
        assert [child.name for child in await mesh.list_folder("home")] == ["a"]


async def test_a_failed_replacement_gives_the_old_file_back(node: Node) -> None:
    trap = traps.Fails()
    async with node(trap) as (_, mesh):
        for name in "ab":
            await mesh.upload(f"home/{name}.txt", name.encode())
        trap.next["Move"] = [None, ("UNAVAILABLE", "")]
        with pytest.raises(Unavailable):
            await mesh.move("home/a.txt", "home/b.txt", replace=True)
        assert [child.name for child in await mesh.list_folder("home")] == ["a.txt", "b.txt"]
        assert await mesh.read("home/b.txt") == b"b"


async def test_missing_things_are_not_found_whatever_the_layer(node: Node) -> None:
    trap = traps.Fails()
    async with node(trap) as (_, mesh):
        await mesh.list_folder("home")
        trap.next["Stat"] = [("unknown", "error: not found: 9999")]
        with pytest.raises(NotFound):
            await mesh.stat("home/x")


@pytest.mark.parametrize("flavour", ["spaces", "paths"])
async def test_the_kind_of_site_is_not_guessed_from_trouble(node: Node, flavour: str) -> None:
    trap = traps.Fails()
    trap.next["ListStorageSpaces"] = [("INTERNAL", "trouble")]
    async with node(trap, flavour=flavour) as (_, mesh):
        if flavour == "spaces":
            with pytest.raises(SiteError):
                await mesh.list_folder("home")
        assert (await mesh.flavour()).kind.value == flavour
        await mesh.list_folder("home")


async def test_another_size_than_that_of_the_version_is_not_shown(node: Node) -> None:
    class SendsThePresent(traps.Trap):
        async def answer(self, name, request, token, ask):
            if name == "InitiateFileDownload" and ".REV." in request.ref.resource_id.opaque_id:
                version = request.ref.resource_id
                version.opaque_id = version.opaque_id.partition(".REV.")[0]
            return await ask()

    async with node(SendsThePresent()) as (_, mesh):
        for content in (b"old", b"the present"):
            await mesh.upload("home/a.txt", content)
        (version,) = await mesh.versions("home/a.txt")
        with pytest.raises(NotSupported):
            async with mesh.download("home/a.txt", version=version.key):
                pass


async def test_a_part_that_begins_elsewhere_is_refused(node: Node) -> None:
    @web.middleware
    async def elsewhere(request: web.Request, handler) -> web.StreamResponse:
        if "Range" not in request.headers:
            return await handler(request)
        part = {"Content-Range": "bytes 0-3/10"}
        return web.Response(status=206, body=b"0123", headers=part)

    async with node(middlewares=[elsewhere]) as (_, mesh):
        await mesh.upload("home/ten", b"0123456789")
        with pytest.raises(SiteError, match="another part"):
            async with mesh.download("home/ten", start=4, stop=8):
                pass


async def test_a_save_that_failed_inside_the_site_is_tried_once_more(node: Node) -> None:
    statuses = {"PUT": [500]}
    async with node(middlewares=[traps.refuses(statuses)]) as (_, mesh):
        await mesh.touch("home/a.txt")
        await mesh.upload("home/a.txt", b"content")
        assert await mesh.read("home/a.txt") == b"content"


@pytest.mark.parametrize("flavour", ["spaces", "paths"])
async def test_a_file_that_is_gone_for_a_moment_is_no_conflict(node: Node, flavour: str) -> None:
    trap = traps.Fails()
    async with node(trap, flavour=flavour) as (_, mesh):
        old = await mesh.upload("home/a.txt", b"one")
        blink = ("NOT_FOUND", "path not found when statting")
        trap.next["Stat"] = [blink, None, blink]
        await mesh.upload("home/a.txt", b"two", if_match=old.etag)
        assert await mesh.read("home/a.txt") == b"two"


async def test_a_read_that_failed_inside_the_site_is_tried_again(node: Node) -> None:
    statuses = {"GET": [500]}
    async with node(middlewares=[traps.refuses(statuses)]) as (_, mesh):
        await mesh.upload("home/a.txt", b"content")
        assert await mesh.read("home/a.txt") == b"content"
        statuses["GET"] = [500] * 10
        with pytest.raises(SiteError, match="Could not open home/a.txt"):
            await mesh.read("home/a.txt")


async def test_trouble_below_a_file_is_a_missing_path_and_elsewhere_it_is_trouble(
    node: Node,
) -> None:
    trap = traps.Fails()
    async with node(trap) as (_, mesh):
        await mesh.upload("home/a.txt", b"content")
        trap.next["Stat"] = [("INTERNAL", "error statting")]
        with pytest.raises(NotFound, match="home/a.txt is a file"):
            await mesh.stat("home/a.txt/below")
        trap.next["Stat"] = [("INTERNAL", "error statting")]
        with pytest.raises(SiteError):
            await mesh.stat("home/missing")


@pytest.mark.parametrize("error", sorted(SENTENCES, key=lambda one: one.__name__))
def test_every_error_has_its_own_sentence(error: type[MeshError]) -> None:
    text = sentence(error, "open home/a.txt", "alpine")
    assert text.startswith("Could not open home/a.txt: ")
    assert text.endswith(".")
    assert [text == sentence(other, "open home/a.txt", "alpine") for other in SENTENCES].count(
        True
    ) == 1


def test_every_code_has_a_sentence() -> None:
    assert {*BY_CS3_CODE.values()} <= {*SENTENCES, LoginEnded}
