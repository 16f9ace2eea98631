"""Projects: members, plans, repairs, and what is written down of them by friends and enemies."""

import asyncio
import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.errors import (
    AlreadyExists,
    Conflict,
    InvalidRequest,
    NotAllowed,
    NotFound,
    SiteError,
)
from jupyter_mesh.models import Grantee, GranteeKind, ResourceId, Role, Share, ShareState
from jupyter_mesh.sharing import Sharing
from jupyter_mesh.sharing.manifests import COPY, LARGEST, RECORDS, Listed, Manifest
from jupyter_mesh.sharing.projects import Action, MemberState, Wanted


@pytest.fixture
def name() -> str:
    return f"lofar {secrets.token_hex(4)}"


def _wanted(*members: tuple[Grantee, Role]) -> list[Wanted]:
    return [Wanted(who=who, role=role) for who, role in members]


async def test_a_project_is_made_planned_first(
    sharing: Sharing, name: str, to_marie: Grantee, to_lise: Grantee
) -> None:
    members = _wanted((to_marie, Role.EDITOR), (to_lise, Role.VIEWER))
    plan = await sharing.projects.plan(name, members)
    assert [(step.action, step.who and step.who.id, step.role) for step in plan.steps] == [
        (Action.CREATE, None, None),
        (Action.SHARE, to_marie.id, Role.EDITOR),
        (Action.SHARE, to_lise.id, Role.VIEWER),
    ]
    assert all(step.message for step in plan.steps)
    # Nothing was sent.
    assert not await sharing.client.exists(f"home/{name}")
    project = await sharing.projects.create(name, members)
    assert (project.name, project.path, project.role) == (name, f"home/{name}", Role.OWNER)
    assert not project.has_drifted
    assert [(one.who.id, one.role, one.state) for one in project.members] == [
        (to_marie.id, Role.EDITOR, MemberState.ACTIVE),
        (to_lise.id, Role.VIEWER, MemberState.ACTIVE),
    ]
    assert project in await sharing.projects.list()
    assert await sharing.projects.get(project.id) == project
    again = await sharing.projects.plan(name, members, path=project.path)
    assert again.steps == ()


async def test_members_are_changed_by_what_differs(
    sharing: Sharing, name: str, to_marie: Grantee, to_lise: Grantee
) -> None:
    project = await sharing.projects.create(name, _wanted((to_marie, Role.EDITOR)))
    wanted = _wanted((to_lise, Role.EDITOR))
    plan = await sharing.projects.plan(name, wanted, path=project.path)
    assert [(step.action, step.who and step.who.id) for step in plan.steps] == [
        (Action.SHARE, to_lise.id),
        (Action.REMOVE, to_marie.id),
    ]
    assert "Copies already taken" in plan.steps[1].message
    changed = await sharing.projects.change(project.id, wanted)
    assert [one.who.id for one in changed.members] == [to_lise.id]
    assert [share.grantee.id for share in await sharing.by_me(project.path)] == [to_lise.id]
    roles = await sharing.projects.change(project.id, _wanted((to_lise, Role.VIEWER)))
    assert [(one.role, one.state) for one in roles.members] == [(Role.VIEWER, MemberState.ACTIVE)]
    assert [share.role for share in await sharing.by_me(project.path)] == [Role.VIEWER]


async def test_groups_are_members_like_people(sharing: Sharing, marie: Sharing, name: str) -> None:
    found = await sharing.search("physics-l")
    [group] = [one for one in found.people if one.kind is GranteeKind.GROUP]
    project = await sharing.projects.create(name, _wanted((group, Role.VIEWER)))
    assert [one.state for one in project.members] == [MemberState.ACTIVE]
    access = await sharing.access(project.path)
    assert [(row.who.kind, row.who.name) for row in access.rows] == [("group", "physics-lovers")]
    [share] = [one for one in await marie.received() if one.name == name]
    taken = await marie.answer(share.id, ShareState.ACCEPTED)
    assert await marie.client.exists(f"{taken.path}/{COPY}")


async def test_members_read_who_else_is_in_it_and_can_leave(
    sharing: Sharing, marie: Sharing, name: str, to_marie: Grantee, to_lise: Grantee
) -> None:
    made = await sharing.projects.create(
        name, _wanted((to_marie, Role.EDITOR), (to_lise, Role.VIEWER))
    )
    [share] = [one for one in await marie.received() if one.name == name]
    taken = await marie.answer(share.id, ShareState.ACCEPTED)
    [project] = [one for one in await marie.projects.list() if one.name == name]
    assert (project.path, project.role) == (taken.path, Role.EDITOR)
    assert {(one.who.id, one.role) for one in project.members} == {
        ((await sharing.client.me()).id, Role.OWNER),
        (to_marie.id, Role.EDITOR),
        (to_lise.id, Role.VIEWER),
    }
    assert await marie.projects.get(project.id) == project
    for change in (
        marie.projects.change(project.id, []),
        marie.projects.repair(project.id),
        marie.projects.dissolve(project.id),
    ):
        with pytest.raises(NotAllowed):
            await change
    with pytest.raises(InvalidRequest):
        await sharing.projects.leave(made.id)
    await marie.projects.leave(project.id)
    assert name not in {one.name for one in await marie.projects.list()}
    assert await sharing.client.exists(made.path)


async def test_what_was_removed_elsewhere_is_drift_and_repaired(
    sharing: Sharing, name: str, to_marie: Grantee, to_lise: Grantee
) -> None:
    project = await sharing.projects.create(
        name, _wanted((to_marie, Role.EDITOR), (to_lise, Role.VIEWER))
    )
    kept, gone = project.members
    await sharing.remove(gone.share_id)
    await sharing.update(kept.share_id, role=Role.VIEWER)
    drifted = await sharing.projects.get(project.id)
    assert drifted.has_drifted
    assert [one.state for one in drifted.members] == [MemberState.MISSING] * 2
    assert all(one.message for one in drifted.members)
    plan = await sharing.projects.plan(
        name, _wanted((to_marie, Role.EDITOR), (to_lise, Role.VIEWER)), path=project.path
    )
    assert [step.action for step in plan.steps] == [Action.UPDATE, Action.SHARE]
    repaired = await sharing.projects.repair(project.id)
    assert not repaired.has_drifted
    assert [one.state for one in repaired.members] == [MemberState.ACTIVE] * 2


async def test_one_that_cannot_be_reached_is_told_and_tried_again(
    sharing: Sharing,
    name: str,
    to_marie: Grantee,
    to_lise: Grantee,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    share = sharing.client.share

    async def fails_for_lise(path: str, grantee: Grantee, role: Role, **more: object) -> Share:
        if grantee.id == to_lise.id:
            raise SiteError("Coast does not take it.")
        return await share(path, grantee, role, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(sharing.client, "share", fails_for_lise)
        project = await sharing.projects.create(
            name, _wanted((to_lise, Role.VIEWER), (to_marie, Role.VIEWER))
        )
    assert [(one.state, one.message) for one in project.members] == [
        (MemberState.FAILED, "Coast does not take it."),
        (MemberState.ACTIVE, ""),
    ]
    assert project.has_drifted
    repaired = await sharing.projects.repair(project.id)
    assert [one.state for one in repaired.members] == [MemberState.ACTIVE] * 2


async def test_one_that_cannot_be_removed_stays_on_the_list_until_it_is(
    sharing: Sharing, name: str, to_marie: Grantee, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await sharing.projects.create(name, _wanted((to_marie, Role.VIEWER)))

    async def fails(share: Share) -> None:
        raise SiteError("Not now.")

    with monkeypatch.context() as patched:
        patched.setattr(sharing.client, "remove_share", fails)
        changed = await sharing.projects.change(project.id, [])
        assert [(one.who.id, one.state) for one in changed.members] == [
            (to_marie.id, MemberState.LEAVING)
        ]
        with pytest.raises(SiteError, match="marie"):
            await sharing.projects.dissolve(project.id)
    # Another program of the owner knows it, too.
    other = Sharing(sharing.client)
    assert (await other.projects.get(project.id)).has_drifted
    assert (await other.projects.repair(project.id)).members == ()
    assert await sharing.by_me(project.path) == []


async def test_a_dissolved_project_is_a_folder_again(
    sharing: Sharing, name: str, to_marie: Grantee
) -> None:
    project = await sharing.projects.create(name, _wanted((to_marie, Role.EDITOR)))
    await sharing.client.upload(f"{project.path}/results.txt", b"5 sigma")
    await sharing.projects.dissolve(project.id)
    assert await sharing.by_me(project.path) == []
    assert await sharing.client.read(f"{project.path}/results.txt") == b"5 sigma"
    assert not await sharing.client.exists(f"{project.path}/{COPY}")
    with pytest.raises(NotFound):
        await sharing.projects.get(project.id)


async def test_a_folder_that_is_there_becomes_a_project(
    sharing: Sharing, name: str, to_marie: Grantee
) -> None:
    path = f"home/{name}"
    await sharing.client.mkdir(path)
    with pytest.raises(AlreadyExists):
        await sharing.projects.create(name, [])
    await sharing.share(path, to_marie, Role.VIEWER)
    plan = await sharing.projects.plan(name, _wanted((to_marie, Role.EDITOR)), path=path)
    assert [step.action for step in plan.steps] == [Action.CREATE, Action.UPDATE]
    project = await sharing.projects.create("Survey", _wanted((to_marie, Role.EDITOR)), path=path)
    assert (project.name, project.path) == ("Survey", path)
    assert [share.role for share in await sharing.by_me(path)] == [Role.EDITOR]
    with pytest.raises(AlreadyExists):
        await sharing.projects.create("Again", [], path=path)


async def test_a_renamed_folder_stays_the_project(
    node_site: object, sharing: Sharing, name: str, to_marie: Grantee
) -> None:
    if not (await sharing.client.flavour()).has_spaces:
        return  # Ids follow the name on such a site: a renamed folder is another one.
    project = await sharing.projects.create(name, _wanted((to_marie, Role.EDITOR)))
    await sharing.client.move(project.path, f"{project.path} 2")
    found = await sharing.projects.get(project.id)
    assert (found.path, found.has_drifted) == (f"{project.path} 2", False)


@pytest.mark.parametrize("name", ["", " ", ".hidden", "a/b", "..", "bell\x07", "é" * 200])
async def test_names_that_no_folder_can_have_are_refused(sharing: Sharing, name: str) -> None:
    with pytest.raises(InvalidRequest):
        await sharing.projects.create(name, [])


async def test_members_that_cannot_be_are_refused_before_anything_is_made(
    sharing: Sharing, name: str, to_marie: Grantee
) -> None:
    me = await sharing.client.me()
    oneself = Grantee(kind=GranteeKind.USER, id=me.id, idp=me.idp)
    for members in (
        _wanted((oneself, Role.EDITOR)),
        _wanted((to_marie, Role.EDITOR), (to_marie, Role.VIEWER)),
        _wanted((to_marie, Role.OWNER)),
    ):
        with pytest.raises(InvalidRequest):
            await sharing.projects.create(name, members)
    assert not await sharing.client.exists(f"home/{name}")


async def test_two_programs_do_not_lose_each_others_members(
    sharing: Sharing, mesh: MeshClient, name: str, to_marie: Grantee, to_lise: Grantee
) -> None:
    project = await sharing.projects.create(name, [])
    outcomes = await asyncio.gather(
        sharing.projects.change(project.id, _wanted((to_marie, Role.VIEWER))),
        Sharing(mesh).projects.change(project.id, _wanted((to_lise, Role.VIEWER))),
        return_exceptions=True,
    )
    # Whoever comes second is told, or begins with what the first has written.
    for outcome in outcomes:
        assert not isinstance(outcome, BaseException) or isinstance(outcome, Conflict)
    now = await Sharing(mesh).projects.repair(project.id)
    assert not now.has_drifted
    members = {one.who.id for one in now.members}
    assert members == {share.grantee.id for share in await sharing.by_me(project.path)}


async def test_members_cannot_write_themselves_or_others_into_it(
    sharing: Sharing, marie: Sharing, name: str, to_marie: Grantee, to_lise: Grantee
) -> None:
    """An editor may change the copy in the folder. Nobody is given access because of it."""
    project = await sharing.projects.create(name, _wanted((to_marie, Role.EDITOR)))
    [share] = [one for one in await marie.received() if one.name == name]
    folder = (await marie.answer(share.id, ShareState.ACCEPTED)).path
    told = json.loads(await marie.client.read(f"{folder}/{COPY}"))
    told["members"].append({"key": to_lise.key, "name": "Lise", "role": "editor"})
    await marie.client.upload(f"{folder}/{COPY}", json.dumps(told).encode())
    changed = await sharing.projects.get(project.id)
    assert changed.has_drifted
    assert [one.who.id for one in changed.members] == [to_marie.id]
    repaired = await sharing.projects.repair(project.id)
    assert not repaired.has_drifted
    assert [one.grantee.id for one in await sharing.by_me(project.path)] == [to_marie.id]
    assert to_lise.key.encode() not in await marie.client.read(f"{folder}/{COPY}")


OWNER = Grantee(kind=GranteeKind.USER, id="1", idp="alpine.example", name="Albert")
GOOD = Manifest(
    id="0a1b2c3d-0000-4000-8000-0123456789ab",
    name="lofar",
    owner=OWNER,
    site="alpine.example",
    members=(
        Listed(
            who=Grantee(kind=GranteeKind.CONTACT, id="j@n", idp="coast.example:8443", name="Jan"),
            role=Role.EDITOR,
            expires=datetime(2026, 12, 1, tzinfo=UTC),
        ),
    ),
    path="home/lofar",
    resource=ResourceId(storage="s", space="p", opaque="o"),
    leaving=(Grantee(kind=GranteeKind.GROUP, id="g", idp="", name="Group"),),
)


def test_a_manifest_is_read_as_it_was_written() -> None:
    assert Manifest.from_json(GOOD.to_json()) == GOOD
    copy = Manifest.from_json(GOOD.copy().to_json())
    assert (copy.path, copy.resource, copy.leaving) == ("", None, ())
    assert b"home/lofar" not in GOOD.copy().to_json()


def test_people_are_seen_from_the_readers_site() -> None:
    seen = GOOD.seen_from("coast.example:8443")
    assert (seen.owner.kind, seen.owner.idp) == (GranteeKind.CONTACT, "alpine.example")
    assert [member.who.kind for member in seen.members] == [GranteeKind.USER]
    assert GOOD.seen_from("alpine.example") == GOOD


Spoil = Callable[[dict[str, object]], object]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda told: told.update(id="../../etc/passwd"), id="id that is a path"),
        pytest.param(lambda told: told.update(id=7), id="id that is a number"),
        pytest.param(lambda told: told.update(version=99), id="version to come"),
        pytest.param(lambda told: told.update(members="everybody"), id="members that are a text"),
        pytest.param(lambda told: told.update(members=[[]]), id="member that is a list"),
        pytest.param(lambda told: told.update(members=[{"key": "x"}]), id="key that is none"),
        pytest.param(
            lambda told: told.update(members=[{"key": OWNER.key, "role": "owner"}]),
            id="member that is an owner",
        ),
        pytest.param(lambda told: told.update(name=["a"]), id="name that is a list"),
        pytest.param(lambda told: told.update(owner=None), id="nobody's"),
        pytest.param(lambda told: told.update(path="home/../../x"), id="path that leads out"),
        pytest.param(lambda told: told.update(resource="x"), id="id of nothing"),
        pytest.param(
            lambda told: told.update(members=[{"key": OWNER.key, "role": "viewer"}] * 1001),
            id="too many members",
        ),
        pytest.param(lambda told: told.update(name="x" * LARGEST), id="too large"),
        pytest.param(lambda told: told.clear(), id="empty"),
    ],
)
def test_a_manifest_of_an_enemy_is_refused_as_a_whole(spoil: Spoil) -> None:
    told = json.loads(GOOD.to_json())
    spoil(told)
    with pytest.raises(InvalidRequest):
        Manifest.from_json(json.dumps(told).encode())


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{" * 100_000, b"\xff\xfe", b'"x"'])
def test_what_is_no_manifest_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidRequest):
        Manifest.from_json(content)


def test_names_of_others_are_one_line_and_short() -> None:
    named = replace(GOOD, name="a\nb\x1b[31m" + "c" * 500)
    assert Manifest.from_json(named.to_json()).name.startswith("ab[31mcc")
    assert len(Manifest.from_json(named.to_json()).name) == 200


async def test_a_bad_record_or_copy_hides_no_other_project(
    sharing: Sharing, marie: Sharing, name: str, to_marie: Grantee
) -> None:
    project = await sharing.projects.create(name, _wanted((to_marie, Role.VIEWER)))
    await sharing.client.upload(f"{RECORDS}/00000000-0000-4000-8000-000000000000.json", b"{")
    await sharing.client.upload(f"{RECORDS}/notes.txt", b"mine")
    assert project.id in {one.id for one in await sharing.projects.list()}
    await sharing.client.upload(f"{project.path}/{COPY}", b"x" * (LARGEST + 1))
    [share] = [one for one in await marie.received() if one.name == name]
    await marie.answer(share.id, ShareState.ACCEPTED)
    assert name not in {one.name for one in await marie.projects.list()}
    assert (await sharing.projects.get(project.id)).has_drifted


async def test_somebody_whose_time_is_over_is_no_drift(
    sharing: Sharing, mesh: MeshClient, name: str, to_marie: Grantee
) -> None:
    project = await sharing.projects.create(name, [])
    path = f"{RECORDS}/{project.id}.json"
    record = Manifest.from_json(await mesh.read(path))
    over = Listed(who=to_marie, role=Role.VIEWER, expires=datetime.now(UTC) - timedelta(minutes=1))
    await mesh.upload(path, replace(record, members=(over,)).to_json())
    other = Sharing(mesh)
    repaired = await other.projects.repair(project.id)
    assert [one.state for one in repaired.members] == [MemberState.LEFT]
    assert not repaired.has_drifted
    assert await other.by_me(project.path) == []
