import os
import secrets
import signal
import subprocess
import sys

import pytest

from jupyter_mesh.demo import guard
from tests.demo.processes import processes_with, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")

SHELL = ["bash", "-c"]
GUARD = """
import sys
from jupyter_mesh.demo import guard
guard.GRACE = {grace}
sys.exit(guard.main(sys.argv[1:]))
"""


@pytest.fixture
def mark():
    """A text in the environment of a guard, and so of everything below it."""
    return f"guard-test-{secrets.token_hex(8)}"


@pytest.fixture
def start(mark):
    """Starts a guard around a shell script; whatever is left is killed at the end."""
    started = []

    def start(script, grace=guard.GRACE):
        process = subprocess.Popen(
            [sys.executable, "-c", GUARD.format(grace=grace), *SHELL, script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "MARK": mark},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.stdin.close()
        process.stdout.close()
        process.kill()
        process.wait()
    for pid in processes_with(mark):
        os.kill(pid, signal.SIGKILL)


def test_exit_code_is_that_of_the_program(start):
    assert start("exit 3").wait(10) == 3


def test_a_killed_program_gives_the_code_of_a_shell(start):
    assert start("kill -9 $$").wait(10) == 128 + signal.SIGKILL


def test_end_of_input_asks_the_program_to_stop(start):
    process = start("trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.05; done")
    assert process.stdout.readline() == b"ready\n"
    process.stdin.close()
    assert process.wait(10) == 0
    assert process.stdout.read() == b"asked\n"


def test_what_left_the_group_of_the_program_ends_too(start, mark):
    process = start("setsid sleep 600 & setsid sleep 600 & echo ready; wait")
    assert process.stdout.readline() == b"ready\n"
    wait_for(lambda: len(processes_with(mark)) == 4)
    process.stdin.close()
    process.wait(10)
    assert processes_with(mark) == []


def test_signals_of_the_terminal_do_not_stop_the_guard(start, mark):
    process = start("echo ready; sleep 600")
    assert process.stdout.readline() == b"ready\n"
    for number in (signal.SIGINT, signal.SIGTERM):
        wait_for(lambda number=number: _ignores(process.pid, number))
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    assert process.poll() is None
    process.stdin.close()
    assert process.wait(10) == 128 + signal.SIGTERM


def test_a_program_that_does_not_listen_is_killed(start, mark):
    process = start("trap '' TERM; echo ready; while :; do sleep 0.05; done", grace=0.2)
    assert process.stdout.readline() == b"ready\n"
    process.stdin.close()
    assert process.wait(10) == 128 + signal.SIGKILL
    assert processes_with(mark) == []


def test_grace_is_long_enough_for_a_hub():
    assert guard.GRACE >= 10


def _ignores(pid, number):
    with open(f"/proc/{pid}/status") as status:
        mask = next(line.split()[1] for line in status if line.startswith("SigIgn"))
    return int(mask, 16) >> (number - 1) & 1
