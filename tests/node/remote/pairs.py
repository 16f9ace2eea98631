"""Two sites, of which one shares with a user of the other."""

import secrets
import shutil
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from cs3.storage.provider.v1beta1 import resources_pb2 as resources

from jupyter_mesh.node import Node
from jupyter_mesh.node.ocm.rows import Given, Received
from jupyter_mesh.node.ocm.settings import FederationSettings
from jupyter_mesh.node.remote.mounts import OCM_STORAGE
from tests.node.conftest import MACHINE_KEY, Client, Site

__all__ = ["Pair", "Remote", "receive", "start_site"]


async def start_site(stack: AsyncExitStack, template, data, flavour, name="alpine", **options):
    """A node of its own, which deals with others on this machine."""
    shutil.copytree(template, data)
    node = await stack.enter_async_context(
        Node(
            name=name,
            data=data,
            flavour=flavour,
            machine_key=MACHINE_KEY,
            federation=FederationSettings(allow_loopback=True),
            **options,
        )
    )
    return Site(node, data, flavour, stack)


async def receive(site: Site, user: str, url: str, *, state="accepted", **values) -> Received:
    """Write down a share that a user of ``site`` has received."""
    share = Received(
        id=secrets.token_hex(4),
        user=user,
        url=url,
        provider_id=secrets.token_hex(4),
        state=state,
        **{
            "name": "given",
            "domain": url.split("/")[2],
            "owner": "einstein",
            "secret": secrets.token_urlsafe(24),
            "editor": True,
            "created": 1,
            **values,
        },
    )
    inside = site.node._site

    def keep() -> Received:
        inside.federation.store.add_peer(share.domain, share.domain)
        return inside.federation.store.put_received(share)

    return await inside.run(keep)


@dataclass
class Remote(Client):
    """A user at the site that received a share; paths lead from the root of the share."""

    share: str = ""

    def ref(self, path: str, space: str = "share") -> resources.Reference:
        if space != "share":
            return super().ref(path, space)
        if self.flavour == "spaces":
            root = resources.ResourceId(
                storage_id=OCM_STORAGE, space_id=self.share, opaque_id=self.share
            )
            return resources.Reference(resource_id=root, path=f"./{path}" if path else ".")
        return resources.Reference(path=f"/ocm/{self.share}/{path}".rstrip("/"))

    @classmethod
    def of(cls, client: Client, share: str):
        return cls(**vars(client), share=share)

    async def stat(self, path, space="share"):
        return await super().stat(path, space)

    async def info(self, path, space="share"):
        return await super().info(path, space)

    async def ls(self, path="", space="share"):
        return await super().ls(path, space)

    async def mkdir(self, path, space="share"):
        return await super().mkdir(path, space)

    async def touch(self, path, space="share"):
        return await super().touch(path, space)

    async def delete(self, path, space="share", **options):
        return await super().delete(path, space, **options)

    async def move(self, source, target, space="share", **options):
        return await super().move(source, target, space, **options)

    async def start_upload(self, path, size=None, space="share", **options):
        return await super().start_upload(path, size, space, **options)

    async def put(self, path, content, space="share", **options):
        return await super().put(path, content, space, **options)

    async def start_download(self, path, space="share", ref=None, **values):
        return await super().start_download(path, space, ref, **values)

    async def get(self, path, space="share"):
        return await super().get(path, space)


@dataclass
class Pair:
    """einstein at ``giver`` shares with marie at ``receiver``."""

    giver: Site
    receiver: Site
    einstein: Client
    marie: Client
    given: dict[str, Given] = field(default_factory=dict)

    async def share(self, path, *, editor=True, must_exchange=False, state="accepted", **values):
        """Share what einstein has at ``path``; returns marie with that share."""
        inside = self.giver.node._site
        space = await inside.run(lambda: inside.people.space(self.einstein.user))
        names = tuple(name for name in path.split("/") if name)
        place = await inside.run(lambda: inside.tree.find(space, space.id, names))
        given = Given(
            id=secrets.token_hex(4),
            space=space.id,
            entry=place.entry.id,
            owner=self.einstein.user,
            sharer=self.einstein.user,
            editor=editor,
            must_exchange=must_exchange,
            secret=secrets.token_urlsafe(24),
            name=place.entry.name or "all",
            folder=bool(place.entry.folder),
            # One contact has one share of an entry: each share here is for another one.
            grantee=secrets.token_hex(4),
            domain=self.receiver.node._site.federation.domain,
        )
        await self.meet()
        await inside.run(lambda: inside.federation.store.add_given(given))
        root = "/dav/ocm" if self.giver.flavour == "spaces" else "/remote.php/dav/ocm"
        received = await receive(
            self.receiver,
            self.marie.user,
            f"{inside.federation.origin}{root}/{given.id}",
            state=state,
            secret=given.secret,
            editor=editor,
            must_exchange=must_exchange,
            is_file=not place.entry.folder,
            name=given.name,
            **values,
        )
        self.given[received.id] = given
        return Remote.of(self.marie, received.id)

    async def meet(self) -> None:
        """Let both sites trust each other."""
        for one, other in ((self.giver, self.receiver), (self.receiver, self.giver)):
            inside, domain = one.node._site, other.node._site.federation.domain
            await inside.run(lambda: inside.federation.store.add_peer(domain, domain))  # noqa: B023  run at once

    async def revoke(self, remote: Remote) -> None:
        """End a share, at its owner's."""
        inside, given = self.giver.node._site, self.given[remote.share]
        await inside.run(lambda: inside.federation.store.remove_given(given.id))
