"""From what a site says to what a user reads: one place that turns refusals into errors.

The table of codes stands in ``jupyter_mesh.errors``; here are the texts by which real sites say something
else than their code (measured: ``facts/cs3.md`` §3 and §19), and the sentences.
"""

from __future__ import annotations

from jupyter_mesh.errors import (
    BY_CS3_CODE,
    AlreadyExists,
    Busy,
    Conflict,
    DeadlineExceeded,
    InvalidRequest,
    IsADirectory,
    Locked,
    LoginEnded,
    MeshError,
    NotADirectory,
    NotAllowed,
    NotFound,
    NotSupported,
    QuotaExceeded,
    RangeNotSatisfiable,
    SiteError,
    TooLarge,
    TransferFailed,
    Unavailable,
)

__all__ = ["Refusal", "error_of", "refusal_of", "sentence"]


class Refusal(Exception):
    """What a site answered instead of a result; the ``__cause__`` of the error that users see.

    ``code`` is the name of a ``cs3.rpc`` code (or of the same gRPC code), or UNDECODABLE, or TOO_LARGE. ``text`` is for
    logs and for telling cases apart: it can hold paths of the server, and is never shown.
    """

    def __init__(
        self, call: str, code: str, text: str = "", *, trace: str = "", by_grpc: bool = False
    ) -> None:
        super().__init__(f"{call}: {code} {text!r}" + (f" (trace {trace})" if trace else ""))
        self.call = call
        self.code = code
        self.text = text
        self.trace = trace
        self.by_grpc = by_grpc

    def says(self, *words: str) -> bool:
        """True if the text holds one of ``words``, in any case."""
        text = self.text.casefold()
        return any(word in text for word in words)


SENTENCES: dict[type[MeshError], str] = {
    InvalidRequest: "{site} does not accept this name or request. Check it.",
    IsADirectory: "that is a folder, and a file is needed.",
    NotADirectory: "that is a file, and a folder is needed.",
    NotAllowed: "you do not have the permission. Ask its owner for it.",
    NotFound: "nothing is there, or nothing that you may see.",
    AlreadyExists: "the name is taken. Choose another one.",
    Conflict: "it was changed by someone else in the meantime. Reload it, then try again.",
    TooLarge: "it is too large for {site}.",
    RangeNotSatisfiable: "the part that was asked for does not exist.",
    Locked: "somebody else is editing it. Try again later.",
    NotSupported: "{site} cannot do this.",
    TransferFailed: "the content did not arrive unharmed. Try again.",
    SiteError: "{site} failed. Try again; if it happens again, tell its operators.",
    Busy: "{site} still processes the file. Try again in a moment.",
    Unavailable: "{site} does not answer. Try again in a moment.",
    DeadlineExceeded: "{site} gave no answer in time. Try again in a moment.",
    QuotaExceeded: "there is no room left at {site}. Delete something, or ask for more room.",
}


def sentence(kind: type[MeshError], doing: str, site: str) -> str:
    """What a user reads when ``doing`` ("open home/a.txt") ended in an error of this kind."""
    if kind is LoginEnded:
        return f"Your login at {site} has ended. Log in again."
    reason = SENTENCES.get(kind, SENTENCES[SiteError]).format(site=site)
    return f"Could not {doing}: {reason}"


def error_of(refusal: Refusal, doing: str, site: str) -> MeshError:
    """The error for a refusal, to be raised ``from`` it."""
    kind = _kind_of(refusal)
    if kind is Unavailable and refusal.says("certificate", "handshake", "ssl", "tls"):
        return Unavailable(
            f"Could not {doing}: no safe connection to {site} can be made. Check its address, and whether its "
            "certificate is trusted (MESH_CA_FILE)."
        )
    return kind(sentence(kind, doing, site), trace=refusal.trace)


def refusal_of(error: MeshError) -> Refusal | None:
    """What the site said behind an error, if a site said anything."""
    return error.__cause__ if isinstance(error.__cause__, Refusal) else None


def _kind_of(refusal: Refusal) -> type[MeshError]:
    """The kind of error, by text where the code alone misleads."""
    match refusal.code:
        case "TOO_LARGE":
            return TooLarge
        case "RESOURCE_EXHAUSTED" if refusal.by_grpc and refusal.says("larger than max"):
            return TooLarge
        case "INTERNAL" | "UNKNOWN":
            # Inner errors of a site come out as UNKNOWN or INTERNAL with the inner text.
            if refusal.says("mismatching lock"):
                return Locked
            if refusal.says("not locked"):
                return Conflict
            if refusal.says("not supported", "unsupported", "not implemented"):
                return NotSupported
            if refusal.says("already exists"):
                return AlreadyExists
            if refusal.says("not found") and not refusal.says("user not found"):
                return NotFound
    return BY_CS3_CODE.get(refusal.code, SiteError)
