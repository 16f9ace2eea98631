"""Logins that renew themselves: by an app password of the site, which ends and can be revoked.

``log_in`` keeps one, ``token_source`` uses it, ``log_out`` revokes it. The files are those of
``jupyter_mesh.sites``.
"""

from __future__ import annotations

import asyncio
import fcntl
import getpass
import logging
import os
import secrets
import socket
import threading
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from jupyter_mesh.auth import FileToken, TokenSource, expiry_of, make_private, write_token_file
from jupyter_mesh.cs3.login import app_password, authenticate, revoke_app_password
from jupyter_mesh.errors import (
    DeadlineExceeded,
    InvalidRequest,
    LoginEnded,
    MeshError,
    SiteError,
    Unavailable,
)
from jupyter_mesh.sites import (
    Credential,
    credential_file,
    forget_login,
    is_kept,
    read_credential,
    remember_site,
    token_file,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from jupyter_mesh.config import SiteSettings
    from jupyter_mesh.cs3.login import Login

__all__ = ["SiteToken", "log_in", "log_out", "make_credential", "token_source"]

DAYS = 30
"""Days after which a login ends for good."""

RENEW_BEFORE = 60.0
"""Seconds before its end at which a token is renewed, at most a tenth of what it had left when first seen."""

WAIT_FOR_OTHERS = 30.0
"""Seconds that another process may take to renew the same login."""

log = logging.getLogger(__name__)


def token_source(settings: SiteSettings) -> TokenSource:
    """Where the token of a site comes from: the one way in for everybody who connects.

    The token file of the settings; if it is that of ``jupyter mesh login``, it is renewed when it is refused
    or near its end. Does no I/O. Raises InvalidRequest where the settings name no token file.
    """
    if settings.token_file is None:
        raise InvalidRequest(
            "There is no token file to log in with. Set MESH_TOKEN_FILE (jupyter mesh login)."
        )
    return SiteToken(settings) if is_kept(settings) else FileToken(settings.token_file)


class SiteToken(TokenSource):
    """The login of a site of ``sites.toml``, for any number of processes at once: one of them renews."""

    def __init__(self, settings: SiteSettings) -> None:
        self._settings = settings
        self._path = token_file(settings.name)
        self._credential = credential_file(settings.name)
        self._file = FileToken(self._path)
        self._seen = ""
        self._old_at = float("inf")

    def __repr__(self) -> str:
        return f"SiteToken({self._settings.name!r})"

    async def token(self, *, refresh: bool = False) -> str:
        """The kept token, or a new one if it is refused or near its end.

        Raises LoginEnded, with the way to log in again, if there is none and the site gives none.
        """
        token = await self._kept()
        if token and not refresh and not self._is_old(token):
            return token
        try:
            async with _held(self._path.with_name(f".{self._path.name}.lock")):
                # Somebody else may have renewed it while this waited.
                newest = await self._kept(again=True)
                if newest and newest != token and not self._is_old(newest):
                    return newest
                return await self._renewed(newest)
        except (Unavailable, DeadlineExceeded):
            if token and not refresh:
                return token  # It still lives for a moment.
            raise
        except MeshError:
            raise  # Some of them are OSErrors too.
        except OSError as error:
            raise LoginEnded(
                f"The login at {self._settings.name} cannot be renewed: {self._path} cannot be written "
                f"({error.strerror})."
            ) from error

    def read(self) -> tuple[str, str]:
        """The kept token or "", and the label of the credential or "". Blocks on the disk; raises LoginEnded."""
        try:
            token = self._file.read()
        except LoginEnded:
            token = ""
        credential = read_credential(self._credential)
        if not token and credential is None:
            raise LoginEnded(self._ended("You are not signed in to"))
        return token, credential.label if credential else ""

    def _is_old(self, token: str) -> bool:
        now = time.time()
        if token != self._seen:
            ends = expiry_of(token)
            left = ends.timestamp() - now if ends else float("inf")
            self._seen, self._old_at = token, now + left - min(RENEW_BEFORE, max(0, left / 10))
        return now >= self._old_at

    async def _kept(self, *, again: bool = False) -> str:
        try:
            return await self._file.token(refresh=again)
        except LoginEnded:
            return ""

    async def _renewed(self, old: str) -> str:
        credential = await asyncio.to_thread(read_credential, self._credential)
        if credential is None or credential.gateway != self._settings.gateway:
            if old:
                return old
            raise LoginEnded(self._ended("You are not signed in to"))
        try:
            login = await authenticate(
                self._settings, "appauth", credential.username, credential.password
            )
        except (LoginEnded, SiteError) as error:
            # Ended or revoked. OpenCloud answers INTERNAL then.
            raise LoginEnded(self._ended("Your login has ended at"), trace=error.trace) from None
        await asyncio.to_thread(write_token_file, self._path, login.token)
        log.info("Renewed the login at %s", self._settings.name)
        return login.token

    def _ended(self, what: str) -> str:
        name = self._settings.name
        return f"{what} {name}. Sign in: jupyter mesh login {name}"


async def log_in(
    settings: SiteSettings, password: str, *, default: bool = False
) -> tuple[Login, Credential | None]:
    """Sign in with the password of a user and keep the login, by a credential where the site makes them.

    The app password of an older login is revoked. A wrong password raises LoginEnded and changes nothing.
    """
    login = await authenticate(settings, "basic", settings.username, password)
    credential = await make_credential(settings, login.token, "login", timedelta(days=DAYS))
    older = await asyncio.to_thread(_older, settings.name)
    await asyncio.to_thread(remember_site, settings, login.token, credential, default=default)
    if older is not None and older.gateway == settings.gateway:
        try:
            await _revoke(settings, older, login.token)
        except MeshError as error:
            log.info("An older app password stays until it ends: %s", error)
    return login, credential


async def make_credential(
    settings: SiteSettings, token: str, purpose: str, life: timedelta
) -> Credential | None:
    """An app password for the user of ``token``; None at a site that makes none. It has all rights of the user."""
    # The label revokes: it must be this one's own.
    label = f"jupyter-mesh {purpose} {_here()} ({secrets.token_hex(4)})"
    ends = datetime.now(UTC) + life
    try:
        password = await app_password(settings, token, label, ends)
    except (LoginEnded, Unavailable, InvalidRequest):
        raise
    except MeshError as error:
        log.info("%s makes no app password: %s", settings.name, error)
        return None
    return Credential(
        gateway=settings.gateway,
        username=settings.username,
        label=label,
        expires=ends.timestamp(),
        password=password,
    )


async def log_out(settings: SiteSettings) -> bool:
    """Revoke the app password of a site of ``sites.toml``, and delete it with the token; False if there was none.

    They are deleted in any case. Raises MeshError with the end of the app password where the site cannot be
    asked to revoke it.
    """
    name = settings.name
    credential = await asyncio.to_thread(_older, name)
    there = credential is not None or await asyncio.to_thread(token_file(name).exists)
    try:
        if credential is not None and credential.gateway == settings.gateway:
            token = await SiteToken(settings).token()
            await _revoke(settings, credential, token)
    except LoginEnded:
        pass  # What has ended needs no revoking.
    except MeshError as error:
        assert credential is not None  # noqa: S101  only with one the site is asked
        raise Unavailable(
            f"You are signed out here, but {name} could not be asked to revoke the app password "
            f'"{credential.label}": it ends on {credential.ends:%Y-%m-%d}. {error}'
        ) from error
    finally:
        await asyncio.to_thread(forget_login, name)
    return there


async def _revoke(settings: SiteSettings, credential: Credential, token: str) -> None:
    await revoke_app_password(settings, token, credential.label)


def _older(name: str) -> Credential | None:
    """The credential that is kept; one that cannot be read is none."""
    try:
        return read_credential(credential_file(name))
    except MeshError:
        return None


def _here() -> str:
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (OSError, KeyError):  # A container may have no name for its user.
        return socket.gethostname()


@asynccontextmanager
async def _held(path: Path) -> AsyncIterator[None]:
    """Hold a lock file against all processes and loops of this machine.

    Polled, for a thread that waits in flock cannot be cancelled. Raises Unavailable after half a minute.
    """
    lock = _LockFile(path)
    give_up = time.monotonic() + WAIT_FOR_OTHERS
    try:
        while not await asyncio.to_thread(lock.take):
            if time.monotonic() > give_up:
                raise Unavailable("Another program renews this login and does not end. Try again.")
            await asyncio.sleep(0.05)
        yield
    finally:
        lock.release()


class _LockFile:
    """A lock that is not kept by a thread whose caller has gone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mutex = threading.Lock()
        self._descriptor = -1
        self._gone = False

    def take(self) -> bool:
        with self._mutex:
            if self._gone:
                return False
            if self._descriptor < 0:
                make_private(self._path.parent)
                flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
                self._descriptor = os.open(self._path, flags, 0o600)
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

    def release(self) -> None:
        with self._mutex:
            self._gone = True
            if self._descriptor >= 0:
                # A forked child has the descriptor too, so closing it would not be enough.
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
                os.close(self._descriptor)
                self._descriptor = -1
