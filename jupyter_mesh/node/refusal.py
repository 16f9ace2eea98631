"""Why the node says no. What a client hears for each reason depends on the flavour: ``flavours.py``."""

from __future__ import annotations

import errno
import sqlite3
from enum import Enum, auto

from jupyter_mesh import errors

__all__ = ["Reason", "Refused", "error_of", "refusal_from"]


class Reason(Enum):
    """Why something was refused."""

    NO_SPACE = auto()
    MISSING = auto()
    PARENT_MISSING = auto()
    EXISTS = auto()
    NOT_ALLOWED = auto()
    LOCKED = auto()
    WRONG_LOCK = auto()
    NOT_LOCKED = auto()
    LOCK_CHANGED = auto()
    CHANGED = auto()
    NO_ROOM = auto()
    BAD_REQUEST = auto()
    BAD_NAME = auto()
    IS_FOLDER = auto()
    NOT_FOLDER = auto()
    INTO_ITSELF = auto()
    OTHER_SPACE = auto()
    IS_ROOT = auto()
    BAD_CHECKSUM = auto()
    WRONG_LENGTH = auto()
    USED = auto()
    UNSUPPORTED = auto()
    BAD_LOGIN = auto()
    BAD_TOKEN = auto()
    BAD_PARTNER = auto()
    BAD_INVITE = auto()
    ONESELF = auto()
    CONFLICT = auto()
    NO_ID = auto()
    BROKEN = auto()


class Refused(Exception):
    """Raised when the node will not do what was asked; nothing was changed."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


_ERRORS: dict[Reason, type[errors.MeshError]] = {
    Reason.NO_SPACE: errors.NotFound,
    Reason.MISSING: errors.NotFound,
    Reason.PARENT_MISSING: errors.NotFound,
    Reason.EXISTS: errors.AlreadyExists,
    Reason.NOT_ALLOWED: errors.NotAllowed,
    Reason.LOCKED: errors.Locked,
    Reason.WRONG_LOCK: errors.Locked,
    Reason.NOT_LOCKED: errors.LockEnded,
    Reason.LOCK_CHANGED: errors.LockEnded,
    Reason.CHANGED: errors.Conflict,
    Reason.NO_ROOM: errors.QuotaExceeded,
    Reason.BAD_REQUEST: errors.InvalidRequest,
    Reason.BAD_NAME: errors.InvalidRequest,
    Reason.IS_FOLDER: errors.IsADirectory,
    Reason.NOT_FOLDER: errors.NotADirectory,
    Reason.INTO_ITSELF: errors.Conflict,
    Reason.IS_ROOT: errors.NotAllowed,
    Reason.BAD_CHECKSUM: errors.TransferFailed,
    Reason.WRONG_LENGTH: errors.InvalidRequest,
    Reason.UNSUPPORTED: errors.NotSupported,
    Reason.BAD_LOGIN: errors.LoginEnded,
    Reason.BAD_TOKEN: errors.LoginEnded,
}


def error_of(refused: Refused) -> errors.MeshError:
    """The same as an error of the whole project, for what speaks WebDAV or HTML."""
    return _ERRORS.get(refused.reason, errors.SiteError)(str(refused))


_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def refusal_from(error: OSError | sqlite3.Error) -> Refused:
    """The refusal that a failure of the disk or the database amounts to."""
    if isinstance(error, sqlite3.Error):
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            return Refused(Reason.NO_ROOM, "The disk of this site is full.")
        return Refused(Reason.BROKEN, "The database of this site failed; its log says why.")
    if error.errno in _NO_ROOM:
        return Refused(Reason.NO_ROOM, "The disk of this site is full.")
    if error.errno == errno.ENAMETOOLONG:
        return Refused(Reason.BAD_NAME, "The path is too long for the disk of this site.")
    return Refused(Reason.BROKEN, "The disk of this site failed; its log says why.")
