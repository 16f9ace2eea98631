"""MeshExtension: joins configuration, site and handlers. It holds no logic of its own."""

from __future__ import annotations

import asyncio
import gc
import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from jupyter_server.extension.application import ExtensionApp
from traitlets import Dict, Instance, List, TraitError, Unicode, default, validate

from jupyter_mesh import tracing
from jupyter_mesh.compare.process import Comparer
from jupyter_mesh.config import MeshSite
from jupyter_mesh.contents import CompositeContentsManager, MeshContentsManager
from jupyter_mesh.contents.rest import contents_handlers
from jupyter_mesh.cs3 import MeshClient
from jupyter_mesh.errors import InvalidRequest, MeshError
from jupyter_mesh.hub_token import HubToken
from jupyter_mesh.paths import AREAS, MOUNT, is_within, join
from jupyter_mesh.server.addresses import ADDRESSES
from jupyter_mesh.server.carrier import Carrier
from jupyter_mesh.server.collaboration import Collaboration
from jupyter_mesh.server.ending import end_workers_with_main
from jupyter_mesh.server.events import know_sharing, tell_save_errors
from jupyter_mesh.server.handlers.terminals import TerminalsHandler
from jupyter_mesh.server.kernels import start_kernels_in_folders
from jupyter_mesh.server.metrics import MeshMetrics
from jupyter_mesh.server.mounted import MountedFolders
from jupyter_mesh.server.mountlink import link_mount
from jupyter_mesh.server.runs import Runs
from jupyter_mesh.server.sharing import LiveSharing
from jupyter_mesh.server.site import SiteWatch
from jupyter_mesh.sharing.directory import Directory

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jupyter_mesh.models import Transfer

__all__ = ["MeshExtension"]

NO_FILES = (
    "This server shows no files of a site. Set ServerApp.contents_manager_class to "
    "jupyter_mesh.contents.CompositeContentsManager."
)


class MeshExtension(ExtensionApp):
    """The REST and the pages of jupyter-mesh in a Jupyter server.

    Without one of our contents managers it answers that no site is configured; it never keeps a server
    from starting. It stops what it started, and closes the client of the site.
    """

    name = "jupyter_mesh"

    site_title = Unicode(
        help=(
            "Name of the site as its people call it, shown in the Mesh panel. Left empty, "
            "MESH_SITE_TITLE is used, and without it the name of the site."
        )
    ).tag(config=True)

    directories = List(
        Dict(),
        help=(
            "Signed lists of institutions to choose from, beside the list of the site: for each the address "
            'and the file of the key that signs it, as in [{"url": "https://…", "key": "/etc/mesh/key.pem"}].'
        ),
    ).tag(config=True)

    watch = Instance(SiteWatch, args=(None,), help="How the site is.")
    collaboration: Collaboration | None = None
    comparer = Instance(Comparer, args=(), help="Compares versions of files.")
    mounted: MountedFolders | None = None
    """Where the mesh is on this machine; None without a mount."""
    _manager: MeshContentsManager | None = None
    _hub_token: HubToken | None = None
    _refresher: asyncio.Task[None] | None = None
    _carrier: Carrier | None = None
    _runs: Runs | None = None
    _metrics: MeshMetrics | None = None
    _live_sharing: LiveSharing | None = None
    _start: tracing.Span

    @default("site_title")
    def _default_site_title(self) -> str:
        return os.environ.get("MESH_SITE_TITLE", "")

    @validate("directories")
    def _check_directories(self, proposal: Any) -> Any:
        try:
            for facts in proposal.value:
                Directory.of(facts)
        except InvalidRequest as error:
            raise TraitError(f"MeshExtension.directories: {error}") from error
        return proposal.value

    def _link_jupyter_server_extension(self, serverapp: Any) -> None:
        """Called before the server makes its managers."""
        super()._link_jupyter_server_extension(serverapp)
        start_kernels_in_folders(serverapp)

    def initialize_settings(self) -> None:
        """Find the site and tell the page where the mesh lies, so that Lab need not ask before it draws."""
        end_workers_with_main()
        self._start = tracing.process_start("jupyter-mesh-server", "server start")
        self._hub_token = HubToken.from_environment()
        self._manager = self._find_manager()
        client, problem = self._find_client()
        if self._manager is not None:
            self.mounted = MountedFolders.from_environment(self._manager)
        self.watch = SiteWatch(client, problem=problem)
        if client is not None:
            self._metrics = MeshMetrics(client, self._spooled, self._carried)
        if self._manager is not None and self.serverapp is not None:
            tell_save_errors(self._manager.save_errors, self.settings["event_logger"])
            know_sharing(self.settings["event_logger"])
            if client is not None:
                self._live_sharing = LiveSharing(
                    self._manager,
                    self.settings["event_logger"],
                    directories=[Directory.of(facts) for facts in self.directories],
                )
            self.collaboration = Collaboration.find(self.serverapp)
        page = self.settings.setdefault("page_config_data", {})
        page["mesh"] = json.dumps({"root": self.root, "areas": self.areas})

    def initialize_handlers(self) -> None:
        """Add our addresses."""
        self.handlers.extend(ADDRESSES)
        if self._manager is not None:
            # What an extension adds is matched before what Jupyter has itself.
            self.handlers.extend(contents_handlers())
        if self.mounted is not None and self.serverapp and self.serverapp.terminals_enabled:
            self.handlers.append((r"/api/terminals", TerminalsHandler))

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        """Keep the token file fresh in a server that a hub of ours started."""
        # What the start has made stays for good. Python would look through all of it every few listings, and
        # stop the server for 130 ms (measured) each time.
        gc.collect()
        gc.freeze()
        self._start.end()
        for remark in os.environ.get("MESH_REMARKS", "").splitlines():
            # What the user wished for this start and did not get.
            self.log.warning("%s", remark)
        if self._hub_token is not None:
            self._refresher = asyncio.create_task(self._hub_token.run())
            if self.mounted is not None:
                await asyncio.to_thread(link_mount, serverapp.root_dir, self.mounted.mount)

    async def stop_extension(self) -> None:
        """Stop the tasks, then close the client."""
        if self._refresher is not None:
            self._refresher.cancel()
            with suppress(asyncio.CancelledError):
                await self._refresher
        if self._metrics is not None:
            self._metrics.close()
            self._metrics = None
        await self.watch.close()
        await self.comparer.close()
        if self._runs is not None:
            await self._runs.close()
        if self._carrier is not None:
            await self._carrier.close()
        if self._live_sharing is not None:
            await self._live_sharing.close()
        if self._manager is not None:
            await self._manager.close()

    # What the handlers work with

    @property
    def files(self) -> MeshContentsManager:
        """The contents manager of the mesh; raises InvalidRequest in a server without one."""
        if self._manager is None:
            raise InvalidRequest(NO_FILES)
        return self._manager

    @property
    def root(self) -> str:
        """API path of the folder that holds the mesh; "" if the mesh is the whole tree."""
        return MOUNT if self._manager is None else self._manager.prefix

    @property
    def areas(self) -> list[dict[str, str]]:
        """The areas that are shown, with the API path of each."""
        shown = "" if self._manager is None else self._manager.mesh_root
        return [
            {"name": area, "path": join(self.root, area.removeprefix(shown))}
            for area in AREAS
            if is_within(area, shown) or is_within(shown, area)
        ]

    @property
    def site(self) -> dict[str, str]:
        """Name, title and gateway of the site; empty texts without one."""
        client = self.watch.client
        name = client.site if client is not None else ""
        return {
            "name": name,
            "title": (self.site_title or name) if name else "",
            "gateway": client.gateway if client is not None else "",
        }

    @property
    def sign_in(self) -> str | None:
        """Where the user signs in again, an address on the hub; None without a hub."""
        base = os.environ.get("JUPYTERHUB_BASE_URL")
        if base is None:
            return None
        # A hub with a domain per user is on another host than this server.
        return f"{os.environ.get('JUPYTERHUB_HOST', '')}{base.rstrip('/')}/hub/logout"

    @property
    def carrier(self) -> Carrier:
        """What runs uploads and copies; raises InvalidRequest without a site."""
        if self._carrier is None:
            if self._manager is None:
                raise InvalidRequest(NO_FILES)
            whole = self._manager.parent
            contents = whole if isinstance(whole, CompositeContentsManager) else self._manager
            self._carrier = Carrier(contents, self._manager)
        return self._carrier

    @property
    def runs(self) -> Runs:
        """Notebooks that run in the background; raises InvalidRequest without a site."""
        if self._runs is None:
            self._runs = Runs(self.files)
        return self._runs

    @property
    def live_sharing(self) -> LiveSharing:
        """Sharing of this server; raises InvalidRequest without a site."""
        if self._live_sharing is None:
            raise self.watch.problem or InvalidRequest(NO_FILES)
        return self._live_sharing

    def seen(self) -> None:
        """A browser of the user is there."""
        if self._live_sharing is not None:
            self._live_sharing.seen()

    def _spooled(self) -> int:
        """Bytes of uploads on this server's disk."""
        manager = self._manager
        return manager.spools.size if manager and manager.trait_has_value("spools") else 0

    def _carried(self) -> Iterable[Transfer]:
        return () if self._carrier is None else self._carrier.transfers

    def _find_manager(self) -> MeshContentsManager | None:
        """Our contents manager, alone or inside a composite."""
        manager = self.serverapp.contents_manager if self.serverapp is not None else None
        if isinstance(manager, CompositeContentsManager):
            manager = manager.mesh
        return manager if isinstance(manager, MeshContentsManager) else None

    def _find_client(self) -> tuple[MeshClient | None, MeshError | None]:
        """The client of that manager, or why there is none.

        In a server that our hub started it asks the hub for a new token as soon as the site refuses one.
        """
        manager = self._manager
        if manager is None:
            return None, InvalidRequest(NO_FILES)
        try:
            if self._hub_token is not None:
                manager.client = MeshClient(MeshSite(parent=manager).settings(), self._hub_token)
            return manager.client, None
        except (MeshError, TraitError) as error:
            self.log.warning("No site: %s", error)
            return None, InvalidRequest(str(error))
