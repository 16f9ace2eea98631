"""A real engine, an image made without a registry, and one hub for all tests of this folder."""

from pathlib import Path

import pytest

from tests.docker import engine as engines
from tests.docker import image
from tests.docker.hubs import DockerHub
from tests.mounts import can_mount


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    reason = engines.why_not() or ("" if can_mount() else "nothing can be mounted here")
    for item in items:
        if here in item.path.parents and "engine" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(300))
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def engine():
    engine = engines.Engine()
    try:
        try:
            engine.start()
        except engines.NoEngine as error:
            pytest.skip(str(error))
        image.build(engine.client, engines.IMAGE)
        yield engine
    finally:
        engine.close()


@pytest.fixture(scope="session")
def hub(engine, tmp_path_factory):
    hub = DockerHub(engine, tmp_path_factory.mktemp("docker"))
    hub.start()
    yield hub
    hub.close()
    assert hub.left() == []
