import os
import subprocess
import sys

import pytest

from jupyter_mesh.demo import lock
from jupyter_mesh.errors import AlreadyExists, Busy

HOLD = "import sys; print('held', flush=True); sys.stdin.read()"


@pytest.fixture
def inheritor():
    """Starts a process that holds an inherited descriptor until its input is closed."""
    started = []

    def start(descriptor):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD],
            pass_fds=(descriptor,),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        started.append(process)
        assert process.stdout.readline() == b"held\n"
        return process

    yield start
    for process in started:
        process.stdin.close()
        process.stdout.close()
        process.wait()


def test_a_second_demo_is_refused_while_one_runs(tmp_path):
    with (
        lock.only_demo(tmp_path),
        pytest.raises(AlreadyExists, match="already runs"),
        lock.only_demo(tmp_path),
    ):
        pass


def test_the_next_demo_starts_after_the_first(tmp_path):
    with lock.only_demo(tmp_path):
        pass
    with lock.only_demo(tmp_path) as descriptor:
        assert os.fstat(descriptor)


def test_the_next_demo_waits_for_programs_of_a_killed_one(tmp_path, inheritor, capfd):
    with lock.only_demo(tmp_path) as descriptor:
        program = inheritor(descriptor)
    # The program ends a moment after the new demo begins to wait, by itself.
    ender = subprocess.Popen(
        [sys.executable, "-c", f"import time, os; time.sleep(0.5); os.kill({program.pid}, 9)"]
    )
    with lock.only_demo(tmp_path):
        assert program.wait() == -9
    ender.wait()
    assert "still stopping" in capfd.readouterr().err


def test_programs_that_never_end_are_told_of(tmp_path, inheritor, monkeypatch):
    monkeypatch.setattr(lock, "STOPPING", 0.3)
    with lock.only_demo(tmp_path) as descriptor:
        inheritor(descriptor)
    with pytest.raises(Busy, match="do not stop"), lock.only_demo(tmp_path):
        pass
