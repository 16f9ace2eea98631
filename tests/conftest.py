"""What all tests share: one event loop per session, and a real site where ``--site`` names one."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
import pytest

from jupyter_mesh.testing.site import RunningSite, site_from_file

SHARED = ("docker", "e2e", "kubernetes", "oidc")
"""Folders whose tests share hubs or other servers that start slowly."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--site",
        type=Path,
        metavar="FILE",
        help="TOML file that describes a real site: name, gateway, ca, and two users",
    )


def pytest_configure(config: pytest.Config) -> None:
    """No test sees or changes the sites, logins, mounts and transfers of whoever runs it."""
    folder = TemporaryDirectory(prefix="mesh-tests-")
    config.add_cleanup(folder.cleanup)
    os.environ["XDG_CONFIG_HOME"] = folder.name
    os.environ["XDG_STATE_HOME"] = str(Path(folder.name, "state"))
    os.environ["XDG_CACHE_HOME"] = str(Path(folder.name, "cache"))
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # In the background of a shell. What is ignored stays so in the programs that tests start and interrupt.
        signal.signal(signal.SIGINT, lambda *_: None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Browsers first; without a real site nothing is run against it, and nothing is told about it."""
    first = [Path(__file__).parent / folder for folder in ("e2e", "lab")]
    items.sort(key=lambda item: [folder not in item.path.parents for folder in first])
    if config.getoption("--site") is None:
        lost = [item for item in items if item.get_closest_marker("site")]
        items[:] = [item for item in items if not item.get_closest_marker("site")]
        if lost:
            config.hook.pytest_deselected(items=lost)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of a folder in one worker where they share what starts slowly, and those of a file together.

    The groups of xdist 3.8 do that by names that pytest 9.2 does not keep. The long ones come first, as
    they were sorted above, so that no worker waits for the other at the end.
    """
    from xdist.scheduler import LoadScopeScheduling

    class BySharedServers(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            shared = any(f"tests/{folder}/" in file for folder in SHARED)
            return file.rpartition("/")[0] if shared else file

    config.option.loadscopereorder = False
    return BySharedServers(config, log)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def real_site(request: pytest.FixtureRequest) -> RunningSite:
    """The site of ``--site``."""
    return site_from_file(request.config.getoption("--site"))


@pytest.fixture(scope="module")
async def grpc_kept() -> AsyncIterator[None]:
    """Keeps grpc, and one event loop, running for a module: without its last channel grpc stops, and blocks for that;
    with a new loop for each test, answers come for loops that are closed."""
    async with grpc.aio.insecure_channel("127.0.0.1:1"):
        yield
