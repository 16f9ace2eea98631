"""Text and compression over a file of the mesh, which learn of an exception inside ``with`` and close all below."""

from __future__ import annotations

import io
from typing import Any, Self

__all__ = ["Compressed", "Text"]


class Text(io.TextIOWrapper):
    """A text file. Its ``__exit__`` is Python's own, so that the file below sees why it is closed."""

    def __exit__(self, *failure: object) -> None:
        self.close()


class Compressed(io.BufferedIOBase):
    """What a codec makes of a file. Closing it closes the file too, which codecs do not do."""

    def __init__(self, file: Any, codec: Any) -> None:
        super().__init__()
        self._file = file
        self._codec = codec

    def read(self, size: int | None = -1) -> bytes:
        """Decompressed bytes."""
        return bytes(self._codec.read(-1 if size is None else size))

    read1 = read

    def readline(self, size: int | None = -1) -> bytes:
        """A line of decompressed bytes."""
        return bytes(self._codec.readline(-1 if size is None else size))

    def write(self, data: Any) -> int:
        """Compress and write."""
        written: int = self._codec.write(data)
        return written

    def flush(self) -> None:
        """Hand on what the codec gives out by now."""
        if not self.closed and self.writable():
            self._codec.flush()

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move in the decompressed bytes, where the codec can."""
        reached: int = self._codec.seek(offset, whence)
        return reached

    def tell(self) -> int:
        """The place in the decompressed bytes."""
        place: int = self._codec.tell()
        return place

    def readable(self) -> bool:
        """Whether opened for reading."""
        return bool(self._file.readable())

    def writable(self) -> bool:
        """Whether opened for writing."""
        return bool(self._file.writable())

    def seekable(self) -> bool:
        """Whether the codec can move."""
        return bool(self._codec.seekable())

    def close(self) -> None:
        """Finish the compressed stream, then close the file."""
        if self.closed:
            return
        try:
            self._codec.close()
        except BaseException:
            discard = getattr(self._file, "discard", None)
            if discard is not None and self._file.writable():
                discard()
            raise
        finally:
            try:
                self._file.close()
            finally:
                super().close()

    def __exit__(self, *failure: object) -> None:
        self.close()

    def _dealloc_warn(self, source: object) -> None:
        # A text file above it is dropped.
        warn = getattr(self._file, "_dealloc_warn", None)
        if warn is not None:
            warn(source)

    def __del__(self) -> None:
        # Python would close it, and the file with it: who drops it has not said that all of it is there.
        pass

    def __enter__(self) -> Self:
        return self
