"""A manager of either kind, and a fresh folder for each test."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

import pytest
from jupyter_events import EventLogger
from jupyter_server import DEFAULT_EVENTS_SCHEMA_PATH
from traitlets.config import Config

from jupyter_mesh.contents import CompositeContentsManager, MeshContentsManager

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from jupyter_mesh.testing.contents.samples import Manager
    from jupyter_mesh.testing.site import RunningSite

__all__ = ["ContentsFixtures"]


def _event_logger() -> EventLogger:
    logger = EventLogger()
    logger.register_event_schema(DEFAULT_EVENTS_SCHEMA_PATH / "contents_service" / "v1.yaml")
    return logger


class ContentsFixtures:
    """Needs a fixture ``site`` that gives a RunningSite."""

    @pytest.fixture(params=["root", "composite"])
    async def contents(
        self, request: pytest.FixtureRequest, site: RunningSite, tmp_path: Path
    ) -> AsyncIterator[Manager]:
        """A manager of the first user."""
        config = Config()
        config.NotebookNotary.data_dir = str(tmp_path)
        config.NotebookNotary.db_file = ":memory:"
        # A server makes the event logger long before its loop runs: it reads a file.
        events = await asyncio.to_thread(_event_logger)
        manager: Manager
        if request.param == "root":
            manager = mesh = MeshContentsManager(
                config=config, event_logger=events, mesh_root="home"
            )
        else:
            manager = CompositeContentsManager(
                config=config, event_logger=events, root_dir=str(tmp_path)
            )
            mesh = manager.mesh
        mesh.upload_folder = str(tmp_path / "uploads")
        mesh.client = site.client()
        yield manager
        await manager.close()

    @pytest.fixture
    async def folder(self, contents: Manager) -> AsyncIterator[str]:
        """The API path of a fresh folder."""
        mesh = f"home/contents-{secrets.token_hex(6)}"
        await contents.client.mkdir(mesh)
        yield contents.api_path(mesh)
        await contents.client.delete(mesh)
