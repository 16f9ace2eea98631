"""Renames at peers, some of which cannot rename: there the old is copied, and removed when the copy is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_mesh.node.refusal import Reason, Refused

if TYPE_CHECKING:
    from jupyter_mesh.node.remote.files import Names, PeerFiles
    from jupyter_mesh.node.remote.multistatus import Found

__all__ = ["rename"]

_COPIED_AT_MOST = 100
"""Files and folders that are copied without asking anybody."""


async def rename(files: PeerFiles, source: Found, target: Names) -> None:
    """Give a file or folder a free name; raises Refused. Whatever goes wrong, nothing is lost."""
    if await files.move(source, target):
        return
    old, new = source.names[-1], target[-1]
    there, made = await files.there(source.names), await files.there(target)
    if there is None and made is not None and _alike(source, made):
        # It was renamed after all.
        return
    before = {} if there is None else await _tree(files, there)
    if there is None or made is not None or len(before) > _COPIED_AT_MOST:
        raise _broken(files, f'did not rename "{old}": copy it, then delete it')
    await files.copy(source, target)
    made, again = await files.there(target), await files.there(source.names)
    copy = {} if made is None else await _tree(files, made)
    whole = copy.keys() == before.keys() and all(
        _alike(one, copy[names]) for names, one in before.items()
    )
    if not whole or again is None or await _tree(files, again) != before:
        raise _broken(files, f'copied "{old}" to "{new}" in part: look at both')
    try:
        await files.delete(source.names)
    except Refused as refused:
        text = f'copied "{old}" to "{new}", but the old one is still there'
        raise _broken(files, text) from refused


async def _tree(files: PeerFiles, top: Found) -> dict[Names, Found]:
    """A file or folder and what is below it, by the names that lead there; no longer than it needs to be too long."""
    found: dict[Names, Found] = {(): top}
    folders = [top] if top.folder else []
    while folders and len(found) <= _COPIED_AT_MOST:
        for one in await files.listing(folders.pop().names):
            found[one.names[len(top.names) :]] = one
            if one.folder:
                folders.append(one)
    return found


def _alike(one: Found, other: Found) -> bool:
    return (one.folder, one.size) == (other.folder, other.size)


def _broken(files: PeerFiles, what: str) -> Refused:
    return Refused(Reason.BROKEN, f"{files.share.domain} {what}.")
