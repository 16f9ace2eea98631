"""SharingContract: what sharing inside one site promises, on every site, as tests to inherit.

.. code-block:: python

    class TestMySite(SharingContract):
        @pytest.fixture
        def site(self): return site_from_file(Path("site.toml"))

Everything happens in fresh folders of the first user, which are deleted at the end, shares and links with them.
What a site cannot do must be told by its abilities, in words; then the test of it ends there.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import aiohttp
import pytest

from jupyter_mesh.errors import (
    AlreadyExists,
    InvalidRequest,
    NotAllowed,
    NotFound,
    NotSupported,
    ShareConflict,
    SiteError,
    Withdrawn,
)
from jupyter_mesh.models import Grantee, GranteeKind, Role, ShareState
from jupyter_mesh.sharing import Sharing
from jupyter_mesh.sharing.access import Via

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from jupyter_mesh.cs3.client import MeshClient
    from jupyter_mesh.models import ReceivedShare
    from jupyter_mesh.testing.site import RunningSite

__all__ = ["SharingContract"]

PASSWORD = "Muon-g2 is 4 sigma!"


class SharingContract:
    """The contract. Needs a fixture ``site`` that gives a RunningSite with two users."""

    @pytest.fixture
    async def mesh(self, site: RunningSite) -> AsyncIterator[MeshClient]:
        """A client of the first user."""
        async with site.client(0) as client:
            yield client

    @pytest.fixture
    async def other(self, site: RunningSite) -> AsyncIterator[MeshClient]:
        """A client of the second user, whose home is there."""
        async with site.client(1) as client:
            await client.flavour()
            yield client

    @pytest.fixture
    def sharing(self, mesh: MeshClient) -> Sharing:
        """Sharing of the first user."""
        return Sharing(mesh)

    @pytest.fixture
    def theirs(self, other: MeshClient) -> Sharing:
        """Sharing of the second user."""
        return Sharing(other)

    @pytest.fixture
    async def friend(self, other: MeshClient) -> Grantee:
        """The second user, as the first one can share with them."""
        user = await other.whoami()
        return Grantee(kind=GranteeKind.USER, id=user.id, idp=user.idp, username=user.username)

    @pytest.fixture
    async def folder(self, mesh: MeshClient, sharing: Sharing) -> AsyncIterator[str]:
        """The path of a fresh folder with a file in it; its shares and links go with it."""
        path = f"home/shared-{secrets.token_hex(4)}"
        await mesh.mkdir(path)
        await mesh.mkdir(f"{path}/sub")
        await mesh.upload(f"{path}/data.txt", b"1905")
        yield path
        for share in await mesh.shares():
            if (await sharing.described([share]))[0].path.startswith(path):
                await mesh.remove_share(share)
        for link in await mesh.links(path):
            await mesh.remove_link(link)
        await mesh.delete(path)

    # Whom one can share with.

    async def test_people_are_found_by_a_part_of_their_name(
        self, site: RunningSite, sharing: Sharing, friend: Grantee
    ) -> None:
        found = await sharing.search(site.users[1].name[:4])
        assert friend.id in {person.id for person in found.people if person.name}
        assert "@" not in "".join(f"{person.name}{person.username}" for person in found.people)

    async def test_nobody_finds_oneself(self, site: RunningSite, sharing: Sharing) -> None:
        me = await sharing.client.me()
        found = await sharing.search(site.users[0].name)
        assert me.id not in {person.id for person in found.people}

    async def test_two_letters_are_no_search(self, sharing: Sharing) -> None:
        found = await sharing.search("  e ")
        assert (found.people, found.problems) == ((), ())

    async def test_nobody_is_found_for_what_nobody_is_called(self, sharing: Sharing) -> None:
        found = await sharing.search("no such name 7f3a")
        assert (found.people, found.problems) == ((), ())

    async def test_what_is_not_possible_is_told(self, sharing: Sharing) -> None:
        for name, ability in (await sharing.abilities()).by_name().items():
            assert ability.can is (ability.why == ""), name
            assert ability.can or ability.why.endswith((".", ")")), name

    # Sharing and what comes of it.

    async def test_what_is_shared_is_listed_on_both_sides(
        self, sharing: Sharing, theirs: Sharing, folder: str, friend: Grantee
    ) -> None:
        made = await sharing.share(folder, friend, Role.VIEWER)
        assert made.id.startswith("local-")
        mine = {share.id: share for share in await sharing.described(await sharing.by_me())}
        share = mine[made.id]
        assert (share.grantee.id, share.role) == (friend.id, Role.VIEWER)
        assert (share.path, share.name, share.kind) == (folder, folder[5:], "directory")
        assert share.grantee.name
        assert [one.id for one in await sharing.by_me(folder)] == [made.id]
        assert [one.id for one in await sharing.by_me(f"{folder}/sub")] == []
        got = await self._received(theirs, made.id)
        me = await sharing.client.me()
        assert (got.owner.id, got.role, got.site) == (me.id, Role.VIEWER, "")
        assert got.owner.name
        assert got.state in (ShareState.PENDING, ShareState.ACCEPTED, ShareState.WITHDRAWN)

    async def test_viewers_see_and_change_nothing(
        self, sharing: Sharing, theirs: Sharing, folder: str, friend: Grantee
    ) -> None:
        made = await sharing.share(folder, friend, Role.VIEWER)
        got = await self._opened(theirs, made.id)
        other = theirs.client
        assert [one.name for one in await other.list_folder(got.path)] == ["data.txt", "sub"]
        assert await other.read(f"{got.path}/data.txt") == b"1905"
        for change in (
            other.upload(f"{got.path}/data.txt", b"1906"),
            other.mkdir(f"{got.path}/mine"),
            other.delete(f"{got.path}/data.txt"),
        ):
            with pytest.raises((NotAllowed, NotFound, SiteError)):
                await change
        assert await sharing.client.read(f"{folder}/data.txt") == b"1905"

    async def test_editors_change_what_the_owner_sees(
        self, sharing: Sharing, theirs: Sharing, folder: str, friend: Grantee
    ) -> None:
        made = await sharing.share(folder, friend, Role.EDITOR)
        got = await self._opened(theirs, made.id)
        await theirs.client.upload(f"{got.path}/new.txt", b"muon")
        await theirs.client.upload(f"{got.path}/data.txt", b"1915")
        assert await sharing.client.read(f"{folder}/new.txt") == b"muon"
        assert await sharing.client.read(f"{folder}/data.txt") == b"1915"

    async def test_a_role_can_be_changed(
        self, sharing: Sharing, folder: str, friend: Grantee
    ) -> None:
        made = await sharing.share(folder, friend, Role.VIEWER)
        changed = await sharing.update(made.id, role=Role.EDITOR)
        assert changed.role is Role.EDITOR
        [there] = await sharing.by_me(folder)
        assert (there.id, there.role) == (changed.id, Role.EDITOR)
        back = await sharing.update(changed.id, role=Role.VIEWER)
        [there] = await sharing.by_me(folder)
        assert (there.id, there.role) == (back.id, Role.VIEWER)

    async def test_an_end_can_be_set_moved_and_taken_away(
        self, sharing: Sharing, folder: str, friend: Grantee
    ) -> None:
        if not (await sharing.abilities()).share_expiry.can:
            return
        soon = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
        made = await sharing.share(folder, friend, Role.VIEWER, expires=soon)
        [there] = await sharing.by_me(folder)
        assert (there.id, there.expires) == (made.id, soon)
        later = await sharing.update(made.id, expires=soon + timedelta(days=4))
        [there] = await sharing.by_me(folder)
        assert (there.id, there.expires) == (later.id, soon + timedelta(days=4))
        forever = await sharing.update(later.id, expires=None)
        [there] = await sharing.by_me(folder)
        assert (there.id, there.expires, there.role) == (forever.id, None, Role.VIEWER)

    async def test_a_note_stays_with_a_share_or_is_refused(
        self, sharing: Sharing, folder: str, friend: Grantee
    ) -> None:
        try:
            made = await sharing.share(folder, friend, Role.VIEWER, note="for the review")
        except NotSupported as error:
            assert "note" in str(error)
            assert not (await sharing.abilities()).share_notes.can
            assert await sharing.by_me(folder) == []
            return
        assert (await sharing.abilities()).share_notes.can
        changed = await sharing.update(made.id, role=Role.EDITOR)
        assert [share.note for share in await sharing.by_me(folder)] == ["for the review"]
        assert changed.note == "for the review"
        assert [row.note for row in (await sharing.access(folder)).rows] == ["for the review"]

    async def test_people_may_put_files_in_and_see_none(
        self, sharing: Sharing, theirs: Sharing, folder: str, friend: Grantee
    ) -> None:
        if not (await sharing.abilities()).uploader.can:
            return
        made = await sharing.share(folder, friend, Role.UPLOADER)
        [there] = await sharing.by_me(folder)
        assert (there.id, there.role) == (made.id, Role.UPLOADER)
        got = await self._answered(theirs, made.id)
        assert got.role is Role.UPLOADER
        if got.path:
            with pytest.raises((NotAllowed, NotFound, SiteError)):
                await theirs.client.read(f"{got.path}/data.txt")

    async def test_an_end_in_the_past_is_refused(
        self, sharing: Sharing, folder: str, friend: Grantee
    ) -> None:
        with pytest.raises(InvalidRequest, match="past"):
            await sharing.share(
                folder, friend, Role.VIEWER, expires=datetime.now(UTC) - timedelta(hours=1)
            )
        assert await sharing.by_me(folder) == []

    async def test_what_is_no_longer_shared_is_gone_on_both_sides(
        self, sharing: Sharing, theirs: Sharing, folder: str, friend: Grantee
    ) -> None:
        made = await sharing.share(folder, friend, Role.VIEWER)
        got = await self._answered(theirs, made.id)
        was = await sharing.remove(made.id)
        assert (was.path, was.grantee.id, was.role) == (folder, friend.id, Role.VIEWER)
        assert await sharing.by_me(folder) == []
        assert made.id not in {share.id for share in await theirs.received()}
        with pytest.raises(NotFound):
            await sharing.remove(made.id)
        with pytest.raises(Withdrawn):
            await theirs.answer(made.id, ShareState.ACCEPTED)
        if got.path:
            with pytest.raises(NotFound):
                await theirs.client.list_folder(got.path)
        assert (await sharing.share(folder, was.grantee, was.role)).role is Role.VIEWER

    async def test_the_same_person_twice_is_told(
        self, sharing: Sharing, folder: str, friend: Grantee
    ) -> None:
        await sharing.share(folder, friend, Role.VIEWER)
        with pytest.raises((AlreadyExists, ShareConflict)):
            await sharing.share(folder, friend, Role.VIEWER)
        assert len(await sharing.by_me(folder)) == 1

    async def test_oneself_is_refused(self, sharing: Sharing, folder: str) -> None:
        me = await sharing.client.whoami()
        oneself = Grantee(kind=GranteeKind.USER, id=me.id, idp=me.idp)
        with pytest.raises(InvalidRequest, match="that is you"):
            await sharing.share(folder, oneself, Role.VIEWER)

    async def test_what_is_not_there_cannot_be_shared(
        self, sharing: Sharing, folder: str, friend: Grantee
    ) -> None:
        with pytest.raises(NotFound):
            await sharing.share(f"{folder}/nothing", friend, Role.VIEWER)

    @pytest.mark.parametrize("path", ["", "home", "projects", "shares"])
    async def test_a_whole_area_cannot_be_shared(
        self, sharing: Sharing, friend: Grantee, path: str
    ) -> None:
        with pytest.raises(InvalidRequest):
            await sharing.share(path, friend, Role.VIEWER)
        with pytest.raises((InvalidRequest, NotSupported)):
            await sharing.create_link(path, Role.VIEWER)

    async def test_a_file_is_shared_like_a_folder(
        self, sharing: Sharing, theirs: Sharing, folder: str, friend: Grantee
    ) -> None:
        made = await sharing.share(f"{folder}/data.txt", friend, Role.VIEWER)
        [there] = await sharing.described(await sharing.by_me(f"{folder}/data.txt"))
        assert (there.id, there.name, there.kind) == (made.id, "data.txt", "file")
        got = await self._opened(theirs, made.id)
        assert await theirs.client.read(got.path) == b"1905"

    async def test_shares_in_the_way_are_explained(
        self, sharing: Sharing, folder: str, friend: Grantee
    ) -> None:
        """Some sites refuse them, with what is in the way; the others keep both. Nothing in between."""
        below = await sharing.share(f"{folder}/sub", friend, Role.VIEWER)
        try:
            await sharing.share(folder, friend, Role.EDITOR)
        except ShareConflict as conflict:
            assert conflict.can_force
            assert conflict.paths == (f"{folder}/sub",)
            assert "sub" in str(conflict)
            assert await sharing.by_me(folder) == []
            await sharing.share(folder, friend, Role.EDITOR, force=True)
            assert [one.role for one in await sharing.by_me(folder)] == [Role.EDITOR]
            assert await sharing.by_me(f"{folder}/sub") == []
            with pytest.raises(ShareConflict) as above:
                await sharing.share(f"{folder}/sub", friend, Role.EDITOR)
            assert not above.value.can_force
            assert above.value.paths == (folder,)
        else:
            assert [one.id for one in await sharing.by_me(f"{folder}/sub")] == [below.id]
            assert [one.role for one in await sharing.by_me(folder)] == [Role.EDITOR]

    # What others share.

    async def test_a_share_can_be_declined_and_taken_later(
        self, sharing: Sharing, theirs: Sharing, folder: str, friend: Grantee
    ) -> None:
        made = await sharing.share(folder, friend, Role.VIEWER)
        await self._received(theirs, made.id)
        declined = await theirs.answer(made.id, ShareState.DECLINED)
        assert (declined.state, declined.path) == (ShareState.DECLINED, "")
        got = await self._received(theirs, made.id)
        assert (got.state, got.path) == (ShareState.DECLINED, "")
        assert folder[5:] not in {one.name for one in await theirs.client.list_folder("shares")}
        taken = await theirs.answer(made.id, ShareState.ACCEPTED)
        assert taken.state is not ShareState.DECLINED

    async def test_leaving_leaves_the_files_of_the_owner(
        self, sharing: Sharing, theirs: Sharing, folder: str, friend: Grantee
    ) -> None:
        made = await sharing.share(folder, friend, Role.EDITOR)
        got = await self._answered(theirs, made.id)
        if got.path:
            await theirs.client.delete(got.path)
        else:
            await theirs.leave(made.id)
        assert (await self._received(theirs, made.id)).state is ShareState.DECLINED
        assert await sharing.client.read(f"{folder}/data.txt") == b"1905"

    async def test_a_share_can_be_put_out_of_sight(
        self, sharing: Sharing, theirs: Sharing, folder: str, friend: Grantee
    ) -> None:
        made = await sharing.share(folder, friend, Role.VIEWER)
        await self._received(theirs, made.id)
        try:
            hidden = await theirs.hide(made.id)
        except NotSupported:
            return
        assert hidden.is_hidden
        assert (await self._received(theirs, made.id)).is_hidden
        await theirs.hide(made.id, False)
        assert not (await self._received(theirs, made.id)).is_hidden

    async def test_what_waits_for_an_answer_comes_first(
        self, sharing: Sharing, theirs: Sharing, folder: str, friend: Grantee
    ) -> None:
        await sharing.share(f"{folder}/sub", friend, Role.VIEWER)
        await sharing.share(f"{folder}/data.txt", friend, Role.VIEWER)
        states = [share.state is not ShareState.PENDING for share in await theirs.received()]
        assert states == sorted(states)

    # Who has access.

    async def test_access_is_told_with_its_reason(
        self, sharing: Sharing, folder: str, friend: Grantee
    ) -> None:
        made = await sharing.share(folder, friend, Role.VIEWER)
        access = await sharing.access(folder)
        me = await sharing.client.me()
        assert access.owner is not None
        assert (access.owner.id, access.role, access.can_share) == (me.id, Role.OWNER, True)
        assert (access.path, access.problems, access.why_not) == (folder, (), "")
        [row] = access.rows
        assert (row.who.id, row.role, row.via) == (friend.id, Role.VIEWER, Via.DIRECT)
        assert (row.share_id, row.source, row.can_change, row.can_remove) == (
            made.id,
            None,
            True,
            True,
        )
        assert row.who.name

    @pytest.mark.parametrize("below", ["data.txt", "sub/deep/deeper"])
    async def test_access_from_a_folder_above_says_so(
        self, sharing: Sharing, folder: str, friend: Grantee, below: str
    ) -> None:
        await sharing.client.mkdir(f"{folder}/sub/deep/deeper", parents=True)
        await sharing.share(folder, friend, Role.EDITOR)
        access = await sharing.access(f"{folder}/{below}")
        [row] = access.rows
        assert (row.who.id, row.via, row.role) == (friend.id, Via.INHERITED, Role.EDITOR)
        assert row.source is not None
        assert (row.source.path, row.source.name) == (folder, folder[5:])
        assert not row.can_change
        assert not row.can_remove

    async def test_what_only_a_neighbour_has_is_not_told(
        self, sharing: Sharing, folder: str, friend: Grantee
    ) -> None:
        await sharing.share(f"{folder}/sub", friend, Role.EDITOR)
        assert (await sharing.access(f"{folder}/data.txt")).rows == ()
        assert (await sharing.access(folder)).rows == ()

    async def test_receivers_see_whose_it_is_and_why_they_cannot_share_it(
        self, sharing: Sharing, theirs: Sharing, folder: str, friend: Grantee
    ) -> None:
        made = await sharing.share(folder, friend, Role.VIEWER)
        got = await self._opened(theirs, made.id)
        access = await theirs.access(got.path)
        me = await sharing.client.me()
        assert access.owner is not None
        assert (access.owner.id, access.role) == (me.id, Role.VIEWER)
        assert access.owner.name
        assert not access.can_share
        assert access.owner.name in access.why_not

    # Links.

    async def test_links_lead_somewhere_or_are_not_offered(
        self, site: RunningSite, sharing: Sharing, folder: str
    ) -> None:
        try:
            link = await sharing.create_link(folder, Role.VIEWER, password=PASSWORD, name="poster")
        except NotSupported as error:
            assert (await sharing.abilities()).links.why in str(error) or "lead" in str(error)
            assert not (await sharing.abilities()).links.can
            assert await sharing.links(folder) == []
            return
        assert (link.role, link.has_password, link.name) == (Role.VIEWER, True, "poster")
        assert link.url.startswith(("http://", "https://"))
        assert PASSWORD not in repr(link) + link.url
        assert link.url not in repr(link)
        async with (
            aiohttp.ClientSession(trust_env=False) as session,
            session.get(link.url, ssl=False) as reply,
        ):
            assert reply.status in (200, 401)
        access = await sharing.access(folder)
        assert [one.link.id for one in access.links] == [link.id]
        inherited = await sharing.access(f"{folder}/data.txt")
        assert [(one.link.id, one.source and one.source.path) for one in inherited.links] == [
            (link.id, folder)
        ]

    async def test_a_thing_has_several_links_each_with_its_own_rules(
        self, sharing: Sharing, folder: str
    ) -> None:
        if not await self._has_links(sharing, folder):
            return
        soon = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
        one = await sharing.create_link(folder, Role.VIEWER, password=PASSWORD, name="one")
        two = await sharing.create_link(folder, Role.EDITOR, password=PASSWORD, expires=soon)
        there = {link.id: link for link in await sharing.links(folder)}
        assert set(there) == {one.id, two.id}
        assert len({link.url for link in there.values()}) == 2
        assert (there[one.id].role, there[one.id].expires) == (Role.VIEWER, None)
        assert (there[two.id].role, there[two.id].expires) == (Role.EDITOR, soon)
        changed = await sharing.update_link(
            one.id, role=Role.EDITOR, expires=soon, name="both", password=PASSWORD + "2"
        )
        now = {link.id: link for link in await sharing.links(folder)}[one.id]
        assert (now.role, now.expires, now.name) == (Role.EDITOR, soon, "both")
        assert (now.url, changed.url) == (one.url, one.url)
        # Another browser knows the link as it was before.
        other = Sharing(sharing.client)
        assert two.id in {link.id for link in await other.links(folder)}
        await sharing.update_link(two.id, expires=None)
        lowered = await other.update_link(two.id, role=Role.VIEWER)
        assert (lowered.role, lowered.expires, lowered.name) == (Role.VIEWER, None, two.name)
        now = {link.id: link for link in await sharing.links(folder)}[two.id]
        assert (now.role, now.expires) == (Role.VIEWER, None)
        await sharing.remove_link(one.id)
        assert [link.id for link in await sharing.links(folder)] == [two.id]
        with pytest.raises(NotFound):
            await sharing.update_link(one.id, name="gone")

    async def test_a_link_may_have_no_password_where_the_site_does_not_want_one(
        self, sharing: Sharing, folder: str
    ) -> None:
        if not await self._has_links(sharing, folder):
            return
        try:
            link = await sharing.create_link(folder, Role.VIEWER)
        except InvalidRequest as error:
            assert "password" in str(error)
            assert await sharing.links(folder) == []
            return
        assert not link.has_password
        locked = await sharing.update_link(link.id, password=PASSWORD)
        assert locked.has_password
        assert [one.has_password for one in await sharing.links(folder)] == [True]
        await sharing.update_link(link.id, password="")
        assert [one.has_password for one in await sharing.links(folder)] == [False]

    async def _has_links(self, sharing: Sharing, folder: str) -> bool:
        try:
            link = await sharing.create_link(folder, Role.VIEWER, password=PASSWORD)
        except NotSupported:
            return False
        await sharing.remove_link(link.id)
        return True

    @staticmethod
    async def _received(theirs: Sharing, share: str) -> ReceivedShare:
        return next(one for one in await theirs.received() if one.id == share)

    async def _answered(self, theirs: Sharing, share: str) -> ReceivedShare:
        await self._received(theirs, share)
        return await theirs.answer(share, ShareState.ACCEPTED)

    async def _opened(self, theirs: Sharing, share: str) -> ReceivedShare:
        got = await self._answered(theirs, share)
        if not got.path:
            pytest.skip("the homes of this site are separate: a share gives no access here")
        assert got.path.startswith("shares/")
        return got
