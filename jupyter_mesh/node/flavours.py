"""How the two kinds of real sites answer, in one place.

``spaces`` answers as OpenCloud (``facts/opencloud.md`` §2) without its bugs, ``paths`` as cs3org Reva
(``facts/cs3.md`` §19).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import grpc
from cs3.rpc.v1beta1 import code_pb2

from jupyter_mesh.node.refusal import Reason

__all__ = ["FLAVOURS", "PATHS", "SPACES", "Flavour"]

Code = int | grpc.StatusCode
"""A status of CS3, or the gRPC error that some sites send instead."""

_OWN_CODES: dict[Reason, Code] = {
    Reason.NO_SPACE: code_pb2.CODE_NOT_FOUND,
    Reason.MISSING: code_pb2.CODE_NOT_FOUND,
    Reason.PARENT_MISSING: code_pb2.CODE_FAILED_PRECONDITION,
    Reason.EXISTS: code_pb2.CODE_ALREADY_EXISTS,
    Reason.NOT_ALLOWED: code_pb2.CODE_PERMISSION_DENIED,
    Reason.LOCKED: code_pb2.CODE_LOCKED,
    Reason.WRONG_LOCK: code_pb2.CODE_INTERNAL,
    Reason.NOT_LOCKED: code_pb2.CODE_INTERNAL,
    Reason.LOCK_CHANGED: code_pb2.CODE_ABORTED,
    Reason.CHANGED: code_pb2.CODE_FAILED_PRECONDITION,
    Reason.NO_ROOM: code_pb2.CODE_INSUFFICIENT_STORAGE,
    Reason.BAD_REQUEST: code_pb2.CODE_INVALID_ARGUMENT,
    Reason.BAD_NAME: code_pb2.CODE_INVALID_ARGUMENT,
    Reason.IS_FOLDER: code_pb2.CODE_FAILED_PRECONDITION,
    Reason.NOT_FOLDER: code_pb2.CODE_INTERNAL,
    Reason.INTO_ITSELF: code_pb2.CODE_FAILED_PRECONDITION,
    Reason.OTHER_SPACE: code_pb2.CODE_UNIMPLEMENTED,
    Reason.IS_ROOT: code_pb2.CODE_PERMISSION_DENIED,
    Reason.BAD_CHECKSUM: code_pb2.CODE_INVALID_ARGUMENT,
    Reason.WRONG_LENGTH: code_pb2.CODE_INVALID_ARGUMENT,
    Reason.USED: code_pb2.CODE_NOT_FOUND,
    Reason.UNSUPPORTED: code_pb2.CODE_UNIMPLEMENTED,
    Reason.BAD_LOGIN: code_pb2.CODE_PERMISSION_DENIED,
    Reason.BAD_TOKEN: code_pb2.CODE_UNAUTHENTICATED,
    Reason.BAD_PARTNER: code_pb2.CODE_INVALID_ARGUMENT,
    Reason.BAD_INVITE: code_pb2.CODE_NOT_FOUND,
    Reason.ONESELF: code_pb2.CODE_INVALID_ARGUMENT,
    Reason.CONFLICT: code_pb2.CODE_ABORTED,
    Reason.NO_ID: code_pb2.CODE_INVALID_ARGUMENT,
    Reason.BROKEN: code_pb2.CODE_INTERNAL,
}

HTTP_STATUS: dict[Reason, int] = {
    Reason.MISSING: 404,
    Reason.PARENT_MISSING: 500,
    Reason.EXISTS: 412,
    Reason.NOT_ALLOWED: 403,
    Reason.LOCKED: 423,
    Reason.WRONG_LOCK: 423,
    Reason.NOT_LOCKED: 412,
    Reason.CHANGED: 412,
    Reason.NO_ROOM: 507,
    Reason.BAD_REQUEST: 400,
    Reason.BAD_NAME: 400,
    Reason.IS_FOLDER: 400,
    Reason.BAD_CHECKSUM: 419,
    Reason.WRONG_LENGTH: 400,
    Reason.USED: 500,
    Reason.BAD_LOGIN: 403,
    Reason.BAD_TOKEN: 401,
}
"""HTTP status of the data gateway, the same in both flavours; 500 for all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavour:
    """One kind of site: its codes, and what it can and cannot do."""

    name: str
    codes: dict[Reason, Code] = field(default_factory=dict)
    by_rpc: dict[tuple[str, Reason], Code] = field(default_factory=dict)
    """Where one RPC answers a reason with another code than the rest."""
    bad_token: tuple[grpc.StatusCode, str]
    spaces: bool
    """Spaces have roots and ids of their own; else everything is a path below /home or /projects."""
    compares: bool
    """Conditions (``if_match`` and its kin), lengths and checksums are checked."""
    locks: bool
    ranges: bool
    describes: bool
    """The data gateway tells etag, id and times, and Stat tells name, checksum and lock."""
    tree_etags: bool
    """A change shows in the etag and mtime of every folder above it, up to the root."""
    stable_ids: bool
    overwrites: bool
    """Move onto a file replaces it without a trace."""
    time_unit: int
    """Nanoseconds per unit of the times of versions and of the bin: seconds, or milliseconds by mistake."""

    def code(self, rpc: str, reason: Reason) -> Code:
        """The code with which ``rpc`` answers ``reason``."""
        special = self.by_rpc.get((rpc, reason))
        return special if special is not None else self.codes.get(reason, _OWN_CODES[reason])


SPACES = Flavour(
    name="spaces",
    by_rpc={
        ("InitiateFileUpload", Reason.IS_ROOT): code_pb2.CODE_FAILED_PRECONDITION,
        ("Move", Reason.PARENT_MISSING): code_pb2.CODE_NOT_FOUND,
        ("TouchFile", Reason.PARENT_MISSING): code_pb2.CODE_NOT_FOUND,
        ("RestoreRecycleItem", Reason.PARENT_MISSING): code_pb2.CODE_NOT_FOUND,
        ("SetLock", Reason.LOCKED): code_pb2.CODE_FAILED_PRECONDITION,
        ("RefreshLock", Reason.LOCKED): code_pb2.CODE_ABORTED,
        ("RefreshLock", Reason.NOT_LOCKED): code_pb2.CODE_ABORTED,
        ("Unlock", Reason.NOT_LOCKED): code_pb2.CODE_ABORTED,
        ("GetLock", Reason.NOT_LOCKED): code_pb2.CODE_NOT_FOUND,
        ("GetInfoByDomain", Reason.MISSING): code_pb2.CODE_INTERNAL,
        ("RemoveShare", Reason.MISSING): code_pb2.CODE_INTERNAL,
        ("ListExistingShares", Reason.UNSUPPORTED): grpc.StatusCode.UNKNOWN,
        ("ListExistingReceivedShares", Reason.UNSUPPORTED): grpc.StatusCode.UNKNOWN,
        ("ListExistingPublicShares", Reason.UNSUPPORTED): grpc.StatusCode.UNKNOWN,
    },
    bad_token=(grpc.StatusCode.UNAUTHENTICATED, "auth: core access token is invalid"),
    spaces=True,
    compares=True,
    locks=True,
    ranges=True,
    describes=True,
    tree_etags=True,
    stable_ids=True,
    overwrites=False,
    time_unit=1_000_000_000,
)

PATHS = Flavour(
    name="paths",
    codes={
        Reason.PARENT_MISSING: code_pb2.CODE_NOT_FOUND,
        Reason.BAD_NAME: code_pb2.CODE_INTERNAL,
        Reason.BAD_REQUEST: code_pb2.CODE_INTERNAL,
        Reason.IS_FOLDER: code_pb2.CODE_INTERNAL,
        Reason.INTO_ITSELF: code_pb2.CODE_INTERNAL,
        Reason.IS_ROOT: code_pb2.CODE_INTERNAL,
        Reason.BAD_INVITE: code_pb2.CODE_INVALID_ARGUMENT,
    },
    by_rpc={
        ("Move", Reason.MISSING): code_pb2.CODE_INTERNAL,
        ("Move", Reason.PARENT_MISSING): code_pb2.CODE_INTERNAL,
        ("Move", Reason.EXISTS): code_pb2.CODE_INTERNAL,
        ("RestoreRecycleItem", Reason.EXISTS): code_pb2.CODE_INTERNAL,
        ("RestoreRecycleItem", Reason.MISSING): code_pb2.CODE_INTERNAL,
        ("PurgeRecycle", Reason.MISSING): code_pb2.CODE_INTERNAL,
        ("InvalidateAppPassword", Reason.MISSING): code_pb2.CODE_INTERNAL,
        ("GetInfoByDomain", Reason.MISSING): code_pb2.CODE_INTERNAL,
        ("GetAcceptedUser", Reason.MISSING): code_pb2.CODE_INVALID_ARGUMENT,
        ("CreateShare", Reason.EXISTS): grpc.StatusCode.UNKNOWN,
        ("CreateShare", Reason.ONESELF): grpc.StatusCode.UNKNOWN,
        ("GetShare", Reason.MISSING): grpc.StatusCode.UNKNOWN,
        ("UpdateShare", Reason.MISSING): grpc.StatusCode.UNKNOWN,
        ("RemoveShare", Reason.MISSING): grpc.StatusCode.UNKNOWN,
        ("UpdateReceivedShare", Reason.MISSING): code_pb2.CODE_INTERNAL,
        ("FindUsers", Reason.BAD_REQUEST): grpc.StatusCode.UNKNOWN,
        ("FindGroups", Reason.BAD_REQUEST): grpc.StatusCode.UNKNOWN,
        ("SetLock", Reason.UNSUPPORTED): code_pb2.CODE_INTERNAL,
        ("GetLock", Reason.UNSUPPORTED): code_pb2.CODE_INTERNAL,
        ("RefreshLock", Reason.UNSUPPORTED): code_pb2.CODE_INTERNAL,
        ("Unlock", Reason.UNSUPPORTED): code_pb2.CODE_INTERNAL,
    },
    bad_token=(grpc.StatusCode.PERMISSION_DENIED, "auth: core access token is invalid"),
    spaces=False,
    compares=False,
    locks=False,
    ranges=False,
    describes=False,
    tree_etags=False,
    stable_ids=False,
    overwrites=True,
    time_unit=1_000_000,
)

FLAVOURS = {flavour.name: flavour for flavour in (SPACES, PATHS)}
