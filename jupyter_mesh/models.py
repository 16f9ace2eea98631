"""The words of the project as values: frozen, slotted, without behaviour of their own.

Nothing here knows protobuf, HTTP or Jupyter. Times are aware datetimes in UTC, sizes are bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "BinItem",
    "Checksum",
    "Child",
    "Kind",
    "Lock",
    "Permissions",
    "Quota",
    "Resource",
    "ResourceId",
    "Space",
    "SpaceKind",
    "Transfer",
    "TransferKind",
    "TransferState",
    "User",
    "Version",
]


class Kind(StrEnum):
    """What a resource is."""

    FILE = "file"
    DIRECTORY = "directory"


class SpaceKind(StrEnum):
    """What a space is for."""

    PERSONAL = "personal"
    PROJECT = "project"
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class ResourceId:
    """The stable id of a resource: ``storage$space!opaque``. Its parts mean something to the site alone."""

    storage: str
    opaque: str
    space: str = ""

    def __str__(self) -> str:
        prefix = f"{self.storage}${self.space}" if self.space else self.storage
        return f"{prefix}!{self.opaque}"

    @classmethod
    def parse(cls, text: str) -> ResourceId:
        """Read ``storage$space!opaque`` or ``storage!opaque``; raises ValueError for anything else."""
        front, bang, opaque = text.partition("!")
        storage, _, space = front.partition("$")
        if not bang or not storage or not opaque:
            raise ValueError(f"{text!r} is not a resource id (storage$space!opaque).")
        return cls(storage=storage, opaque=opaque, space=space)


@dataclass(frozen=True, slots=True)
class Checksum:
    """A checksum as the site keeps it: algorithm in lower case ("sha1", "md5", "adler32") and hex digits."""

    algorithm: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What the user may do with a resource."""

    read: bool = True
    write: bool = False
    create: bool = False
    delete: bool = False
    move: bool = False
    share: bool = False
    list_versions: bool = False
    restore_version: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """An exclusive lock on a resource."""

    id: str
    app: str = ""
    user: str = ""
    """Id of the holder at the site where it tells it, else ""."""
    holder: str = ""
    """Name of the holder where the lock tells it, else ""."""
    expires: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A file or folder of the mesh.

    ``path`` is the mesh path (``home/analysis/fit.ipynb``) under which it was asked for, never the path
    that the site told. ``etag`` has neither quotes nor ``W/`` and changes with the content; on a folder
    it may change with anything below it, where the site's tree etags can be trusted.
    """

    path: str
    name: str
    kind: Kind
    modified: datetime
    etag: str
    id: ResourceId | None = None
    parent: ResourceId | None = None
    """Id of the folder that holds it, where the site tells it."""
    size: int = 0
    mimetype: str = ""
    checksum: Checksum | None = None
    permissions: Permissions = Permissions()
    owner: str = ""
    lock: Lock | None = None
    processing: bool = False
    """True while the site still works on an upload: the content cannot be read yet."""
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def is_directory(self) -> bool:
        """True for a folder."""
        return self.kind is Kind.DIRECTORY


class Child(NamedTuple):
    """A file or folder as the listing of its folder shows it: of ten thousands, no more is made than is shown."""

    name: str
    is_directory: bool
    size: int
    modified: datetime
    permissions: Permissions
    resource: Resource | None
    """All that is known of it, for a folder and for what is locked; None for any other file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """A storage space: the personal one, a project, or a received share."""

    path: str
    """Mesh path of its root: ``home``, ``projects/lofar``, ``shares/data``."""
    name: str
    kind: SpaceKind
    root: ResourceId | None = None
    """Id of the root folder; None on sites that know only paths."""
    owner: str = ""
    modified: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who a token speaks for. No groups, no mail address: nobody here needs them."""

    id: str
    idp: str
    username: str
    display_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """Room in a space, in bytes; ``total`` is None where the site sets no limit or does not tell."""

    used: int
    total: int | None = None

    @property
    def free(self) -> int | None:
        """What is left, or None without a limit."""
        return None if self.total is None else max(0, self.total - self.used)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """An earlier content of a file. ``key`` means something to the site alone."""

    key: str
    size: int
    modified: datetime
    etag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BinItem:
    """A deleted file or folder that can be restored. ``path`` is the mesh path it had."""

    key: str
    path: str
    kind: Kind
    size: int
    deleted: datetime


class TransferKind(StrEnum):
    """What a transfer does."""

    UPLOAD = "upload"
    DOWNLOAD = "download"
    COPY = "copy"
    SYNC = "sync"


class TransferState(StrEnum):
    """How far a transfer is. The last three are its end."""

    RECEIVING = "receiving"
    """The browser is sending; the site knows nothing yet."""
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """An upload, a download or a copy that a program runs for its user, as it is at one moment."""

    id: str
    kind: TransferKind
    path: str
    """API path of what comes into being; of a download, a local path."""
    source: str = ""
    """API path of what is copied; of an upload, a local path, or "" where a browser sent it."""
    state: TransferState
    done: int = 0
    """Bytes that have arrived: here while receiving, at the target while running."""
    total: int | None = None
    """All bytes; None while nobody knows."""
    message: str = ""
    """Why it failed, in one sentence."""
    status: int = 0
    """The HTTP status of that failure; 0 without one."""
    started: datetime

    @property
    def has_ended(self) -> bool:
        """True once nothing more will happen by itself."""
        return self.state not in (TransferState.RECEIVING, TransferState.RUNNING)
