"""Transactions of fsspec: files that are published one after the other, when all of them have been written."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from fsspec.transaction import Transaction

from jupyter_mesh.errors import MeshError

if TYPE_CHECKING:
    from collections import deque

    from jupyter_mesh.fs.files import CS3File

__all__ = ["Together"]


class Together(Transaction):
    """As that of fsspec, which throws away what comes after a file that cannot be published.

    Here the first failure ends it too, and what was not published is kept in local files that the error names.
    """

    files: deque[CS3File]
    fs: Any

    def complete(self, commit: bool = True) -> None:
        """Publish or discard all files; the transaction is over in any case. Raises what publishing raises."""
        try:
            while commit and self.files:
                self.files[0].commit()
                self.files.popleft()
        except MeshError as error:
            self.files.popleft()
            kept = " ".join(f"{file.path} was not saved. {file.keep()}" for file in self.files)
            if not kept:
                raise
            raise type(error)(f"{error} {kept}", trace=error.trace) from error
        finally:
            for file in self.files:
                with suppress(OSError):
                    file.discard()
            self.files.clear()
            self.fs._intrans = False
            self.fs._transaction = None
            self.fs = None
