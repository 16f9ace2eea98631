"""Writes docs/settings.md from the traits. Run it after changing one: ``python docs/make_settings.py``."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traitlets import TraitType
    from traitlets.config import Configurable

CLASSES = {
    "In a user's server: `jupyter_server_config.py`": (
        "jupyter_mesh.config.MeshSite",
        "jupyter_mesh.server.app.MeshExtension",
        "jupyter_mesh.contents.CompositeContentsManager",
        "jupyter_mesh.contents.MeshContentsManager",
    ),
    "On the hub: `jupyterhub_config.py`": (
        "jupyter_mesh_spawner.cs3.CS3Authenticator",
        "jupyter_mesh_spawner.oidc.MeshOIDCAuthenticator",
        "jupyter_mesh_spawner.kept.MeshKeptTokenMixin",
        "jupyter_mesh.placement.MeshPlacement",
        "jupyter_mesh_spawner.local.MeshLocalSpawner",
        "jupyter_mesh_spawner.docker.MeshDockerSpawner",
        "jupyter_mesh_spawner.kube.MeshKubeSpawner",
    ),
}

HEAD = """\
# Settings

Made by `python docs/make_settings.py`; change the help of a trait, not this page.

Most people set nothing: our spawners set the three variables of a server, and the rest has defaults that fit.

| variable | what |
|---|---|
| `MESH_SITE` | name of the site, as in `cs3://<site>/…` |
| `MESH_GATEWAY` | its CS3 gateway, `host:port`. TLS is used, except on this machine's own addresses; `grpc://host:port` does without |
| `MESH_TOKEN_FILE` | file with the user's token, readable by the user alone (`jupyter mesh login` writes one) |
| `MESH_CA_FILE` | optional: certificates to trust instead of those of the system |
| `MESH_MOUNT` | optional: folder where the site is mounted; our spawners set it. Kernels of `mesh/…` start there |
| `MESH_SITE_TITLE` | optional: name of the site as its people call it, shown in the Mesh panel |
| `MESH_DATA_HOSTS` | optional: further hosts that may receive the token, separated by commas |

In a configuration file a setting is one line, for example `c.MeshSite.timeout = 60`.
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for title, names in CLASSES.items():
        parts.append(f"## {title}\n")
        parts.extend(_section(*name.rsplit(".", 1)) for name in names)
    return "\n".join(parts)


def _section(module: str, name: str) -> str:
    cls: type[Configurable] = getattr(importlib.import_module(module), name)
    lines = [
        f"### {name}\n",
        f"{inspect.getdoc(cls)}".partition("\n\n")[0].replace("\n", " ") + "\n",
    ]
    traits = {
        key: trait
        for key, trait in sorted(cls.class_traits(config=True).items())
        if _is_ours(trait)
    }
    if not traits:
        return "\n".join([*lines, "No settings of its own.\n"])
    lines += ["| setting | default | what |", "|---|---|---|"]
    for key, trait in traits.items():
        default = trait.default_value_repr()
        shown = (
            ""
            if default in ("''", "None", "[]", "traitlets.Undefined", "Undefined")
            else f"`{default}`"
        )
        help_text = " ".join(trait.help.split()).replace("|", "\\|")
        lines.append(f"| `{name}.{key}` | {shown} | {help_text} |")
    return "\n".join([*lines, ""])


def _is_ours(trait: TraitType[object, object]) -> bool:
    """True for a trait that one of our classes defines; those of Jupyter stand in Jupyter's pages."""
    owner = trait.this_class
    return owner is not None and owner.__module__.startswith("jupyter_mesh")


if __name__ == "__main__":
    Path(__file__).with_name("settings.md").write_text(page(), encoding="utf-8")
