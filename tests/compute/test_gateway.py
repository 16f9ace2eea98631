"""A hub with Dask Gateway beside it: a user's notebook starts a cluster, and its workers read the user's files."""

import asyncio
import json
import logging
import uuid
from pathlib import Path

import pytest

from tests.e2e.processes import Node
from tests.hub.hubs import ROOT, Browser, Hub, free_ports

log = logging.getLogger(__name__)

CONFIG = ROOT / "hub-config" / "compute" / "jupyterhub_config.py"
PASSWORD = "marker-PASSWORD-of-ada"

# A hub, a gateway, a server, a kernel, a scheduler and two workers, on a machine with much to do.
pytestmark = pytest.mark.timeout(420)

START = """
import os
import pandas as pd
import dask.dataframe as dd
from dask_gateway import Gateway
from jupyter_mesh.fs import CS3FileSystem

fs = CS3FileSystem()
for part in range(4):
    pd.DataFrame({"n": range(part * 10, part * 10 + 10)}).to_parquet(f"cs3://alpine/home/set/{part}.parquet")

cluster = Gateway().new_cluster()
cluster.scale(2)
client = cluster.get_client()
client.wait_for_workers(2, timeout=240)
login = fs.delegate()
login.send(client)
table = dd.read_parquet("cs3://alpine/home/set", storage_options=login.storage_options)
total = client.compute(table.n.sum()).result()
workers = client.run(lambda: dict(os.environ))
print(total, len(workers))
"""

LOOK = """
import pickle
graph = pickle.dumps(dict(table.n.sum().__dask_graph__()))
environments = pickle.dumps(workers)
name = login.storage_options["token_ref"].removeprefix("env:")
files = client.run(lambda name: oct(os.stat(os.environ[name]).st_mode & 0o777), name)
print(*files.values(), len({environment.get(name) for environment in workers.values()}))
"""

STOP = """
login.revoke()
print(list(client.run(lambda: [name for name in os.environ if name.startswith("MESH_LOGIN")]).values()))
client.close()
cluster.shutdown()
print("closed")
"""


class Kernel:
    """A kernel of a user's server, spoken to as a browser does."""

    def __init__(self, session, url):
        self._session, self._url = session, url

    async def run(self, code):
        """What a cell prints; AssertionError with its traceback when it fails."""
        message = {
            "header": {
                "msg_id": uuid.uuid4().hex,
                "msg_type": "execute_request",
                "version": "5.3",
                "username": "",
                "session": "tests",
                "date": "2026-01-01T00:00:00Z",
            },
            "parent_header": {},
            "metadata": {},
            "channel": "shell",
            "content": {
                "code": code,
                "silent": False,
                "store_history": True,
                "allow_stdin": False,
                "stop_on_error": True,
                "user_expressions": {},
            },
        }
        printed = []
        async with self._session.ws_connect(f"{self._url}/channels", max_msg_size=0) as socket:
            await socket.send_json(message)
            async with asyncio.timeout(300):
                while True:
                    said = await socket.receive_json()
                    if said["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                        continue
                    content = said["content"]
                    if said["msg_type"] == "stream" and content["name"] == "stdout":
                        printed.append(content["text"])
                    elif said["msg_type"] == "error":
                        raise AssertionError("\n".join(content["traceback"]))
                    # Output comes on another channel than the reply, and ends with "idle".
                    elif said["msg_type"] == "status" and content["execution_state"] == "idle":
                        return "".join(printed)


@pytest.fixture
def site(tmp_path):
    node = Node(tmp_path / "node", name="alpine", token_life=3600)
    node.data.parent.mkdir()
    node.add_user("ada", PASSWORD)
    node.start()
    yield node
    node.stop()


@pytest.fixture
def hub(site, tmp_path):
    hub = Hub(tmp_path, gateway=site.gateway, config=f"load_subconfig({str(CONFIG)!r})")
    (port,) = free_ports(1)
    hub.environment["MESH_DASK_PORT"] = str(port)
    try:
        hub.start()
        yield hub
    finally:
        hub.stop()
    for line in hub.log.splitlines():
        if "DaskGateway" in line:
            log.info(line)  # shown where the test has failed


async def test_workers_of_a_cluster_read_the_users_files(hub, tmp_path):
    async with Browser(hub) as browser:
        status, _ = await browser.login("ada", PASSWORD)
        assert status == 200
    await hub.start_server("ada")
    async with hub.at("user/ada/") as session:
        async with session.post("api/kernels", json={"name": "python3"}) as reply:
            assert reply.status == 201, await reply.text()
            kernel = Kernel(session, f"api/kernels/{(await reply.json())['id']}")
        assert await kernel.run(START) == "780 2\n"
        login = secret_of(hub.state / "home" / "ada")
        assert await kernel.run(LOOK) == "0o600 0o600 2\n"
        nothing_tells(login, hub)
        said = await kernel.run(f"print(b{login!r} in graph, b{login!r} in environments)")
        assert said == "False False\n"
        assert (await kernel.run(STOP)).splitlines() == ["[[], []]", "closed"]
    nothing_tells(login, hub)
    await hub.stop_server("ada")


def secret_of(home):
    """The app password that the notebook has delegated."""
    (file,) = (home / ".config" / "jupyter-mesh" / "delegated").iterdir()
    return json.loads(file.read_text())["password"]


def nothing_tells(secret, hub):
    """It is in no environment, no command line and no log of this machine."""
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("environ", "cmdline"):
            try:
                told = (process / name).read_bytes()
            except OSError:
                continue
            assert secret.encode() not in told, (name, (process / "cmdline").read_bytes()[:200])
    assert secret not in hub.log
    for log in hub.state.parent.rglob("*.log"):
        assert secret not in log.read_text(errors="replace"), log
