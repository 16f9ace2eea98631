"""The audit log: who did what and when with the files of the mesh, as events of the hub.

They go where the operator sends the events of JupyterHub (``c.EventLogger.handlers``), as one JSON document a line,
under the schema ``https://schema.jupyter-mesh.org/hub/v1``. Without a handler nothing is recorded.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SCHEMA", "record"]

SCHEMA = "https://schema.jupyter-mesh.org/hub/v1"


def record(
    settings: Mapping[str, Any],
    user: str,
    action: str,
    outcome: str = "done",
    **facts: str | float | None,
) -> None:
    """Write down what was done for ``user``, with the settings of the hub's web application.

    Facts that are None are left out; nothing happens without a log.
    """
    log = settings.get("eventlog")
    if log is None or not log.handlers:
        return
    if SCHEMA not in log.schemas:
        log.register_event_schema(Path(__file__).parent / "schemas" / "hub.yaml")
    said = {name: value for name, value in facts.items() if value is not None}
    log.emit(schema_id=SCHEMA, data={"action": action, "user": user, "outcome": outcome, **said})
