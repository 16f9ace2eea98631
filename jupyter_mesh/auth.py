"""Tokens: where they come from, when they are renewed, and how they stay out of every log.

A token is opaque. Its expiry is read where it happens to be a JWT, and is never required.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import json
import logging
import os
import stat
import tempfile
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_mesh.errors import InvalidRequest, LoginEnded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = [
    "FileToken",
    "PasswordToken",
    "RedactingFilter",
    "StaticToken",
    "TokenSource",
    "check_token",
    "expiry_of",
    "issue_of",
    "owner_of",
    "read_secret_file",
    "redact",
    "remember_secret",
    "write_secret_file",
    "write_token_file",
]

RENEW_BEFORE = 60.0
"""Seconds before its end at which a token counts as old, at most a tenth of what it had left when new."""

MAX_SECRET_FILE = 1 << 20

LOOK_AGAIN = 1.0
"""Seconds for which a token file is believed without looking at it."""


class TokenSource(ABC):
    """Gives the token for the next call."""

    @abstractmethod
    async def token(self, *, refresh: bool = False) -> str:
        """The current token.

        With ``refresh`` the site has just refused the current one: get a new one if there is any. A source
        that cannot returns the old one again. Raises LoginEnded when there is no token at all.
        """


class StaticToken(TokenSource):
    """One token that never changes: for a hub that holds it already, and for tests."""

    def __init__(self, token: str) -> None:
        self._token = check_token(token)

    async def token(self, *, refresh: bool = False) -> str:
        """The one token, also with ``refresh``."""
        return self._token


class FileToken(TokenSource):
    """The token in a file that somebody else renews. Reads it again when the file has changed."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._token = ""
        self._stamp: tuple[int, int] | None = None
        self._looked = float("-inf")
        self._lock = asyncio.Lock()

    def __repr__(self) -> str:
        return f"FileToken({str(self.path)!r})"

    async def token(self, *, refresh: bool = False) -> str:
        """What the file holds, at most one second old; always read afresh with ``refresh``.

        Raises LoginEnded if there is no such file, and InvalidRequest if others can read it or it holds
        something else than a token.
        """
        now = time.monotonic()
        if refresh or not self._token or now - self._looked > LOOK_AGAIN:
            async with self._lock:
                if refresh or self._looked < now:
                    await asyncio.to_thread(self.read)
                    self._looked = time.monotonic()
        return self._token

    def read(self) -> str:
        """What the file holds now. Blocks on the disk; raises as ``token``."""
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_mode & 0o077:
                    raise InvalidRequest(
                        f"The token file {self.path} can be read by others. "
                        f"Make it yours alone: chmod 600 {self.path}."
                    )
                stamp = (status.st_ino, status.st_mtime_ns)
                if stamp == self._stamp:
                    return self._token
                text = file.read(1 << 16)
        except OSError as error:
            raise LoginEnded(
                f"There is no token to read in {self.path}. Log in again (jupyter mesh login)."
            ) from error
        self._token = check_token(text.decode("ascii", "replace"))
        self._stamp = stamp
        return self._token


class PasswordToken(TokenSource):
    """Logs in when a token is needed. ``login`` is awaited at most once at a time and keeps the secret.

    ``login`` returns a fresh token, for example ``lambda: authenticate(…)`` with its ``.token``.
    """

    def __init__(self, login: Callable[[], Awaitable[str]]) -> None:
        self._login = login
        self._token = ""
        self._old_at = float("inf")
        self._lock = asyncio.Lock()

    async def token(self, *, refresh: bool = False) -> str:
        """The token of the last login; logs in again when it is refused or near its end."""
        seen = self._token
        if seen and not refresh and time.time() < self._old_at:
            return seen
        async with self._lock:
            # Whoever waited here takes the token that the first one fetched.
            if self._token == seen:
                token = check_token(await self._login())
                ends = expiry_of(token)
                now = time.time()
                left = ends.timestamp() - now if ends else float("inf")
                self._old_at = now + left - min(RENEW_BEFORE, left / 10) if ends else float("inf")
                self._token = token
        return self._token


class Secret(str):
    """A text that does not show itself: tracebacks with variables, dicts of headers, logs of arguments."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(MARK)


def check_token(text: str) -> str:
    """``text`` without white space around it, if it can be a token; it is redacted from logs from now on.

    gRPC fails in unclear ways on line breaks and on what is not ASCII: InvalidRequest is raised instead.
    """
    token = text.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidRequest(
            "That is not a token: a token is one line of plain characters. Log in again."
        )
    remember_secret(token)
    return Secret(token)


def expiry_of(token: str) -> datetime | None:
    """When a token ends, if it is a JWT that says so. Nothing is verified: only the site can do that."""
    return _time_in(token, "exp")


def issue_of(token: str) -> datetime | None:
    """When a token was made, as ``expiry_of``."""
    return _time_in(token, "iat")


def _time_in(token: str, claim: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(_claims(token)[claim]), UTC)
    except (ValueError, TypeError, KeyError, OverflowError, OSError):
        return None


def owner_of(token: str) -> tuple[str, str] | None:
    """Id and identity provider of the user a token speaks for, if it is a JWT that says so; the provider may be "".

    Nothing is verified: believe it only where the site has accepted the token, or where it does no harm.
    """
    try:
        claims = _claims(token)
        if "user" in claims:
            user = claims["user"]["id"]
            return str(user["opaque_id"]), str(user.get("idp", ""))
        return str(claims["sub"]), ""
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _claims(token: str) -> dict[str, Any]:
    parts = token.split(".")
    if len(parts) != 3:
        raise ValueError("no JWT")
    claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    if not isinstance(claims, dict):
        raise TypeError("no JWT")
    return claims


def write_token_file(path: Path | str, token: str) -> None:
    """Write a token so that its owner alone can read it, all at once: no reader sees half a token.

    The folder is made if needed. Blocks on the disk: call it in a thread where a loop runs.
    """
    write_secret_file(path, check_token(token) + "\n")


def read_secret_file(path: Path | str, *, follow: bool = True) -> str:
    """The text of a file that only its owner can read.

    Raises InvalidRequest if others can read or own it, if it is no file or too long, or, without ``follow``,
    if it is a symbolic link; OSError if it cannot be read. Blocks on the disk.
    """
    path = Path(path)
    try:
        # Without O_NONBLOCK, a pipe in its place would be waited for.
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise InvalidRequest(f"{path} is a link. Put the file itself there.") from error
        raise
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise InvalidRequest(f"{path} is not a file. Put a file there.")
        if status.st_uid != os.geteuid():
            raise InvalidRequest(f"{path} belongs to another user. Put a file of your own there.")
        if status.st_mode & 0o077:
            raise InvalidRequest(
                f"{path} can be read by others. Make it yours alone: chmod 600 {path}."
            )
        data = file.read(MAX_SECRET_FILE + 1)
    if len(data) > MAX_SECRET_FILE:
        raise InvalidRequest(f"{path} is too long to be what it should be.")
    try:
        return data.decode()
    except UnicodeDecodeError:
        # Not chained: the error carries what the file holds.
        raise InvalidRequest(f"{path} is not text in UTF-8.") from None


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for their owner alone, whatever the umask is."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)


def write_secret_file(path: Path | str, text: str) -> None:
    """Write a file that only its owner can read, all at once; a link in its place is replaced, not followed.

    The folder is made if needed. Blocks on the disk: call it in a thread where a loop runs.
    """
    path = Path(path)
    make_private(path.parent)
    # mkstemp makes the file 0600 from the start.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


MARK = "[secret]"
KEEP_SECRETS = 512
_secrets: OrderedDict[str, None] = OrderedDict()


def remember_secret(value: str) -> None:
    """Have ``redact`` and every RedactingFilter replace ``value``. The latest few hundred are kept."""
    if len(value) < 4:
        return  # Too short to be told from ordinary text.
    _secrets[value] = None
    _secrets.move_to_end(value)
    while len(_secrets) > KEEP_SECRETS:
        _secrets.popitem(last=False)


def redact(text: str) -> str:
    """``text`` with every known secret replaced."""
    for secret in list(_secrets):
        if secret in text:
            text = text.replace(secret, MARK)
    return text


class RedactingFilter(logging.Filter):
    """Replaces known secrets in what a handler writes.

    A second line of defence: the first is that nothing here hands a secret to a logger. Add it to
    handlers, since filters of loggers do not see the records of their children.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, redacted."""
        text = record.getMessage()
        clean = redact(text)
        if clean is not text:
            record.msg, record.args = clean, None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True
