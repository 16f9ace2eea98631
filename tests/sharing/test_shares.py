"""Shares on the node: groups, projects, what a site says in other ways, what fails in the middle."""

import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jupyter_mesh.cs3.failures import Refusal, error_of
from jupyter_mesh.errors import Conflict, NotFound, ShareConflict, SiteError
from jupyter_mesh.models import Grantee, GranteeKind, Role, ShareState
from jupyter_mesh.sharing import Sharing
from jupyter_mesh.sharing.access import Via
from jupyter_mesh.testing import traps
from jupyter_mesh.testing.site import PROJECT, run_node


@pytest.fixture
async def folder(sharing: Sharing) -> str:
    path = f"home/shares-{secrets.token_hex(4)}"
    await sharing.client.mkdir(path)
    return path


async def test_members_of_a_group_open_what_it_was_given(
    sharing: Sharing, marie: Sharing, lise: Sharing, folder: str
) -> None:
    [group] = (await sharing.search("radium")).people
    assert (group.kind, group.members) == (GranteeKind.GROUP, 1)
    made = await sharing.share(folder, group, Role.VIEWER)
    assert [row.via for row in (await sharing.access(folder)).rows] == [Via.GROUP]
    assert made.id not in {share.id for share in await marie.received()}
    assert made.id in {share.id for share in await lise.received()}
    taken = await lise.answer(made.id, ShareState.ACCEPTED)
    assert await lise.client.exists(taken.path)


async def test_members_of_a_project_of_the_site_are_told_as_such(
    sharing: Sharing, folder: str, to_marie: Grantee
) -> None:
    path = f"projects/{PROJECT}"
    await sharing.client.mkdir(f"{path}/deep/{folder[5:]}", parents=True)
    made = await sharing.share(path, to_marie, Role.EDITOR)
    try:
        for below in ("", "/deep", f"/deep/{folder[5:]}"):
            rows = (await sharing.access(path + below)).rows
            [row] = [one for one in rows if one.who.id == to_marie.id]
            assert (row.via, row.role) == (Via.PROJECT, Role.EDITOR)
            assert (row.source is not None, row.can_remove) == (bool(below), not below)
    finally:
        await sharing.remove(made.id)


async def test_a_refusal_that_is_no_conflict_of_shares_stays_what_it_is(
    sharing: Sharing, folder: str, to_marie: Grantee, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = sharing.client._call

    def answering(text: str) -> None:
        async def refused(name: str, request: object, doing: str, **more: bool) -> object:
            if name == "CreateShare":
                refusal = Refusal(name, "ABORTED", text)
                raise error_of(refusal, doing, "alpine") from refusal
            return await call(name, request, doing, **more)

        monkeypatch.setattr(sharing.client, "_call", refused)

    for text in ("", "{", "[]", '{"error_type": 1}', '{"conflicting_shares": 7}', "x" * 100_000):
        answering(text)
        with pytest.raises(Conflict):
            await sharing.share(folder, to_marie, Role.VIEWER)
    answering(
        '{"error_type": "child_conflict", "can_force": true, "conflicting_shares": '
        '[{"path": "/home/a\\u001b[31m/b"}]}'
    )
    with pytest.raises(ShareConflict) as conflict:
        await sharing.share(folder, to_marie, Role.VIEWER)
    assert (conflict.value.paths, conflict.value.can_force) == (("home/a[31m/b",), True)


async def test_an_update_that_is_ignored_is_done_by_making_the_share_again(
    sharing: Sharing, folder: str, to_marie: Grantee, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await sharing.share(folder, to_marie, Role.VIEWER)

    async def ignores(*_: object) -> None:
        return None

    monkeypatch.setattr(sharing.client, "_change", ignores)
    changed = await sharing.update(made.id, role=Role.EDITOR)
    assert changed.id != made.id
    assert [(one.id, one.role) for one in await sharing.by_me(folder)] == [
        (changed.id, Role.EDITOR)
    ]


async def test_what_cannot_be_made_again_is_as_it_was(
    sharing: Sharing, folder: str, to_marie: Grantee, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await sharing.share(folder, to_marie, Role.VIEWER)
    call = sharing.client._call
    failures = [SiteError("Not now.")]

    async def fails_once(name: str, request: object, doing: str, **more: bool) -> object:
        if name == "UpdateShare":
            return None
        if name == "CreateShare" and failures:
            raise failures.pop()
        return await call(name, request, doing, **more)

    monkeypatch.setattr(sharing.client, "_call", fails_once)
    with pytest.raises(SiteError, match="Not now"):
        await sharing.update(made.id, role=Role.EDITOR)
    assert [one.role for one in await sharing.by_me(folder)] == [Role.VIEWER]


async def test_the_mount_is_flushed_before_something_is_shared(
    sharing: Sharing, folder: str, to_marie: Grantee
) -> None:
    flushed: list[str] = []

    async def flush(path: str) -> None:
        flushed.append(path)
        if len(flushed) == 1:
            assert await sharing.by_me(path) == []

    careful = Sharing(sharing.client, flush=flush)
    await careful.share(folder, to_marie, Role.VIEWER)
    await careful.create_link(folder, Role.VIEWER, password="Muon-g2 is 4 sigma!")
    assert flushed == [folder, folder]


@pytest.mark.parametrize("share", ["local-no-such", "federated-no-such", "no-such", ""])
async def test_ids_that_nobody_gave_are_not_found(sharing: Sharing, share: str) -> None:
    for asked in (
        sharing.update(share, role=Role.EDITOR),
        sharing.remove(share),
        sharing.answer(share, ShareState.ACCEPTED),
        sharing.hide(share),
        sharing.leave(share),
        sharing.update_link(share, name="x"),
        sharing.remove_link(share),
        sharing.projects.get(share),
    ):
        with pytest.raises(NotFound):
            await asked


async def test_what_was_moved_here_is_told_at_its_new_place_at_once(
    sharing: Sharing, folder: str, to_marie: Grantee
) -> None:
    """Lists may be a minute old, and so may names where a site tells ids alone: not so after a move of one's own."""
    share = await sharing.share(folder, to_marie, Role.VIEWER)
    link = await sharing.create_link(folder, Role.VIEWER, password="Muon-g2 is 4 sigma!")

    async def told() -> list[str]:
        shares, links = await sharing.by_me(age=60), await sharing.links(age=60)
        ids = [replace(one, path="", name="", kind=None) for one in shares if one.id == share.id]
        (described,) = await sharing.described(ids)
        (located,) = await sharing.located(
            [replace(one, path="") for one in links if one.id == link.id]
        )
        (place,) = await sharing.placed(ids)
        paths = [one.path for one in (*shares, *links) if one.id in (share.id, link.id)]
        return [*paths, described.path, located.path, place]

    assert await told() == [folder] * 5
    await sharing.client.move(folder, f"{folder}-moved")
    assert await told() == [f"{folder}-moved"] * 5


async def test_links_above_are_found_where_lists_leave_the_space_out(tmp_path: Path) -> None:
    class AsReva(traps.Trap):
        async def answer(self, name: str, request: Any, token: str, ask: traps.Ask) -> Any:
            reply = await ask()
            if name == "ListPublicShares":
                reply.opaque.map.pop("share-places", None)
                for share in reply.share:
                    share.resource_id.space_id = ""
            elif name == "Stat":
                reply.info.ClearField("parent_id")
            return reply

    async with run_node(tmp_path, interceptors=[AsReva()]) as site, site.client() as mesh:
        await mesh.mkdir("home/above")
        await mesh.upload("home/above/data", b"x")
        sharing = Sharing(mesh)
        made = await sharing.create_link("home/above", Role.VIEWER, password="gluon plasma")
        (found,) = (await sharing.access("home/above/data")).links
        assert found.source is not None
        assert (found.link.id, found.source.path) == (made.id, "home/above")
