"""A mount that root makes for the account of somebody else, as beside a server in a container."""

import os
import stat
import subprocess

import pytest

from .mounts import PATIENCE

pytestmark = pytest.mark.timeout(3 * PATIENCE)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount for another account")
def test_root_mounts_for_another_account_and_no_third_one_gets_in(mounting, alpine):
    mounted = mounting(alpine, options=("--owner", "12345:23456"))

    def act_as(user, command):
        # Its folder is entered by root: other accounts may not pass through those above it.
        return subprocess.run(
            ["sh", "-c", command],
            cwd=mounted.dir,
            user=user,
            group=user,
            extra_groups=[],
            capture_output=True,
            text=True,
            check=False,
        )

    written = act_as(12345, "printf theirs > home/theirs.txt")
    assert written.returncode == 0, written.stderr
    status = (mounted.dir / "home/theirs.txt").stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (12345, 23456, 0o600)
    refused = act_as(12346, "ls home")
    assert (refused.returncode, "denied" in refused.stderr) == (2, True)
    mounted.flush()
    assert alpine.read("home/theirs.txt") == b"theirs"
