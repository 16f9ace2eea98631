"""The sites a user knows, and how the login of each is kept.

::

    $XDG_CONFIG_HOME/jupyter-mesh/     0700, ~/.config where XDG_CONFIG_HOME is not set
    ├── sites.toml                     0600  default = "alpine", [sites.alpine] gateway, username, ca_file, data_hosts
    ├── tokens/<site>                  0600  the token of the moment
    └── credentials/<site>             0600  an expiring app password that gets the next token

The password of a user is in none of them. ``cs3.token_source`` is what uses them; files that others can read
are refused, and every file is replaced as a whole, so that no reader sees half of one.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import tomllib
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_mesh.auth import (
    FileToken,
    expiry_of,
    make_private,
    read_secret_file,
    remember_secret,
    write_secret_file,
    write_token_file,
)
from jupyter_mesh.config import MeshSite, SiteSettings
from jupyter_mesh.errors import InvalidRequest, LoginEnded, MeshError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "Credential",
    "KnownSite",
    "config_folder",
    "credential_file",
    "find_site",
    "forget_login",
    "forget_site",
    "is_kept",
    "known_sites",
    "login_ends",
    "make_default",
    "read_credential",
    "remember_site",
    "site_of_server",
    "token_file",
    "write_credential",
]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
"""What may name a site: it stands in URLs and is the name of files."""

VARIABLES = ("MESH_SITE", "MESH_GATEWAY", "MESH_TOKEN_FILE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """An app password of a site with what is needed to use it and to revoke it. Its repr does not show it."""

    gateway: str
    """The gateway that made it, ``host:port``: it is never sent to another one."""
    username: str
    label: str
    """Its name in the user's list of app passwords at the site; it is revoked by it."""
    expires: float
    """When it ends, in seconds since 1970."""
    password: str = field(repr=False)

    @property
    def ends(self) -> datetime:
        """When it ends."""
        return datetime.fromtimestamp(self.expires, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSite:
    """One line of the list of sites."""

    settings: SiteSettings
    default: bool
    from_environment: bool

    @property
    def name(self) -> str:
        """Its name, as in ``cs3://<site>/…``."""
        return self.settings.name


def find_site(name: str = "", environ: Mapping[str, str] = os.environ) -> SiteSettings:
    """The settings of a site: of the environment if that names it, else of ``sites.toml``.

    "" is the site of the environment, else the default of ``sites.toml``. Nothing is asked over the network
    and no token is read. Raises InvalidRequest, with the known sites, if there is no such site, and for a file
    that cannot be used. Blocks on the disk for as long as a small file takes.
    """
    asked = name or environ.get("MESH_SITE", "")
    whole = all(environ.get(variable) for variable in VARIABLES)
    if whole and asked == environ["MESH_SITE"]:
        return SiteSettings.from_environment(environ)
    if not name and any(environ.get(variable) for variable in VARIABLES[1:]):
        return SiteSettings.from_environment(environ)  # It tells what is missing.
    sites, default = _read(environ)
    found = sites.get(asked or default)
    if found is not None:
        return found
    known = [*sites, *([environ["MESH_SITE"]] if whole else [])]
    if not known:
        raise InvalidRequest(
            (f'The site "{name}" is not known here. ' if name else "No site is known here. ")
            + "Sign in to it once: jupyter mesh login SITE --gateway HOST:PORT --username NAME."
        )
    if not asked:
        raise InvalidRequest(
            f"Several sites are known here and none is the default: say which, of {_list(known)}."
        )
    raise InvalidRequest(
        f'The site "{asked}" is not known here; known: {_list(known)}. '
        "Sign in to it once: jupyter mesh login SITE --gateway HOST:PORT --username NAME."
    )


def site_of_server(site: MeshSite, environ: Mapping[str, str] = os.environ) -> SiteSettings:
    """The site of a server: of its traits, completed from the environment; where both say nothing, a kept login.

    Raises InvalidRequest with what is missing.
    """
    if site.gateway or site.token_file or any(environ.get(name) for name in VARIABLES[1:]):
        return site.settings(environ)
    found = find_site(site.name, environ)
    return replace(
        found,
        ca_file=Path(site.ca_file) if site.ca_file else found.ca_file,
        data_hosts=tuple(site.data_hosts) or found.data_hosts,
        timeout=site.timeout,
    )


def known_sites(environ: Mapping[str, str] = os.environ) -> list[KnownSite]:
    """All sites that ``find_site`` finds, that of the environment first; it hides one of the same name."""
    sites, default = _read(environ)
    found = []
    if all(environ.get(variable) for variable in VARIABLES):
        mine = SiteSettings.from_environment(environ)
        found.append(KnownSite(settings=mine, default=True, from_environment=True))
        sites.pop(mine.name, None)
    elif environ.get("MESH_SITE") in sites:
        default = environ["MESH_SITE"]
    return found + [
        KnownSite(settings=settings, default=not found and name == default, from_environment=False)
        for name, settings in sites.items()
    ]


def remember_site(
    settings: SiteSettings,
    token: str,
    credential: Credential | None = None,
    *,
    default: bool = False,
) -> SiteSettings:
    """Keep a site with a fresh login; gives the settings with the place of the token.

    The first site becomes the default; a later one with ``default``. An older credential of the site is
    replaced, also by none. What else stands in ``sites.toml``, comments too, stays. Raises InvalidRequest for
    a name that cannot name a site, and for a folder that cannot be written.
    """
    name = checked_name(settings.name)
    with _changing() as document:
        sites = document.setdefault("sites", {})
        entry = sites.setdefault(name, {})
        wanted = {
            "gateway": settings.gateway,
            "username": settings.username,
            "ca_file": str(settings.ca_file.absolute()) if settings.ca_file else "",
            "data_hosts": list(settings.data_hosts),
        }
        for key, value in wanted.items():
            if value:
                entry[key] = value
            else:
                entry.pop(key, None)
        if default or len(sites) == 1:
            document["default"] = name
        write_token_file(token_file(name), token)
        if credential is None:
            credential_file(name).unlink(missing_ok=True)
        else:
            write_credential(credential_file(name), credential)
    return replace(settings, token_file=token_file(name))


def is_kept(settings: SiteSettings) -> bool:
    """True if the login is one that ``jupyter mesh login`` keeps here, not one that somebody else renews."""
    return NAME.fullmatch(settings.name) is not None and settings.token_file == token_file(
        settings.name
    )


def login_ends(settings: SiteSettings) -> tuple[bool, datetime | None]:
    """Whether somebody is signed in to a site, and until when if that is known, without asking the site.

    Blocks on the disk. A login that cannot be used counts as none.
    """
    try:
        credential = read_credential(credential_file(settings.name)) if is_kept(settings) else None
        if credential is not None and credential.gateway == settings.gateway:
            return credential.ends > datetime.now(UTC), credential.ends
        if settings.token_file is None:
            return False, None
        ends = expiry_of(FileToken(settings.token_file).read())
    except MeshError:
        return False, None
    return ends is None or ends > datetime.now(UTC), ends


def make_default(name: str) -> None:
    """Take ``name`` where no site is named. Raises InvalidRequest if ``sites.toml`` does not know it."""
    with _changing() as document:
        if name not in document.get("sites", {}):
            raise InvalidRequest(
                f'The site "{name}" is not known here; known: {_list(document.get("sites", {}))}.'
            )
        document["default"] = name


def forget_login(name: str) -> None:
    """Delete the token and the credential of a site, which stays known. Nothing is revoked."""
    for path in (token_file(name), credential_file(name)):
        path.unlink(missing_ok=True)


def forget_site(name: str) -> None:
    """Delete a site with its login. Nothing is revoked; a site that is not known is forgotten already."""
    forget_login(name)
    with _changing() as document:
        document.get("sites", {}).pop(name, None)
        if document.get("default") == name:
            del document["default"]


def config_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where sites and logins are kept."""
    base = environ.get("XDG_CONFIG_HOME", "")
    # The specification of XDG has relative paths ignored.
    return (Path(base) if os.path.isabs(base) else Path.home() / ".config") / "jupyter-mesh"


def token_file(name: str) -> Path:
    """Where the token of a site of ``sites.toml`` is. Raises InvalidRequest for a name that cannot be one."""
    return config_folder() / "tokens" / checked_name(name)


def credential_file(name: str) -> Path:
    """Where the credential of a site of ``sites.toml`` is, if the site made one."""
    return config_folder() / "credentials" / checked_name(name)


def checked_name(name: str) -> str:
    """``name`` if it can name a site; raises InvalidRequest."""
    if not NAME.fullmatch(name):
        raise InvalidRequest(_refusal(name))
    return name


def read_credential(path: Path) -> Credential | None:
    """The credential in a file, None if there is none.

    Raises InvalidRequest if the file is a link, belongs to or can be read by others, or holds something else.
    """
    try:
        text = read_secret_file(path, follow=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LoginEnded(
            f"The login kept in {path} cannot be read ({error.strerror}). Log in again."
        ) from error
    try:
        credential = Credential(**json.loads(text))
        credential.ends  # noqa: B018  a time that is none is told here
    except (ValueError, TypeError, OverflowError, OSError):
        # Not chained: the error of the parser quotes the file.
        raise InvalidRequest(f"{path} holds no login. Delete it, and log in again.") from None
    remember_secret(credential.password)
    return credential


def write_credential(path: Path, credential: Credential) -> None:
    """Write a credential so that its owner alone can read it, all at once."""
    remember_secret(credential.password)
    write_secret_file(path, json.dumps(asdict(credential)) + "\n")


def _refusal(name: str) -> str:
    return f"{name[:80]!r} cannot name a site. Take letters, digits, and - . _ within, at most 63."


def _list(names: Any) -> str:
    return ", ".join(sorted(names)) or "none"


def _path(environ: Mapping[str, str] = os.environ) -> Path:
    return config_folder(environ) / "sites.toml"


def _read(environ: Mapping[str, str] = os.environ) -> tuple[dict[str, SiteSettings], str]:
    path = _path(environ)
    return _understood(path, _text(path))


def _understood(path: Path, text: str) -> tuple[dict[str, SiteSettings], str]:
    """The sites in a text, and the name of the default or ""."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidRequest(f"{path} is not valid TOML: {error}. Correct that line.") from None
    sites = document.get("sites", {})
    if not isinstance(sites, dict):
        raise InvalidRequest(f'{path}: "sites" must be tables, as in [sites.alpine].')
    default = document.get("default", "")
    if not isinstance(default, str):
        raise InvalidRequest(f'{path}: "default" must be the name of a site.')
    found = {name: _settings(path, name, entry) for name, entry in sites.items()}
    if not default and len(found) == 1:
        default = next(iter(found))
    return found, default


def _settings(path: Path, name: str, entry: Any) -> SiteSettings:
    if not NAME.fullmatch(name):
        raise InvalidRequest(f"{path}: {_refusal(name)}")
    where = f"{path}, [sites.{name}]"
    if not isinstance(entry, dict):
        raise InvalidRequest(f"{path}: sites.{name} must be a table: [sites.{name}].")
    for key in entry:
        if key not in ("gateway", "username", "ca_file", "data_hosts"):
            raise InvalidRequest(
                f'{where} has a line "{key}" that means nothing. '
                "It can have gateway, username, ca_file and data_hosts."
            )
    for key in ("gateway", "username", "ca_file"):
        if not isinstance(entry.get(key, ""), str):
            raise InvalidRequest(f'{where}: {key} must be a text in "".')
    hosts = entry.get("data_hosts", [])
    if not isinstance(hosts, list) or not all(isinstance(host, str) for host in hosts):
        raise InvalidRequest(f'{where}: data_hosts must be a list of texts, as in ["host"].')
    ca_file = entry.get("ca_file", "")
    try:
        return SiteSettings(
            name=name,
            gateway=entry.get("gateway", ""),
            username=entry.get("username", ""),
            token_file=token_file(name),
            ca_file=Path(ca_file).expanduser() if ca_file else None,
            data_hosts=tuple(hosts),
        )
    except InvalidRequest as error:
        raise InvalidRequest(f"{where}: {error}") from error


def _text(path: Path) -> str:
    try:
        return read_secret_file(path)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise InvalidRequest(
            f"{path} cannot be read ({error.strerror}). Check who owns it."
        ) from error


@contextmanager
def _changing() -> Iterator[Any]:
    """The document of ``sites.toml``, written back at the end; one process changes it at a time."""
    # It keeps comments and order, and is needed by no reader.
    import tomlkit

    folder = config_folder()
    path = _path()
    try:
        make_private(folder)
        folder.chmod(0o700)
        lock = os.open(
            folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        try:
            # Held for as long as a small file takes to write.
            fcntl.flock(lock, fcntl.LOCK_EX)
            text = _text(path)
            _understood(path, text)
            document = tomlkit.parse(text)
            yield document
            changed = tomlkit.dumps(document)
            _understood(path, changed)
            if changed != text:
                # The file may be a link into a folder of dotfiles.
                write_secret_file(path.resolve(), changed)
        finally:
            os.close(lock)
    except OSError as error:
        raise InvalidRequest(
            f"{folder} cannot be written ({error.strerror}). Check who owns it, and the room on the disk."
        ) from error
