"""Copies within the mesh: on one site, and from one site to another through this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_mesh.cli.bars import Bars
from jupyter_mesh.cli.terminal import shown
from jupyter_mesh.errors import AlreadyExists, IsADirectory, NotFound
from jupyter_mesh.models import TransferKind
from jupyter_mesh.paths import name_of, to_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_mesh.cli.addresses import Found
    from jupyter_mesh.cli.carrying import Carrier
    from jupyter_mesh.cs3 import MeshClient
    from jupyter_mesh.models import Resource

__all__ = ["copy"]


async def copy(
    carrier: Carrier,
    one: Found,
    resource: Resource,
    mesh: MeshClient,
    path: str,
    *,
    force: bool,
) -> None:
    """Copy a file or folder to ``path`` at the site of ``mesh``; raises AlreadyExists if it is taken.

    With ``force`` a file replaces a file, whose content becomes a version. Both sites are asked before anything is
    done. Others see the copy in the list of transfers and can cancel it.
    """
    from jupyter_mesh.transfers.journal import Journal

    there = await _there(mesh, path)
    if there is not None and not force:
        raise AlreadyExists(
            f'There is already a "{path}" at {mesh.site}: choose another name, or add --force.'
        )
    if there is not None and (there.is_directory or resource.is_directory):
        raise IsADirectory(f"{path} at {mesh.site} is in the way: only a file can replace a file.")
    urls = to_url(one.mesh.site, one.path), to_url(mesh.site, path)
    action = "changed" if there else "folder" if resource.is_directory else "new"
    if carrier.dry_run:
        if not carrier.as_json:
            print(f"{action:<8} {shown(path)}")
    else:
        with Bars(name_of(path)) as bars:

            async def work(progress: Callable[[int, int | None], None]) -> None:
                def tell(done: int, total: int | None) -> None:
                    progress(done, total)
                    bars.show(done, total)

                await _carry(one, resource, mesh, path, there, tell)

            await Journal().run(
                TransferKind.COPY,
                path,
                work,
                site=mesh.site,
                source=one.path if one.mesh is mesh else urls[0],
                program="jupyter mesh cp",
                resume=_again(one, mesh, path) if there is None else {},
            )
    carrier.note(action, *urls, resource.size)


def _again(one: Found, mesh: MeshClient, path: str) -> dict[str, Any]:
    """What a retry needs: the copies of one site are jobs that any program can do."""
    from jupyter_mesh.transfers.plans import Job, Verb

    if one.mesh is not mesh:
        return {}
    return Job(verb=Verb.COPY, source=one.path, target=path).as_json()


async def _there(mesh: MeshClient, path: str) -> Resource | None:
    try:
        return await mesh.stat(path)
    except NotFound:
        return None


async def _carry(
    one: Found,
    resource: Resource,
    mesh: MeshClient,
    path: str,
    there: Resource | None,
    tell: Callable[[int, int | None], None],
) -> None:
    if there is not None:
        async with one.mesh.store().read(one.path) as opened:
            await mesh.upload(
                path,
                opened.body,
                if_match=there.etag,
                progress=lambda done: tell(done, resource.size),
            )
    elif one.mesh is mesh:
        await mesh.copy(one.path, path, progress=tell)
    else:
        from jupyter_mesh.cs3.trees import copy_tree

        await copy_tree(one.mesh.store(), one.path, mesh.store(), path, progress=tell)
