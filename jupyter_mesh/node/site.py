"""Everything that the two servers of a node share: its folder, its index, its people, its secrets."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import secrets
import sqlite3
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TextIO, TypeVar

from jupyter_mesh.errors import MeshError
from jupyter_mesh.node.attempts import Attempts
from jupyter_mesh.node.bearer import Bearer
from jupyter_mesh.node.index import Index, make_data_folder, not_writable, state_folder
from jupyter_mesh.node.links import Links
from jupyter_mesh.node.locks import Locks
from jupyter_mesh.node.ocm.federation import Federation
from jupyter_mesh.node.refusal import Reason, Refused, refusal_from
from jupyter_mesh.node.remote.credentials import Credentials
from jupyter_mesh.node.remote.mounts import Mounts
from jupyter_mesh.node.remote.transfers import RemoteTransfers
from jupyter_mesh.node.shares import Shares
from jupyter_mesh.node.store import Store
from jupyter_mesh.node.tokens import Tokens
from jupyter_mesh.node.tree import Tree
from jupyter_mesh.node.users import People, SpaceRow, UserRow, password_matches

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jupyter_mesh.node.bearer import BearerSettings
    from jupyter_mesh.node.flavours import Flavour
    from jupyter_mesh.node.links import Link
    from jupyter_mesh.node.ocm.settings import FederationSettings

__all__ = ["Site"]

log = logging.getLogger(__name__)
T = TypeVar("T")


class Site:
    """An open site. One worker thread does all that touches the index or renames files: ``run``.

    Raises MeshError with one sentence when the folder cannot be used.
    """

    def __init__(
        self,
        *,
        name: str,
        data: Path,
        flavour: Flavour,
        token_life: float,
        transfer_life: float,
        machine_key: str,
        bearer: BearerSettings | None = None,
        federation: FederationSettings,
    ) -> None:
        self.name = name
        self.data = data
        self.flavour = flavour
        self.machine_key = machine_key
        self.bearer = None if bearer is None else Bearer(bearer)
        self.url = ""
        self._lock = _take(data)
        try:
            self.index = Index(data)
        except BaseException:
            self._lock.close()
            raise
        self.storage_id = self.index.setting("storage_id", str(uuid.uuid4()))
        self.tokens = Tokens(
            self.index.setting("secret", secrets.token_hex(32)),
            life=token_life,
            transfer_life=transfer_life,
        )
        self.people = People(self.index)
        self.locks = Locks(self.index)
        self.shares = Shares(self.index, flavour)
        self.links = Links(self.index, self.shares)
        self.attempts = Attempts(most=10)
        self.attempts_of_all = Attempts(most=200)
        self.tree = Tree(self.index, data, tree_etags=flavour.tree_etags)
        self.store = Store(self.index, self.tree, data, stable_ids=flavour.stable_ids)
        try:
            self.store.recover()
        except (OSError, sqlite3.Error) as error:
            self.index.close()
            self._lock.close()
            raise MeshError(
                f"The site in {data} could not be brought back into order: {error}."
            ) from error
        try:
            self.federation = Federation(self, federation)
        except BaseException:
            self.index.close()
            self._lock.close()
            raise
        self.mounts = Mounts(
            self,
            self.federation.store,
            self.federation.client,
            Credentials(self.federation.code_flow.exchange),
        )
        self.transfers = RemoteTransfers(self, self.mounts)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=f"site-{name}")

    async def run(self, work: Callable[[], T]) -> T:
        """Run ``work`` in the worker thread; a failure of disk or database is raised as Refused."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._guarded, work)

    def _guarded(self, work: Callable[[], T]) -> T:
        try:
            self.store.settle_left()
            return work()
        except (OSError, sqlite3.Error) as error:
            refused = refusal_from(error)
            # A MeshError that is an OSError too is an answer, not a failure.
            if isinstance(error, MeshError):
                raise
            if refused.reason is not Reason.BAD_NAME:
                log.exception("The disk or the database failed.")
            raise refused from error

    def user_of(self, token: str) -> tuple[UserRow, bool, str]:
        """User, scope and link of an access token; raises Refused(BAD_TOKEN)."""
        user, scope, link = self.tokens.read_access(token)
        try:
            return self.people.by_id(user), scope, link
        except MeshError:
            raise Refused(Reason.BAD_TOKEN, "The user of this access token is gone.") from None

    def space_of(self, node: str) -> SpaceRow:
        """The space that an entry is in; raises NotFound when it is forgotten."""
        entry = self.tree.entries.by_id(node)
        return self.people.space(node if entry is None else entry.space)

    async def enter_link(self, token: str, password: str, source: str) -> Link:
        """The public link of that token; raises Refused: MISSING, or BAD_LOGIN for a wrong or missing password.

        Too many wrong ones in a minute from the same ``source``, or from many, are answered as one more, without a
        look at it: one who guesses locks nobody else out.
        """
        link = await self.run(lambda: self.links.open(token))
        if link is None:
            raise Refused(Reason.MISSING, "There is no such link, or it has ended.")
        if link.password:
            # Asking for the link without a password is no try.
            own = f"{link.id} {source}"
            tried = (
                bool(password) and self.attempts.begin(own) and self.attempts_of_all.begin(link.id)
            )
            if not tried or not await asyncio.to_thread(password_matches, password, link.password):
                raise Refused(Reason.BAD_LOGIN, "This link has a password, and it is another one.")
            self.attempts.succeeded(own)
            self.attempts_of_all.succeeded(link.id)
        return link

    def close(self) -> None:
        """Finish what runs, then close everything."""
        self._worker.shutdown()
        self.index.close()
        self._lock.close()


def _take(data: Path) -> TextIO:
    """Make the data folder this process's own until the returned file is closed."""
    try:
        make_data_folder(data)
        lock = (state_folder(data) / "lock").open("a")
    except OSError as error:
        raise not_writable(data) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise MeshError(
            f"The data folder {data} is in use by another node. Stop that one, or choose another folder with --data."
        ) from error
    return lock
