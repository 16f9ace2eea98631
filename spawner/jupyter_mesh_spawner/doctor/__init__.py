"""What ``jupyter mesh doctor --hub`` looks at: the configuration of a hub, and what stands around it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from jupyter_mesh.cli.checks import Finding
from jupyter_mesh_spawner.doctor.cluster import cluster
from jupyter_mesh_spawner.doctor.hub import around_the_hub
from jupyter_mesh_spawner.doctor.servers import servers
from jupyter_mesh_spawner.doctor.settings import Broken, HubSettings
from jupyter_mesh_spawner.doctor.site import site

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["look"]


async def look(config: Path) -> list[Finding]:
    """Read a configuration file as the hub does, and check what it needs. Starts and changes nothing; never raises.

    Entry point ``hub`` of the group ``jupyter_mesh.doctor``: the command line knows this package by that alone.
    """
    try:
        settings = await asyncio.to_thread(HubSettings.read, config)
    except Broken as error:
        return [Finding("configuration", False, str(error))]
    return [
        *await asyncio.to_thread(around_the_hub, settings),
        *await servers(settings),
        *await cluster(settings),
        *await site(settings),
    ]
