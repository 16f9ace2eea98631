"""Events, the watch over what others share, and what long lists cost."""

import asyncio
import json
from dataclasses import replace

import pytest

from jupyter_mesh.models import Grantee, GranteeKind, Role
from jupyter_mesh.server.sharing import LiveSharing
from jupyter_mesh.sharing import Sharing

WITHIN = 30.0


async def until(is_so):
    async with asyncio.timeout(WITHIN):
        while not is_so():  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0.01)


@pytest.fixture
def watching(jp_serverapp, live):
    """Sharing of the server that looks at once, in place of its own."""
    return LiveSharing(live._files, jp_serverapp.event_logger, look_every=0.05, seen_for=WITHIN)


@pytest.fixture
def give(marie, folder_of):
    """Marie shares a fresh folder with Einstein; gives the share as she has it."""

    async def give():
        path = await folder_of(marie)
        (me,) = await marie.find_users("einstein")
        return await Sharing(marie).share(path, me, Role.VIEWER)

    return give


async def test_what_others_share_is_noticed_and_told_once(watching, told, give, site):
    try:
        watching.know("received", await watching.sharing.received())
        watching.seen()
        await give()
        await until(lambda: ("received", "") in told)
        looks = site.calls["ListReceivedShares"]
        await until(lambda: site.calls["ListReceivedShares"] > looks + 3)
        assert told == [("received", "")]
    finally:
        await watching.close()


async def test_who_accepts_an_invitation_is_noticed(watching, told, part, noether):
    try:
        await part()
        letter = await watching.sharing.invitations.create()
        watching.know("contacts", await watching.sharing.contacts.listed())
        watching.seen()
        told.clear()
        await Sharing(noether).invitations.accept(letter.code)
        await until(lambda: ("contacts", "") in told)
    finally:
        await watching.close()


async def test_a_look_is_two_calls(watching, site, give):
    await give()
    await watching.sharing.received()
    before = site.calls.copy()
    await watching.sharing.received()
    assert (site.calls - before).total() <= 2, site.calls - before


async def test_nobody_looks_while_nobody_is_there(jp_serverapp, live, site):
    alone = LiveSharing(live._files, jp_serverapp.event_logger, look_every=0.01, seen_for=-1)
    before = site.calls["ListReceivedShares"]
    alone.seen()
    await until(lambda: alone._watching is None)
    assert site.calls["ListReceivedShares"] == before


async def test_looks_do_not_overlap_and_end_with_the_server(watching, monkeypatch):
    running, most, looked = 0, 0, asyncio.Event()

    async def slow():
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.2)
        running -= 1
        looked.set()
        return []

    monkeypatch.setattr(watching.sharing, "received", slow)
    for _ in range(5):
        watching.seen()
    await asyncio.wait_for(looked.wait(), WITHIN)
    await watching.close()
    assert (most, watching._watching) == (1, None)


async def test_every_change_is_told(ask, key_of, folder, told):
    path = f"mesh/{folder}"
    _, share = await ask(
        "POST", "shares", json_body={"path": path, "with": await key_of("marie"), "role": "viewer"}
    )
    await ask("PATCH", "shares", share["id"], json_body={"role": "editor"})
    _, link = await ask("POST", "links", json_body={"path": path, "role": "viewer"})
    await ask("DELETE", "links", link["id"])
    await ask("POST", "invitations", json_body={})
    assert told == [
        ("shares", path),
        ("shares", path),
        ("links", path),
        ("links", ""),
        ("invitations", ""),
    ]


async def test_a_failed_change_is_not_told(ask, told):
    status, _ = await ask("DELETE", "links", "none")
    assert (status, told) == (404, [])


async def test_lists_of_thousands_ask_nothing_for_each(ask, live, site, monkeypatch):
    people = [
        Grantee(kind=GranteeKind.CONTACT, id=f"p{n}", idp="coast.example", name=f"Person {n:04}")
        for n in range(5000)
    ]

    async def contacts(text=""):
        return people

    monkeypatch.setattr(live.sharing.client, "contacts", contacts)
    made = []
    monkeypatch.setattr(
        Grantee, "key", property(lambda self: made.append(self) or f"contact:{self.id}@c")
    )
    before = site.calls.copy()
    seen, cursor = [], ""
    while cursor is not None:
        status, part = await ask("GET", "contacts", limit=500, cursor=cursor)
        assert (status, part["total"]) == (200, 5000)
        seen += [who["name"] for who in part["items"]]
        cursor = part["next"]
    assert seen == [who.name for who in people]
    assert (site.calls - before).total() <= 2, "the names of sites, once"
    assert len(made) < 3 * len(people), "a part costs its own items"


async def test_a_thousand_shares_are_listed_by_parts(
    ask, live, folder, einstein, marie, site, monkeypatch
):
    (you,) = await einstein.find_users("marie")
    given = await Sharing(einstein).share(folder, you, Role.VIEWER)

    share = replace(given, id=given.id.removeprefix("local-"))
    many = [replace(share, id=f"{n:04}") for n in range(1000)]

    async def shares(path=""):
        return many

    monkeypatch.setattr(live.sharing.client, "shares", shares)
    await ask("GET", "shares", limit=50)
    before = site.calls.copy()
    status, part = await ask("GET", "shares", limit=50)
    assert (status, part["total"], len(part["items"])) == (200, 1000, 50)
    assert (site.calls - before).total() <= 2, site.calls - before
    assert json.dumps(part).count("marie") >= 50
