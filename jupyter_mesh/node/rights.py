"""What somebody may do with a file or folder: the booleans of CS3 by name, and the roles that people know."""

from __future__ import annotations

__all__ = [
    "EDITOR",
    "OWNER",
    "ROLES",
    "UPLOADER",
    "VIEWER",
    "Rights",
    "read_rights",
    "reduced",
    "write_rights",
]

Rights = frozenset[str]
"""Names of the fields of a CS3 ``ResourcePermissions`` that are true."""

NONE: Rights = frozenset()
_READ = frozenset(
    {
        "stat",
        "get_path",
        "list_container",
        "initiate_file_download",
        "list_file_versions",
        "list_recycle",
    }
)
_WRITE = frozenset(
    {
        "create_container",
        "initiate_file_upload",
        "delete",
        "move",
        "restore_file_version",
        "restore_recycle_item",
        "purge_recycle",
    }
)
VIEWER = _READ | {"get_quota", "list_grants"}
EDITOR = VIEWER | _WRITE | {"delete_container", "move_container"}
OWNER = EDITOR | {"add_grant", "update_grant", "remove_grant", "deny_grant"}
UPLOADER = frozenset({"stat", "get_path", "create_container", "initiate_file_upload"})
"""May put files in and see none."""

ROLES = {"viewer": VIEWER, "editor": EDITOR, "uploader": UPLOADER, "owner": OWNER}


def reduced(rights: Rights) -> Rights:
    """The role nearest to some rights, as cs3org Reva keeps nothing else of them (``facts/cs3.md`` §6.4)."""
    if "initiate_file_download" in rights:
        return _READ | _WRITE if "initiate_file_upload" in rights else _READ
    return UPLOADER if "initiate_file_upload" in rights else NONE


def read_rights(text: str) -> Rights:
    """Rights as a table holds them."""
    return frozenset(text.split())


def write_rights(rights: Rights) -> str:
    """Rights as a table holds them; ``read_rights`` reads them."""
    return " ".join(sorted(rights))
