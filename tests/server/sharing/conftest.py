"""Two sites that trust each other; the server is of the first user of the first one."""

import asyncio
import json
import secrets
from collections.abc import Iterator

import pytest

from jupyter_mesh.auth import write_token_file
from jupyter_mesh.sharing import Sharing
from jupyter_mesh.testing.site import RunningSite, federated_nodes, in_thread

SCHEMA = "https://schema.jupyter-mesh.org/sharing/v1"


@pytest.fixture(scope="session")
def sites(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningSite, RunningSite]]:
    """ "alpine" and "coast", of the flavour that a test gives as parameter."""
    flavour = getattr(request, "param", "spaces")
    data = tmp_path_factory.mktemp("sites")
    with in_thread(lambda: federated_nodes(data, flavours=(flavour, flavour))) as both:
        token = asyncio.run(both[0].tokens().token())
        write_token_file(data / "token", token)
        yield both


@pytest.fixture(scope="session")
def site(sites: tuple[RunningSite, RunningSite]) -> RunningSite:
    """The site of the server."""
    return sites[0]


@pytest.fixture
def others(sites, jp_asyncio_loop):
    """A client of somebody else: ``others("marie")`` of the same site, ``others("noether")`` of the other."""
    clients = []

    def client(name):
        for site in sites:
            for number, user in enumerate(site.users):
                if user.name == name:
                    clients.append(site.client(number))
                    return clients[-1]
        raise LookupError(name)

    yield client
    for each in clients:
        jp_asyncio_loop.run_until_complete(each.close())


@pytest.fixture
def marie(others):
    """The client of a colleague."""
    return others("marie")


@pytest.fixture
def noether(others):
    """The client of somebody at the other site."""
    return others("noether")


@pytest.fixture
def einstein(client):
    """The client of the server, whose user is Einstein."""
    return client


@pytest.fixture
def folder_of():
    """Makes a fresh folder in somebody's home; gives its mesh path."""

    async def make(client, *names):
        path = f"home/{secrets.token_hex(6)}"
        await client.mkdir(path)
        for name in names:
            await client.upload(f"{path}/{name}", b"text of " + name.encode())
        return path

    return make


@pytest.fixture
def told(jp_serverapp):
    """What events told, each as (what, path)."""
    events = []

    async def listen(logger, schema_id, data):
        events.append((data["what"], data["path"]))

    jp_serverapp.event_logger.add_listener(schema_id=SCHEMA, listener=listen)
    return events


@pytest.fixture
def key_of(ask):
    """The key of somebody, found by name."""

    async def find(name):
        status, found = await ask("GET", "people", q=name)
        assert status == 200, found
        keys = [who["key"] for who in found["items"] if who["username"] == name]
        assert len(keys) == 1, json.dumps(found)
        return keys[0]

    return find


@pytest.fixture
def live(jp_serverapp):
    """Sharing of the server, past REST."""
    return jp_serverapp.extension_manager.extension_points["jupyter_mesh"].app.live_sharing


@pytest.fixture
def part(ask, noether):
    """Makes strangers of Einstein and Noether, whatever they were in a test before."""

    async def part():
        for contact in await noether.contacts():
            await noether.remove_contact(contact)
        for contact in (await ask("GET", "contacts"))[1]["items"]:
            assert (await ask("DELETE", "contacts", contact["key"]))[0] == 204

    return part


@pytest.fixture
def meet(ask, noether, part):
    """Makes contacts of them; gives Noether as the server tells her."""

    async def meet():
        await part()
        letter = await Sharing(noether).invitations.create()
        status, contact = await ask(
            "POST", "invitations", "accept", json_body={"text": letter.code}
        )
        assert status == 201, contact
        return contact

    return meet
