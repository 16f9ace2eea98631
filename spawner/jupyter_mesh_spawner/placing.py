"""Where and in what a server of a user starts: what the hub looks up with the user's own token, and decides."""

from __future__ import annotations

import asyncio
import copy
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyterhub.utils import recursive_update

from jupyter_mesh.auth import StaticToken
from jupyter_mesh.config import SiteSettings
from jupyter_mesh.cs3 import MeshClient
from jupyter_mesh.errors import DeadlineExceeded, NotSupported
from jupyter_mesh.paths import HOME, to_url
from jupyter_mesh.placement import MeshPlacement, Whereabouts, look

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from jupyterhub.spawner import Spawner

    from jupyter_mesh.placement import Placement
    from jupyter_mesh_spawner.mixin import MeshSpawnerMixin

__all__ = ["apply", "groups_of", "look_up", "mesh_of", "offers", "rules_of"]

WITHIN = 8.0
"""Seconds that a look at the site may take while somebody waits."""


def rules_of(spawner: Spawner) -> MeshPlacement:
    """The operator's placements and environments."""
    return MeshPlacement(parent=spawner)


def groups_of(spawner: Spawner) -> set[str]:
    """Names of the groups of the spawner's user."""
    return {group.name for group in spawner.user.groups}


@asynccontextmanager
async def mesh_of(spawner: MeshSpawnerMixin, within: float = WITHIN) -> AsyncIterator[MeshClient]:
    """The site, seen by the spawner's user and closed at the end.

    Raises LoginEnded and its kin where there is no token, DeadlineExceeded when all together takes too long.
    """
    authenticator = spawner.authenticator
    if not hasattr(authenticator, "mesh_credential"):
        raise NotSupported("This hub logs users in without their storage.")
    ca_file = getattr(authenticator, "mesh_ca_file", "")
    try:
        async with asyncio.timeout(within):
            credential = await authenticator.mesh_credential(spawner.user)
            settings = SiteSettings(
                name=spawner.mesh_site,
                gateway=authenticator.mesh_gateway,
                ca_file=Path(ca_file) if ca_file else None,
                timeout=within,
            )
            async with MeshClient(settings, StaticToken(credential.token)) as client:
                yield client
    except TimeoutError as error:
        raise DeadlineExceeded(
            f"{spawner.mesh_site} did not answer within {within:.0f} s."
        ) from error


async def look_up(spawner: MeshSpawnerMixin, url: str, within: float = WITHIN) -> Whereabouts:
    """Where a file or folder is kept; "" stands for the user's files. Raises what ``look`` raises."""
    async with mesh_of(spawner, within) as client:
        return await look(client, url or to_url(spawner.mesh_site, HOME))


def offers(spawner: MeshSpawnerMixin, where: Whereabouts | None) -> list[Placement]:
    """The placements for the spawner's user, the best first."""
    return rules_of(spawner).offers(where, spawner.mesh_site_title, groups_of(spawner))


def apply(spawner: Spawner, override: Mapping[str, Any]) -> None:
    """Set traits of this spawner alone: dictionaries are merged, functions are called with it.

    Raises AttributeError for a name that it has not.
    """
    for name, value in override.items():
        before = getattr(spawner, name)
        if callable(value):
            value = value(spawner)
        if isinstance(value, dict) and isinstance(before, dict):
            # The value of the configuration belongs to all spawners.
            merged = copy.deepcopy(before)
            recursive_update(merged, copy.deepcopy(value))
            value = merged
        setattr(spawner, name, value)
