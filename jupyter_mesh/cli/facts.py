"""Facts of the mesh as JSON: the keys that programs may rely on."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from jupyter_mesh.paths import to_url

if TYPE_CHECKING:
    from datetime import datetime

    from jupyter_mesh.models import Resource

__all__ = ["resource_facts", "time_fact"]


def time_fact(time: datetime) -> str:
    """A time as ISO 8601 in UTC, with all that the site told."""
    return time.isoformat()


def resource_facts(resource: Resource, site: str) -> dict[str, Any]:
    """All keys of a file or folder, whatever the site told of it."""
    checksum = resource.checksum
    lock = resource.lock
    return {
        "path": resource.path,
        "url": to_url(site, resource.path),
        "name": resource.name,
        "kind": str(resource.kind),
        "size": resource.size,
        "modified": time_fact(resource.modified),
        "etag": resource.etag,
        "id": str(resource.id) if resource.id else None,
        "mimetype": resource.mimetype or None,
        "checksum": f"{checksum.algorithm}:{checksum.value}" if checksum else None,
        "permissions": [name for name, given in asdict(resource.permissions).items() if given],
        "owner": resource.owner or None,
        "locked": lock is not None,
        "locked_by": (lock.holder or lock.user or None) if lock else None,
        "processing": resource.processing,
    }
