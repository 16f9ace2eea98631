"""Invitations pass the hub on their way to a user's server: their tokens stay out of its log.

JupyterHub hides ``token=`` in the addresses that it logs, but not in the address that a login leads back to
(``next=…%3Ftoken%3D…``).
"""

from __future__ import annotations

import logging
import re

__all__ = ["hide_invitations"]

_TOKEN = re.compile(r"token(%(?:25)*3D)(?:(?!%(?:25)*26)[^&\s])+", re.IGNORECASE)


class _Hidden(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every record, without the tokens in it."""
        text = record.getMessage()
        hidden = _TOKEN.sub(r"token\1[secret]", text)
        if hidden != text:
            record.msg, record.args = hidden, None
        return True


def hide_invitations() -> None:
    """Take tokens out of all addresses that the hub logs from now on. May be called again."""
    log = logging.getLogger("tornado.access")
    if not any(isinstance(known, _Hidden) for known in log.filters):
        log.addFilter(_Hidden())
