"""The contract, for both managers on both kinds of site."""

import pytest

from jupyter_mesh.contents import CompositeContentsManager, MeshContentsManager
from jupyter_mesh.paths import join
from jupyter_mesh.testing.contents import ContentsContract


@pytest.fixture(params=["root", "part", "composite"])
def contents(request, jp_asyncio_loop, mesh_environment, jp_environ, tmp_path):
    if request.param == "composite":
        manager = CompositeContentsManager(root_dir=str(tmp_path))
    else:
        manager = MeshContentsManager(mesh_root="home" if request.param == "part" else "")
    # A server has made its event logger long before its loop runs.
    assert manager.event_logger
    yield manager
    jp_asyncio_loop.run_until_complete(manager.close())


@pytest.fixture
def folder(site, contents, jp_asyncio_loop):
    mesh = join("home", site.unique())
    jp_asyncio_loop.run_until_complete(contents.client.mkdir(mesh))
    return contents.api_path(mesh)


class TestContents(ContentsContract):
    pass
