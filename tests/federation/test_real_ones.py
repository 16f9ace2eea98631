"""What real sites do with shares of others, imitated."""

import asyncio
from pathlib import Path

import pytest

from jupyter_mesh.cs3.presence import answers
from jupyter_mesh.errors import InvalidRequest
from jupyter_mesh.models import Role, ShareState
from jupyter_mesh.testing import traps
from jupyter_mesh.testing.site import federated_nodes


async def test_the_folder_of_another_site_is_not_deleted_by_the_id_of_its_top(
    tmp_path: Path,
) -> None:
    trap = traps.HidesTops()
    async with (
        federated_nodes(tmp_path, interceptors=[trap]) as (alpine, coast),
        alpine.client() as ann,
        coast.client() as ben,
    ):
        await ann.mkdir("home/data/sub", parents=True)
        invitation = await ann.create_invitation()
        await ben.accept_invitation(invitation.token, await ben.site_of(alpine.domain))
        await ann.share_with_contact("home/data", (await ann.contacts())[0], Role.EDITOR)
        received = (await ben.received_federated_shares())[0]
        path = (await ben.answer_federated_share(received, ShareState.ACCEPTED)).path
        top = (await ben.stat(path)).id
        assert top is not None
        assert top.opaque == trap.TOP
        with pytest.raises(InvalidRequest):
            await ben.move(f".id/{top}", "home/mine")
        inside = (await ben.stat(f"{path}/sub")).id
        await ben.delete(f".id/{inside}")
        await ben.delete(f".id/{top}")
        assert trap.fell == []
        assert await ben.list_folder("shares") == []
        assert await ann.list_folder("home/data") == []


@pytest.mark.parametrize(
    ("said", "is_there"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", True, id="a document"),
        pytest.param(
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", True, id="nothing there"
        ),
        pytest.param(
            b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
            True,
            id="a wish for TLS",
        ),
        pytest.param(b"rubbish\r\n\r\n", True, id="rubbish"),
        pytest.param(
            b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", False, id="a gateway alone"
        ),
        pytest.param(b"", False, id="hangs up"),
    ],
)
async def test_another_site_is_there_whatever_it_says(said: bytes, is_there: bool) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(say, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert await answers(f"127.0.0.1:{port}") is is_there
    assert not await answers(f"127.0.0.1:{port}")
