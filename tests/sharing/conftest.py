"""Nodes of both kinds for tests of sharing, with three people and a group."""

from collections.abc import AsyncIterator

import pytest

from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.models import Grantee, GranteeKind
from jupyter_mesh.sharing import Sharing
from jupyter_mesh.testing.site import RunningSite, SiteUser, run_node

PEOPLE = (
    SiteUser("einstein", "relativity of simultaneity"),
    SiteUser("marie", "radioactivity of thorium", ("physics-lovers",)),
    SiteUser("lise", "fission of uranium", ("physics-lovers", "radium-haters")),
)


@pytest.fixture(scope="module", params=["spaces", "paths"])
async def node_site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningSite]:
    data = tmp_path_factory.mktemp("node")
    async with run_node(data, flavour=request.param, users=PEOPLE) as site:
        yield site


@pytest.fixture
async def mesh(node_site: RunningSite) -> AsyncIterator[MeshClient]:
    """A client of einstein."""
    async with node_site.client(0) as client:
        yield client


@pytest.fixture
async def sharing(mesh: MeshClient) -> Sharing:
    """What einstein shares."""
    return Sharing(mesh)


@pytest.fixture
async def marie(node_site: RunningSite) -> AsyncIterator[Sharing]:
    async with node_site.client(1) as client:
        yield Sharing(client)


@pytest.fixture
async def lise(node_site: RunningSite) -> AsyncIterator[Sharing]:
    async with node_site.client(2) as client:
        yield Sharing(client)


async def who(sharing: Sharing) -> Grantee:
    """Somebody, as others share with them."""
    me = await sharing.client.me()
    return Grantee(kind=GranteeKind.USER, id=me.id, idp=me.idp, name=me.display_name)


@pytest.fixture
async def to_marie(marie: Sharing) -> Grantee:
    return await who(marie)


@pytest.fixture
async def to_lise(lise: Sharing) -> Grantee:
    return await who(lise)
