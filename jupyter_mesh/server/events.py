"""Our own events on the event bus of the Jupyter server: one schema per file in ``schemas/``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_events import EventLogger

    from jupyter_mesh.contents.save_errors import SaveError, SaveErrors

__all__ = ["SHARING", "UNSAVED", "as_json", "know_sharing", "tell_save_errors"]

PREFIX = "https://schema.jupyter-mesh.org/"

UNSAVED = PREFIX + "unsaved/v1"
SHARING = PREFIX + "sharing/v1"


def as_json(error: SaveError) -> dict[str, Any]:
    """What a browser is told of a save that failed."""
    return {
        "path": error.path,
        "status": error.status,
        "message": error.message,
        "since": error.since.isoformat(),
    }


def know_sharing(logger: EventLogger) -> None:
    """Make the event of sharing known. Reads the schema's file."""
    logger.register_event_schema(Path(__file__).parent / "schemas" / "sharing.yaml")


def tell_save_errors(errors: SaveErrors, logger: EventLogger) -> None:
    """Emit an event whenever a document could not be saved, and when it could again. Reads the schema's file."""
    logger.register_event_schema(Path(__file__).parent / "schemas" / "unsaved.yaml")

    def tell(path: str, error: SaveError | None) -> None:
        data = {"path": path} if error is None else as_json(error)
        logger.emit(schema_id=UNSAVED, data={**data, "saved": error is None})

    errors.listen(tell)
