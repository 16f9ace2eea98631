"""The audit log: who did what and when with the files of the mesh, as events of the hub.

They go where the operator sends the events of JupyterHub (``c.EventLogger.handlers``), as one JSON document a line,
under the schema ``https://schema.jupyter-mesh.org/hub/v1``. Without a handler nothing is recorded.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyterhub.user import User

__all__ = ["SCHEMA", "record"]

SCHEMA = "https://schema.jupyter-mesh.org/hub/v1"


def record(user: User, action: str, outcome: str = "done", **facts: str | float | None) -> None:
    """Write down what was done for ``user``. Facts that are None are left out; nothing happens without a log."""
    settings: Mapping[str, Any] = user.settings
    log = settings.get("eventlog")
    if log is None or not log.handlers:
        return
    if SCHEMA not in log.schemas:
        log.register_event_schema(Path(__file__).parent / "schemas" / "hub.yaml")
    said = {name: value for name, value in facts.items() if value is not None}
    log.emit(
        schema_id=SCHEMA, data={"action": action, "user": user.name, "outcome": outcome, **said}
    )
