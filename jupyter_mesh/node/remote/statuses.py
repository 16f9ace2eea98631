"""What the statuses of WebDAV mean, and how they are said."""

from __future__ import annotations

from jupyter_mesh.node.refusal import Reason, Refused

__all__ = ["READS", "refusal_by"]

READS = ("PROPFIND", "GET")

_REASONS: dict[int, Reason] = {
    400: Reason.BAD_REQUEST,
    401: Reason.NOT_ALLOWED,
    403: Reason.NOT_ALLOWED,
    404: Reason.MISSING,
    409: Reason.PARENT_MISSING,
    412: Reason.CHANGED,
    413: Reason.NO_ROOM,
    423: Reason.LOCKED,
    507: Reason.NO_ROOM,
}
_BY_METHOD: dict[tuple[str, int], Reason] = {
    ("MKCOL", 405): Reason.EXISTS,
    ("PUT", 404): Reason.PARENT_MISSING,
    ("PUT", 405): Reason.IS_FOLDER,
    ("MKCOL", 404): Reason.PARENT_MISSING,
    ("MOVE", 412): Reason.EXISTS,
    ("COPY", 412): Reason.EXISTS,
    ("GET", 405): Reason.IS_FOLDER,
    ("GET", 501): Reason.IS_FOLDER,
}

_WORDS: dict[Reason, str] = {
    Reason.MISSING: "is not there",
    Reason.PARENT_MISSING: "has no folder to be in",
    Reason.EXISTS: "exists already",
    Reason.CHANGED: "was changed meanwhile",
    Reason.LOCKED: "is locked by somebody else",
    Reason.NO_ROOM: "has no room at its site",
    Reason.IS_FOLDER: "is a folder",
}


def refusal_by(method: str, status: int, name: str) -> Refused | None:
    """Why a request about ``name`` was refused; None for a status that only says that something failed."""
    reason = _BY_METHOD.get((method, status)) or _REASONS.get(status)
    if reason is None:
        return None
    words = _WORDS.get(reason, "is not accepted by its site")
    if reason is Reason.NOT_ALLOWED:
        words = "may not be read, says its site"
        if method not in READS:
            words = "is shared with you to read only"
    return Refused(reason, f'"{name}" {words}.')
