"""What can go wrong, once for the whole project.

::

    MeshError                          500  our own mistake, or one nobody foresaw
    ├── InvalidRequest (ValueError)    400  the request makes no sense: a bad name, a bad address
    │   ├── IsADirectory               400  a file was needed (IsADirectoryError)
    │   └── NotADirectory              400  a folder was needed (NotADirectoryError)
    ├── LoginEnded                     401  no, bad or expired token, also after one refresh
    ├── NotAllowed                     403  may be seen, may not be done (PermissionError)
    ├── NotFound                       404  (FileNotFoundError)
    │   └── Withdrawn                  404  it was shared with the user, and is no longer
    ├── AlreadyExists                  409  the name is taken (FileExistsError)
    ├── ShareConflict                  409  shares above or below are in the way
    ├── Cancelled                      409  stopped on demand, by the same user elsewhere
    ├── OutOfOrder                     409  a piece that does not follow on what is there
    ├── Conflict                       412  changed by someone else since it was read
    │   ├── LockEnded                  412  the lock that it was done under is no more
    │   └── FileExpired (OSError)      412  changed while it was read
    ├── TooLarge                       413  more than this way can carry
    ├── RangeNotSatisfiable            416  beyond the end, or the site has no ranges
    ├── Locked                         423  somebody else is editing it
    ├── NotSupported                   501  this kind of site cannot do it (NotImplementedError)
    ├── SiteError                      502  the site failed inside, or speaks another dialect
    │   └── TransferFailed             502  bytes were lost or changed on the way
    ├── Unavailable (ConnectionError)  503  the site does not answer; try again
    │   └── Busy                       503  the site still processes the file; try again soon
    ├── DeadlineExceeded               504  no answer in time (TimeoutError)
    └── QuotaExceeded (OSError)        507  no room left at the site

``str(error)`` is one sentence a user can read: what failed, on what, what to do. The cause stays in
``__cause__`` and in the log; secrets are in neither.
"""

from __future__ import annotations

__all__ = [
    "BY_CS3_CODE",
    "AlreadyExists",
    "Busy",
    "Cancelled",
    "Conflict",
    "DeadlineExceeded",
    "FileExpired",
    "InvalidRequest",
    "IsADirectory",
    "LockEnded",
    "Locked",
    "LoginEnded",
    "MeshError",
    "NotADirectory",
    "NotAllowed",
    "NotFound",
    "NotSupported",
    "OutOfOrder",
    "QuotaExceeded",
    "RangeNotSatisfiable",
    "ShareConflict",
    "SiteError",
    "TooLarge",
    "TransferFailed",
    "Unavailable",
    "Withdrawn",
]


class MeshError(Exception):
    """Raised when an operation on the mesh fails; the root of the tree.

    Attributes
    ----------
    status : int
        The HTTP status that a REST handler answers with.
    trace : str
        The reference id of the site for its operators, or "". Shown under *Details*, never in the sentence.
    """

    status = 500

    def __init__(self, message: str, *, trace: str = "") -> None:
        super().__init__(message)
        self.trace = trace

    def __str__(self) -> str:
        # OSError prints "[Errno …]" around its arguments; users read the sentence alone.
        return str(self.args[0])


class InvalidRequest(MeshError, ValueError):
    """Raised when a request makes no sense, whatever the site holds."""

    status = 400


class IsADirectory(InvalidRequest, IsADirectoryError):
    """Raised when a file is needed and the path is a folder."""


class NotADirectory(InvalidRequest, NotADirectoryError):
    """Raised when a folder is needed and the path is a file."""


class LoginEnded(MeshError):
    """Raised when the site does not accept the token, also after one refresh."""

    status = 401


class NotAllowed(MeshError, PermissionError):
    """Raised when the user may not do this here."""

    status = 403


class NotFound(MeshError, FileNotFoundError):
    """Raised when nothing is at the path, or nothing the user may see."""

    status = 404


class Withdrawn(NotFound):
    """Raised when somebody has stopped sharing what is at the path."""


class AlreadyExists(MeshError, FileExistsError):
    """Raised when the name is taken and replacing was not asked for."""

    status = 409


class ShareConflict(MeshError):
    """Raised when a share of a folder above or of something below is in the way of a new one.

    Attributes
    ----------
    paths : tuple of str
        What is shared already, as the site names it.
    can_force : bool
        True if the site would replace those shares by the new one when asked to.
    """

    status = 409

    def __init__(
        self, message: str, *, paths: tuple[str, ...] = (), can_force: bool = False
    ) -> None:
        super().__init__(message)
        self.paths = paths
        self.can_force = can_force


class Cancelled(MeshError):
    """Raised when a transfer was stopped by its user from another program, such as the list of transfers."""

    status = 409


class OutOfOrder(MeshError):
    """Raised when a piece of an upload does not follow on what has arrived."""

    status = 409


class Conflict(MeshError):
    """Raised when a resource was changed by someone else since it was read."""

    status = 412


class LockEnded(Conflict):
    """Raised when the lock that something was to be done under has ended, or is somebody else's by now."""


class FileExpired(Conflict, OSError):
    """Raised when a file that is open for reading was changed: old and new bytes are never mixed."""


class TooLarge(MeshError):
    """Raised when content is larger than the way it was sent can carry."""

    status = 413


class RangeNotSatisfiable(MeshError):
    """Raised when a byte range lies beyond the end of a file."""

    status = 416


class Locked(MeshError):
    """Raised when somebody else holds a lock on the resource."""

    status = 423


class NotSupported(MeshError, NotImplementedError):
    """Raised when this kind of site cannot do what was asked."""

    status = 501


class SiteError(MeshError):
    """Raised when the site fails inside, or answers what cannot be understood."""

    status = 502


class TransferFailed(SiteError):
    """Raised when bytes were lost or changed between us and the site."""


class Unavailable(MeshError, ConnectionError):
    """Raised when the site does not answer."""

    status = 503


class Busy(Unavailable):
    """Raised when the site still processes the file after an upload."""


class DeadlineExceeded(MeshError, TimeoutError):
    """Raised when the site gave no answer in time."""

    status = 504


class QuotaExceeded(MeshError, OSError):
    """Raised when there is no room left at the site."""

    status = 507


BY_CS3_CODE: dict[str, type[MeshError]] = {
    "CANCELLED": Unavailable,
    "UNKNOWN": SiteError,
    "INVALID_ARGUMENT": InvalidRequest,
    "DEADLINE_EXCEEDED": DeadlineExceeded,
    "NOT_FOUND": NotFound,
    "ALREADY_EXISTS": AlreadyExists,
    "PERMISSION_DENIED": NotAllowed,
    "UNAUTHENTICATED": LoginEnded,
    "RESOURCE_EXHAUSTED": QuotaExceeded,
    "FAILED_PRECONDITION": Conflict,
    "ABORTED": Conflict,
    "OUT_OF_RANGE": RangeNotSatisfiable,
    "UNIMPLEMENTED": NotSupported,
    "INTERNAL": SiteError,
    "UNAVAILABLE": Unavailable,
    "DATA_LOSS": TransferFailed,
    "REDIRECTION": SiteError,
    "INSUFFICIENT_STORAGE": QuotaExceeded,
    "LOCKED": Locked,
    "TOO_EARLY": Busy,
}
"""The one table: name of a ``cs3.rpc.v1beta1.Code`` without its prefix -> error (and by it the HTTP status).

The gateway client looks closer where a code has two meanings (a lock or a conflict, a missing file or
a dead token) before it uses this table: ``facts/cs3.md`` §3.
"""
