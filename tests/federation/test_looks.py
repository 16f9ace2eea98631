"""Looking at shares of other sites in the background."""

import time
from types import SimpleNamespace

from jupyter_mesh.cs3.remote import RemoteShares


async def test_what_ended_while_somebody_looked_stays_ended():
    class Gateway:
        async def call(self, *_args, **_kwargs):
            # Meanwhile a reader is told that it has ended; this answer was on its way before.
            remote._looked["7"] = (time.monotonic(), False)

    remote = RemoteShares(Gateway(), pages=None)
    remote._mount = "/ocm"
    await remote._look_at([SimpleNamespace(id=SimpleNamespace(opaque_id="7"))])
    assert remote.is_withdrawn("7")
