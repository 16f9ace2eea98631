"""The ports of the demo stay the same from start to start: the address of a node is its name in the mesh."""

from __future__ import annotations

import json
import random
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["remembered_ports"]

_RANGE = range(20000, 30000)
"""Below the ports that systems give to outgoing connections: one that is free now is free tomorrow."""


def remembered_ports(file: Path, names: Sequence[str]) -> tuple[dict[str, int], list[str]]:
    """A port for each name, as in ``file``, or new where there is none or it is taken now.

    Returns the ports, and the names whose port had to change. ``file`` holds what is returned.
    """
    try:
        known = json.loads(file.read_text())
    except (OSError, ValueError):
        known = {}
    ports: dict[str, int] = {}
    changed = []
    for name in names:
        port = known.get(name)
        if type(port) is int and _is_free(port) and port not in ports.values():
            ports[name] = port
            continue
        if name in known:
            changed.append(name)
        taken = {*ports.values(), *known.values()}
        ports[name] = next(
            one for one in random.sample(_RANGE, len(_RANGE)) if one not in taken and _is_free(one)
        )
    temporary = file.with_suffix(".part")
    temporary.write_text(json.dumps(ports, indent=1))
    temporary.replace(file)
    return ports, changed


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers bind: a connection of an earlier run that is still closing is no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True
