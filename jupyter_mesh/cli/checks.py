"""What ``jupyter mesh doctor`` looks at. Every check returns what it found; none of them raises."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_mesh.errors import MeshError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_mesh.config import SiteSettings
    from jupyter_mesh.cs3 import MeshClient

__all__ = ["CLOCK_TOLERANCE", "Finding", "hub", "installation", "node_data", "reachable", "site"]

LAB_EXTENSION = "@jupyter-mesh/labextension"
TOKEN_SCOPE = "custom:mesh:token"  # noqa: S105  the name of a scope
CLOCK_TOLERANCE = 30.0
"""Seconds: sites refuse tokens that come from the future."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. ``ok`` is None when there was nothing to check."""

    check: str
    ok: bool | None
    text: str


def installation() -> list[Finding]:
    """Versions, server extension and lab extension of this Python environment. Blocks for about a second."""
    found = [_versions()]
    if not _version("jupyter-server"):
        nothing = "Not a Jupyter server: jupyter-mesh is here without its lab extra."
        return [*found, Finding("server extension", None, nothing)]
    return [*found, _server_extension(), _lab_extension()]


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _versions() -> Finding:
    if not _version("packaging"):
        return Finding(
            "versions",
            None,
            f"jupyter-mesh {_version('jupyter-mesh')}; not compared: packaging is missing",
        )
    from packaging.requirements import Requirement

    wrong, right = [], [f"jupyter-mesh {_version('jupyter-mesh')}"]
    for text in metadata.requires("jupyter-mesh") or []:
        requirement = Requirement(text)
        version = _version(requirement.name)
        if not version:
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                wrong.append(f"{requirement.name} is missing")
        elif not requirement.specifier.contains(version, prereleases=True):
            wrong.append(
                f"{requirement.name} {version} does not fit ({requirement.specifier} is needed)"
            )
        elif requirement.name in ("cs3apis", "grpcio", "jupyter-server", "jupyterlab"):
            right.append(f"{requirement.name} {version}")
    if wrong:
        return Finding("versions", False, f"{'; '.join(wrong)}. Install jupyter-mesh[lab] again.")
    return Finding("versions", True, ", ".join(right))


def _server_extension() -> Finding:
    from jupyter_core.paths import jupyter_config_path
    from jupyter_server.extension.config import ExtensionConfigManager

    manager = ExtensionConfigManager(read_config_path=jupyter_config_path())
    enabled: dict[str, bool] = manager.get_jpserver_extensions()  # type: ignore[no-untyped-call]  # no types there
    if not enabled.get("jupyter_mesh"):
        return Finding(
            "server extension",
            False,
            "It is not enabled. Run: jupyter server extension enable jupyter_mesh",
        )
    return Finding("server extension", True, "enabled")


def _lab_extension() -> Finding:
    from jupyter_core.paths import jupyter_path

    places = [Path(folder, LAB_EXTENSION) for folder in jupyter_path("labextensions")]
    place = next((place for place in places if (place / "package.json").exists()), None)
    if place is None:
        return Finding(
            "lab extension",
            False,
            "It is not built or not installed. In a checkout run: make demo, elsewhere: "
            "pip install --force-reinstall --no-deps jupyter-mesh",
        )
    if not _version("jupyterlab"):
        return Finding("lab extension", False, "JupyterLab is missing. Install jupyter-mesh[lab].")
    from jupyterlab.commands import get_app_info  # type: ignore[import-untyped]  # no types there

    if LAB_EXTENSION in get_app_info()["disabled"]:
        command = f"jupyter labextension enable {LAB_EXTENSION}"
        return Finding("lab extension", False, f"It is installed and disabled. Run: {command}")
    return Finding("lab extension", True, f"enabled, in {place}")


async def site(given: Mapping[str, str]) -> list[Finding]:
    """Login, gateway, data gateway and clock of the site in the environment, or in ``given``."""
    from jupyter_mesh.config import SiteSettings
    from jupyter_mesh.sites import find_site

    environment = {**os.environ, **given}
    named = any(environment.get(name) for name in ("MESH_GATEWAY", "MESH_TOKEN_FILE"))
    environment.setdefault("MESH_SITE", environment.get("MESH_GATEWAY", ""))
    try:
        settings = (
            SiteSettings.from_environment(environment)
            if named
            else find_site(given.get("MESH_SITE", ""))
        )
    except MeshError as error:
        return [Finding("site", False, str(error))]
    found = [await asyncio.to_thread(_token_file, settings), await reachable(settings)]
    if not all(finding.ok for finding in found):
        return found
    return [*found, *await _signed_in(settings)]


def _token_file(settings: SiteSettings) -> Finding:
    from jupyter_mesh.auth import expiry_of
    from jupyter_mesh.sites import is_kept, login_ends

    path = settings.token_file
    assert path is not None  # noqa: S101  every way to settings refuses to go without
    again = f"jupyter mesh login --gateway {settings.gateway} --username NAME --token-file {path}"
    if is_kept(settings):
        signed_in, until = login_ends(settings)
        ends = f" until {until.astimezone():%Y-%m-%d %H:%M}" if until else ""
        if signed_in:
            return Finding("token file", True, f"signed in to {settings.name}{ends}")
        again = f"jupyter mesh login {settings.name}"
        if not path.exists():
            text = f"You are not signed in to {settings.name}. Run: {again}"
            return Finding("token file", False, text)
    try:
        mode = path.stat().st_mode
        token = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        return Finding(
            "token file",
            False,
            f"{path} cannot be read ({getattr(error, 'strerror', None) or error}). Run: {again}",
        )
    if mode & 0o077:
        return Finding("token file", False, f"{path} can be read by others. Run: chmod 600 {path}")
    expires = expiry_of(token)
    if expires is None:
        return Finding(
            "token file", True, f"{path}, mode 0600; the token does not tell when it ends"
        )
    left = expires - datetime.now(UTC)
    if left.total_seconds() <= 0:
        return Finding(
            "token file",
            False,
            f"The token ended at {expires.astimezone():%Y-%m-%d %H:%M}. Run: {again}",
        )
    return Finding(
        "token file",
        True,
        f"{path}, mode 0600; the token ends at {expires.astimezone():%Y-%m-%d %H:%M}",
    )


async def reachable(settings: SiteSettings) -> Finding:
    """Whether anything answers at the gateway."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(10):
            _, writer = await asyncio.open_connection(settings.host.strip("[]"), settings.port)
    except (OSError, TimeoutError) as error:
        text = f"Nothing answers at {settings.target} ({str(error) or 'no answer in 10 s'}). Is the address right, does the site run?"
        return Finding("gateway", False, text)
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return Finding(
        "gateway",
        True,
        f"{settings.target} answers after {1000 * (time.monotonic() - began):.0f} ms",
    )


async def _signed_in(settings: SiteSettings) -> list[Finding]:
    from jupyter_mesh.cs3 import MeshClient, token_source

    async with MeshClient(settings, token_source(settings)) as mesh:
        try:
            user = await mesh.whoami()
        except MeshError as error:
            return [Finding("login", False, str(error))]
        who = Finding("login", True, f"{user.display_name} ({user.username}) at {settings.name}")
        try:
            return [who, *await _data(mesh)]
        except MeshError as error:
            return [who, Finding("data gateway", False, str(error))]


async def _data(mesh: MeshClient) -> list[Finding]:
    """Upload a small file, read it back and remove it for good; its time of change tells the site's clock."""
    path, content = f"home/.jupyter-mesh-doctor-{secrets.token_hex(4)}", secrets.token_bytes(4096)
    began = time.monotonic()
    before = datetime.now(UTC)
    try:
        put = await mesh.upload(path, content, if_absent=True)
        got = await mesh.read(path)
    finally:
        await _remove(mesh, path)
    took = 1000 * (time.monotonic() - began)
    if got != content:
        return [
            Finding(
                "data gateway",
                False,
                "What was read differs from what was written. Tell those who run the site.",
            )
        ]
    # Sites keep whole seconds at worst; the upload itself lies between the two readings of our clock.
    ahead = (before - put.modified).total_seconds() - 1
    behind = (put.modified - datetime.now(UTC)).total_seconds()
    off = max(ahead, behind)
    if off > CLOCK_TOLERANCE:
        way = "ahead of" if ahead > behind else "behind"
        clock = Finding(
            "clock",
            False,
            f"This machine is {off:.0f} s {way} the site: logins will fail. Set the clock.",
        )
    else:
        clock = Finding("clock", True, "this machine and the site agree")
    return [
        Finding(
            "data gateway", True, f"a file of 4 kB was written, read and removed in {took:.0f} ms"
        ),
        clock,
    ]


async def _remove(mesh: MeshClient, path: str) -> None:
    # A finding that matters more is on its way; a left file has a name that says where it comes from.
    with suppress(MeshError):
        await mesh.delete(path)
        for item in await mesh.bin("home"):
            if item.path == path:
                await mesh.purge_from_bin(item)


async def hub() -> list[Finding]:
    """Whether the hub that started this server lets it renew its token."""
    url, token = os.environ.get("JUPYTERHUB_API_URL"), os.environ.get("JUPYTERHUB_API_TOKEN")
    if not url or not token:
        text = "not started by a hub"
        if os.environ.get("MESH_TOKEN_FILE"):
            text += ": nobody renews the token here. Sign in again when it ends: jupyter mesh login"
        return [Finding("hub", None, text)]
    import aiohttp

    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
            session.get(f"{url}/user", headers={"Authorization": f"token {token}"}) as reply,
        ):
            if reply.status != 200:
                text = f"The hub does not accept this server any more (HTTP {reply.status}). Stop and start the server."
                return [Finding("hub", False, text)]
            scopes: list[str] = (await reply.json()).get("scopes", [])
    except (aiohttp.ClientError, TimeoutError) as error:
        return [
            Finding(
                "hub",
                False,
                f"The hub does not answer at {url} ({type(error).__name__}). Ask those who run it.",
            )
        ]
    if not any(scope.split("!")[0] == TOKEN_SCOPE for scope in scopes):
        text = f"This server may not renew its token: the hub's configuration must call apply_defaults(c) (scope {TOKEN_SCOPE})."
        return [Finding("hub", False, text)]
    return [Finding("hub", True, "answers, and this server may renew its token")]


def node_data(folder: Path) -> list[Finding]:
    """Whether files and index of a node agree. Reads all of the index and looks at every file once."""
    from jupyter_mesh.node import check

    try:
        problems = check(folder)
    except MeshError as error:
        return [Finding("node", False, str(error))]
    if not problems:
        return [Finding("node", True, f"files and index in {folder} agree")]
    return [Finding("node", False, problem) for problem in problems]
