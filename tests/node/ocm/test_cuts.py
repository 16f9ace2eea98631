"""A node that is killed between two steps with a peer: afterwards there is the old state or the new one, and
everything can be done once more."""

import asyncio
import random
import socket
import threading
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field

import pytest

from jupyter_mesh.errors import AlreadyExists, MeshError, NotFound
from jupyter_mesh.models import Role, ShareState
from jupyter_mesh.node.ocm import notifications
from jupyter_mesh.node.ocm.settings import FederationSettings
from jupyter_mesh.sharing import Sharing
from jupyter_mesh.testing.site import PEER_USERS, USERS, run_node
from tests.node.ocm.conftest import until


class Killed(Exception):
    """Nothing is done, kept or sent any more."""


def die(*_args, **_options):
    raise Killed


def a_port():
    """A free port that nobody gets by chance while its site is down."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as taken, suppress(OSError):
            taken.bind(("127.0.0.1", port))
            return port
    raise OSError("There is no free port.")


@dataclass
class Half:
    """One of two sites, which can be killed and started again at the same address."""

    name: str
    users: tuple
    data: object
    opened: list
    peer: int = 0
    port: int = field(default_factory=a_port)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start(self, flavour):
        settings = FederationSettings(
            allow_loopback=True, peers={f"localhost:{self.peer}": "The other"}
        )
        running = run_node(
            self.data,
            name=self.name,
            users=self.users,
            flavour=flavour,
            options={"federation": settings, "http_port": self.port},
        )
        self.site = await self.stack.enter_async_context(running)
        self.inside = next(one for one in reversed(self.opened) if one.data == self.data)
        self.client = await self.stack.enter_async_context(self.site.client())
        self.flavour = flavour

    async def again(self):
        """Start once more from what is on the disk."""
        await self.stack.aclose()
        await self.start(self.flavour)

    @contextmanager
    def killed(self, step, when):
        """Kill it at a step of its store: from then on nothing is kept, and nobody is told anything."""
        store = self.inside.federation.store
        original = getattr(store, step)
        index, notes = self.inside.index, self.inside.federation.notifications

        def last(*args, **options):
            if when == "after":
                original(*args, **options)
            index.change = index.passing_change = die
            notes._send = lambda *_: None
            struck.set()
            raise Killed

        struck = threading.Event()
        setattr(store, step, last)
        yield struck


@pytest.fixture(params=["spaces", "paths"])
async def both(request, tmp_path, opened, monkeypatch):
    """ "alpine" with einstein, who invites and shares, and "coast" with noether."""
    monkeypatch.setattr(notifications, "_TRIES", (0.0, *(0.3,) * 300))
    alpine = Half("alpine", USERS[:1], (tmp_path / "alpine").absolute(), opened)
    coast = Half("coast", PEER_USERS[:1], (tmp_path / "coast").absolute(), opened)
    alpine.peer, coast.peer = coast.port, alpine.port
    async with alpine.stack, coast.stack:
        await asyncio.gather(alpine.start(request.param), coast.start(request.param))
        yield alpine, coast


async def meet(alpine, coast):
    letter = await Sharing(alpine.client).invitations.create()
    await Sharing(coast.client).invitations.accept(letter.code)
    return (await alpine.client.contacts())[0]


WHEN = pytest.mark.parametrize("when", ["before", "after"])


@WHEN
@pytest.mark.parametrize("who", ["inviting", "accepting"])
async def test_an_invitation_that_is_being_accepted(both, who, when):
    alpine, coast = both
    killed = alpine if who == "inviting" else coast
    letter = await Sharing(alpine.client).invitations.create()
    with killed.killed("put_contact", when), pytest.raises(MeshError):
        await Sharing(coast.client).invitations.accept(letter.code)
    await killed.again()
    for one in both:
        assert len(await one.client.contacts()) in (0, 1)
    try:
        await Sharing(coast.client).invitations.accept(letter.code)
    except AlreadyExists:
        assert (who, when) == ("accepting", "after")
    assert len(await alpine.client.contacts()) == 1
    assert len(await coast.client.contacts()) == 1


@WHEN
@pytest.mark.parametrize(
    ("who", "step"),
    [
        pytest.param("giving", "add_given", id="kept"),
        pytest.param("giving", "change_given", id="sent"),
        pytest.param("receiving", "put_received", id="received"),
    ],
)
async def test_a_share_on_its_way(both, who, step, when):
    alpine, coast = both
    noether = await meet(alpine, coast)
    await alpine.client.mkdir("home/given")
    await alpine.client.upload("home/given/f.txt", b"text")
    killed = alpine if who == "giving" else coast
    with killed.killed(step, when), pytest.raises(MeshError):
        await alpine.client.share_with_contact("home/given", noether, Role.VIEWER)
    await killed.again()
    given = await alpine.client.federated_shares()
    if (step, when) == ("change_given", "after"):
        assert len(given) == 1
    else:
        assert given == []
        await alpine.client.share_with_contact("home/given", noether, Role.VIEWER)

    async def one_is_there():
        return len(await coast.client.received_federated_shares()) == 1

    # What arrived of a share that its giver knows nothing of is taken back.
    await until(one_is_there)
    (got,) = await coast.client.received_federated_shares()
    await coast.client.answer_federated_share(got, ShareState.ACCEPTED)
    (folder,) = await coast.client.list_folder("shares")
    assert [one.name for one in await coast.client.list_folder(folder.path)] == ["f.txt"]


def must_exchange(half, table):
    with half.inside.index.change():
        half.inside.index.run(f"UPDATE {table} SET must_exchange = 1")  # noqa: S608 - ours


async def shared(alpine, coast, *, exchange=False):
    """A folder that noether has accepted; gives its path."""
    noether = await meet(alpine, coast)
    await alpine.client.mkdir("home/given")
    await alpine.client.upload("home/given/f.txt", b"text")
    share = await alpine.client.share_with_contact("home/given", noether, Role.VIEWER)
    (got,) = await coast.client.received_federated_shares()
    if exchange:
        for half, table in ((alpine, "given"), (coast, "received")):
            await half.inside.run(lambda half=half, table=table: must_exchange(half, table))
    await coast.client.answer_federated_share(got, ShareState.ACCEPTED)
    (folder,) = await coast.client.list_folder("shares")
    return share, f"{folder.path}/f.txt"


@WHEN
async def test_the_note_of_an_end(both, when):
    alpine, coast = both
    share, path = await shared(alpine, coast)
    with coast.killed("withdrawn", when) as struck:
        await alpine.client.remove_federated_share(share)
        assert await asyncio.to_thread(struck.wait, 30)
        with pytest.raises(MeshError):
            await coast.client.stat(path)
    await coast.again()

    async def none_is_there():
        return await coast.client.received_federated_shares() == []

    await until(none_is_there)
    with pytest.raises(NotFound):
        await coast.client.stat(path)


@WHEN
async def test_the_exchange_of_a_token(both, when):
    alpine, coast = both
    _, path = await shared(alpine, coast, exchange=True)
    coast.inside.mounts._credentials._tokens.clear()
    with alpine.killed("add_token", when), pytest.raises(MeshError):
        await coast.client.stat(path)
    await alpine.again()
    # The client remembers for a while what did not open.
    async with coast.site.client() as client:
        assert (await client.stat(path)).size == 4
