"""Projects with members at another site: shares that travel, and a site that is away in the middle."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.models import Grantee, GranteeKind, ReceivedShare, Role, ShareState
from jupyter_mesh.node.ocm.settings import FederationSettings
from jupyter_mesh.node.ocm.trust import add_peer
from jupyter_mesh.sharing import Sharing
from jupyter_mesh.sharing.projects import Action, MemberState, Wanted
from jupyter_mesh.testing.site import PEER_USERS, RunningSite, run_node


class Pair:
    """Two sites that trust each other; the second one can be made to hang up."""

    def __init__(self) -> None:
        self.is_away = False
        self.sites: tuple[RunningSite, ...] = ()

    @web.middleware
    async def hang_up(self, request: web.Request, handler) -> web.StreamResponse:  # type: ignore[no-untyped-def]
        if self.is_away and request.transport is not None:
            request.transport.abort()
        return await handler(request)  # type: ignore[no-any-return]


@pytest.fixture(scope="module", params=["spaces", "paths"])
async def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pair]:
    folder, pair = tmp_path_factory.mktemp("pair"), Pair()
    options = {"federation": FederationSettings(allow_loopback=True)}
    async with (
        run_node(folder / "alpine", flavour=request.param, options=options) as alpine,
        run_node(
            folder / "coast",
            name="coast",
            users=PEER_USERS,
            options=options,
            middlewares=[pair.hang_up],
        ) as coast,
    ):
        assert alpine.data is not None
        assert coast.data is not None
        add_peer(alpine.data, f"{coast.domain}=Coast Institute")
        add_peer(coast.data, f"{alpine.domain}=Alpine University")
        pair.sites = alpine, coast
        yield pair


@pytest.fixture
async def sharing(pair: Pair) -> AsyncIterator[Sharing]:
    """The owner, at the first site."""
    async with pair.sites[0].client(0) as client:
        yield Sharing(client)


@pytest.fixture
async def noether(pair: Pair) -> AsyncIterator[Sharing]:
    """A member at the second site."""
    async with pair.sites[1].client(0) as client:
        yield Sharing(client)


@pytest.fixture
async def contact(sharing: Sharing, noether: Sharing) -> Grantee:
    """Noether as the owner knows her."""
    for _ in range(2):
        for known in await sharing.contacts.listed():
            return known
        await noether.invitations.accept((await sharing.invitations.create()).code)
    raise LookupError("no contact was made")


@pytest.fixture
async def neighbour(pair: Pair) -> Grantee:
    """Somebody at the owner's own site."""
    async with pair.sites[0].client(1) as client:
        me = await client.me()
    return Grantee(kind=GranteeKind.USER, id=me.id, idp=me.idp, name=me.display_name)


async def _received(sharing: Sharing, name: str) -> list[ReceivedShare]:
    return [one for one in await sharing.received() if one.name == name]


async def _arrived(sharing: Sharing, name: str) -> ReceivedShare:
    """The one share of this name: lists are shown again for some seconds."""
    deadline = time.monotonic() + 30
    while True:
        found = await _received(sharing, name)
        if found or time.monotonic() > deadline:
            [share] = found
            return share
        await asyncio.sleep(0.2)


async def _can_write(client: MeshClient, folder: str) -> bool:
    try:
        await client.upload(f"{folder}/of noether.txt", b"symmetry")
    except PermissionError:
        return False
    return True


async def test_a_contact_is_a_member_from_the_first_plan_to_the_last(
    sharing: Sharing, noether: Sharing, contact: Grantee, neighbour: Grantee
) -> None:
    name = f"survey {secrets.token_hex(4)}"
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=7)
    members = [
        Wanted(who=contact, role=Role.EDITOR, expires=end),
        Wanted(who=neighbour, role=Role.VIEWER),
    ]
    plan = await sharing.projects.plan(name, members)
    assert [step.action for step in plan.steps] == [Action.CREATE, Action.SHARE, Action.SHARE]
    assert contact.idp in plan.steps[1].message
    assert await _received(noether, name) == []  # Nothing was sent.
    project = await sharing.projects.create(name, members)
    assert [(one.who.key, one.state, one.expires) for one in project.members] == [
        (contact.key, MemberState.ACTIVE, end),
        (neighbour.key, MemberState.ACTIVE, None),
    ]
    # She takes part when she has said so, and sees who else does.
    share = await _arrived(noether, name)
    assert (share.state, share.role) == (ShareState.PENDING, Role.EDITOR)
    assert name not in {one.name for one in await noether.projects.list()}
    path = (await noether.answer(share.id, ShareState.ACCEPTED)).path
    [joined] = [one for one in await noether.projects.list() if one.name == name]
    assert (joined.path, joined.role) == (path, Role.EDITOR)
    me = await noether.client.me()
    seen = {(one.who.kind, one.who.name, one.role) for one in joined.members}
    assert (GranteeKind.USER, me.display_name, Role.EDITOR) in seen
    assert (GranteeKind.CONTACT, neighbour.name, Role.VIEWER) in seen
    assert await _can_write(noether.client, path)
    # Less access, then none.
    project = await sharing.projects.change(
        project.id, [Wanted(who=contact, role=Role.VIEWER, expires=end)]
    )
    assert [(one.role, one.state) for one in project.members] == [(Role.VIEWER, MemberState.ACTIVE)]
    assert (await sharing.projects.plan(name, members[:1], path=project.path)).steps != ()
    project = await sharing.projects.change(project.id, [])
    assert (project.members, project.has_drifted) == ((), False)
    assert await sharing.by_me(project.path) == []
    with pytest.raises(FileNotFoundError):
        await noether.client.read(f"{path}/of noether.txt")
    # What she has written stays with the owner.
    assert await sharing.client.read(f"{project.path}/of noether.txt") == b"symmetry"


async def test_a_site_that_is_away_is_told_with_its_member_and_tried_again(
    pair: Pair, sharing: Sharing, noether: Sharing, contact: Grantee, neighbour: Grantee
) -> None:
    name = f"away {secrets.token_hex(4)}"
    members = [Wanted(who=contact, role=Role.EDITOR), Wanted(who=neighbour, role=Role.VIEWER)]
    pair.is_away = True
    try:
        project = await sharing.projects.create(name, members)
        failed, reached = project.members
        assert (failed.state, reached.state) == (MemberState.FAILED, MemberState.ACTIVE)
        assert contact.idp in failed.message
        assert project.has_drifted
        # Tried again while it is still away: nothing is worse than before.
        again = await sharing.projects.repair(project.id)
        assert [one.state for one in again.members] == [MemberState.FAILED, MemberState.ACTIVE]
    finally:
        pair.is_away = False
    repaired = await sharing.projects.repair(project.id)
    assert not repaired.has_drifted
    assert [one.state for one in repaired.members] == [MemberState.ACTIVE] * 2
    await _arrived(noether, name)
    assert (await sharing.projects.repair(project.id)).members == repaired.members
    assert len(await _received(noether, name)) == 1
    # The owner's side ends it, whether the other site hears of it or not.
    pair.is_away = True
    try:
        ended = await sharing.projects.change(project.id, members[1:])
    finally:
        pair.is_away = False
    assert [one.who.key for one in ended.members] == [neighbour.key]
    assert {one.grantee.key for one in await sharing.by_me(project.path)} == {neighbour.key}


async def test_somebody_who_is_no_contact_any_more_is_told_as_such(
    sharing: Sharing, noether: Sharing, contact: Grantee
) -> None:
    name = f"stranger {secrets.token_hex(4)}"
    await sharing.contacts.remove(contact.key)
    project = await sharing.projects.create(name, [Wanted(who=contact, role=Role.VIEWER)])
    assert [one.state for one in project.members] == [MemberState.FAILED]
    assert "contact" in project.members[0].message
    assert await _received(noether, name) == []
    await sharing.projects.dissolve(project.id)
    assert await sharing.client.exists(project.path)
