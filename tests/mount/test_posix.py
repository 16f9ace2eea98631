"""What programs expect of a folder: posix.py in a mount."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .posix import CHECKS, ODD_NAMES

REFUSED = {
    "truncate_by_path",
    "unlink_while_open",
    "set_modes",
    "symbolic_link",
    "hard_link",
    "extended_attributes",
}
"""What docs/mount.md tells users: these do not work."""


@pytest.fixture(scope="module")
def outcomes(mounted):
    """What each check of the list gave."""
    top = mounted.home / "checks"
    top.mkdir()
    script = Path(__file__).with_name("posix.py")
    done = subprocess.run(
        [sys.executable, script, top], capture_output=True, timeout=600, check=False
    )
    found = json.loads(done.stdout)
    mounted.flush()
    return found


@pytest.mark.timeout(660)
@pytest.mark.parametrize("check", [check.__name__ for check in CHECKS])
def test_what_programs_expect(outcomes, check):
    if check in REFUSED:
        assert outcomes[check].startswith(("refused", "Traceback")), "it works: tell the users"
    else:
        assert outcomes[check] == "ok"


@pytest.mark.timeout(660)
def test_what_was_written_is_at_the_site(mounted, outcomes):
    at = mounted.site
    assert at.read(f"{mounted.top}/checks/append/f") == b"onetwo"
    assert at.read(f"{mounted.top}/checks/write_in_any_order/f") == b"start" + bytes(995) + b"end"
    assert at.read(f"{mounted.top}/checks/map_and_write/f")[4999:5006] == b"\0hello\0"
    assert at.read(f"{mounted.top}/checks/atomic_save/f") == b"newer"
    assert at.names(f"{mounted.top}/checks/odd_names") == set(ODD_NAMES)
    assert at.names(f"{mounted.top}/checks/rename_folder") == {"b"}
