"""Shares that have ended, and shares that only seem to: a site that lists for ever, fails for a moment, or is gone."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from jupyter_mesh.cs3 import endings
from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.errors import MeshError, SiteError, Withdrawn
from jupyter_mesh.models import Role, ShareState
from jupyter_mesh.sharing import Sharing
from jupyter_mesh.testing import traps
from jupyter_mesh.testing.site import federated_nodes


class ListsForEver(traps.Trap):
    """Lists what has ended, as real sites do."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[str, Any] = {}

    async def answer(self, name: str, request: Any, token: str, ask: traps.Ask) -> Any:
        reply = await ask()
        if name == "ListReceivedOCMShares":
            self._known |= {share.id.opaque_id: share for share in reply.shares}
            del reply.shares[:]
            reply.shares.extend(self._known.values())
        return reply


@pytest.fixture(scope="module", params=["spaces", "paths"])
async def sites(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    fails = traps.Fails()
    async with (
        federated_nodes(
            tmp_path_factory.mktemp("sites"),
            flavours=("spaces", request.param),
            interceptors=[fails, ListsForEver()],
        ) as (alpine, coast),
        alpine.client() as ann,
        coast.client() as ben,
    ):
        invitation = await ann.create_invitation()
        await ben.accept_invitation(invitation.token, await ben.site_of(alpine.domain))
        yield SimpleNamespace(ann=ann, coast=coast, fails=fails)


@pytest.fixture
async def ann(sites: Any) -> MeshClient:
    return sites.ann


@pytest.fixture
async def ben(sites: Any) -> AsyncIterator[MeshClient]:
    """A program that has just started."""
    sites.fails.next.clear()
    async with sites.coast.client() as client:
        yield client


@pytest.fixture
async def path(sites: Any, ann: MeshClient, ben: MeshClient) -> str:
    """Where Ben has what Ann shares with him."""
    name = f"dune-{secrets.token_hex(4)}"
    await ann.mkdir(f"home/{name}")
    await ann.share_with_contact(f"home/{name}", (await ann.contacts())[0], Role.EDITOR)
    async with sites.coast.client() as other:
        for received in await other.received_federated_shares():
            if received.name == name:
                path = (await other.answer_federated_share(received, ShareState.ACCEPTED)).path
    return path


async def _end(ann: MeshClient) -> None:
    for share in await ann.federated_shares():
        await ann.remove_federated_share(share)


async def test_a_program_that_has_just_started_does_not_list_what_has_ended(
    ann: MeshClient, ben: MeshClient, path: str
) -> None:
    still = await Sharing(ben).received_still(30)
    assert path in [share.path for share in still]
    await _end(ann)
    async with MeshClient(ben._gateway.settings, ben._gateway.tokens) as fresh:
        assert path not in [share.path for share in await Sharing(fresh).received_still(30)]
        told = [message.name for message in await fresh._places.remote.listed(30)]
        assert path.split("/")[1] in told, "this site lists it for ever"


async def test_a_share_that_fails_for_a_moment_has_not_ended(
    sites: Any, ben: MeshClient, path: str
) -> None:
    await ben.list_folder("shares")
    await ben.looked_at_received(30)
    sites.fails.next["Stat"] = [("INTERNAL", "storage: try again")]
    with pytest.raises(SiteError) as failed:
        await ben.stat(path)
    assert not isinstance(failed.value, Withdrawn)
    assert path in [each.path for each in await ben.list_folder("shares")]
    assert (await ben.stat(path)).is_directory


async def test_a_list_that_fails_once_has_not_become_empty(
    sites: Any, ben: MeshClient, path: str
) -> None:
    assert path in [each.path for each in await ben.list_folder("shares")]
    sites.fails.next["ListReceivedOCMShares"] = [("INTERNAL", "")] * 2
    ben._places.forget()
    assert path in [each.path for each in await ben.list_folder("shares")]
    assert len(sites.fails.next["ListReceivedOCMShares"]) < 2, "nobody asked"


async def test_a_site_that_is_not_dealt_with_is_asked_nothing(
    ann: MeshClient, ben: MeshClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sent a share has written the domain in it."""
    asked = []

    async def answers(domain: str) -> bool:
        asked.append(domain)
        return True

    async def providers() -> list[Any]:
        return []

    monkeypatch.setattr(endings, "answers", answers)
    await ben.list_folder("shares")
    await ben.looked_at_received(30)
    asked.clear()
    await _end(ann)
    with monkeypatch.context() as patch:
        patch.setattr(ben, "_providers", providers)
        ben._dealt_with = (float("-inf"), frozenset())
        with pytest.raises(MeshError) as failed:
            await ben.stat(path)
    assert not isinstance(failed.value, Withdrawn)
    assert asked == []
    ben._dealt_with = (float("-inf"), frozenset())
    with pytest.raises(Withdrawn):
        await ben.stat(path)
    assert len(asked) == 1


async def test_whoever_goes_while_a_share_is_made_again_leaves_it_made(
    ann: MeshClient, ben: MeshClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser is closed between the end of the old share and the new one."""
    (share,) = [each for each in await ann.federated_shares() if each.name == path.split("/")[1]]
    removed, going = asyncio.Event(), asyncio.Event()

    async def ignored(*_: Any) -> tuple[Any, bool]:
        return share, False

    unshare = ann._unshare

    async def slowly(id: str, doing: str) -> None:
        await unshare(id, doing)
        removed.set()
        await going.wait()

    with monkeypatch.context() as patch:
        patch.setattr(ann, "_look_again", ignored)
        patch.setattr(ann, "_unshare", slowly)
        changing = asyncio.create_task(ann.update_federated_share(share, role=Role.VIEWER))
        await removed.wait()
        changing.cancel()
        going.set()
        with pytest.raises(asyncio.CancelledError):
            await changing
    (now,) = [each for each in await ann.federated_shares() if each.name == share.name]
    assert (now.role, now.id != share.id) == (Role.VIEWER, True)
