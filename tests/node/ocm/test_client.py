"""The way out: where it does not go, and what it does not wait for or swallow."""

import asyncio
import gzip
import socket

import pytest
from aiohttp import web

from jupyter_mesh.errors import DeadlineExceeded, MeshError, SiteError, Unavailable
from jupyter_mesh.node.ocm.client import Blocked, PeerClient
from jupyter_mesh.node.ocm.discovery import Discovery


@pytest.fixture
async def client():
    client = PeerClient(allow_loopback=True, seconds=2)
    yield client
    await client.close()


@pytest.mark.parametrize("allow_loopback", [False, True], ids=["public", "loopback allowed"])
@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "https://10.0.0.1/",
        "https://172.16.3.4/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://[fe80::1]/",
        "https://[fd00::1]/",
        "https://[::]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::1]/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "https://user:word@example.org/",
        "https://user@example.org/",
        "https://exa mple.org/",
        "https://[::10.0.0.1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:0:10.0.0.1]/",
        "https://[fe80::1%25eth0]/",
        "https://[ff02::1]/",
        "https://198.18.0.1/",
        "https://203.0.113.1/",
        "https://\uff11\uff10.0.0.1/",
        "https://10\u30020\u30020\u30021/",
        "https://example.org:99999/",
        "https://example.org:x/",
        "https://example.org:0/",
        "https://10.0.0.1:443#@example.org/",
        "https://10.0.0.1\\@example.org/",
        "https://10.0.0.1%2f@example.org/",
        "https://%31%30.0.0.1/",
        "https:10.0.0.1/",
        "https:///10.0.0.1/",
        "gopher://example.org/",
        "HTTP://example.org/",
        # Numbers that the resolver reads as addresses.
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://017700000001/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://167772161/",
        "https://10.1/",
        "https://0/",
        "//example.org",
        "",
    ],
)
async def test_addresses_that_are_nobody_elses_business(url, allow_loopback):
    client = PeerClient(allow_loopback=allow_loopback)
    with pytest.raises(Blocked) as caught:
        await client.get(url)
    assert str(caught.value) == "This address cannot be used as a site of the mesh."
    await client.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::1]/",
        "https://a.localhost/",
        "https://LocalHost/",
        "https://localhost./",
        "https://127.9.9.9:8443/",
    ],
)
async def test_this_machine_only_where_it_is_allowed(url):
    client = PeerClient()
    with pytest.raises(Blocked):
        await client.get(url)
    await client.close()
    PeerClient(allow_loopback=True).check(url)


@pytest.mark.parametrize("allow_loopback", [False, True], ids=["public", "loopback allowed"])
@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd12::1", "::ffff:127.0.0.1"]
)
async def test_a_name_that_turns_into_a_private_address_is_not_dialled(
    monkeypatch, address, allow_loopback
):
    # As with DNS rebinding: what the name meant a moment ago does not count.
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    end = (address, 443, 0, 0) if ":" in address else (address, 443)

    async def answer(*_args, **_options):
        public = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 443))
        return [public, (family, socket.SOCK_STREAM, 6, "", end)]

    dialled = []
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "getaddrinfo", answer)
    monkeypatch.setattr(loop, "sock_connect", lambda *args: dialled.append(args))
    client = PeerClient(allow_loopback=allow_loopback)
    with pytest.raises(Blocked):
        await client.get("https://rebound.example/")
    await client.close()
    assert not dialled


async def test_redirects_are_not_followed(client, peer):
    async def redirect(_):
        return web.Response(status=302, headers={"Location": f"http://{peer.domain}/inner"})

    peer.answers["/outer"] = redirect
    peer.answers["/inner"] = {"secret": True}
    with pytest.raises(SiteError, match="redirect"):
        await client.get(f"http://{peer.domain}/outer")
    assert [path for _, path, *_ in peer.seen] == ["/outer"]


async def test_a_long_answer_is_cut_off(client, peer):
    async def endless(request):
        reply = web.StreamResponse()
        await reply.prepare(request)
        sent = 0
        while sent < 10 << 20:
            await reply.write(b"x" * 65536)
            sent += 65536
        return reply

    peer.answers["/endless"] = endless
    with pytest.raises(SiteError, match="more than 64 KiB"):
        await client.get(f"http://{peer.domain}/endless")


async def test_a_bomb_of_zeros_is_cut_off(client, peer):
    bomb = gzip.compress(bytes(10 << 20))

    async def answer(_):
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    peer.answers["/bomb"] = answer
    with pytest.raises(SiteError, match="encoding"):
        await client.get(f"http://{peer.domain}/bomb")


async def test_a_slow_answer_is_not_waited_for(peer):
    async def trickle(request):
        reply = web.StreamResponse()
        await reply.prepare(request)
        for _ in range(200):
            await reply.write(b" ")
            await asyncio.sleep(0.05)
        return reply

    peer.answers["/slow"] = trickle
    client = PeerClient(allow_loopback=True, seconds=0.5)
    with pytest.raises(DeadlineExceeded):
        await client.get(f"http://{peer.domain}/slow")
    await client.close()


async def test_nobody_there(client):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(Unavailable, match="cannot be reached"):
            await client.get(f"http://localhost:{taken.getsockname()[1]}/")


async def test_no_proxy_and_no_password_of_the_environment(client, peer, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine localhost login x password y\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    peer.answers["/plain"] = {"ok": True}
    reply = await client.get(f"http://{peer.domain}/plain")
    assert reply.json() == {"ok": True}
    assert "Authorization" not in peer.seen[0][2]


OLD = {
    "enabled": True,
    "apiVersion": "1.1",
    "capabilities": ["/invite-accepted", "/mfa-capable"],
    "criteria": ["http-request-signatures", "invite"],
    "resourceTypes": [
        {"name": "file", "protocols": {"webdav": "dav/ocm", "webapp": "x", "datatx": "y"}}
    ],
}


async def test_old_spellings_are_read_as_what_they_mean(client, peer):
    peer.document = OLD | {"endPoint": f"http://{peer.domain}/ocm/"}
    info = await Discovery(client).of(peer.domain)
    assert info.capabilities == {"invites", "enforce-mfa"}
    assert info.criteria == {"must-use-http-sig", "must-invite"}
    assert info.end_point == f"http://{peer.domain}/ocm"
    assert info.webdav_root == "/dav/ocm/"
    assert info.resolve("7") == f"http://{peer.domain}/dav/ocm/7"
    assert info.resolve("/dav/7") == f"http://{peer.domain}/dav/7"
    assert info.resolve(f"https://{peer.domain}/dav/7") == f"http://{peer.domain}/dav/7"


@pytest.mark.parametrize(
    "uri",
    ["https://evil.example/dav/7", "http://127.0.0.1:1/x", "http://u:p@{domain}/x", "http://"],
)
async def test_a_share_lies_at_the_site_that_gives_it(client, peer, uri):
    info = await Discovery(client).of(peer.domain)
    with pytest.raises(SiteError):
        info.resolve(uri.format(domain=peer.domain))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"enabled": False}, id="not enabled"),
        pytest.param({"endPoint": "https://evil.example/ocm"}, id="end point elsewhere"),
        pytest.param({"endPoint": "http://169.254.169.254/"}, id="end point private"),
        pytest.param({"endPoint": 7}, id="end point a number"),
        pytest.param({"endPoint": None}, id="no end point"),
    ],
)
async def test_documents_that_cannot_be_used(client, peer, changes):
    peer.describe(**changes)
    with pytest.raises(SiteError):
        await Discovery(client).of(peer.domain)


@pytest.mark.parametrize(
    "changes",
    [
        {"inviteAcceptDialog": "https://evil.example/accept"},
        {"inviteAcceptDialog": "//evil.example/accept"},
        {"inviteAcceptDialog": "javascript:alert(1)"},
        {"inviteAcceptDialog": ["x"]},
        {"tokenEndPoint": "https://evil.example/token", "inviteAcceptDialog": ""},
    ],
)
async def test_pages_of_others_are_left_out(client, peer, changes):
    peer.describe(**changes)
    info = await Discovery(client).of(peer.domain)
    assert (info.invite_dialog, info.token_end_point) == ("", "")


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"[]", b"\xff", b"[" * 60_000, b'{"a":' * 50 + b"1" + b"}" * 50, b"NaN", b""],
)
async def test_rubbish_is_no_discovery(client, peer, body):
    async def rubbish(_):
        return web.Response(body=body)

    peer.document = None
    peer.answers["/ocm-provider"] = peer.answers["/rubbish"] = rubbish
    reply = await client.get(f"http://{peer.domain}/rubbish")
    assert reply.json() == {}
    with pytest.raises(MeshError):
        await Discovery(client).of(peer.domain)
