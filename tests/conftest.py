"""What all tests share: one event loop per session, and a real site where ``--site`` names one."""

from pathlib import Path

import pytest

from jupyter_mesh.testing.site import RunningSite, site_from_file


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--site",
        type=Path,
        metavar="FILE",
        help="TOML file that describes a real site: name, gateway, ca, and two users",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a real site there is nothing to run against it, and nothing to be told about it."""
    if config.getoption("--site") is None:
        lost = [item for item in items if item.get_closest_marker("site")]
        items[:] = [item for item in items if not item.get_closest_marker("site")]
        if lost:
            config.hook.pytest_deselected(items=lost)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def real_site(request: pytest.FixtureRequest) -> RunningSite:
    """The site of ``--site``."""
    return site_from_file(request.config.getoption("--site"))
