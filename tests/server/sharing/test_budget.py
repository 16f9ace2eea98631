"""What panels and dialogs cost the site, counted at its gateway: never a call for each thing that is listed."""

import secrets
import sqlite3
from collections import Counter
from contextlib import closing, contextmanager

import pytest

from jupyter_mesh.cs3.shares import Shares
from jupyter_mesh.models import ResourceId
from jupyter_mesh.paths import name_of
from jupyter_mesh.server.handlers import sharing as handlers

pytestmark = pytest.mark.parametrize("sites", ["spaces", "paths"], indirect=True, scope="session")

ONCE = {
    "Authenticate",
    "WhoAmI",
    "ListStorageSpaces",
    "GetHome",
    "ListAllProviders",
    "GetInfoByDomain",
}
"""What a server asks once in a long time: who the user is, where the home, what sites are called."""

MANY = 1000


@pytest.fixture
def counted(site):
    """Counts the calls of the site in a block; those that are made once in a long time are left out."""

    @contextmanager
    def count():
        before, made = Counter(site.calls), Counter()
        yield made
        made.update(site.calls - before)
        for name in ONCE:
            del made[name]

    return count


@pytest.fixture
def given(site, einstein, folder):
    """Gives Einstein's things: in a folder of many, each shared here, or with another site, or by link."""

    async def give():
        path, home = f"{folder}/{secrets.token_hex(4)}", site.data / "home" / "einstein"
        await einstein.mkdir(path)
        for number in range(MANY):
            (home / path.removeprefix("home/") / f"{number:04}").mkdir()
        await einstein.list_folder(path)
        me, (you,) = await einstein.me(), await einstein.find_users("marie")
        with closing(sqlite3.connect(site.data / ".node" / "index.sqlite", timeout=30)) as index:
            index.row_factory = sqlite3.Row
            rows = index.execute(
                "SELECT n.id, n.space, n.name FROM nodes n JOIN nodes p ON n.parent = p.id WHERE p.name = ? "
                "ORDER BY n.name",
                (name_of(path),),
            ).fetchall()
            assert len(rows) == MANY
            with index:
                for number, row in enumerate(rows):
                    if number % 2:
                        index.execute(
                            "INSERT INTO shares VALUES (?, ?, 1, ?, 'initiate_file_download list_container stat', "
                            "?, ?, 1, 0, '')",
                            (secrets.token_hex(8), row["id"], you.id, me.id, number),
                        )
                    else:
                        index.execute(
                            "INSERT INTO given VALUES (?, ?, ?, ?, ?, ?, 1, 'noether', 'coast.example', 0, 0, ?, 0, "
                            "?, 1, '', '')",
                            (
                                secrets.token_hex(8),
                                row["space"],
                                row["id"],
                                me.id,
                                me.id,
                                row["name"],
                                secrets.token_hex(8),
                                number,
                            ),
                        )
                    if number % 5 == 0:
                        index.execute(
                            "INSERT INTO links VALUES (?, ?, ?, 'initiate_file_download list_container stat', '', "
                            "?, 1, 1, 0, '', '')",
                            (secrets.token_hex(8), secrets.token_hex(8), row["id"], me.id),
                        )
        return path

    yield give
    with closing(sqlite3.connect(site.data / ".node" / "index.sqlite", timeout=30)) as index, index:
        index.execute("DELETE FROM given WHERE domain = 'coast.example'")
        index.execute("DELETE FROM shares WHERE made < ?", (MANY,))
        index.execute("DELETE FROM links WHERE made = 1")


async def test_each_panel_opens_with_three_calls(ask, folder, key_of, meet, counted):
    contact = await meet()
    path = f"mesh/{folder}"
    for who in (await key_of("marie"), contact["key"]):
        body = {"path": path, "with": who, "role": "viewer"}
        status, answer = await ask("POST", "shares", json_body=body)
        assert status == 201, answer
    assert (await ask("POST", "links", json_body={"path": path, "role": "viewer"}))[0] == 201
    assert (await ask("POST", "invitations", json_body={}))[0] == 201
    project = {"name": folder.replace("/", " "), "members": []}
    assert (await ask("POST", "projects", json_body=project))[0] == 201
    # What is asked for once: abilities, and the records of projects as long as nobody changes them.
    await ask("GET", "sharing")
    await ask("GET", "projects")
    for what in (
        ["received"],
        ["shares", "links"],
        ["contacts", "invitations"],
        ["projects"],
        ["marks"],
    ):
        with counted() as calls:
            for address in what:
                status, answer = await ask("GET", address)
                assert status == 200, answer
        assert calls.total() <= 3, (what, calls)
        assert max(calls.values(), default=0) <= 1, (what, calls)


async def test_panels_that_open_together_list_everything_once(ask, counted, monkeypatch):
    # However slow this machine is.
    monkeypatch.setattr(handlers, "JUST_NOW", 60.0)
    await ask("GET", "sharing")
    with counted() as calls:
        for address in ("marks", "received", "shares", "links", "marks", "projects", "received"):
            assert (await ask("GET", address))[0] == 200
    listings = {name: count for name, count in calls.items() if name.startswith("List")}
    assert listings
    assert max(listings.values()) == 1, calls


async def test_the_share_dialog_opens_with_four_calls(ask, folder, key_of, meet, counted):
    path = f"mesh/{folder}"
    for who in (await key_of("marie"), (await meet())["key"]):
        body = {"path": path, "with": who, "role": "viewer"}
        assert (await ask("POST", "shares", json_body=body))[0] == 201
    assert (await ask("GET", "sharing"))[0] == 200
    with counted() as calls:
        for address, query in (("sharing", {}), ("access", {"path": path})):
            status, answer = await ask("GET", address, **query)
            assert status == 200, answer
    assert len(answer["rows"]) == 2
    assert calls.total() <= 4, calls


async def test_a_search_is_one_call_of_each_kind(ask, counted):
    await ask("GET", "people", q="marie")
    with counted() as calls:
        assert (await ask("GET", "people", q="noe"))[0] == 200
    assert calls == {"FindUsers": 1, "FindGroups": 1, "FindAcceptedUsers": 1}


async def test_a_change_here_is_seen_in_every_list_at_once(ask, folder, key_of):
    path = f"mesh/{folder}"
    for address in ("shares", "links", "marks"):
        await ask("GET", address)
    body = {"path": path, "with": await key_of("marie"), "role": "viewer"}
    share = (await ask("POST", "shares", json_body=body))[1]
    link = (await ask("POST", "links", json_body={"path": path, "role": "viewer"}))[1]

    async def ids(address):
        return {each["id"] for each in (await ask("GET", address))[1]["items"]}

    async def marked():
        given = (await ask("GET", "marks"))[1]["given"]
        return [(each["people"], each["byLink"]) for each in given if each["path"] == path]

    assert share["id"] in await ids("shares")
    assert link["id"] in await ids("links")
    assert await marked() == [(1, True)]
    await ask("DELETE", "shares", share["id"])
    assert share["id"] not in await ids("shares")
    assert await marked() == [(0, True)]
    await ask("DELETE", "links", link["id"])
    assert link["id"] not in await ids("links")
    assert await marked() == []


async def test_a_thousand_shares_are_listed_without_a_call_for_each(ask, given, counted):
    path = f"mesh/{await given()}"
    await ask("GET", "sharing")
    with counted() as calls:
        status, marks = await ask("GET", "marks")
    assert status == 200
    assert len([each for each in marks["given"] if each["path"].startswith(f"{path}/")]) == MANY
    assert max(calls.values()) == 1, calls
    assert calls.total() <= 6, calls
    with counted() as calls:
        found, cursor = [], ""
        while cursor is not None:
            status, part = await ask("GET", "shares", limit=100, cursor=cursor)
            assert status == 200, part
            found += [each for each in part["items"] if each["path"].startswith(f"{path}/")]
            cursor = part["next"]
    assert len({each["id"] for each in found}) == MANY
    assert {each["kind"] for each in found} == {"directory"}
    assert calls.total() <= 4, calls
    with counted() as calls:
        status, part = await ask("GET", "links", limit=500)
    assert len([each for each in part["items"] if each["path"].startswith(f"{path}/")]) == MANY // 5
    assert calls.total() <= 1, calls


async def test_all_contacts_are_listed_with_one_call(ask, site, einstein, counted):
    me = (await einstein.me()).id
    with closing(sqlite3.connect(site.data / ".node" / "index.sqlite", timeout=30)) as index:
        rows = [(me, f"{n}", "coast.example", f"Noether {n}", "", "", 1) for n in range(MANY)]
        with index:
            index.executemany("INSERT INTO contacts VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        try:
            with counted() as calls:
                found, cursor = set(), ""
                while cursor is not None:
                    status, part = await ask("GET", "contacts", limit=250, cursor=cursor)
                    assert status == 200, part
                    found |= {each["key"] for each in part["items"]}
                    cursor = part["next"]
        finally:
            with index:
                index.execute("DELETE FROM contacts WHERE domain = 'coast.example'")
    assert len(found) >= MANY
    assert calls == {"FindAcceptedUsers": 1}
    assert len((await ask("GET", "contacts"))[1]["items"]) < MANY, "the list is an old one"


async def test_where_a_site_tells_no_paths_rows_are_marked_that_somebody_looks_at(
    ask, jp_fetch, folder, key_of, counted, told, monkeypatch
):
    """Reva and OpenCloud tell ids alone, and may have thousands of shares."""
    path = f"mesh/{folder}"
    body = {"path": path, "with": await key_of("marie"), "role": "viewer"}
    assert (await ask("POST", "shares", json_body=body))[0] == 201
    listed = Shares.shares

    async def by_ids(self, path=""):
        known = [replaced(share) for share in await listed(self, path)]
        nobody = ResourceId(storage="s", space="s", opaque="none")
        return [*known, *(replaced(known[0], resource=nobody, id=f"{n}") for n in range(MANY))]

    monkeypatch.setattr(Shares, "shares", by_ids)

    async def marked():
        with counted() as calls:
            given = (await ask("GET", "marks"))[1]["given"]
        assert calls.total() <= 8, calls
        return [each["path"] for each in given if each["path"] == path]

    assert await marked() == []
    told.clear()
    await jp_fetch("api", "contents", "mesh", "home", params={"content": "1"})
    assert told == [("shares", "mesh/home")]
    assert await marked() == [path]
    await jp_fetch("api", "contents", "mesh", "home", params={"content": "1"})
    assert told == [("shares", "mesh/home")], "told once"


def replaced(share, **changes):
    from dataclasses import replace

    return replace(share, path="", name="", kind=None, **changes)
