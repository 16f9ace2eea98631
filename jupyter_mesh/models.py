"""The words of the project as values: frozen, slotted, without behaviour of their own.

Nothing here knows protobuf, HTTP or Jupyter. Times are aware datetimes in UTC, sizes are bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "UNCHANGED",
    "BinItem",
    "Checksum",
    "Child",
    "Grantee",
    "GranteeKind",
    "Invitation",
    "Kind",
    "Link",
    "Lock",
    "Permissions",
    "Quota",
    "ReceivedShare",
    "Resource",
    "ResourceId",
    "Role",
    "Share",
    "ShareState",
    "Site",
    "Space",
    "SpaceKind",
    "Transfer",
    "TransferKind",
    "TransferState",
    "Unchanged",
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


class Unchanged(Enum):
    """The type of UNCHANGED."""

    UNCHANGED = "unchanged"


UNCHANGED = Unchanged.UNCHANGED
"""Says that something stays as it is, where None says that it goes."""


class GranteeKind(StrEnum):
    """Whom something is shared with."""

    USER = "user"
    GROUP = "group"
    CONTACT = "contact"
    """Somebody at another site."""


class Role(StrEnum):
    """What a share allows, as far as people tell it apart."""

    VIEWER = "viewer"
    EDITOR = "editor"
    UPLOADER = "uploader"
    """May put files in and see none."""
    OWNER = "owner"
    CUSTOM = "custom"
    """A mixture that another program has made."""


class ShareState(StrEnum):
    """How a received share is."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    """The other side has ended it, though the site still lists it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grantee:
    """A person or a group, as one can share with them."""

    kind: GranteeKind
    id: str
    """Opaque id, byte for byte as the site gave it."""
    idp: str = ""
    """Identity provider; of a contact, the domain of the other site."""
    name: str = ""
    """Display name; "" where the site does not tell it."""
    username: str = ""
    members: int | None = None
    """Size of a group, where the site tells it."""

    @property
    def key(self) -> str:
        """The same as one text that can stand in an address; ``parse`` reads it."""
        return f"{self.kind}:{quote(self.id, safe='')}@{quote(self.idp, safe='')}"

    @classmethod
    def parse(cls, key: str) -> Grantee:
        """The grantee of a key, without names; raises ValueError for anything else."""
        kind, colon, rest = key.partition(":")
        opaque, at, idp = rest.partition("@")
        if not colon or not at or not opaque:
            raise ValueError(f"{key!r} is nobody (kind:id@idp).")
        return cls(kind=GranteeKind(kind), id=unquote(opaque), idp=unquote(idp))


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A grant on a resource, as its owner sees it."""

    id: str
    resource: ResourceId
    grantee: Grantee
    role: Role
    owner: Grantee
    creator: Grantee
    created: datetime | None = None
    expires: datetime | None = None
    note: str = ""
    name: str = ""
    """Name of the resource; "" where the site does not tell it with the share."""
    kind: Kind | None = None
    path: str = ""
    """Mesh path of the resource; "" while nobody has looked."""

    @property
    def is_federated(self) -> bool:
        """True for a share with somebody at another site."""
        return self.grantee.kind is GranteeKind.CONTACT


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A public link to a resource."""

    id: str
    resource: ResourceId
    role: Role
    url: str = field(repr=False)
    """Where it leads. Whoever has it may enter: never logged."""
    has_password: bool = False
    name: str = ""
    created: datetime | None = None
    expires: datetime | None = None
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedShare:
    """Something that somebody shares with the user."""

    id: str
    name: str
    kind: Kind | None
    resource: ResourceId | None
    """What it is opened by; None while the site gives no id."""
    owner: Grantee
    sender: Grantee
    role: Role
    state: ShareState
    site: str = ""
    """Domain of the other site of a federated share; "" here."""
    is_hidden: bool = False
    created: datetime | None = None
    expires: datetime | None = None
    path: str = ""
    """Mesh path (``shares/data``) once it is accepted, else ""."""

    @property
    def is_federated(self) -> bool:
        """True for a share that comes from another site."""
        return bool(self.site)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """An open invitation to become a contact."""

    token: str = field(repr=False)
    """Whoever has it may accept: never logged, and shown to the one who made it only."""
    note: str = ""
    expires: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An institution's service, as the list of sites tells of it."""

    domain: str
    """``host[:port]`` in lower case, without a scheme."""
    name: str
    """What its people call it; the domain where nobody says."""
    homepage: str = ""
    accept_page: str = ""
    """Address of its page on which invitations are accepted; "" where it has none."""
    invite_page: str = ""
    """Address of its page that asks where somebody is from, to which invitations lead; "" if it tells none."""
    lists: tuple[str, ...] = ()
    """Where it is listed: "site" for the site's own list, else the name of a directory."""
