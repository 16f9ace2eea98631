"""The mount as the folder ``mesh`` beside the local files, where the hub has put it elsewhere: in containers it must."""

from __future__ import annotations

import logging
import os

from jupyter_mesh.paths import MOUNT

__all__ = ["link_mount"]

log = logging.getLogger(__name__)


def link_mount(root: str, mount: str) -> None:
    """Have ``mesh`` in the root folder of a server lead to its mount, unless something else has that name.

    A link that an earlier server left, and that leads to nothing here, is replaced. Never looks into the mount, which
    may hang or not be there yet, and never raises. Blocks on the disk.
    """
    link, mount = os.path.join(os.path.realpath(root), MOUNT), os.path.normpath(mount)
    if link == mount:
        return
    try:
        if os.path.islink(link):
            target = os.readlink(link)
            if target == mount:
                return
            if os.path.lexists(target):
                raise FileExistsError(0, f"it leads to {target}")
            os.unlink(link)
        os.symlink(mount, link, target_is_directory=True)
    except OSError as error:
        log.warning(
            "The files of the site are in %s, and not in %s too (%s)", mount, link, error.strerror
        )
