"""A site with public links."""

import json
from contextlib import asynccontextmanager

import pytest

from jupyter_mesh.models import Role
from jupyter_mesh.sharing import Sharing
from jupyter_mesh.testing.site import run_node

CRATE = {
    "@context": "https://w3id.org/ro/crate/1.2/context",
    "@graph": [
        {
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.2"},
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": "Fit",
            "hasPart": [{"@id": "env/requirements.txt"}],
        },
        {"@id": "./env/requirements.txt", "@type": ["File", "SoftwareSourceCode"]},
        {"@id": "../../../etc/apt.txt", "@type": "File"},
        {"@id": "https://elsewhere.example/environment.yml", "@type": "File"},
        {"@id": "absent/runtime.txt", "@type": "File"},
    ],
}

CONFIGURED = {
    "binder/requirements.txt": b"six==1.16.0\n",
    "analysis/fit ü #1%.ipynb": b"{}",
    "analysis/empty": b"",
    "points.csv": b"1,2\n" * 100_000,
}
CRATED = {
    "ro-crate-metadata.json": json.dumps(CRATE).encode(),
    "env/requirements.txt": b"six==1.15.0\n",
    "fit.py": b"print('fit')\n",
}


class Shared:
    """Folders of a user, and links to them."""

    def __init__(self, site, mesh):
        self.site, self.mesh = site, mesh

    async def put(self, folder, files):
        for name, content in files.items():
            path = f"home/{folder}/{name}"
            await self.mesh.mkdir(path.rpartition("/")[0], parents=True, exist_ok=True)
            await self.mesh.upload(path, content)

    async def link(self, path, role=Role.VIEWER, **more):
        """The address of a new link, at this node."""
        made = await Sharing(self.mesh).create_link(f"home/{path}", role, **more)
        return f"{self.site.url}/s/{made.url.rpartition('/')[2]}"


@pytest.fixture(scope="module", params=["spaces", "paths"])
async def shared(request, tmp_path_factory):
    data = tmp_path_factory.mktemp("site") / "data"
    async with run_node(data, flavour=request.param) as site, site.client() as mesh:
        shared = Shared(site, mesh)
        await shared.put("work", CONFIGURED)
        await shared.put("crate", CRATED)
        await shared.put("bare", {"readme.md": b"# Nothing\n"})
        yield shared


@pytest.fixture
def read():
    """Opens a link as the providers do; gives its files."""
    from jupyter_mesh.binder.links import PublicLink
    from jupyter_mesh.binder.reading import open_link

    @asynccontextmanager
    async def read(url):
        async with open_link(PublicLink.parse(url)) as linked:
            yield linked, await linked.files()

    return read
