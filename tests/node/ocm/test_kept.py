"""What the node keeps of its peers: through a kill, and without a restart."""

import os
import signal
from contextlib import AsyncExitStack

from cs3.ocm.provider.v1beta1 import provider_api_pb2 as providers

from jupyter_mesh.cli import main
from jupyter_mesh.node.index import Index
from jupyter_mesh.node.ocm.store import FederationStore
from jupyter_mesh.testing.site import start_node
from tests.node.ocm.conftest import code, person


async def test_an_invitation_outlives_kill_9(tmp_path):
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(start_node(tmp_path / "data"))
        token = await (await person(site, 0, stack)).invite()
        os.kill(site.process.pid, signal.SIGKILL)
        await site.process.wait()
    with Index(tmp_path / "data") as index:
        assert FederationStore(index).invite(token) is not None


async def test_peers_come_and_go_without_a_restart(node, einstein, capsys):
    async def allowed():
        request = providers.IsProviderAllowedRequest()
        request.provider.domain = "new.example"
        return code(await einstein.call("IsProviderAllowed", request))

    def peer(*words):
        ended = main(["node", "peer", *words, "--data", str(node.data)])
        return ended, capsys.readouterr().out

    assert await allowed() == "UNAUTHENTICATED"
    assert peer("add", "New.example=New Institute") == (0, "new.example is a peer.\n")
    assert await allowed() == "OK"
    assert peer("list") == (0, "new.example\tNew Institute\n")
    reply = await einstein.call(
        "GetInfoByDomain", providers.GetInfoByDomainRequest(domain="new.example")
    )
    assert reply.provider_info.full_name == "New Institute"
    assert peer("remove", "new.example") == (0, "new.example is no longer a peer.\n")
    assert peer("remove", "new.example")[0] == 1
    assert await allowed() == "UNAUTHENTICATED"
