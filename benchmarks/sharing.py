"""Lists of sharing over REST, beside the plain calls of the gateway that give the same lists.

The user has given 1 000 shares and got 1 000, half of them from and to people at another site, which is away; has
1 000 links and 5 000 contacts.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sqlite3
from contextlib import asynccontextmanager, closing
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc
from cs3.gateway.v1beta1 import gateway_api_pb2_grpc as gateway
from cs3.identity.group.v1beta1 import group_api_pb2 as groups
from cs3.identity.user.v1beta1 import user_api_pb2 as users
from cs3.ocm.invite.v1beta1 import invite_api_pb2 as invites
from cs3.sharing.collaboration.v1beta1 import collaboration_api_pb2 as sharing
from cs3.sharing.link.v1beta1 import link_api_pb2 as links
from cs3.sharing.ocm.v1beta1 import ocm_api_pb2 as ocm
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider

from benchmarks.comparison import Bench, Row, Times, row
from benchmarks.site import PASSWORD, USER
from jupyter_mesh.node.users import add_user

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

    Operation = Callable[[], Awaitable[Any]]

COLLEAGUE, AWAY = "nils", "coast.example"
FRESH_AFTER = 2.1
"""Seconds after which a list is asked for anew: panels that open together share one."""

LIMIT_MS = 300.0
READ = "initiate_file_download list_container stat"


async def many(bench: Bench) -> list[Row]:
    """Each list as a panel asks for it: its first part, and all of it; the dialog of one thing; a search."""
    shares, contacts = bench.size(1_000), bench.size(5_000)
    add_user(bench.site.folder, COLLEAGUE, PASSWORD)
    async with bench.site.client() as maya, bench.site.client(COLLEAGUE) as nils:
        me, you = await maya.me(), await nils.me()
        for client, user in ((maya, USER), (nils, COLLEAGUE)):
            top = bench.site.folder / "home" / user / "many"
            await asyncio.to_thread(_make_folders, top, shares)
            await client.list_folder("home/many")
            # What is at the root of the home is known to the site now.
            await client.list_folder("home")
        await asyncio.to_thread(_fill, bench, me.id, you.id, shares, contacts)
        thing = (await maya.stat("home/many/00000")).id
    assert thing is not None
    async with _stub(bench) as stub:
        given = [("ListShares", sharing.ListSharesRequest()), _given_away()]
        got = [
            ("ListReceivedShares", sharing.ListReceivedSharesRequest()),
            ("ListReceivedOCMShares", ocm.ListReceivedOCMSharesRequest()),
        ]
        linked = [("ListPublicShares", links.ListPublicSharesRequest())]
        known = [("FindAcceptedUsers", invites.FindAcceptedUsersRequest())]
        found = [
            ("FindUsers", _search(users.FindUsersRequest, users.Filter)),
            ("FindGroups", _search(groups.FindGroupsRequest, groups.Filter)),
            ("FindAcceptedUsers", invites.FindAcceptedUsersRequest(filter="noether 1")),
        ]
        stat = provider.StatRequest()
        stat.ref.resource_id.storage_id, stat.ref.resource_id.space_id = thing.storage, thing.space
        stat.ref.resource_id.opaque_id, stat.ref.path = thing.opaque, "."
        opened = [("Stat", stat), *given, *linked]
        count = f"{shares:,}".replace(",", " ")
        people = f"{contacts:,}".replace(",", " ")
        cases: list[tuple[str, Operation, Sequence[tuple[str, Any]]]] = []
        for what, address, calls, total in (
            (f"{count} shares by me", "shares", given, shares),
            (f"{count} shares with me", "received", got, shares),
            (f"{count} links", "links", linked, shares),
            (f"{people} contacts", "contacts", known, contacts),
        ):
            page = partial(_read, bench, address, 100, min(100, total))
            cases.append((f"{what}: first 100", page, calls))
            cases.append((f"{what}: all", partial(_read_all, bench, address, total), calls))
        cases += [
            (f"share dialog among {count} shares", partial(_dialog, bench), opened),
            (f"people search among {people} contacts", partial(_people, bench), found),
        ]  # fmt: skip
        return [await _compared(bench, stub, *case) for case in cases]


async def _compared(
    bench: Bench, stub: Any, label: str, ours: Operation, calls: Sequence[tuple[str, Any]]
) -> Row:
    """REST and the same calls of the gateway in turns, each time long enough after the last one."""
    times = Times()
    for number in range(bench.rounds + 1):
        await asyncio.sleep(FRESH_AFTER)
        for mine, operation in ((False, partial(_ask, stub, calls)), (True, ours)):
            await bench.turn(times, operation, mine=mine, counts=number > 0)
    found = row("sharing", label, times.ours, times.theirs, 0, **_cpu(times))
    found.goal, found.met = f"≤ {LIMIT_MS:g} ms", found.ours <= LIMIT_MS
    return found


def _cpu(times: Times) -> dict[str, Any]:
    """CPU time of ours alone: the other side is the site as well."""
    used = times.cpu()
    del used["cpu_ms"]["stock"]
    return used


async def _ask(stub: Any, calls: Sequence[tuple[str, Any]]) -> None:
    """The calls at once, as our server makes them."""
    for reply in await asyncio.gather(*(getattr(stub, name)(request) for name, request in calls)):
        assert reply.status.code == 1, reply.status


async def _get(bench: Bench, address: str) -> Any:
    return json.loads(await bench.mesh.ask("GET", f"api/mesh/{address}"))


async def _read(bench: Bench, address: str, limit: int, total: int) -> None:
    items = (await _get(bench, f"{address}?limit={limit}"))["items"]
    assert len(items) == total, f"{address}: {len(items)} of {total}"


async def _read_all(bench: Bench, address: str, total: int) -> None:
    """All parts, one after the other."""
    seen, cursor = set(), ""
    while cursor is not None:
        part = await _get(bench, f"{address}?cursor={cursor}")
        seen |= {each.get("id") or each["key"] for each in part["items"]}
        cursor = part["next"]
    assert len(seen) == total, f"{address}: {len(seen)} of {total}"


async def _dialog(bench: Bench) -> None:
    _, access = await asyncio.gather(
        _get(bench, "sharing"), _get(bench, "access?path=home/many/00000")
    )
    assert len(access["rows"]) == 1, access
    assert len(access["links"]) == 1, access


async def _people(bench: Bench) -> None:
    assert len((await _get(bench, "people?q=noether%201"))["items"]) == 50


def _given_away() -> tuple[str, Any]:
    return "ListOCMShares", ocm.ListOCMSharesRequest()


def _search(form: Any, kind: Any) -> Any:
    return form(filters=[kind(type=kind.TYPE_QUERY, query="noether 1")])


@asynccontextmanager
async def _stub(bench: Bench) -> AsyncIterator[Any]:
    """The gateway, as any client may speak to it."""
    token = await bench.site.token()

    class Login(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[misc]  # no types
        async def intercept_unary_unary(self, go: Any, details: Any, request: Any) -> Any:
            metadata = grpc.aio.Metadata(("x-access-token", token))
            return await go(details._replace(metadata=metadata), request)

    options = [("grpc.max_receive_message_length", 64 << 20)]
    async with grpc.aio.insecure_channel(
        bench.site.gateway, options=options, interceptors=[Login()]
    ) as channel:
        yield gateway.GatewayAPIStub(channel)


def _make_folders(top: Any, count: int) -> None:
    for number in range(count):
        (top / f"{number:05}").mkdir(parents=True)


def _fill(bench: Bench, me: str, you: str, shares: int, contacts: int) -> None:
    """Rows as the site writes them: to make them one by one takes minutes, and is not what is measured."""
    index = sqlite3.connect(bench.site.folder / ".node" / "index.sqlite", timeout=60)
    with closing(index), index:
        mine, theirs = ([*_entries(index, user)] for user in (me, you))
        assert len(mine) == len(theirs) == shares
        for number, (entry, space, name) in enumerate(mine):
            link = (
                secrets.token_hex(8),
                secrets.token_hex(8),
                entry,
                READ,
                "",
                me,
                number,
                number,
                0,
                "",
                "",
            )
            _add(index, "links", link)
            if number % 2:
                _add(
                    index,
                    "shares",
                    (secrets.token_hex(8), entry, 1, you, READ, me, number, number, 0, ""),
                )
            else:
                _add(index, "given", (
                    secrets.token_hex(8), space, entry, me, me, name, 1, f"noether-{number}", AWAY, 0, 0,
                    secrets.token_hex(8), 0, number, number, "", "",
                ))  # fmt: skip
        for number, (entry, _, name) in enumerate(theirs):
            share = secrets.token_hex(8)
            if number % 2:
                _add(index, "shares", (share, entry, 1, me, READ, you, number, number, 0, ""))
                _add(index, "answers", (share, me, 2, 0, f"of nils {name}"))
            else:
                _add(index, "received", (
                    share, me, name, AWAY, secrets.token_hex(8), f"noether-{number}", "", f"noether-{number}", AWAY,
                    "", "", f"https://{AWAY}/dav/", secrets.token_hex(8), 0, 0, 0, 1, 0, number, number,
                    "accepted", 0, 0,
                ))  # fmt: skip
        _add(index, "peers", (AWAY, "Coast"))
        for number in range(contacts):
            who = (
                me,
                f"noether-{number}",
                AWAY,
                f"Noether {number}",
                f"noether{number}@{AWAY}",
                "",
                number,
            )
            _add(index, "contacts", who)


def _entries(index: sqlite3.Connection, user: str) -> Iterator[Any]:
    """The folders of somebody: id, space, name."""
    return index.execute(
        "SELECT n.id, n.space, n.name FROM nodes n JOIN nodes p ON n.parent = p.id JOIN spaces s "
        "ON s.id = n.space WHERE p.name = 'many' AND s.owner = ? ORDER BY n.name",
        (user,),
    )


def _add(index: sqlite3.Connection, table: str, values: tuple[Any, ...]) -> None:
    marks = ", ".join("?" * len(values))
    index.execute(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608 - a constant
