"""The site: does its gateway answer the hub, and do the clocks agree."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from jupyter_mesh.cli import checks
from jupyter_mesh.cli.checks import CLOCK_TOLERANCE, Finding
from jupyter_mesh.config import SiteSettings
from jupyter_mesh.errors import MeshError

if TYPE_CHECKING:
    from jupyter_mesh_spawner.doctor.settings import HubSettings

__all__ = ["site"]

DEADLINE = 10.0


async def site(settings: HubSettings) -> list[Finding]:
    """The gateway as the hub reaches it, and the clock by what answers without a login, or by one that is here."""
    authenticator: Any = settings.authenticator
    name, gateway = (
        getattr(authenticator, "mesh_site", ""),
        getattr(authenticator, "mesh_gateway", ""),
    )
    if not gateway:
        # Told already: this login is not one of ours.
        return []
    ca_file = getattr(authenticator, "mesh_ca_file", "")
    try:
        at = SiteSettings(name=name, gateway=gateway, ca_file=Path(ca_file) if ca_file else None)
    except MeshError as error:
        return [Finding("gateway", False, str(error))]
    return [await checks.reachable(at), await _clock(authenticator, at)]


async def _clock(authenticator: Any, at: SiteSettings) -> Finding:
    """Compared with the provider of logins, else with the site where somebody is signed in here."""
    for trait in ("token_url", "authorize_url"):
        if (url := getattr(authenticator, trait, "")).startswith("http"):
            return await _clock_of(url)
    signed_in = {each.check: each for each in await checks.site({"MESH_GATEWAY": at.gateway})}
    return signed_in.get("clock") or Finding(
        "clock",
        None,
        "Not compared with the site: that takes a login. Sign in as yourself and look again: "
        f"jupyter mesh login --gateway {at.gateway} --username NAME --token-file F; "
        "MESH_TOKEN_FILE=F jupyter mesh doctor --hub FILE",
    )


async def _clock_of(url: str) -> Finding:
    host = url.split("/")[2]
    before = time.time()
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=DEADLINE)) as session,
            session.head(url) as reply,
        ):
            told = parsedate_to_datetime(reply.headers["Date"]).timestamp()
    except (aiohttp.ClientError, TimeoutError, KeyError, ValueError) as error:
        text = (
            f"{host} does not tell its time ({type(error).__name__}): is it reachable from the hub?"
        )
        return Finding("clock", False, text)
    # It tells whole seconds.
    off = max(before - told - 1, told - time.time())
    if off > CLOCK_TOLERANCE:
        way = "ahead of" if before > told else "behind"
        text = f"This machine is {off:.0f} s {way} {host}: logins will fail. Set the clock."
        return Finding("clock", False, text)
    return Finding("clock", True, f"this machine and {host} agree")
