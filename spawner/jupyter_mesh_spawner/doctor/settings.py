"""HubSettings: a configuration file of JupyterHub, read as the hub reads it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Self

from jupyterhub.app import JupyterHub

if TYPE_CHECKING:
    from pathlib import Path

    from jupyterhub.auth import Authenticator

__all__ = ["Broken", "HubSettings"]


class Broken(Exception):
    """The configuration cannot be read; the text says why, in one sentence."""


class HubSettings:
    """What the hub would run with. The code of the file has been run, and nothing else."""

    def __init__(self, app: JupyterHub, authenticator: Authenticator) -> None:
        self.app = app
        self.authenticator = authenticator
        self.spawner: type[Any] = app.spawner_class

    @classmethod
    def read(cls, file: Path) -> Self:
        """Run the file and build the authenticator; raises Broken where the hub would end with an error."""
        if not file.is_file():
            raise Broken(f"There is no {file}. Name the hub's configuration: --hub FILE.")
        app = JupyterHub(log_level=logging.CRITICAL)
        heard = _Heard()
        app.log.addHandler(heard)
        try:
            app.load_config_file(str(file.resolve()))
            return cls(app, app.authenticator_class(parent=app))
        except (Exception, SystemExit) as error:
            # Whatever the file does: it is somebody's program.
            said = heard.last or f"{type(error).__name__}: {error}"
            raise Broken(f"The hub does not start with {file}: {said}") from error
        finally:
            app.log.removeHandler(heard)

    def of_spawner(self, name: str) -> Any:
        """The value of a trait of the spawner's class: configured, or its default."""
        for kind in self.spawner.__mro__:
            section = self.app.config.get(kind.__name__, {})
            if name in section:
                return section[name]
        trait = self.spawner.class_traits().get(name)
        return None if trait is None else trait.default()

    def spawns(self, *names: str) -> bool:
        """True if the spawner is one of these classes, or made of one."""
        return any(kind.__name__ in names for kind in self.spawner.__mro__)


class _Heard(logging.Handler):
    """Remembers what the hub would have said last before it ended."""

    last = ""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.CRITICAL:
            self.last = record.getMessage().partition("\n")[0]
