"""Shares that come and go with the health of a peer and with the trust in it."""

import pytest
from aiohttp import web

from jupyter_mesh.node.remote import lost
from tests.node.conftest import code
from tests.node.ocm.conftest import until
from tests.node.remote.peers import OPENCLOUD
from tests.node.remote.test_mounts import mountpoints


@pytest.mark.parametrize("status", [401, 404, 500])
async def test_a_share_comes_back_with_its_site(receiving, monkeypatch, status):
    peer, marie = await receiving(OPENCLOUD, files={"f": b"first"})
    monkeypatch.setattr(lost, "_PAUSE", 0.0)

    async def broken(request, path):
        return web.Response(status=status)

    peer.instead = broken
    assert code(await marie.stat("")) == "NOT_FOUND"
    assert await mountpoints(marie) == []
    assert code(await marie.stat("f")) == "NOT_FOUND"
    peer.instead = None

    async def opens():
        return code(await marie.stat("f")) == "OK"

    await until(opens)
    assert await mountpoints(marie) == [marie.share]
    assert await marie.get("f") == b"first"


async def test_a_lost_share_is_not_asked_for_all_the_time(receiving):
    peer, marie = await receiving(OPENCLOUD, files={"f": b"first"})
    peer.secret = "another"
    assert code(await marie.stat("f")) == "NOT_FOUND"
    count = len(peer.asked)
    for _ in range(5):
        assert code(await marie.stat("f")) == "NOT_FOUND"
    assert len(peer.asked) == count


async def test_nothing_goes_on_with_a_site_that_was_removed(pair):
    await pair.einstein.mkdir("given")
    assert await pair.einstein.put("given/f", b"first") == 200
    shared = await pair.share("given")
    assert await shared.get("f") == b"first"
    given, received = pair.giver.node._site, pair.receiver.node._site
    for inside, other in ((given, received), (received, given)):
        store, domain = inside.federation.store, other.federation.domain
        assert await inside.run(lambda: store.remove_peer(domain))  # noqa: B023  run at once
        assert code(await shared.stat("f")) == "NOT_FOUND"
        assert await shared.put("f", b"second") == "NOT_FOUND"
        assert await mountpoints(shared) == []
        await inside.run(lambda: store.add_peer(domain, domain))  # noqa: B023
        await received.run(lambda: received.federation.store.found(shared.share))
        assert await shared.get("f") == b"first"
