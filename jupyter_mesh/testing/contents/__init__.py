"""ContentsContract: what Jupyter's front ends expect of a contents manager, on any site, as tests to inherit.

::

    class TestMySite(ContentsContract):
        @pytest.fixture(scope="session")
        def site(self): return site_from_file(Path("site.toml"))

Each test runs for both managers: the composite, and the one whose root is a part of the mesh. Everything
happens in fresh folders, which are deleted at the end.
"""

from jupyter_mesh.testing.contents.arranging import Arranging
from jupyter_mesh.testing.contents.samples import (
    ODD_NAMES,
    Events,
    binary,
    mesh_of,
    next_server,
    notebook,
    only_part,
    piece,
    put_by_others,
    refused,
    stored,
    text,
)
from jupyter_mesh.testing.contents.saving import Saving
from jupyter_mesh.testing.contents.showing import Showing
from jupyter_mesh.testing.contents.uploading import Uploading

__all__ = [
    "ODD_NAMES",
    "ContentsContract",
    "Events",
    "binary",
    "mesh_of",
    "next_server",
    "notebook",
    "only_part",
    "piece",
    "put_by_others",
    "refused",
    "stored",
    "text",
]


class ContentsContract(Showing, Saving, Uploading, Arranging):
    """Every rule of the contents API that a front end relies on, and those that keep texts safe.

    Needs a fixture ``site`` that gives a RunningSite.
    """
