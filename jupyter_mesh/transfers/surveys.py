"""What lies in a folder and below it, here or in the mesh, as far as it can be moved."""

from __future__ import annotations

import asyncio
import os
import re
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jupyter_mesh.errors import MeshError, NotFound
from jupyter_mesh.paths import MAX_NAME_BYTES, join, parent_of
from jupyter_mesh.several import each
from jupyter_mesh.transfers.disk import local_error
from jupyter_mesh.transfers.fetching import identity_of

if TYPE_CHECKING:
    from pathlib import Path

    from jupyter_mesh.cs3 import MeshClient
    from jupyter_mesh.models import Checksum, Resource

__all__ = ["Item", "Skipped", "Survey", "is_below", "survey_local", "survey_mesh"]

AT_ONCE = 8

UNFINISHED = re.compile(r"\..*\.[0-9a-f]{12}\.part")
"""Names under which downloads grow."""


@dataclass(frozen=True, slots=True)
class Item:
    """A file or folder, as a comparison needs it."""

    is_directory: bool
    size: int = 0
    identity: str = ""
    """Of a file: different after a change of its content."""
    checksum: Checksum | None = None
    """Where it is known without reading the file."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that is not moved, and why, in a sentence that begins with its name."""

    name: str
    why: str


@dataclass(slots=True)
class Survey:
    """All that is at a place: by path below it, "" for itself; a folder comes before what is in it."""

    items: dict[str, Item] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    whole: bool = True
    """False if a folder could not be read: what is in it is unknown."""


async def survey_mesh(client: MeshClient, path: str) -> Survey:
    """What is at a path of the mesh; nothing, if nothing is there. One ListContainer for every folder."""
    survey = Survey()
    try:
        root = await client.stat(path)
    except NotFound:
        return survey
    survey.items[""] = _item_of(root)
    level = [""] if root.is_directory else []
    while level:
        below: list[str] = []

        async def look(folder: str, below: list[str] = below) -> None:
            try:
                children = await client.list_folder(join(path, folder))
            except MeshError as error:
                survey.whole = False
                survey.skipped.append(Skipped(folder, str(error)))
                return
            for child in children:
                name = join(folder, child.name)
                if (why := _unfit(child.name)) or name in survey.items:
                    why = why or "there are two of this name"
                    survey.skipped.append(Skipped(name, f"{name!r} was left out: {why}."))
                    continue
                survey.items[name] = _item_of(child)
                if child.is_directory:
                    below.append(name)

        await each(look, level, AT_ONCE)
        level = below
    return survey


def _item_of(found: Resource) -> Item:
    if found.is_directory:
        return Item(True)
    return Item(False, found.size, identity_of(found), found.checksum)


def _unfit(name: str) -> str:
    """Why a name that a site tells cannot be one here; "" if it can. No such name may lead elsewhere."""
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        return "that is no name for a file"
    if len(os.fsencode(name)) > MAX_NAME_BYTES:
        return f"a name here has at most {MAX_NAME_BYTES} bytes"
    return ""


async def survey_local(path: Path) -> Survey:
    """What is at a place of this machine; nothing, if nothing is there. Links are not followed, except the first."""
    return await asyncio.to_thread(_survey_local, path)


def _survey_local(path: Path) -> Survey:
    survey = Survey()
    try:
        status = path.stat()
    except FileNotFoundError:
        return survey
    except OSError as error:
        raise local_error(error, f"read {path}", path) from error
    if not stat.S_ISDIR(status.st_mode):
        survey.items[""] = _local_item(status)
        return survey
    survey.items[""] = Item(True)
    level = [""]
    while level:
        below = []
        for folder in level:
            try:
                with os.scandir(path / folder) as entries:
                    found = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                survey.whole = False
                where = path / folder
                survey.skipped.append(
                    Skipped(folder, str(local_error(error, f"read {where}", where)))
                )
                continue
            for entry in found:
                name = join(folder, entry.name)
                why = _left_out(entry)
                if not why and UNFINISHED.fullmatch(entry.name):
                    why = "its name is that of an unfinished download"
                if why:
                    survey.skipped.append(Skipped(name, f"{name!r} was left out: {why}."))
                elif entry.is_dir(follow_symlinks=False):
                    survey.items[name] = Item(True)
                    below.append(name)
                else:
                    survey.items[name] = _local_item(entry.stat(follow_symlinks=False))
        level = below
    return survey


def _left_out(entry: os.DirEntry[str]) -> str:
    """Why something of this machine cannot be in the mesh; "" if it can."""
    try:
        entry.name.encode()
    except UnicodeEncodeError:
        return "its name is not valid Unicode"
    try:
        if entry.is_symlink():
            return "it is a link, and the mesh has none"
        if not (entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)):
            return "it is no ordinary file"
        entry.stat(follow_symlinks=False)
    except OSError as error:
        return f"it cannot be read, {error.strerror}"
    return ""


def _local_item(status: os.stat_result) -> Item:
    return Item(False, status.st_size, f"{status.st_size}-{status.st_mtime_ns}")


def is_below(name: str, folders: set[str]) -> bool:
    """True if one of ``folders`` holds what has this name."""
    while name:
        name = parent_of(name)
        if name in folders:
            return True
    return False
