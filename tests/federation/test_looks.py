"""Looking at shares of other sites in the background, and at the clock."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from jupyter_mesh.auth import FileToken
from jupyter_mesh.config import SiteSettings
from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.cs3.grants import NOWHERE
from jupyter_mesh.cs3.remote import RemoteShares
from jupyter_mesh.models import Grantee, GranteeKind, Role, Share


async def test_what_ended_while_somebody_looked_stays_ended():
    class Gateway:
        async def call(self, *_args, **_kwargs):
            # Meanwhile a reader is told that it has ended; this answer was on its way before.
            remote.endings._looked["7"] = (time.monotonic(), False)

    remote = RemoteShares(Gateway(), pages=None)
    remote._mount = "/ocm"
    await remote.endings.look_at([SimpleNamespace(id=SimpleNamespace(opaque_id="7"))])
    assert remote.endings.is_withdrawn("7")


@pytest.mark.parametrize(
    ("ago", "ended"), [(1, []), (200, []), (600, ["7"])], ids=["just now", "by our clock", "long"]
)
async def test_a_share_is_not_ended_by_a_clock_that_is_a_little_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ago: float, ended: list[str]
) -> None:
    """It is left out at its time, and what is ended cannot be taken back."""
    who = Grantee(kind=GranteeKind.CONTACT, id="noether", idp="coast.example")
    share = Share(
        id="7",
        resource=NOWHERE,
        grantee=who,
        role=Role.VIEWER,
        owner=who,
        creator=who,
        expires=datetime.now(UTC) - timedelta(seconds=ago),
    )
    removed = []

    async def given(*_: object) -> list[Share]:
        return [share]

    async def unshare(id: str, doing: str) -> None:
        removed.append(id)

    settings = SiteSettings(name="alpine", gateway="127.0.0.1:1")
    async with MeshClient(settings, FileToken(tmp_path / "token")) as client:
        monkeypatch.setattr(client, "_given", given)
        monkeypatch.setattr(client, "_unshare", unshare)
        assert await client.federated_shares() == []
    assert removed == ended
