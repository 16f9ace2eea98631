"""``CS3RepoProvider``: public links of the mesh on a BinderHub.

    # binderhub_config.py
    from binderhub.repoproviders import GitHubRepoProvider
    from jupyter_mesh.binder.hub import CS3RepoProvider
    c.BinderHub.repo_providers = {"gh": GitHubRepoProvider, "cs3": CS3RepoProvider}

The images that build need jupyter-mesh[binder] and the content provider ``CS3``, too (docs/binder.md).
"""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import quote, unquote

from binderhub.repoproviders import RepoProvider
from traitlets import List, Unicode

from jupyter_mesh.binder.links import PublicLink
from jupyter_mesh.binder.reading import open_link, tree_id
from jupyter_mesh.errors import MeshError, NotFound

__all__ = ["CS3RepoProvider"]


class CS3RepoProvider(RepoProvider):
    """The spec is a public link, percent-encoded as one part of the path: ``/v2/cs3/https%3A%2F%2FHOST%2Fs%2FTOKEN``.

    What it leads to has no history: each change makes another ref, and with it another image.
    """

    name = Unicode("CS3")
    display_name = "Public link of the mesh"
    display_config = {  # noqa: RUF012  as BinderHub has it
        "displayName": "Public link of the mesh",
        "id": "cs3",
        "enabled": True,
        "spec": {"validateRegex": r".+"},
        "detect": {"regex": r"^(?<repo>(https|cs3):\/\/[^\/]+\/s\/.+)$"},
        "repo": {
            "label": "Public link",
            "placeholder": "https://mesh.example.org/s/AbCdEfGh",
            "urlEncode": True,
        },
        "ref": {"enabled": False},
    }
    labels = {  # noqa: RUF012  as BinderHubs before it have it
        "text": "Public link (https://mesh.example.org/s/AbCdEfGh)",
        "tag_text": "Git ref (branch, tag, or commit)",
        "ref_prop_disabled": True,
        "label_prop_disabled": True,
    }

    hosts = List(
        Unicode(),
        help=(
            "Hosts whose public links are built, such as mesh.example.org. Left empty, those of every host are: "
            "the hub then asks whatever host a visitor names."
        ),
        config=True,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Behind an encoded link stands what pages of BinderHub add to every address, such as HEAD.
        first = self.spec.partition("/")[0]
        link = PublicLink.parse(unquote(first) if "%" in first else self.spec)
        if link is None:
            raise ValueError(
                "This is no public link: it looks like https://mesh.example.org/s/AbCdEfGh."
            )
        if self.hosts and link.host not in self.hosts:
            raise ValueError(f"Links of {link.host} are not built here.")
        self.link = link
        self._ref = ""

    async def get_resolved_ref(self) -> str | None:
        """The id of the files as they are now; None if there is no such link."""
        if not self._ref:
            try:
                async with open_link(self.link) as linked:
                    self._ref = tree_id(await linked.files())
            except NotFound:
                return None
            except MeshError as error:
                # BinderHub shows what is in a ValueError.
                raise ValueError(str(error)) from error
        return self._ref

    async def get_resolved_spec(self) -> str:
        """The link in one spelling: what it leads to now is not to be had later."""
        return quote(self.link.url, safe="")

    def get_repo_url(self) -> str:
        """What repo2docker is given."""
        return self.link.url

    async def get_resolved_ref_url(self) -> str:
        """Where people see the files."""
        return self.link.url

    def get_build_slug(self) -> str:
        """Names images and pods: the token of the link does not stand in it."""
        return f"cs3-{hashlib.sha256(self.link.url.encode()).hexdigest()[:16]}"
