"""Logins for workers: an app password that ends, in a file of its own, with the address of its site.

A worker needs nothing but this file: no ``sites.toml``, no token that somebody renews, no environment. On
another machine it finds the file in a shared home; where there is none, put a copy at the same place by what
your cluster has for secrets, or anywhere, and give ``token_ref="env:NAME"`` with the path in NAME.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from fsspec.asyn import get_loop, sync

from jupyter_mesh.auth import PasswordToken, read_secret_file, remember_secret, write_secret_file
from jupyter_mesh.config import SiteSettings
from jupyter_mesh.cs3.login import authenticate, revoke_app_password, user_of_token
from jupyter_mesh.cs3.renewal import make_credential
from jupyter_mesh.errors import InvalidRequest, LoginEnded, NotSupported, SiteError
from jupyter_mesh.sites import Credential, config_folder

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from types import TracebackType

    from distributed import Client

    from jupyter_mesh.auth import TokenSource

__all__ = ["DelegatedToken", "Delegation", "delegate", "read_delegation"]


@dataclass(frozen=True, slots=True)
class StoredDelegation:
    """What the file holds."""

    settings: SiteSettings
    credential: Credential
    path: Path


class DelegatedToken(PasswordToken):
    """Logs in with a delegated app password whenever a token is needed; each worker for itself."""

    def __init__(self, stored: StoredDelegation) -> None:
        super().__init__(self._log_in)
        self._stored = stored

    def __repr__(self) -> str:
        return f"DelegatedToken({self.label!r})"

    @property
    def label(self) -> str:
        """The name of the app password at the site."""
        return self._stored.credential.label

    async def _log_in(self) -> str:
        settings, credential = self._stored.settings, self._stored.credential
        try:
            login = await authenticate(
                settings, "appauth", credential.username, credential.password
            )
        except (LoginEnded, SiteError) as error:
            raise LoginEnded(
                f"The login for workers in {self._stored.path} has ended at {settings.name} or was revoked. "
                "Delegate again.",
                trace=error.trace,
            ) from None
        return login.token


class Delegation:
    """A login for workers. Give them ``storage_options``; ``revoke`` it, or use it in a ``with``.

    It ends by itself at ``ends``. Nothing in it is a secret: the app password is in the file ``path`` alone.
    """

    def __init__(self, stored: StoredDelegation) -> None:
        self.path = stored.path
        self.label = stored.credential.label
        self.ends: datetime = stored.credential.ends
        self._sent: list[tuple[Client, str]] = []
        self.storage_options: dict[str, Any] = {
            "site": stored.settings.name,
            "identity": f"login:{self.label}",
            "token_ref": f"file:{_for_others(stored.path)}",
        }

    def __repr__(self) -> str:
        return f"Delegation({self.label!r}, ends={self.ends:%Y-%m-%d %H:%M} UTC)"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.revoke()

    def send(self, client: Client) -> None:
        """Put the login on all workers of a Dask cluster, also on those that come later; ``revoke`` deletes it there.

        Needed where they do not share the home of this machine. From then on ``storage_options`` names it as
        they find it. Raises InvalidRequest for a cluster whose connections others could listen to.
        """
        from jupyter_mesh.fs.workers import send_login

        variable = f"MESH_LOGIN_{secrets.token_hex(8).upper()}"
        send_login(client, variable, self.path)
        self._sent.append((client, variable))
        self.storage_options["token_ref"] = f"env:{variable}"

    def revoke(self) -> None:
        """End it now, at the site and here; may be called twice. Raises Unavailable if the site does not answer.

        Tokens that workers hold live on until they end: a site cannot call back a token.
        """
        sync(get_loop(), self.revoked)

    async def revoked(self) -> None:
        """``revoke`` for those who await."""
        if self._sent:
            from jupyter_mesh.fs.workers import take_login_back

            while self._sent:
                await asyncio.to_thread(take_login_back, *self._sent.pop())
        stored = await asyncio.to_thread(_read_if_there, self.path)
        if stored is not None:
            with suppress(LoginEnded):
                token = await DelegatedToken(stored).token()
                await revoke_app_password(stored.settings, token, self.label)
            await asyncio.to_thread(self.path.unlink, missing_ok=True)


async def delegate(settings: SiteSettings, source: TokenSource, life: timedelta) -> Delegation:
    """Make a login for workers that ends after ``life``, for the user of ``source``.

    It has all rights of the user: sites know no app passwords for less. Raises NotSupported at a site
    without app passwords.
    """
    token = await source.token()
    user = await user_of_token(settings, token)
    settings = replace(settings, username=user.username, token_file=None)
    credential = await make_credential(settings, token, "worker", life)
    if credential is None:
        raise NotSupported(
            f"{settings.name} makes no logins for workers (app passwords). Give the workers a token file: "
            'token_ref="file:PATH".'
        )
    path = config_folder() / "delegated" / f"{settings.name}-{secrets.token_hex(8)}"
    stored = StoredDelegation(settings, credential, path)
    await asyncio.to_thread(_keep, stored)
    return Delegation(stored)


def read_delegation(path: Path) -> StoredDelegation | None:
    """The delegated login in a file; None if it holds something else, such as a token.

    Raises InvalidRequest if the file belongs to others or can be read by them, LoginEnded if it cannot be read.
    """
    try:
        text = read_secret_file(path)
    except OSError as error:
        raise LoginEnded(
            f"The login in {path} cannot be read here ({error.strerror}). Put it there, or log in again."
        ) from error
    if not text.startswith("{"):
        return None
    try:
        held = json.loads(text)
        site = held.pop("site")
        settings = SiteSettings(
            name=site["name"],
            gateway=held["gateway"],
            username=held["username"],
            ca_file=Path(site["ca_file"]).expanduser() if site["ca_file"] else None,
            data_hosts=tuple(site["data_hosts"]),
        )
        stored = StoredDelegation(settings, Credential(**held), path)
    except (ValueError, TypeError, KeyError):
        # Not chained: the error of the parser quotes the file.
        raise InvalidRequest(f"{path} holds no login. Delegate again.") from None
    remember_secret(stored.credential.password)
    return stored


def _keep(stored: StoredDelegation) -> None:
    settings = stored.settings
    site = {
        "name": settings.name,
        "ca_file": str(_for_others(settings.ca_file.absolute())) if settings.ca_file else "",
        "data_hosts": settings.data_hosts,
    }
    _forget_ended(stored.path.parent)
    write_secret_file(
        stored.path, json.dumps({"site": site, **asdict(stored.credential)}, indent=1) + "\n"
    )


def _forget_ended(folder: Path) -> None:
    """Delete what has ended: nobody revokes what has ended by itself."""
    for path in folder.glob("*-*") if folder.is_dir() else ():
        with suppress(InvalidRequest, LoginEnded):
            stored = _read_if_there(path)
            if stored is not None and stored.credential.expires < time.time():
                path.unlink(missing_ok=True)


def _read_if_there(path: Path) -> StoredDelegation | None:
    return read_delegation(path) if path.exists() else None


def _for_others(path: Path) -> Path:
    """A path that is found in the same home on another machine, wherever the home is there."""
    with suppress(ValueError):
        return Path("~") / path.relative_to(Path.home())
    return path
