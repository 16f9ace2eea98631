"""The line between a browser and its server: counts what goes up, can be held and cut."""

import contextlib
import socket
import threading
from collections.abc import Iterator

PIECE = 1 << 16


class Line:
    """A proxy for one TCP port of this machine."""

    def __init__(self, port: int) -> None:
        self.sent = 0
        """Bytes that went up, all connections together."""
        self.cut_at: int | None = None
        """When so many have gone up, every connection breaks and none can be made."""
        self.hold_at: int | None = None
        """When so many have gone up, nothing more goes up until ``release()``."""
        self.is_cut = threading.Event()
        self._flows = threading.Event()
        self._flows.set()
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        with self._lock:
            self.is_cut.set()
            for one in self._sockets:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self.cut_at = None
        self.is_cut.clear()

    def release(self) -> None:
        self.hold_at = None
        self._flows.set()

    def close(self) -> None:
        self.release()
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                below, _ = self._listener.accept()
                with self._lock:
                    if self.is_cut.is_set():
                        below.close()
                        continue
                    above = socket.create_connection(("127.0.0.1", self._target))
                    self._sockets |= {below, above}
                for pair, is_up in (((below, above), True), ((above, below), False)):
                    threading.Thread(target=self._pump, args=(*pair, is_up), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, is_up: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(PIECE):
                if is_up and self.hold_at is not None and self.sent >= self.hold_at:
                    self._flows.clear()
                    self._flows.wait()
                target.sendall(piece)
                if is_up:
                    with self._lock:
                        self.sent += len(piece)
                    if self.cut_at is not None and self.sent >= self.cut_at:
                        self.cut()
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        with self._lock:
            self._sockets -= {source, target}


@contextlib.contextmanager
def line_to(port: int) -> Iterator[Line]:
    line = Line(port)
    try:
        yield line
    finally:
        line.close()
