"""An adapter before a site, and what speaks to it as rclone does."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha1
from io import BytesIO
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

import aiohttp

from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.mount.adapter import Adapter

PROPS = """<?xml version="1.0"?><d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop>
<d:displayname/><d:getlastmodified/><d:getcontentlength/><d:resourcetype/><d:getcontenttype/><oc:checksums/>
<oc:permissions/></d:prop></d:propfind>"""
QUOTA = """<?xml version="1.0"?><d:propfind xmlns:d="DAV:"><d:prop><d:quota-available-bytes/>
<d:quota-used-bytes/></d:prop></d:propfind>"""
D, OC = "{DAV:}", "{http://owncloud.org/ns}"


class Dav:
    """Requests as rclone 1.75 sends them (``facts/data.md`` §8.3)."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def ask(self, method: str, path: str, *, data=None, **headers: str) -> tuple[int, bytes]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(
            method, "http://mesh/" + quote(path), data=data, headers=sent
        ) as reply:
            return reply.status, await reply.read()

    async def put(self, path: str, content: bytes, mtime: int = 1_700_000_000) -> int:
        headers = {
            "OC_Checksum": f"SHA1:{sha1(content, usedforsecurity=False).hexdigest()}",
            "X_OC_Mtime": str(mtime),
        }
        return (await self.ask("PUT", path, data=BytesIO(content), **headers))[0]

    async def get(self, path: str, range_: str = "") -> bytes:
        status, body = await self.ask("GET", path, **({"Range": range_} if range_ else {}))
        assert status in (200, 206), (status, body)
        return body

    async def find(
        self, path: str, depth: str = "0", body: str = PROPS
    ) -> dict[str, ElementTree.Element]:
        """The responses of a PROPFIND by href; {} for 404."""
        status, text = await self.ask("PROPFIND", path, data=body, Depth=depth)
        if status == 404:
            return {}
        assert status == 207, (status, text)
        root = ElementTree.fromstring(text)  # noqa: S314 - our own answer
        return {each.findtext(D + "href"): each for each in root.iter(D + "response")}

    async def seen(self, path: str) -> tuple[int, str, str] | None:
        """Size, time and checksums of a file as rclone is told them; None if it is not there."""
        for each in (await self.find(path)).values():
            return (
                int(each.findtext(f".//{D}getcontentlength") or 0),
                each.findtext(f".//{D}getlastmodified") or "",
                each.findtext(f".//{OC}checksum") or "",
            )
        return None

    async def names(self, path: str) -> list[str]:
        """The hrefs of what a folder holds."""
        found = await self.find(path + "/" if path else "", depth="1")
        return sorted(found)[1:]

    async def delete(self, path: str) -> int:
        return (await self.ask("DELETE", path))[0]

    async def move(self, path: str, target: str, overwrite: str = "T") -> int:
        destination = "http://mesh/" + quote(target)
        return (await self.ask("MOVE", path, Destination=destination, Overwrite=overwrite))[0]


@asynccontextmanager
async def adapted(mesh: MeshClient, state: Path) -> AsyncIterator[tuple[Adapter, Dav]]:
    """An adapter on its socket, and a session to it."""
    adapter = Adapter(mesh, state)
    await adapter.start(state / "dav.sock")
    try:
        async with dav_at(state / "dav.sock") as dav:
            yield adapter, dav
    finally:
        await adapter.stop()


@asynccontextmanager
async def dav_at(socket: Path) -> AsyncIterator[Dav]:
    """A session to the adapter that listens at ``socket``."""
    connector = aiohttp.UnixConnector(str(socket))
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        yield Dav(session)


async def until(done: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Wait for something that happens by itself."""
    give_up = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < give_up, what
        await asyncio.sleep(0.02)
