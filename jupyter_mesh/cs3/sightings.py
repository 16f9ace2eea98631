"""Where things whose ids are known, and whose paths are not, were seen when folders were listed.

Real sites tell no names with their lists of shares. To ask for each of a thousand would take a thousand calls; what
somebody looks at is listed anyway.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from jupyter_mesh.cs3.wire import told_name
from jupyter_mesh.paths import join, parent_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from jupyter_mesh.models import ResourceId

__all__ = ["Sightings"]

FOLDERS = 4
"""Folders that are listed again when something new is looked for: those that somebody looks at."""


class _Key(NamedTuple):
    """Without the space, which Reva leaves out."""

    storage: str
    opaque: str


class Sightings:
    """Paths of what is looked for. Looks at no listing while nothing is."""

    def __init__(self) -> None:
        self.on_found: Callable[[str], None] | None = None
        """Called with the mesh path of a folder in which something was found that was not known before."""
        self._sought: frozenset[_Key] = frozenset()
        self._paths: dict[_Key, str] = {}
        self._folders: OrderedDict[str, None] = OrderedDict()

    @property
    def is_looking(self) -> bool:
        """True if something is looked for."""
        return bool(self._sought)

    def seek(self, resources: Iterable[ResourceId]) -> list[str]:
        """Look out for these and no others; the folders to list again, since nobody looked for them before."""
        sought = frozenset(_Key(each.storage, each.opaque) for each in resources if each.opaque)
        new, self._sought = sought - self._sought, sought
        self._paths = {key: path for key, path in self._paths.items() if key in sought}
        return list(self._folders) if new else []

    def path_of(self, resource: ResourceId) -> str:
        """The mesh path at which it was seen last; "" if it was not."""
        return self._paths.get(_Key(resource.storage, resource.opaque), "")

    def visit(self, folder: str) -> None:
        """This folder is listed."""
        self._folders[folder] = None
        self._folders.move_to_end(folder)
        while len(self._folders) > FOLDERS:
            self._folders.popitem(last=False)

    def look(self, folder: str, infos: Iterable[Any]) -> dict[_Key, str]:
        """What of it is in a listing; takes its time with a long one, and may run in a thread."""
        sought = self._sought
        return {
            key: join(folder, told_name(info))
            for info in infos
            if (key := _Key(info.id.storage_id, info.id.opaque_id)) in sought
        }

    def note(self, folder: str, found: dict[_Key, str]) -> None:
        """Remember what was found in a folder, and that all else is not there any more."""
        kept = {key: path for key, path in self._paths.items() if parent_of(path) != folder}
        is_new = any(self._paths.get(key) != path for key, path in found.items())
        self._paths = kept | found
        if is_new and self.on_found is not None:
            self.on_found(folder)
