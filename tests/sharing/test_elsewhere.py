"""Two browsers, a site that fails for a moment, members with bad intent: nothing is lost, and nothing is claimed."""

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.cs3.failures import Refusal, error_of
from jupyter_mesh.errors import SiteError
from jupyter_mesh.models import Grantee, Role, ShareState
from jupyter_mesh.sharing import Sharing
from jupyter_mesh.sharing.manifests import COPY
from jupyter_mesh.sharing.projects import MemberState, Wanted


@pytest.fixture
async def folder(sharing: Sharing) -> str:
    path = f"home/elsewhere-{secrets.token_hex(4)}"
    await sharing.client.mkdir(path)
    return path


def _in_days(days: int) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)


@pytest.mark.parametrize("ignored", [False, True], ids=["updated", "made again"])
async def test_what_another_browser_has_set_stays(
    sharing: Sharing,
    mesh: MeshClient,
    folder: str,
    to_marie: Grantee,
    monkeypatch: pytest.MonkeyPatch,
    ignored: bool,
) -> None:
    """A change of the end raises no role, and a change of the role takes no end away."""
    made = await sharing.share(folder, to_marie, Role.EDITOR)
    other, end = Sharing(mesh), _in_days(7)
    lowered = await other.update(made.id, role=Role.VIEWER, expires=end)
    if ignored:
        monkeypatch.setattr(mesh, "_change", _does_nothing)
    changed = await sharing.update(made.id, expires=end + timedelta(days=1))
    assert (changed.role, changed.expires) == (Role.VIEWER, end + timedelta(days=1))
    # The other one has an older id, or at least an older end.
    if not ignored:
        back = await other.update(lowered.id, role=Role.EDITOR)
        assert (back.role, back.expires) == (Role.EDITOR, end + timedelta(days=1))
    [share] = await Sharing(mesh).by_me(folder)
    assert share.expires == end + timedelta(days=1)


async def test_what_was_removed_is_told_as_it_was_last(
    sharing: Sharing, mesh: MeshClient, folder: str, to_marie: Grantee
) -> None:
    """It can be made again from this: not with more access than it had."""
    made = await sharing.share(folder, to_marie, Role.EDITOR)
    await Sharing(mesh).update(made.id, role=Role.VIEWER)
    assert (await sharing.remove(made.id)).role is Role.VIEWER
    assert await sharing.by_me(folder) == []


async def test_whoever_lost_access_by_a_change_is_named(
    sharing: Sharing, folder: str, to_marie: Grantee, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await sharing.share(folder, to_marie, Role.VIEWER)
    call = sharing.client._call

    async def fails(name: str, request: object, doing: str, **more: bool) -> object:
        if name == "UpdateShare":
            return None
        if name == "CreateShare":
            raise SiteError("Not now.")
        return await call(name, request, doing, **more)

    monkeypatch.setattr(sharing.client, "_call", fails)
    with pytest.raises(SiteError, match="has no access now: share it again") as lost:
        await sharing.update(made.id, role=Role.EDITOR)
    assert to_marie.name in str(lost.value)


async def test_a_share_that_cannot_be_looked_at_for_a_moment_is_not_withdrawn(
    sharing: Sharing,
    marie: Sharing,
    folder: str,
    to_marie: Grantee,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Seen or not seen before: it is there, and its folder does not vanish from a mount."""
    made = await sharing.share(folder, to_marie, Role.VIEWER)
    taken = await marie.answer(made.id, ShareState.ACCEPTED)
    gateway = marie.client._gateway
    call = gateway.call
    failing = True

    async def fails(name: str, request: object, **more: object) -> object:
        if failing and (name == "Stat" or name == "ListExistingReceivedShares"):
            refusal = Refusal(name, "INTERNAL", "not now")
            raise error_of(refusal, str(more["doing"]), "alpine") from refusal
        return await call(name, request, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(gateway, "call", fails)
    places = marie.client._places
    local = places.local
    monkeypatch.setattr(local, "_received", _without_names(local._received))
    places.forget()
    [seen] = [one for one in await marie.received() if one.id == made.id]
    assert (seen.state, seen.path) == (ShareState.ACCEPTED, taken.path)
    # Never seen before: still not withdrawn.
    local._were.clear()
    places.forget()
    [unseen] = [one for one in await marie.received() if one.id == made.id]
    assert unseen.state is ShareState.ACCEPTED
    failing = False
    places.forget()
    [there] = [one for one in await marie.received() if one.id == made.id]
    assert (there.state, there.path) == (ShareState.ACCEPTED, taken.path)


async def test_members_that_put_things_in_the_way_stop_no_owner(
    sharing: Sharing, marie: Sharing, to_marie: Grantee
) -> None:
    name = f"blocked {secrets.token_hex(4)}"
    project = await sharing.projects.create(name, [Wanted(who=to_marie, role=Role.EDITOR)])
    [share] = [one for one in await marie.received() if one.name == name]
    theirs = (await marie.answer(share.id, ShareState.ACCEPTED)).path
    await marie.client.delete(f"{theirs}/{COPY}")
    await marie.client.mkdir(f"{theirs}/{COPY}")
    assert (await sharing.projects.get(project.id)).has_drifted
    changed = await sharing.projects.change(project.id, [Wanted(who=to_marie, role=Role.VIEWER)])
    assert [(one.role, one.state) for one in changed.members] == [(Role.VIEWER, MemberState.ACTIVE)]
    await sharing.client.delete(f"{project.path}/.mesh")
    await sharing.client.upload(f"{project.path}/.mesh", b"in the way")
    assert (await sharing.projects.get(project.id)).has_drifted
    assert (await sharing.projects.repair(project.id)).members == changed.members
    await sharing.projects.dissolve(project.id)
    assert await sharing.by_me(project.path) == []


async def test_a_new_folder_under_the_name_of_a_project_is_none(
    sharing: Sharing, to_marie: Grantee
) -> None:
    """What is put there later was never meant for the members."""
    if not (await sharing.client.flavour()).has_spaces:
        return  # Ids follow the name on such a site, and nobody can tell.
    name = f"again {secrets.token_hex(4)}"
    project = await sharing.projects.create(name, [Wanted(who=to_marie, role=Role.EDITOR)])
    await sharing.client.delete(project.path)
    await sharing.client.mkdir(project.path)
    with pytest.raises(FileNotFoundError, match="is gone"):
        await sharing.projects.repair(project.id)
    assert await sharing.by_me(project.path) == []
    await sharing.projects.dissolve(project.id)
    assert await sharing.client.exists(project.path)


async def test_a_change_that_nobody_waits_for_any_more_is_finished(
    sharing: Sharing, folder: str, to_marie: Grantee, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await sharing.share(folder, to_marie, Role.VIEWER)
    monkeypatch.setattr(sharing.client, "_change", _does_nothing)
    call, removed = sharing.client._call, asyncio.Event()

    async def tells(name: str, request: object, doing: str, **more: bool) -> object:
        reply = await call(name, request, doing, **more)
        if name == "RemoveShare":
            removed.set()
        return reply

    monkeypatch.setattr(sharing.client, "_call", tells)
    changing = asyncio.create_task(sharing.update(made.id, role=Role.EDITOR))
    await removed.wait()
    changing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await changing
    assert [share.role for share in await sharing.by_me(folder)] == [Role.EDITOR]


async def _does_nothing(*_: object) -> None:
    return None


def _without_names(received: Any) -> Any:
    """As sites list that tell the ids of what is shared, and no names."""

    async def listed(flavour: object) -> Any:
        found = await received(flavour)
        for share, _ in found:
            share.alias = ""
            share.mount_point.path = ""
        return [(share, None) for share, _ in found]

    return listed
