"""Whom something belongs to that another site shares: the dialog names them, without a request of its own."""

from pathlib import Path

import pytest

from jupyter_mesh.models import GranteeKind, Role, ShareState
from jupyter_mesh.sharing import Sharing
from jupyter_mesh.testing.site import federated_nodes


@pytest.mark.parametrize("flavour", ["spaces", "paths"])
async def test_the_owner_of_what_another_site_shares_is_named(tmp_path: Path, flavour: str) -> None:
    async with (
        federated_nodes(tmp_path, flavours=(flavour, flavour)) as (here, there),
        here.client() as ann,
        there.client() as ben,
    ):
        letter = await Sharing(ann).invitations.create()
        await Sharing(ben).invitations.accept(letter.code)
        await ann.mkdir("home/dune")
        (contact,) = await Sharing(ann).contacts.listed()
        await Sharing(ann).share("home/dune", contact, Role.VIEWER)
        receiving = Sharing(ben)
        (share,) = await receiving.received()
        path = (await receiving.answer(share.id, ShareState.ACCEPTED)).path
        there.calls.clear()
        access = await receiving.access(path)
        assert access.owner is not None
        assert (access.owner.kind, access.owner.name) == (GranteeKind.CONTACT, "einstein")
        assert access.why_not == 'You cannot share "dune": only einstein can.'
        assert there.calls.total() <= 4
