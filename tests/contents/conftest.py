"""Nothing of ours may block the event loop in these tests."""

from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster


class Every(frozenset[str]):
    """All names there are."""

    def __contains__(self, name: object) -> bool:
        return True


@pytest.fixture(autouse=True)
def no_blocking_calls() -> Iterator[None]:
    """Turn a blocking call that our code makes inside the event loop into an error."""
    # Subtests report to the runner from inside the contract.
    guard = BlockBuster("jupyter_mesh", excluded_modules=["jupyter_mesh.testing"])
    for function in guard.functions.values():
        # Jupyter's manager for local files blocks here and there, and so does its start.
        for module in ("filemanager", "fileio", "filecheckpoints", "largefilemanager"):
            function.can_block_in(f"jupyter_server/services/contents/{module}.py", Every())
        function.can_block_in("jupyter_server/serverapp.py", {"initialize"})
        # The manager of file ids of an earlier test closes its local database whenever it is collected.
        function.can_block_in("jupyter_server_fileid/manager.py", Every())
    guard.activate()
    yield
    guard.deactivate()
