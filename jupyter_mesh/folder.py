"""The folder of a notebook, as the code in it sees it: ``jupyter_mesh.here()``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from jupyter_mesh.errors import NotFound
from jupyter_mesh.mount.folder import known_mounts
from jupyter_mesh.paths import from_url, join, parent_of, to_url

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Folder", "find_folder"]

WITHIN = 2.0
"""Seconds that a mounted folder may take to answer."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A place in the mesh: its address, and where it is on this machine.

    ``folder / "data.csv"`` is a file or folder in it, with names as they are: the address quotes them.
    """

    url: str
    """``cs3://site/home/…``, for everything that opens files by fsspec."""
    path: Path | None
    """The folder in the mount; None without a mount, or while it does not answer."""

    def __truediv__(self, name: str) -> Folder:
        site, path = from_url(self.url)
        return Folder(
            to_url(site, join(path, name)), self.path / name.strip("/") if self.path else None
        )


def find_folder(environ: Mapping[str, str] = os.environ) -> Folder:
    """The folder of the notebook that this kernel was started for, else the working directory in the mount.

    The server tells its kernels in MESH_FOLDER, where there is a mount also in JPY_SESSION_NAME. A notebook
    that is moved keeps what its kernel was started with. What the user has mounted is known by itself.
    Raises NotFound where nothing is known.
    """
    mount = environ.get("MESH_MOUNT", "")
    url = environ.get("MESH_FOLDER", "")
    if not url:
        site = environ.get("MESH_SITE", "")
        below = _below(mount, environ.get("JPY_SESSION_NAME", ""))
        below = parent_of(below) if below is not None else _below(mount, os.getcwd())
        if below is None or not site:
            mount, site, below = _own_mount(os.getcwd())
        url = to_url(site, below)
    path = Path(mount, from_url(url)[1]) if os.path.isabs(mount) else None
    return Folder(url, path if path is not None and _answers(path) else None)


def _own_mount(path: str) -> tuple[str, str, str]:
    """The mount of this user that ``path`` lies in, its site, and the mesh path; raises NotFound."""
    for _, facts in known_mounts():
        below = _below(str(facts.dir), path)
        if below is not None:
            return str(facts.dir), facts.site, below
    raise NotFound(
        "It is not known where in the mesh this runs. Kernels that Jupyter starts for a notebook of the "
        "mesh know it, and whatever runs in a mounted folder; in an editor, in nbconvert or in a script "
        "elsewhere, write the address: cs3://site/home/…"
    )


def _below(mount: str, path: str) -> str | None:
    """The mesh path of a path in the mount, None for one that is elsewhere. The disk is not asked."""
    if not os.path.isabs(mount) or not os.path.isabs(path):
        return None
    below = os.path.relpath(path, mount)
    if below == os.pardir or below.startswith(os.pardir + os.sep):
        return None
    return "" if below == os.curdir else below


def _answers(path: Path) -> bool:
    """True for a folder. A mount whose program hangs keeps whoever asks, so a thread does."""
    found: list[bool] = []
    thread = Thread(target=lambda: found.append(path.is_dir()), daemon=True, name="mesh-here")
    thread.start()
    thread.join(WITHIN)
    return found == [True]
