"""People who work over REST and remember what was acknowledged: ``soak.py``."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import time
import urllib.parse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from benchmarks import documents

if TYPE_CHECKING:
    from collections import Counter

    from benchmarks import servers

PIECE = 200_000
MOST_FILES = 20
BACK_WITHIN = 120.0
"""Seconds within which a site that was started again must be reached through the server."""

AWAY = (404, 409, 412, 423, 500, 502, 503, 504)
"""Statuses that a site that is killed under a request may lead to; anything else is a mistake."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds: made from its mark, so that it need not be kept."""

    mark: str
    kind: str

    def raw(self) -> bytes:
        """The bytes of a text or an upload."""
        size = 3 * PIECE if self.kind == "bin" else 3000
        chance = random.Random(self.mark)  # noqa: S311 - content, not secrecy
        return f"{self.mark}\n".encode() + base64.b64encode(chance.randbytes(size))

    def matches(self, data: bytes) -> bool:
        """True if ``data`` is this. Jupyter writes notebooks in its own way: there the mark counts."""
        if self.kind == "ipynb":
            return self.mark in "".join(json.loads(data)["cells"][0]["source"])
        return data == self.raw()


class Refused(Exception):
    """The server has answered with an error, or not at all: whether it was done is not known."""


@dataclass(slots=True)
class Person:
    """Works in a folder of their own and remembers what was acknowledged."""

    number: int
    server: servers.Jupyter
    counts: Counter[str]
    problems: list[str]
    files: dict[str, Content] = field(default_factory=dict)
    made: int = 0

    @property
    def folder(self) -> str:
        """Their own."""
        return f"person-{self.number}"

    async def work(self, until: float) -> None:
        """One thing after another."""
        chance = random.Random(self.number)  # noqa: S311 - what comes next, not secrecy
        await self._patiently("PUT", self.folder, {"type": "directory"})
        while time.monotonic() < until:
            verbs = [self._create, self._upload, self._list]
            if self.files:
                verbs += [self._open, self._save, self._save, self._rename]
            if len(self.files) > MOST_FILES:
                verbs = [self._delete]
            verb = chance.choice(verbs)
            name = chance.choice(list(self.files)) if self.files else ""
            began = time.monotonic()
            try:
                await verb(name)
                self.counts[f"{verb.__name__[1:]}: done"] += 1
            except Refused:
                self.counts[f"{verb.__name__[1:]}: refused"] += 1
                await asyncio.sleep(0.2)
            self.counts["longest answer (s)"] = max(
                self.counts["longest answer (s)"], round(time.monotonic() - began)
            )
            await asyncio.sleep(0.02)

    async def check(self) -> None:
        """Read everything through the server and compare."""
        for name, content in self.files.items():
            found = await self._read_patiently(name)
            if found is None or not content.matches(found):
                self._lost(f"{name} is not what was acknowledged at the end")
        listed = await self._patiently("GET", self.folder)
        names = {entry["name"] for entry in listed["content"]}
        if names != set(self.files):
            self._lost(f"{self.folder} lists {sorted(names ^ set(self.files))} wrongly")

    def _lost(self, what: str) -> None:
        self.problems.append(f"person {self.number}: {what}")

    def _new(self, kind: str) -> tuple[str, Content]:
        self.made += 1
        return f"{self.number}-{self.made}.{kind}", Content(f"{self.number}.{self.made}", kind)

    async def _create(self, _: str) -> None:
        name, content = self._new(random.choice(("txt", "ipynb")))  # noqa: S311
        await self._write(name, content)

    async def _save(self, name: str) -> None:
        kind = name.rpartition(".")[2]
        if kind != "bin":
            await self._ask("GET", f"{self.folder}/{name}?content=0&hash=1")
            await self._write(name, self._new(kind)[1])

    async def _write(self, name: str, content: Content) -> None:
        model: dict[str, Any] = {
            "type": "file",
            "format": "text",
            "content": content.raw().decode(),
        }
        if content.kind == "ipynb":
            notebook = documents.small_cells(3000)
            notebook["cells"][0]["source"] = content.mark
            model = {"type": "notebook", "format": "json", "content": notebook}
        await self._change(name, content, "PUT", f"{self.folder}/{name}", model)

    async def _upload(self, _: str) -> None:
        name, content = self._new("bin")
        data = content.raw()
        pieces = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
        for number, piece in enumerate(pieces, 1):
            model = json.loads(
                documents.chunk(
                    base64.b64encode(piece).decode(), -1 if number == len(pieces) else number
                )
            )
            if number == len(pieces):
                await self._change(name, content, "PUT", f"{self.folder}/{name}", model)
            else:
                await self._ask("PUT", f"{self.folder}/{name}", model)

    async def _change(
        self, name: str, content: Content, method: str, path: str, model: dict[str, Any]
    ) -> None:
        """A write. When it is refused, the old content or the new one must be there, and it is found out which."""
        before = self.files.get(name)
        try:
            await self._ask(method, path, model)
            self.files[name] = content
        except Refused:
            found = await self._read_patiently(name)
            if found is not None and content.matches(found):
                self.files[name] = content
            elif (found is None) != (before is None) or (
                before and not before.matches(found or b"")
            ):
                self._lost(f"{name} is neither old nor new after a refused save")
                self.files.pop(name, None)
            raise

    async def _open(self, name: str) -> None:
        found = await self._read(name)
        if found is None or not self.files[name].matches(found):
            self._lost(f"{name} is not what was acknowledged")
            self.files.pop(name)

    async def _list(self, _: str) -> None:
        model = await self._ask("GET", self.folder)
        names = {entry["name"] for entry in model["content"]}
        if names != set(self.files):
            self._lost(f"{self.folder} lists {sorted(names ^ set(self.files))} wrongly")

    async def _rename(self, name: str) -> None:
        target, _ = self._new(name.rpartition(".")[2])
        try:
            await self._ask(
                "PATCH", f"{self.folder}/{name}", {"path": f"home/{self.folder}/{target}"}
            )
            self.files[target] = self.files.pop(name)
        except Refused:
            old, new = await self._read_patiently(name), await self._read_patiently(target)
            content = self.files.pop(name)
            if (old is None) == (new is None) or not content.matches(old or new or b""):
                self._lost(f"{name} is not under one of its names after a refused rename")
            else:
                self.files[name if new is None else target] = content
            raise

    async def _delete(self, name: str) -> None:
        try:
            await self._ask("DELETE", f"{self.folder}/{name}")
            del self.files[name]
        except Refused:
            content = self.files.pop(name)
            found = await self._read_patiently(name)
            if found is not None:
                self.files[name] = content
            raise

    async def _read(self, name: str) -> bytes | None:
        """The bytes of a file; None if there is none."""
        path = f"{self.folder}/{name}?type=file&format=base64&content=1"
        try:
            model = await self._ask("GET", path)
        except Missing:
            return None
        return base64.b64decode(model["content"])

    async def _read_patiently(self, name: str) -> bytes | None:
        """As ``_read``, once the site is back."""
        give_up = time.monotonic() + BACK_WITHIN
        while True:
            try:
                return await self._read(name)
            except Refused:
                if time.monotonic() > give_up:
                    self._lost(f"the site is not reached again for {name}")
                    return None
                await asyncio.sleep(0.3)

    async def _patiently(self, *request: Any) -> Any:
        give_up = time.monotonic() + BACK_WITHIN
        while True:
            try:
                return await self._ask(*request)
            except Refused:
                if time.monotonic() > give_up:
                    raise
                await asyncio.sleep(0.3)

    async def _ask(self, method: str, path: str, model: dict[str, Any] | None = None) -> Any:
        path, _, query = path.partition("?")
        address = (
            f"{self.server.url}/api/contents/{self.server.top}{urllib.parse.quote(path)}?{query}"
        )
        try:
            async with self.server.session.request(method, address, json=model) as reply:
                body = await reply.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            self._lost(f"{method} {path}: the server itself did not answer: {error!r}")
            raise Refused from error
        if reply.status < 400:
            return json.loads(body) if body else {}
        self.counts[f"status {reply.status}"] += 1
        if reply.status == 404:
            raise Missing
        if reply.status not in AWAY:
            self._lost(f"{method} {path}: {reply.status} {body[:300]!r}")
        raise Refused


class Missing(Refused):
    """404."""
