"""Tokens for the hub that can get the user's storage token and do nothing else: for the program beside a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyterhub import orm

from jupyter_mesh_spawner.defaults import OWN_TOKEN

if TYPE_CHECKING:
    from jupyterhub.user import User

__all__ = ["narrow_token", "revoke_narrow"]


def narrow_token(user: User, note: str) -> str:
    """Make one; users see ``note`` in their list of tokens. Whoever makes it calls ``revoke_narrow``, also later.

    Raises ValueError where the hub gives its users no storage tokens (``apply_defaults``).
    """
    token: str = user.new_api_token(note=note, scopes=[OWN_TOKEN])
    return token


def revoke_narrow(user: User, note: str) -> None:
    """Make all that have this note useless; there may be none."""
    found: Any = user.db.query(orm.APIToken).filter_by(user_id=user.orm_user.id, note=note).all()
    for token in found:
        user.db.delete(token)
    if found:
        # Each time stops the hub for a moment.
        user.db.commit()
