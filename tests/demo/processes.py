"""Looking at processes from a test: who runs with a given text in its environment, and waiting for things."""

import time
from pathlib import Path


def wait_for(condition, seconds=20.0):
    """Poll ``condition`` until it is true and return its value; fails the test after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{condition} did not come true in {seconds} s"
        time.sleep(0.05)
    return value


def processes_with(text):
    """Pids of living processes whose command line or environment holds ``text``."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if text.encode() in words and state != "Z":
            found.append(int(process.name))
    return found
