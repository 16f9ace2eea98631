"""What a site can do for sharing, each with the reason where it cannot."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

__all__ = ["Abilities", "Ability"]


class Ability(NamedTuple):
    """Whether something can be done here; ``why`` is one sentence where it cannot."""

    can: bool
    why: str = ""


YES = Ability(True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """Everything about sharing that differs between sites."""

    user_shares: Ability = YES
    group_shares: Ability = YES
    uploader: Ability = YES
    share_expiry: Ability = YES
    share_notes: Ability = YES
    links: Ability = YES
    link_passwords: Ability = YES
    link_uploads: Ability = YES
    federated: Ability = YES
    invitations: Ability = YES
    withdraw_invitations: Ability = YES
    contacts: Ability = YES
    sites: Ability = YES
    projects: Ability = YES

    def by_name(self) -> dict[str, Ability]:
        """All of them by name, in the order above."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
