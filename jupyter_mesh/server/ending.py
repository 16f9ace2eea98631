"""The end of the server's process."""

from __future__ import annotations

import threading

__all__ = ["end_workers_with_main"]

NAME = "jupyter-mesh-end"


def end_workers_with_main() -> None:
    """End the threads of anyio, in which Jupyter works with local files, when the main thread is done.

    anyio ends them by callbacks of the loop. One that is still idle when the loop stops would be waited for by
    Python for ever, and the server would not end. Calling it again does nothing.
    """

    def end() -> None:
        threading.main_thread().join()
        for thread in threading.enumerate():
            if thread.name == "AnyIO worker thread":
                thread.stop()  # type: ignore[attr-defined]  # of anyio's own class of threads

    if all(thread.name != NAME for thread in threading.enumerate()):
        threading.Thread(target=end, name=NAME, daemon=True).start()
