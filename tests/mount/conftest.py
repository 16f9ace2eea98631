"""Sites and mounts for the tests; nothing is mounted and no rclone runs when they have ended."""

import re
import secrets
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import pytest

from tests.mounts import mounted_below, needs_fuse

from .mounts import NODES, At, mount, site

MOUNTED = {"mounted", "mounting", "shared"}


def pytest_collection_modifyitems(items):
    """Only what needs no mount is run where nothing can be mounted."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and MOUNTED & set(getattr(item, "fixturenames", ())):
            item.add_marker(needs_fuse)


@pytest.fixture(scope="session", autouse=True)
def state(tmp_path_factory):
    """State folders of mounts go where the tests are, and are found there."""
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("state")
    patch.setenv("XDG_STATE_HOME", str(folder))
    patch.delenv("MESH_MOUNT", raising=False)
    # A demo of other tests may run until the end of all tests, with its mounts.
    before = mounted_below(folder.parent)
    yield folder
    patch.undo()
    assert set(mounted_below(folder.parent)) <= set(before)


REAL = pytest.param("real site", marks=pytest.mark.site)


@pytest.fixture(scope="module", params=[*NODES, REAL])
def mounted(request, tmp_path_factory):
    """A mount that the tests of a module share; each works in a folder of its own."""
    folder = tmp_path_factory.mktemp("mounted")
    if request.param == "real site":
        with mount_real(request, folder) as one:
            yield one
        return
    flavour, _, without = request.param.partition(" ")
    with (
        site(folder / "site", flavour=flavour, ranges=not without) as at,
        mount(at, folder / "mount") as one,
    ):
        yield one


@contextmanager
def mount_real(request, folder):
    """A mount of the site of ``--site``; all happens in a folder that is deleted at the end."""
    at = At(running=request.getfixturevalue("real_site"))
    top = f"home/contract-{secrets.token_hex(6)}"
    at.do(lambda client: client.mkdir(top))
    try:
        with mount(at, folder / "mount", top=top) as one:
            yield one
    finally:
        at.do(lambda client: client.delete(top))


@pytest.fixture
def place(mounted, request):
    """An empty folder of the mount, and its mesh path."""
    name = re.sub(r"\W+", "-", request.node.name)[:80]
    folder = mounted.home / name
    folder.mkdir()
    return folder, f"{mounted.top}/{name}"


@pytest.fixture(scope="module")
def alpine(tmp_path_factory):
    """A site that tests of trouble share, each with a mount of its own."""
    with site(tmp_path_factory.mktemp("alpine") / "site") as at:
        yield at


@pytest.fixture
def mounting(tmp_path):
    """Mounts sites, and takes the mounts away at the end."""
    numbers = count()
    with ExitStack() as stack:

        def run(at, **options):
            folder = tmp_path / f"mount{next(numbers)}"
            return stack.enter_context(mount(at, folder, **options))

        yield run


@pytest.fixture(scope="module", params=["node", REAL])
def shared(request, tmp_path_factory):
    """A mount of the shared site, or of the real one."""
    folder = tmp_path_factory.mktemp("shared")
    if request.param == "real site":
        with mount_real(request, folder) as one:
            yield one
        return
    with mount(request.getfixturevalue("alpine"), folder) as one:
        yield one


@pytest.fixture
def own(shared):
    """A mount that a test may kill: the next one gets another in its place."""
    if shared.process.poll() is not None:
        shared.sweep()
        shared.start()
    return shared
