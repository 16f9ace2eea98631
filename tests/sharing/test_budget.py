"""What sharing costs: calls of the site for what people open, and time with very many shares."""

import secrets
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from jupyter_mesh.errors import AlreadyExists
from jupyter_mesh.models import Grantee, Role, ShareState
from jupyter_mesh.paths import name_of
from jupyter_mesh.sharing import Sharing
from jupyter_mesh.testing.site import RunningSite

ONCE = {"Authenticate", "WhoAmI", "ListStorageSpaces", "GetHome"}
"""What a client asks once in its life: who the user is, and where the home."""


@contextmanager
def counted(site: RunningSite) -> Iterator[Counter[str]]:
    """The calls that a block makes, filled in at its end."""
    before, made = Counter(site.calls), Counter[str]()
    yield made
    made.update(site.calls - before)
    for name in ONCE:
        del made[name]


@pytest.fixture
async def folder(sharing: Sharing) -> str:
    path = f"home/budget-{secrets.token_hex(4)}"
    await sharing.client.mkdir(path)
    return path


async def test_the_share_dialog_takes_four_calls(
    node_site: RunningSite, sharing: Sharing, folder: str, to_marie: Grantee, to_lise: Grantee
) -> None:
    await sharing.share(folder, to_marie, Role.VIEWER)
    await sharing.share(folder, to_lise, Role.EDITOR)
    async with node_site.client(0) as client:
        # As after a restart of the server: nobody is known by name.
        fresh = Sharing(client)
        with counted(node_site) as calls:
            access = await fresh.access(folder)
    assert {row.who.name for row in access.rows} == {"marie", "lise"}
    assert calls.total() <= 4, calls


async def test_a_panel_takes_three_calls(
    node_site: RunningSite, sharing: Sharing, marie: Sharing, folder: str, to_marie: Grantee
) -> None:
    made = await sharing.share(folder, to_marie, Role.VIEWER)
    await marie.received()
    await marie.answer(made.id, ShareState.ACCEPTED)
    await marie.received()
    with counted(node_site) as calls:
        await marie.received()
    assert calls.total() <= 3, calls
    await sharing.described(await sharing.by_me())
    with counted(node_site) as calls:
        await sharing.described(await sharing.by_me())
    assert calls.total() <= 3, calls


async def test_a_search_takes_one_call_of_each_kind(
    node_site: RunningSite, sharing: Sharing
) -> None:
    await sharing.search("marie")
    with counted(node_site) as calls:
        found = await sharing.search("lise")
    assert [person.name for person in found.people] == ["lise"]
    assert calls == {"FindUsers": 1, "FindGroups": 1, "FindAcceptedUsers": 1}


async def test_a_thousand_shares_are_one_call(
    node_site: RunningSite, sharing: Sharing, folder: str, to_marie: Grantee, to_lise: Grantee
) -> None:
    """Listed with names, kinds and paths, without a call for each; nor does who-has-access take more."""
    assert node_site.data is not None
    for number in range(500):
        (node_site.data / "home" / "einstein" / name_of(folder) / str(number)).mkdir()
    await sharing.client.list_folder(folder)
    owner = (await sharing.client.me()).id
    _share(node_site.data, name_of(folder), owner, (to_marie.id, to_lise.id))
    await sharing.by_me()
    fastest = 10.0
    for _ in range(5):
        with counted(node_site) as calls:
            began = time.perf_counter()
            listed = await sharing.by_me()
            shown = await sharing.described(listed[:50])
            fastest = min(fastest, time.perf_counter() - began)
        assert calls.total() <= 2, calls
    assert len(listed) >= 1000
    assert {share.grantee.name for share in listed} == {"marie", "lise"}
    assert all(share.path and share.name and share.kind for share in shown)
    # 300 ms on a quiet machine; this one may have ten times the work to do.
    assert fastest < 3
    with counted(node_site) as calls:
        access = await sharing.access(f"{folder}/7")
    assert len(access.rows) == 2
    assert calls.total() <= 4, calls


def _share(data: Path, folder: str, owner: str, people: Sequence[str]) -> None:
    """Share all that is in a folder with some people, past the node, which would take minutes for so many."""
    with closing(sqlite3.connect(data / ".node" / "index.sqlite", timeout=30)) as index, index:
        for who in people:
            index.execute(
                "INSERT INTO shares SELECT hex(randomblob(8)), n.id, 1, ?, 'initiate_file_download list_container "
                "stat', ?, 1, 1, 0, '' FROM nodes n JOIN nodes p ON n.parent = p.id WHERE p.name = ?",
                (who, owner, folder),
            )


async def test_abilities_are_asked_once(node_site: RunningSite, sharing: Sharing) -> None:
    await sharing.abilities()
    with counted(node_site) as calls:
        await sharing.abilities()
    assert calls.total() == 0


async def test_projects_are_read_once_each_and_not_more_than_are_shown(
    node_site: RunningSite, sharing: Sharing, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyter_mesh.sharing.projects.SHOWN_AT_MOST", 3)
    made = []
    for number in range(5):
        await sharing.client.mkdir(f"{folder}/{number}")
        made.append(await sharing.projects.create(f"p{number}", [], path=f"{folder}/{number}"))
    async with node_site.client(0) as client:
        fresh = Sharing(client)
        with counted(node_site) as calls:
            shown = await fresh.projects.list()
        # Which of them is not asked: sites of paths tell times in whole seconds.
        assert len({one.id for one in shown} & {one.id for one in made}) == 3
        assert calls["Stat"] <= 3 + sum(
            space.path.startswith("shares/") for space in await client.spaces()
        )
        assert calls["InitiateFileDownload"] <= 3
        with counted(node_site) as calls:
            assert len(await fresh.projects.list()) == 3
        assert calls["InitiateFileDownload"] == 0
        # The others are projects all the same.
        assert (await fresh.projects.get(made[0].id)).name == "p0"
        with pytest.raises(AlreadyExists):
            await fresh.projects.create("p0", [], path=f"{folder}/0")
    for one in made:
        await sharing.projects.dissolve(one.id)
