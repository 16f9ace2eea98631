"""What could follow a half-typed path: for completion in a shell, so within a moment or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from jupyter_mesh.errors import MeshError
from jupyter_mesh.paths import AREAS, join

if TYPE_CHECKING:
    from jupyter_mesh.config import SiteSettings

__all__ = ["candidates"]

DEADLINE = 2.0
"""Seconds that a site has: after that there is nothing to offer."""

FRESH = 20.0
"""Seconds for which a listing is believed."""

KEPT = 100
"""Listings that are kept."""

SCHEME = "cs3://"


def candidates(typed: str, *, local: bool = False) -> list[CompletionItem]:
    """The folders and files whose address begins with ``typed``; folders end in a slash.

    Silent whatever happens: a site that is away, no login, half an address. With ``local`` the shell adds the
    files that are here.
    """
    found: list[str] = []
    with suppress(MeshError, OSError, TimeoutError):
        found = _offers(typed)
    items = [CompletionItem(text) for text in found]
    if local and not typed.startswith(SCHEME):
        items.append(CompletionItem(typed, type="file"))
    return items


def _offers(typed: str) -> list[str]:
    if SCHEME.startswith(typed) or (typed.startswith(SCHEME) and "/" not in typed[len(SCHEME) :]):
        sites = [f"{SCHEME}{name}/" for name in _sites()]
        areas = [f"{area}/" for area in AREAS]
        return [text for text in (*areas, *sites) if text.startswith(typed)]
    folder, slash, start = typed.rpartition("/")
    if not slash:
        return [f"{area}/" for area in AREAS if area.startswith(typed)]
    from jupyter_mesh.cli.addresses import Address
    from jupyter_mesh.sites import find_site

    address = Address.parse(folder)
    by_url = bool(address.site)
    names = _names(find_site(address.site), address.path)
    shown = [name for name in names if not name.startswith(".") or start.startswith(".")]
    if by_url:
        from urllib.parse import quote

        shown = [quote(name, safe="/$!") for name in shown]
    return [f"{folder}/{name}" for name in shown if name.startswith(start)]


def _sites() -> list[str]:
    from jupyter_mesh.sites import known_sites

    return [site.name for site in known_sites()]


def _names(settings: SiteSettings, path: str) -> list[str]:
    """The names in a folder, from the cache if it is fresh, else from the site."""
    place = _place(settings, path)
    with suppress(OSError, ValueError):
        if 0 <= time.time() - place.stat().st_mtime < FRESH:
            return [str(name) for name in json.loads(place.read_text())]
    names = asyncio.run(_ask(settings, path))
    with suppress(OSError):
        _keep(place, names)
    return names


async def _ask(settings: SiteSettings, path: str) -> list[str]:
    from jupyter_mesh.cs3 import connect

    async with asyncio.timeout(DEADLINE), connect(settings) as mesh:
        children = await mesh.children(path)
    # What cannot be typed or shown is not offered.
    return [child.name + "/" * child.is_directory for child in children if child.name.isprintable()]


def _place(settings: SiteSettings, path: str) -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "")
    folder = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    who = (settings.name, settings.gateway, str(settings.token_file), _stamp(settings), join(path))
    name = hashlib.sha256("\0".join(who).encode()).hexdigest()[:32]
    return folder / "jupyter-mesh" / "completion" / f"{name}.json"


def _stamp(settings: SiteSettings) -> str:
    """Another token may be another user's: the listing of one is not shown to the other."""
    return str(settings.token_file.stat().st_mtime_ns) if settings.token_file else ""


def _keep(place: Path, names: list[str]) -> None:
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = place.with_suffix(f".{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(names, file)
    temporary.replace(place)
    old = sorted(place.parent.iterdir(), key=lambda path: path.stat().st_mtime)[:-KEPT]
    for path in old:
        path.unlink(missing_ok=True)
