"""A space as it was listed, and a place below its root: values, without I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jupyter_mesh.cs3.wire import reference
from jupyter_mesh.paths import join, parent_of

if TYPE_CHECKING:
    from jupyter_mesh.models import ResourceId, Space

__all__ = ["Entry", "Place"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A space as it was listed."""

    space: Space
    mount: str = ""
    """Absolute path of its root on a site of paths, else ""."""
    share_id: str = ""
    """Of a received share."""
    info: Any = None
    """The site's ResourceInfo of the root, where the listing held it."""
    is_remote: bool = False
    """True for a share of another site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a mesh path lies: below the root of a space (``root`` or ``mount``), at ``rel``."""

    path: str
    rel: str
    root: ResourceId | None = None
    mount: str = ""
    share_id: str = ""
    """Set for the mount of a received share."""
    is_remote: bool = False
    """True in a share of another site."""

    @property
    def ref(self) -> Any:
        """The CS3 reference."""
        if self.root is None:
            return reference(None, f"{self.mount}/{self.rel}" if self.rel else self.mount)
        return reference(self.root, self.rel)

    @property
    def base(self) -> str:
        """The same text for all places that are addressed from the same root."""
        return str(self.root) if self.root else self.mount

    @property
    def scope(self) -> str:
        """The part of the site that answers in one way: its features are learned once for all of it."""
        return f"{self.root.storage}${self.root.space}" if self.root else self.mount

    @property
    def parent(self) -> Place | None:
        """The place of the folder; None for a root."""
        if not self.rel:
            return None
        return self._elsewhere(parent_of(self.path), parent_of(self.rel))

    def below(self, name: str) -> Place:
        """The place of a name in this folder."""
        return self._elsewhere(join(self.path, name), join(self.rel, name))

    def beside(self, name: str) -> Place:
        """The place of another name in the same folder."""
        return self._elsewhere(join(parent_of(self.path), name), join(parent_of(self.rel), name))

    def _elsewhere(self, path: str, rel: str) -> Place:
        return Place(path=path, rel=rel, root=self.root, mount=self.mount, is_remote=self.is_remote)
