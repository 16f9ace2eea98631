"""Projects across sites: a folder with members at several sites, one share for each of them.

Only the owner can share the folder, so only the owner reconciles: what the list of members says, and which shares
there are, is compared; what differs is a plan; a plan is carried out in any order, as often as one likes.
Partial failure is normal: it is told with each member, and ``repair`` goes on from there.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from jupyter_mesh.errors import (
    AlreadyExists,
    InvalidRequest,
    LoginEnded,
    MeshError,
    NotADirectory,
    NotFound,
    SiteError,
)
from jupyter_mesh.models import Grantee, GranteeKind, Kind, Role
from jupyter_mesh.paths import HOME, join, name_of, normalise
from jupyter_mesh.sharing.manifests import Listed, Manifest
from jupyter_mesh.sharing.members import (
    Action,
    Member,
    MemberState,
    Plan,
    Project,
    Step,
    Wanted,
    agrees,
    called,
    key_of,
    shares_of,
    steps_to,
)
from jupyter_mesh.sharing.records import JOINED, Records, changed_elsewhere, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jupyter_mesh.models import ReceivedShare, Share
    from jupyter_mesh.sharing.facade import Sharing

__all__ = ["Action", "Member", "MemberState", "Plan", "Project", "Projects", "Step", "Wanted"]

STEPS_AT_ONCE = 4
SHOWN_AT_MOST = JOINED_AT_MOST = 200
"""Projects of one's own, and of others, that are listed: each is a file to read when it is seen first."""

COPY_LASTS, NONE_LASTS = 30.0, 300.0
"""Seconds for which a copy is shown again, and for which a folder counts as none."""


class Projects:
    """The projects of a user. Only the owner of one changes it, and only by what is written in his own home."""

    def __init__(self, sharing: Sharing) -> None:
        self._sharing = sharing
        self._client = sharing.client
        self._failed: dict[tuple[str, str], str] = {}
        self._copies: dict[str, tuple[float, Manifest | None]] = {}
        self._records = Records(sharing.client)

    async def list(self, *, age: float = 0.0) -> list[Project]:
        """The projects that the user owns or is a member of, the latest SHOWN_AT_MOST and JOINED_AT_MOST, by name; by shares at most ``age`` seconds old."""
        records, shares, received = await asyncio.gather(
            self._records.own(SHOWN_AT_MOST),
            self._sharing.by_me(age=age),
            self._sharing.received(age=age),
        )
        own = [self._project(record, shares) for record, _ in records]
        joined = await asyncio.gather(*(self._joined(share) for share in _folders(received)))
        found = [*own, *(project for project in joined if project is not None)]
        return sorted(found, key=lambda project: (project.name.casefold(), project.id))

    async def get(self, project: str) -> Project:
        """One project by id, with its members. Raises NotFound."""
        if project.startswith(JOINED):
            for share in await self._sharing.received():
                if JOINED + share.id == project:
                    found = await self._joined(share)
                    if found is not None:
                        return found
            raise unknown()
        record, _ = await self._records.get(project)
        located, shares = await asyncio.gather(self._records.located(record), self._sharing.by_me())
        found = self._project(located, shares)
        if located.path and await self._records.copy_differs(located):
            found = replace(found, has_drifted=True)
        return found

    async def plan(self, name: str, members: Sequence[Wanted], *, path: str = "") -> Plan:
        """What ``create`` (without a path) or ``change`` (with that of a project) would do."""
        wanted = await self._checked(members)
        record = await self._records.at(path) if path else None
        if record is not None:
            return Plan(tuple(steps_to(record, wanted, await self._sharing.by_me())))
        folder = path or _new_folder(name)
        verb = "Use" if path else "Make"
        steps = [Step(action=Action.CREATE, message=f'{verb} the folder "{name_of(folder)}".')]
        shares = await self._sharing.by_me(path) if path else []
        return Plan((*steps, *steps_to(None, wanted, shares, path=path)))

    async def create(self, name: str, members: Sequence[Wanted], *, path: str = "") -> Project:
        """Make a project in a new folder, or in the folder ``path``.

        Members that could not be reached are FAILED, with the reason; ``repair`` tries again. Raises
        AlreadyExists where the folder or the project is there already, InvalidRequest for members that cannot
        be.
        """
        name = _name(name)
        wanted = await self._checked(members)
        if path:
            if await self._records.at(path) is not None:
                raise AlreadyExists(f'"{name_of(path)}" is a project already. Change its members.')
            folder = await self._client.stat(path)
            if not folder.is_directory:
                raise NotADirectory(f'"{folder.name}" is a file, and a project is a folder.')
        else:
            folder = await self._client.mkdir(_new_folder(name))
        me, site = await asyncio.gather(self._client.me(), self._client.domain())
        record = Manifest(
            id=str(uuid.uuid4()),
            name=name,
            owner=Grantee(kind=GranteeKind.USER, id=me.id, idp=site, name=me.display_name),
            site=site,
            members=tuple(wanted),
            path=folder.path,
            resource=folder.id,
        )
        await self._records.add(record)
        return await self._carry_out(record)

    async def change(
        self, project: str, members: Sequence[Wanted], *, version: str = ""
    ) -> Project:
        """Give a project these members. Only its owner can.

        ``version`` is that of the project with the members that somebody has seen; "" for any. Raises NotAllowed,
        and Conflict if the owner has changed it elsewhere in the meantime.
        """
        record, etag = await self._records.get(project)
        if version and version != record.version:
            raise changed_elsewhere(record)
        wanted = await self._checked(members)
        keys = {key_of(member.who) for member in wanted}
        gone = [member.who for member in record.members if key_of(member.who) not in keys]
        leaving = [who for who in (*record.leaving, *gone) if key_of(who) not in keys]
        record = replace(
            record,
            members=tuple(wanted),
            leaving=tuple({key_of(who): who for who in leaving}.values()),
        )
        await self._records.write(record, etag)
        return await self._carry_out(record)

    async def repair(self, project: str) -> Project:
        """Make the shares, and the copy in the folder, agree with the list of members again.

        Only the owner can. What is right already is not touched.
        """
        record, _ = await self._records.get(project)
        return await self._carry_out(record)

    async def leave(self, project: str) -> None:
        """Leave a project of somebody else; its owner sees a member without a share."""
        if not project.startswith(JOINED):
            raise InvalidRequest("This project is yours. Dissolve it instead.")
        await self._sharing.leave(project.removeprefix(JOINED))
        self._copies.pop(project.removeprefix(JOINED), None)

    async def dissolve(self, project: str) -> None:
        """End a project: all its shares end, the folder stays with its owner.

        Raises SiteError with who still has access if a share could not be ended: dissolve it again.
        """
        record, etag = await self._records.get(project)
        everybody = (*record.leaving, *(member.who for member in record.members))
        record = replace(record, members=(), leaving=everybody)
        etag = await self._records.write(record, etag)
        record = await self._records.located(record)
        left = await self._apply(record)
        if left:
            names = ", ".join(called(who) for who in left[:3])
            raise SiteError(
                f'"{record.name}" could not be ended for all: {names} may still have access. Try again.'
            )
        await self._records.remove(record)

    # Carrying out

    async def _carry_out(self, record: Manifest) -> Project:
        """Share with all members, end what has to end, write the copy; failures are told with the members."""
        record = await self._records.located(record)
        if not record.path:
            raise NotFound(f'The folder of "{record.name}" is gone. Dissolve the project.')
        left = await self._apply(record)
        await self._records.write_copy(record)
        if tuple(left) != record.leaving:
            now, etag = await self._records.get(record.id)
            if now.members == record.members:
                record = replace(record, leaving=tuple(left))
                await self._records.write(record, etag)
        return self._project(record, await self._sharing.by_me())

    async def _apply(self, record: Manifest) -> Sequence[Grantee]:
        """Take all steps, a few at a time; returns who could not be removed."""
        shares = await self._sharing.by_me()
        known = {key_of(share.grantee): share for share in shares_of(record, shares)}
        gate = asyncio.Semaphore(STEPS_AT_ONCE)
        kept = []

        async def take(step: Step) -> None:
            who = step.who
            if who is None:
                return
            share = known.get(key_of(who))
            try:
                async with gate:
                    await self._take(record, step, share)
            except LoginEnded:
                raise
            except MeshError as error:
                self._failed[record.id, key_of(who)] = str(error)
                if step.action is Action.REMOVE:
                    kept.append(who)
            else:
                self._failed.pop((record.id, key_of(who)), None)

        steps = steps_to(record, record.members, shares)
        # All have ended before anybody is told that the login has.
        ends = await asyncio.gather(*map(take, steps), return_exceptions=True)
        for end in ends:
            if end is not None:
                raise end
        return kept

    async def _take(self, record: Manifest, step: Step, share: Share | None) -> None:
        if step.action is Action.REMOVE and share is not None:
            await self._sharing.remove(share.id)
        elif step.who is not None and step.role is not None:
            if share is None:
                await self._sharing.share(record.path, step.who, step.role, expires=step.expires)
            else:
                await self._sharing.update(share.id, role=step.role, expires=step.expires)

    async def _checked(self, members: Sequence[Wanted]) -> Sequence[Listed]:
        """Members as they are written down. Raises InvalidRequest for oneself, for nobody and for somebody twice."""
        me = await self._client.me()
        contacts: dict[str, Grantee] = {}
        if any(member.who.kind is GranteeKind.CONTACT for member in members):
            contacts = {one.key: one for one in await self._client.contacts()}
        people: dict[str, Listed] = {}
        for member in members:
            who = member.who
            if who.kind is GranteeKind.USER and who.id == me.id:
                raise InvalidRequest("You own the project, and are no member of it.")
            if member.role not in (Role.VIEWER, Role.EDITOR, Role.UPLOADER):
                raise InvalidRequest(f"Choose what {called(who)} may do in the project.")
            if key_of(who) in people:
                raise InvalidRequest(f"{called(who)} is in the list twice.")
            named = contacts.get(who.key) or await self._client.user(who)
            people[key_of(who)] = Listed(who=named, role=member.role, expires=member.expires)
        return tuple(people.values())

    # What is told

    def _project(self, record: Manifest, shares: Sequence[Share]) -> Project:
        there = {key_of(share.grantee): share for share in shares_of(record, shares)}
        members = [self._member(record, one, there.get(key_of(one.who))) for one in record.members]
        for who in record.leaving:
            share = there.get(key_of(who))
            if share is not None:
                why = self._failed.get((record.id, key_of(who)), "")
                members.append(
                    Member(
                        who=who,
                        role=share.role,
                        state=MemberState.LEAVING,
                        message=f"Is to leave, and still has access. {why}".strip(),
                        share_id=share.id,
                    )
                )
        wrong = (MemberState.MISSING, MemberState.FAILED, MemberState.LEAVING)
        return Project(
            id=record.id,
            path=record.path,
            name=record.name,
            role=Role.OWNER,
            members=tuple(members),
            version=record.version,
            has_drifted=any(member.state in wrong for member in members),
        )

    def _member(self, record: Manifest, listed: Listed, share: Share | None) -> Member:
        message = ""
        if share is not None and agrees(listed, share):
            state = MemberState.ACTIVE
            self._failed.pop((record.id, key_of(listed.who)), None)
        elif listed.expires is not None and listed.expires <= datetime.now(UTC):
            state, message = MemberState.LEFT, "The time in the project is over."
        elif (record.id, key_of(listed.who)) in self._failed:
            state, message = MemberState.FAILED, self._failed[record.id, key_of(listed.who)]
        elif share is None:
            state, message = MemberState.MISSING, "Has no access to the folder."
        else:
            state, message = MemberState.MISSING, "Has other access than the project gives."
        return Member(
            who=listed.who,
            role=listed.role,
            state=state,
            message=message,
            share_id="" if share is None else share.id,
            expires=listed.expires,
        )

    async def _joined(self, share: ReceivedShare) -> Project | None:
        """The project that a received folder holds, as its copy tells it; None if it holds none."""
        until, copy = self._copies.get(share.id, (0.0, None))
        if until <= time.monotonic():
            try:
                copy = await self._records.copy_in(share.path)
            except LoginEnded:
                raise
            except MeshError:
                copy = None
            self._copies[share.id] = (
                time.monotonic() + (COPY_LASTS if copy else NONE_LASTS),
                copy,
            )
        if copy is None:
            return None
        seen = copy.seen_from(await self._client.domain())
        return Project(
            id=JOINED + share.id,
            path=share.path,
            name=seen.name or share.name,
            role=share.role,
            members=(
                Member(who=share.owner, role=Role.OWNER, state=MemberState.ACTIVE),
                *(
                    Member(
                        who=one.who, role=one.role, state=MemberState.ACTIVE, expires=one.expires
                    )
                    for one in seen.members
                ),
            ),
        )


def _folders(received: Iterable[ReceivedShare]) -> list[ReceivedShare]:
    """Received shares that can hold a project: the latest of very many."""
    able = [share for share in received if share.path and share.kind is not Kind.FILE]
    return able[:JOINED_AT_MOST]


def _name(name: str) -> str:
    """The name of a project, which is that of its folder. Raises InvalidRequest."""
    name = name.strip()
    if not name or name.startswith(".") or "/" in name or not name.isprintable():
        raise InvalidRequest(
            f'"{name}" cannot be the name of a project: use printable characters, no "/" and no leading dot.'
        )
    return normalise(name)


def _new_folder(name: str) -> str:
    return join(HOME, _name(name))
