"""FederationContract: what two sites that federate do for their people, as tests to inherit.

::

    class TestMySites(FederationContract):
        @pytest.fixture(scope="session")
        def pair(self): site = site_from_file(Path("site.toml")); return site, site.peer

The first user of the first site shares, the people of the second one receive. Sites differ (``docs/sites.md``);
a test holds what must be the same on all of them. Everything happens in fresh folders, which are deleted at the
end; the people stay contacts.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from jupyter_mesh.cs3.domains import domain_of
from jupyter_mesh.errors import (
    AlreadyExists,
    InvalidRequest,
    MeshError,
    NotAllowed,
    NotFound,
    NotSupported,
    Withdrawn,
)
from jupyter_mesh.models import Grantee, GranteeKind, Kind, Role, ShareState, Site
from jupyter_mesh.paths import name_of
from jupyter_mesh.sharing.invitations import Invitations, id_of
from jupyter_mesh.sharing.sites import Sites

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from typing import Any

    from jupyter_mesh.cs3.client import MeshClient
    from jupyter_mesh.models import ReceivedShare
    from jupyter_mesh.testing.site import RunningSite

__all__ = ["NAMES", "FederationContract"]

NAMES = {
    "plain": "notebook.ipynb",
    "accent": "caf\u00e9",
    "percent": "100%25 %41 %",
    "colon": "a:b",
    "question mark": "why?",
    "hash": "#1",
    "plus": "a+b",
    "blanks": "two  blanks",
    "ampersand": "r&d=x",
}
"""Names that go through the addresses of two sites, each by what is special about it."""

LARGE = 5 << 20
WITHIN = 60.0
"""Seconds that another site may take to know what has happened at the first."""


class FederationContract:
    """The contract. Needs a fixture ``pair`` that gives two RunningSites with two users each."""

    @pytest.fixture
    async def ann(self, pair: tuple[RunningSite, RunningSite]) -> AsyncIterator[MeshClient]:
        """The first user of the first site: she shares."""
        async with pair[0].client(0) as client:
            await client.spaces()
            yield client

    @pytest.fixture
    async def colleague(self, pair: tuple[RunningSite, RunningSite]) -> AsyncIterator[MeshClient]:
        """The second user of the first site."""
        async with pair[0].client(1) as client:
            yield client

    @pytest.fixture
    async def ben(self, pair: tuple[RunningSite, RunningSite]) -> AsyncIterator[MeshClient]:
        """The first user of the second site: he receives."""
        async with pair[1].client(0) as client:
            yield client

    @pytest.fixture
    async def cleo(self, pair: tuple[RunningSite, RunningSite]) -> AsyncIterator[MeshClient]:
        """The second user of the second site."""
        async with pair[1].client(1) as client:
            yield client

    @pytest.fixture
    async def contact(self, ann: MeshClient, ben: MeshClient) -> Grantee:
        """Ben, as Ann knows him."""
        return await _met(ann, ben)

    @pytest.fixture
    async def folder(self, ann: MeshClient) -> AsyncIterator[str]:
        """The path of a fresh folder of Ann with one file in it, "data.csv"."""
        path = f"home/contract-{secrets.token_hex(6)}"
        await ann.mkdir(path)
        await ann.upload(f"{path}/data.csv", b"a,b\n1,2\n")
        yield path
        for share in await ann.federated_shares():
            if share.name == name_of(path):
                await ann.remove_federated_share(share)
        await ann.delete(path)

    # Sites.

    async def test_each_site_lists_the_other(self, ann: MeshClient, ben: MeshClient) -> None:
        here, there = await ann.domain(), await ben.domain()
        assert here != there
        for client in (ann, ben):
            domains = [site.domain for site in await client.listed_sites()]
            assert there in domains if client is ann else here in domains
            assert len(set(domains)) == len(domains)
        assert (await ann.site_of(there)).domain == there

    async def test_only_the_exact_domain_is_a_site(self, ann: MeshClient, ben: MeshClient) -> None:
        for domain in ("no.such.site.example", (await ben.domain())[1:], (await ben.domain())[:-1]):
            with pytest.raises(NotFound):
                await ann.site_of(domain)
        with pytest.raises(InvalidRequest):
            await ann.site_of("")

    # Invitations and contacts.

    async def test_an_invitation_makes_contacts_on_both_sides(
        self, ann: MeshClient, ben: MeshClient
    ) -> None:
        ben_here = await _met(ann, ben)
        ann_there = await _contact(ben, ann)
        assert (ben_here.kind, ben_here.idp) == (GranteeKind.CONTACT, await ben.domain())
        assert (ann_there.kind, ann_there.idp) == (GranteeKind.CONTACT, await ann.domain())
        assert ben_here.name == (await ben.whoami()).display_name
        assert ann_there.name == (await ann.whoami()).display_name
        assert "@" not in ben_here.username
        assert Grantee.parse(ben_here.key).id == ben_here.id

    async def test_contacts_are_found_by_a_part_of_their_name(
        self, ann: MeshClient, contact: Grantee
    ) -> None:
        assert contact in await ann.contacts(contact.name[1:-1].lower())
        assert await ann.contacts("nobody is called like this") == []
        assert await ann.contact_email(contact) == await ann.contact_email(contact)

    async def test_an_open_invitation_is_listed_with_its_note_and_end(
        self, ann: MeshClient
    ) -> None:
        note = f"for {secrets.token_hex(4)}"
        made = await ann.create_invitation(note)
        listed = next(one for one in await ann.invitations() if one.token == made.token)
        assert listed.note == note
        assert listed.expires is not None
        assert listed.expires > datetime.now(UTC)
        assert made.token not in f"{made!r} {id_of(made)}"

    async def test_every_way_to_send_an_invitation_is_understood(
        self, ann: MeshClient, ben: MeshClient
    ) -> None:
        letter = await Invitations(ann, Sites(ann)).create("a letter")
        theirs = Invitations(ben, Sites(ben))
        for text in (letter.link, letter.code, letter.body):
            opened = await theirs.read(text)
            assert opened.site is not None
            assert (opened.site.domain, opened.is_own) == (await ann.domain(), False)
            assert opened.my_site.domain == await ben.domain()
        ours = await Invitations(ann, Sites(ann)).read(letter.code)
        assert ours.is_own

    async def test_accepting_again_says_so_and_doubles_nobody(
        self, ann: MeshClient, ben: MeshClient, contact: Grantee
    ) -> None:
        invitation = await ann.create_invitation()
        site = await ben.site_of(await ann.domain())
        for _ in range(2):
            with suppress(AlreadyExists, NotFound):
                await ben.accept_invitation(invitation.token, site)
        assert [one.id for one in await ann.contacts()].count(contact.id) == 1
        there = await _contact(ben, ann)
        assert [one.id for one in await ben.contacts()].count(there.id) == 1

    @pytest.mark.parametrize("how", ["foreign", "truncated", "misspelt"])
    async def test_a_bad_invitation_is_refused_and_makes_no_contact(
        self, ann: MeshClient, ben: MeshClient, how: str
    ) -> None:
        token = (await ann.create_invitation()).token
        bad = {
            "foreign": "00000000-0000-4000-8000-000000000000",
            "truncated": token[:-3],
            "misspelt": token[:4] + ("0" if token[4] != "0" else "1") + token[5:],
        }[how]
        before = await ben.contacts()
        with pytest.raises(MeshError) as failure:
            await ben.accept_invitation(bad, await ben.site_of(await ann.domain()))
        assert failure.value.status in (404, 409, 502)
        assert bad not in str(failure.value)
        assert await ben.contacts() == before

    async def test_the_invitation_of_ones_own_site_is_never_sent(
        self, pair: tuple[RunningSite, RunningSite], ann: MeshClient, colleague: MeshClient
    ) -> None:
        token = (await ann.create_invitation()).token
        sent = pair[0].calls["ForwardInvite"]
        own = await ann.site_of(await ann.domain())
        for client in (ann, colleague):
            with pytest.raises(InvalidRequest):
                await client.accept_invitation(token, own)
        elsewhere = next(site for site in await ann.listed_sites() if site.domain != own.domain)
        with pytest.raises(InvalidRequest):
            await ann.accept_invitation(token, elsewhere)
        assert pair[0].calls["ForwardInvite"] == sent

    async def test_an_unknown_site_is_not_asked(self, ben: MeshClient) -> None:
        nowhere = Site(domain="no.such.site.example", name="Nowhere")
        with pytest.raises(NotFound):
            await ben.accept_invitation("00000000-0000-4000-8000-000000000000", nowhere)

    async def test_a_removed_contact_comes_back_by_an_invitation(
        self, ann: MeshClient, ben: MeshClient, contact: Grantee
    ) -> None:
        await ann.remove_contact(contact)
        assert contact not in await ann.contacts()
        await ann.remove_contact(contact)
        with pytest.raises(NotFound):
            await ann.contact_email(contact)
        assert await _met(ann, ben) == contact

    # Shares.

    async def test_a_share_opens_after_it_was_accepted_and_not_before(
        self, ann: MeshClient, ben: MeshClient, contact: Grantee, folder: str
    ) -> None:
        made = await ann.share_with_contact(folder, contact, Role.VIEWER)
        assert (made.grantee, made.role, made.path) == (contact, Role.VIEWER, folder)
        assert [share.id for share in await ann.federated_shares(folder)] == [made.id]
        received = await _arrived(ben, folder)
        assert received.state is ShareState.PENDING
        assert received.site == await ann.domain()
        assert received.sender.name == (await ann.whoami()).display_name
        assert (received.role, received.path) == (Role.VIEWER, "")
        assert not await _is_shown(ben, folder)
        with pytest.raises(NotFound):
            await ben.list_folder(f"shares/{name_of(folder)}")
        accepted = await ben.answer_federated_share(received, ShareState.ACCEPTED)
        assert accepted.state is ShareState.ACCEPTED
        assert [one.name for one in await ben.list_folder(accepted.path)] == ["data.csv"]
        assert await ben.read(f"{accepted.path}/data.csv") == b"a,b\n1,2\n"
        assert (await ben.stat(accepted.path)).is_directory

    async def test_a_viewer_changes_nothing(
        self, ann: MeshClient, ben: MeshClient, contact: Grantee, folder: str
    ) -> None:
        path = await _given(ann, ben, contact, folder, Role.VIEWER)
        attempts: list[Callable[[], Awaitable[object]]] = [
            lambda: ben.upload(f"{path}/data.csv", b"mine"),
            lambda: ben.upload(f"{path}/new.txt", b"mine"),
            lambda: ben.mkdir(f"{path}/new"),
            lambda: ben.delete(f"{path}/data.csv"),
        ]
        for attempt in attempts:
            with pytest.raises(NotAllowed):
                await attempt()
        assert await ann.read(f"{folder}/data.csv") == b"a,b\n1,2\n"
        assert len(await ann.list_folder(folder)) == 1

    async def test_an_editor_works_in_the_folder_of_the_owner(
        self, ann: MeshClient, ben: MeshClient, contact: Grantee, folder: str
    ) -> None:
        path = await _given(ann, ben, contact, folder, Role.EDITOR)
        await ben.upload(f"{path}/data.csv", b"a,b\n3,4\n")
        assert await ann.read(f"{folder}/data.csv") == b"a,b\n3,4\n"
        await ben.mkdir(f"{path}/sub")
        await ben.upload(f"{path}/sub/new.txt", b"new", if_absent=True)
        await ben.upload(f"{path}/empty.txt", b"", if_absent=True)
        assert await ann.read(f"{folder}/sub/new.txt") == b"new"
        assert (await ann.stat(f"{folder}/empty.txt")).size == 0
        await ann.upload(f"{folder}/from-ann.txt", b"hello")
        assert await ben.read(f"{path}/from-ann.txt") == b"hello"
        moved = await ben.move(f"{path}/sub/new.txt", f"{path}/moved.txt")
        assert moved.name == "moved.txt"
        assert await ann.read(f"{folder}/moved.txt") == b"new"
        await ben.delete(f"{path}/moved.txt")
        with pytest.raises(NotFound):
            await ann.stat(f"{folder}/moved.txt")
        with pytest.raises(NotFound):
            await ben.stat(f"{path}/moved.txt")

    async def test_what_is_taken_or_missing_is_told(
        self, ann: MeshClient, ben: MeshClient, contact: Grantee, folder: str
    ) -> None:
        path = await _given(ann, ben, contact, folder, Role.EDITOR)
        with pytest.raises(AlreadyExists):
            await ben.upload(f"{path}/data.csv", b"mine", if_absent=True)
        await ben.mkdir(f"{path}/sub")
        with pytest.raises(AlreadyExists):
            await ben.mkdir(f"{path}/sub")
        with pytest.raises(NotFound):
            await ben.mkdir(f"{path}/none/sub")
        for attempt in (ben.stat, ben.list_folder, ben.read, ben.delete):
            with pytest.raises(NotFound) as failure:
                await attempt(f"{path}/missing")
            assert not isinstance(failure.value, Withdrawn)
        with pytest.raises(AlreadyExists):
            await ben.move(f"{path}/data.csv", f"{path}/sub")

    async def test_a_save_over_somebody_elses_save_is_refused(
        self, ann: MeshClient, ben: MeshClient, contact: Grantee, folder: str
    ) -> None:
        path = await _given(ann, ben, contact, folder, Role.EDITOR)
        mine = await ben.stat(f"{path}/data.csv")
        assert mine.etag
        saved = await ben.upload(f"{path}/data.csv", b"first of ben", if_match=mine.etag)
        await ann.upload(f"{folder}/data.csv", b"what ann has written since")
        with pytest.raises(MeshError) as failure:
            await ben.upload(f"{path}/data.csv", b"second of ben", if_match=saved.etag)
        assert failure.value.status == 412
        assert await ann.read(f"{folder}/data.csv") == b"what ann has written since"

    async def test_a_folder_is_moved_and_copied_with_all_it_holds(
        self, ann: MeshClient, ben: MeshClient, contact: Grantee, folder: str
    ) -> None:
        path = await _given(ann, ben, contact, folder, Role.EDITOR)
        await ben.mkdir(f"{path}/one/two", parents=True)
        await ben.upload(f"{path}/one/two/deep.txt", b"deep")
        await ben.move(f"{path}/one", f"{path}/uno")
        await ben.copy(f"{path}/uno", f"{path}/due")
        for name in ("uno", "due"):
            assert await ann.read(f"{folder}/{name}/two/deep.txt") == b"deep"
        assert {one.name for one in await ann.list_folder(folder)} == {"data.csv", "uno", "due"}

    @pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR])
    async def test_one_file_is_shared(
        self, ann: MeshClient, ben: MeshClient, contact: Grantee, folder: str, role: Role
    ) -> None:
        name = f"file-{secrets.token_hex(4)}.txt"
        await ann.upload(f"{folder}/{name}", b"text of ann")
        share = await ann.share_with_contact(f"{folder}/{name}", contact, role)
        path = (await _accepted(ben, name)).path
        found = await ben.stat(path)
        assert (found.kind, found.size) == (Kind.FILE, 11)
        listed = {one.path: one for one in await ben.list_folder("shares")}
        assert listed[path].size == 11
        assert await ben.read(path) == b"text of ann"
        if role is Role.EDITOR:
            await ben.upload(path, b"text of ben!")
            assert await ann.read(f"{folder}/{name}") == b"text of ben!"
        else:
            with pytest.raises(NotAllowed):
                await ben.upload(path, b"text of ben!")
        await ann.remove_federated_share(share)

    async def test_names_come_back_as_they_were(
        self, ann: MeshClient, ben: MeshClient, contact: Grantee, folder: str
    ) -> None:
        path = await _given(ann, ben, contact, folder, Role.EDITOR)
        for name in NAMES.values():
            await ben.upload(f"{path}/{name}", name.encode())
            assert await ann.read(f"{folder}/{name}") == name.encode(), name
        assert {one.name for one in await ben.list_folder(path)} == {"data.csv", *NAMES.values()}
        await ann.mkdir(f"{folder}/sub: 100 %")
        for name in NAMES.values():
            await ann.upload(f"{folder}/sub: 100 %/{name}", name.encode())
            assert await ben.read(f"{path}/sub: 100 %/{name}") == name.encode(), name

    async def test_a_shared_name_is_the_name_of_the_place(
        self, ann: MeshClient, ben: MeshClient, contact: Grantee, folder: str
    ) -> None:
        name = f"r\u00e9sultats 100 % #{secrets.token_hex(3)}"
        await ann.mkdir(f"{folder}/{name}")
        share = await ann.share_with_contact(f"{folder}/{name}", contact, Role.VIEWER)
        accepted = await _accepted(ben, name)
        assert accepted.path == f"shares/{name}"
        assert await ben.list_folder(accepted.path) == []
        await ann.remove_federated_share(share)

    async def test_five_megabytes_travel_both_ways(
        self, ann: MeshClient, ben: MeshClient, contact: Grantee, folder: str
    ) -> None:
        path = await _given(ann, ben, contact, folder, Role.EDITOR)
        content = secrets.token_bytes(LARGE)
        await ben.upload(f"{path}/large.bin", content)
        assert await ann.read(f"{folder}/large.bin") == content
        assert await ben.read(f"{path}/large.bin") == content
        async with ben.download(f"{path}/large.bin", start=LARGE - 10) as part:
            assert await part.read() == content[-10:]

    async def test_a_role_changes(
        self, ann: MeshClient, ben: MeshClient, contact: Grantee, folder: str
    ) -> None:
        path = await _given(ann, ben, contact, folder, Role.VIEWER)
        share = (await ann.federated_shares(folder))[0]
        changed = await ann.update_federated_share(share, role=Role.EDITOR)
        assert changed.role is Role.EDITOR
        assert [one.role for one in await ann.federated_shares(folder)] == [Role.EDITOR]
        path = await _open_again(ben, folder, made_anew=changed.id != share.id)
        await ben.upload(f"{path}/data.csv", b"mine")
        back = await ann.update_federated_share(changed, role=Role.VIEWER)
        assert back.role is Role.VIEWER
        path = await _open_again(ben, folder, made_anew=back.id != changed.id)
        # A site that was not told of it still takes the role for the old one, and fails instead.
        with pytest.raises(MeshError):
            await ben.upload(f"{path}/data.csv", b"mine again")
        assert await ann.read(f"{folder}/data.csv") == b"mine"

    async def test_after_the_end_of_a_share_nothing_opens_and_the_reason_is_told(
        self, ann: MeshClient, ben: MeshClient, contact: Grantee, folder: str
    ) -> None:
        path = await _given(ann, ben, contact, folder, Role.EDITOR)
        await ben.list_folder(path)
        share = (await ann.federated_shares(folder))[0]
        await ann.remove_federated_share(share)
        await ann.remove_federated_share(share)
        assert await ann.federated_shares(folder) == []
        attempts: list[Callable[[], Awaitable[object]]] = [
            lambda: ben.upload(f"{path}/data.csv", b"my unsaved text"),
            lambda: ben.read(f"{path}/data.csv"),
            lambda: ben.list_folder(path),
            lambda: ben.stat(path),
            lambda: ben.mkdir(f"{path}/new"),
        ]
        for attempt in attempts:
            with pytest.raises(Withdrawn) as failure:
                await attempt()
            name = (await ann.whoami()).display_name
            assert str(failure.value) == f'{name} stopped sharing "{name_of(folder)}".'
        assert not await _is_shown(ben, folder)
        assert await ann.read(f"{folder}/data.csv") == b"a,b\n1,2\n"

    async def test_a_share_that_has_ended_disappears_by_itself(
        self, ann: MeshClient, ben: MeshClient, contact: Grantee, folder: str
    ) -> None:
        await _given(ann, ben, contact, folder, Role.VIEWER)
        for share in await ann.federated_shares(folder):
            await ann.remove_federated_share(share)

        async def is_gone() -> bool:
            ben._places.forget()
            return not await _is_shown(ben, folder)

        await _until(is_gone)
        assert all(one.name != name_of(folder) for one in await ben.received_federated_shares())

    async def test_a_declined_share_does_not_open_and_may_be_accepted_later(
        self, ann: MeshClient, ben: MeshClient, contact: Grantee, folder: str
    ) -> None:
        await ann.share_with_contact(folder, contact, Role.VIEWER)
        received = await _arrived(ben, folder)
        await ben.answer_federated_share(received, ShareState.DECLINED)
        assert not await _is_shown(ben, folder)
        with pytest.raises(NotFound):
            await ben.stat(f"shares/{name_of(folder)}/data.csv")
        again = [
            one for one in await ben.received_federated_shares() if one.name == name_of(folder)
        ]
        if again:
            assert again[0].state is ShareState.DECLINED
            accepted = await ben.answer_federated_share(again[0], ShareState.ACCEPTED)
            assert await ben.read(f"{accepted.path}/data.csv") == b"a,b\n1,2\n"

    async def test_leaving_a_share_keeps_the_folder_of_the_owner(
        self, ann: MeshClient, ben: MeshClient, contact: Grantee, folder: str
    ) -> None:
        path = await _given(ann, ben, contact, folder, Role.EDITOR)
        await ben.delete(path)
        assert not await _is_shown(ben, folder)
        assert await ann.read(f"{folder}/data.csv") == b"a,b\n1,2\n"

    async def test_a_mount_is_neither_moved_nor_deleted_by_its_id(
        self, ann: MeshClient, ben: MeshClient, contact: Grantee, folder: str
    ) -> None:
        path = await _given(ann, ben, contact, folder, Role.EDITOR)
        found = await ben.stat(path)
        with pytest.raises(InvalidRequest):
            await ben.move(path, "home/taken-away")
        if found.id is not None:
            with suppress(InvalidRequest, NotFound, NotSupported):
                await ben.delete(f".id/{found.id}")
        assert await ann.read(f"{folder}/data.csv") == b"a,b\n1,2\n"

    async def test_the_same_is_not_shared_twice_and_again_after_its_end(
        self, ann: MeshClient, ben: MeshClient, contact: Grantee, folder: str
    ) -> None:
        share = await ann.share_with_contact(folder, contact, Role.VIEWER)
        with pytest.raises(AlreadyExists):
            await ann.share_with_contact(folder, contact, Role.VIEWER)
        await ann.remove_federated_share(share)
        path = await _given(ann, ben, contact, folder, Role.VIEWER)
        assert await ben.read(f"{path}/data.csv") == b"a,b\n1,2\n"

    async def test_two_people_have_one_folder_and_lose_it_one_by_one(
        self,
        ann: MeshClient,
        ben: MeshClient,
        cleo: MeshClient,
        contact: Grantee,
        folder: str,
    ) -> None:
        other = await _met(ann, cleo)
        assert other != contact
        path = await _given(ann, ben, contact, folder, Role.EDITOR)
        hers = await _given(ann, cleo, other, folder, Role.EDITOR)
        await ben.upload(f"{path}/data.csv", b"of ben")
        assert await cleo.read(f"{hers}/data.csv") == b"of ben"
        shares = {share.grantee.id: share for share in await ann.federated_shares(folder)}
        await ann.remove_federated_share(shares[contact.id])
        with pytest.raises(Withdrawn):
            await ben.read(f"{path}/data.csv")
        assert await cleo.read(f"{hers}/data.csv") == b"of ben"

    async def test_the_end_of_a_share_is_kept(
        self, ann: MeshClient, ben: MeshClient, contact: Grantee, folder: str
    ) -> None:
        tomorrow = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
        await ann.share_with_contact(folder, contact, Role.VIEWER, expires=tomorrow)
        assert [one.expires for one in await ann.federated_shares(folder)] == [tomorrow]
        assert (await _arrived(ben, folder)).expires == tomorrow
        with pytest.raises(InvalidRequest):
            await ann.share_with_contact(
                folder, contact, Role.VIEWER, expires=datetime.now(UTC) - timedelta(hours=1)
            )

    async def test_a_share_ends_at_its_time(
        self, ann: MeshClient, ben: MeshClient, contact: Grantee, folder: str
    ) -> None:
        soon = datetime.now(UTC) + timedelta(seconds=3)
        await ann.share_with_contact(folder, contact, Role.VIEWER, expires=soon)

        async def is_over() -> bool:
            return await ann.federated_shares(folder) == []

        await _until(is_over)
        assert not await _is_shown(ben, folder)
        assert all(one.name != name_of(folder) for one in await ben.received_federated_shares())

    async def test_a_share_of_what_is_gone_does_not_open(
        self, ann: MeshClient, ben: MeshClient, contact: Grantee, folder: str
    ) -> None:
        sub = f"{folder}/sub-{secrets.token_hex(4)}"
        await ann.mkdir(sub)
        path = await _given(ann, ben, contact, sub, Role.EDITOR)
        await ann.delete(sub)
        with pytest.raises(MeshError):
            await ben.list_folder(path)
        with pytest.raises(NotFound):
            await ann.share_with_contact(sub, contact, Role.VIEWER)

    async def test_nothing_but_viewing_and_editing_is_given_to_other_sites(
        self, ann: MeshClient, contact: Grantee, folder: str
    ) -> None:
        for role in (Role.UPLOADER, Role.OWNER, Role.CUSTOM):
            with pytest.raises(NotSupported):
                await ann.share_with_contact(folder, contact, role)
        stranger = Grantee(kind=GranteeKind.CONTACT, id="nobody-at-all", idp=contact.idp)
        with pytest.raises(NotFound):
            await ann.share_with_contact(folder, stranger, Role.VIEWER)
        assert await ann.federated_shares(folder) == []


async def _met(ann: MeshClient, ben: MeshClient) -> Grantee:
    """Ben as a contact of Ann; invites and accepts where they do not know each other yet."""
    for inviting, accepting in ((ann, ben), (ben, ann)):
        with suppress(LookupError):
            await _contact(ben, ann)
            return await _contact(ann, ben)
        invitation = await inviting.create_invitation()
        site = await accepting.site_of(await inviting.domain())
        # Whoever was not forgotten hears that it is a contact already; the other side has it again.
        with suppress(AlreadyExists):
            await accepting.accept_invitation(invitation.token, site)
    return await _contact(ann, ben)


async def _contact(client: MeshClient, other: MeshClient) -> Grantee:
    """Somebody among the contacts of a client; raises LookupError."""
    me = await other.whoami()
    domain = domain_of(me.idp)
    for contact in await client.contacts():
        if contact.idp == domain and me.id in (contact.id, contact.username):
            return contact
    raise LookupError(f"{me.username} is no contact")


async def _until(holds: Callable[[], Awaitable[Any]]) -> Any:
    """What ``holds`` gives once it is true."""
    give_up = time.monotonic() + WITHIN
    while not (found := await holds()):
        assert time.monotonic() < give_up, "it did not come true in time"
        await asyncio.sleep(0.2)
    return found


async def _arrived(client: MeshClient, path: str) -> ReceivedShare:
    """The share of this name that came last and may be answered."""

    async def find() -> ReceivedShare | None:
        found = [
            one for one in await client.received_federated_shares() if one.name == name_of(path)
        ]
        return next((one for one in found if one.state is ShareState.PENDING), None)

    share: ReceivedShare = await _until(find)
    return share


async def _accepted(client: MeshClient, path: str) -> ReceivedShare:
    """The share of this name, accepted. Some sites still list earlier ones that ended before they were."""
    while True:
        with suppress(Withdrawn):
            return await client.answer_federated_share(
                await _arrived(client, path), ShareState.ACCEPTED
            )


async def _given(
    ann: MeshClient, ben: MeshClient, contact: Grantee, folder: str, role: Role
) -> str:
    """Share and accept; the path at which it opens."""
    await ann.share_with_contact(folder, contact, role)
    return (await _accepted(ben, folder)).path


async def _open_again(ben: MeshClient, folder: str, *, made_anew: bool) -> str:
    """The path of a share after a change, which some sites make as a new share to be accepted."""
    if made_anew:
        return (await _accepted(ben, folder)).path
    return next(
        one.path for one in await ben.received_federated_shares() if one.name == name_of(folder)
    )


async def _is_shown(client: MeshClient, path: str) -> bool:
    return any(one.name == name_of(path) for one in await client.list_folder("shares"))
