"""SpawnException, also for JupyterHub 5, which does not have it."""

from __future__ import annotations

from tornado.log import app_log
from tornado.web import HTTPError

__all__ = ["SpawnException"]

try:
    from jupyterhub.spawner import SpawnException
except ImportError:

    class SpawnException(HTTPError):  # type: ignore[no-redef]  # JupyterHub 5 has none
        """Raised when a server is not started for a reason that the user should read.

        It stands in for ``jupyterhub.spawner.SpawnException`` of JupyterHub 6, with the same arguments.
        """

        def __init__(
            self,
            message: str,
            *,
            reason: str,
            log_message: str = "",
            message_html: str = "",
            status_code: int = 400,
        ) -> None:
            super().__init__(status_code, message, reason=reason)
            if log_message:
                # JupyterHub 5 tells the message of an exception that is for the log to whoever asks its API.
                app_log.warning(log_message)
            # JupyterHub 5 shows these two on its pages and in API answers.
            self.jupyterhub_message = message
            self.jupyterhub_html_message = message_html
