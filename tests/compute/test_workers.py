"""Logins that are sent to the workers of a cluster: they renew themselves, end in one sentence, and show nowhere.

The workers know no home of the user: they run with one of their own.
"""

import json
import pickle
import secrets
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from dask.distributed import Client, LocalCluster

from jupyter_mesh.cs3.login import authenticate
from jupyter_mesh.errors import InvalidRequest, LoginEnded
from jupyter_mesh.fs import CS3FileSystem
from jupyter_mesh.fs.workers import LoginFile, send_login
from jupyter_mesh.testing.filesystem import known_site
from jupyter_mesh.testing.site import in_thread, run_node
from tests.e2e.processes import wait_for

# Processes of workers take their time on a busy machine.
pytestmark = pytest.mark.timeout(300)

TOKEN_LIFE = 2.0


@pytest.fixture(scope="module")
def fs(tmp_path_factory):
    """The files of a user at a site whose tokens live for two seconds."""
    data = tmp_path_factory.mktemp("node")
    options = {"token_life": TOKEN_LIFE}
    with (
        in_thread(lambda: run_node(data, name="quick", options=options)) as site,
        known_site(site, tmp_path_factory.mktemp("logins")),
    ):
        user = site.users[0]

        async def give():
            return (await authenticate(site.settings, "basic", user.name, user.password)).token

        yield CS3FileSystem("quick", identity=user.name, token_provider=give)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    home = tmp_path_factory.mktemp("home of workers")
    env = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "config")}
    env |= dict.fromkeys(("MESH_SITE", "MESH_GATEWAY", "MESH_TOKEN_FILE"), "")
    with (
        LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            env=env,
            dashboard_address=None,
            local_directory=str(tmp_path_factory.mktemp("scratch")),
        ) as cluster,
        Client(cluster),
    ):
        yield cluster


@pytest.fixture
def client(cluster):
    with Client(cluster) as client:
        yield client


@pytest.fixture
def file(fs):
    name = f"/home/{secrets.token_hex(6)}.txt"
    fs.pipe(name, b"content")
    yield name
    fs.rm(name)


def read(name, options):
    return CS3FileSystem(**options).cat_file(name)


def outcome(client, name, options):
    """What a worker reads now, or the sentence it ends with."""
    try:
        return client.submit(read, name, options, pure=False).result(60)
    except LoginEnded as error:
        return str(error)


def test_workers_of_now_and_of_later_have_it_until_it_is_revoked(fs, cluster, client, file):
    with fs.delegate() as delegation:
        delegation.send(client)
        assert outcome(client, file, delegation.storage_options) == b"content"
        # Read metadata here, too, as dask.dataframe does.
        assert read(file, delegation.storage_options) == b"content"
        cluster.scale(2)
        client.wait_for_workers(2, timeout=120)
        variable = delegation.storage_options["token_ref"].removeprefix("env:")
        paths = client.run(lambda name: __import__("os").environ[name], variable)
        assert len(set(paths.values())) == 2
        wait_for(lambda: len(client.run(lambda: None)) == 2, "the second worker")
        read_by_all = client.run(read, file, delegation.storage_options)
        assert list(read_by_all.values()) == [b"content", b"content"]
    # A worker that was started from this process has its variable, and finds the file there.
    assert not any(Path(path).exists() for path in paths.values())
    wait_for(lambda: isinstance(outcome(client, file, delegation.storage_options), str), "the end")


def test_a_token_that_ends_in_the_middle_is_renewed(fs, client, file):
    with fs.delegate() as delegation:
        delegation.send(client)
        code = client.submit(_read_for, file, delegation.storage_options, 3 * TOKEN_LIFE)
        assert code.result(120) == {b"content"}


def _read_for(name, options, seconds):
    import time

    seen, end = set(), time.monotonic() + seconds
    while time.monotonic() < end:
        seen.add(CS3FileSystem(**options).cat_file(name))
        time.sleep(0.2)
    return seen


def test_a_login_that_ends_in_the_middle_ends_in_one_sentence(fs, client, file):
    delegation = fs.delegate(timedelta(seconds=3))
    delegation.send(client)
    said = wait_for(
        lambda: isinstance(told := outcome(client, file, delegation.storage_options), str) and told,
        "the end",
        seconds=60,
    )
    assert said.startswith("The login for workers in ")
    assert said.endswith("has ended at quick or was revoked. Delegate again.")
    delegation.revoke()


def test_it_shows_nowhere(fs, client, file):
    with fs.delegate() as delegation:
        delegation.send(client)
        secret = json.loads(delegation.path.read_text())["password"].encode()
        future = client.submit(read, file, delegation.storage_options, pure=False)
        assert future.result(60) == b"content"
        environments = client.run(lambda: dict(__import__("os").environ))
        commands = client.run(lambda: Path("/proc/self/cmdline").read_text())
        told = [
            pickle.dumps(delegation.storage_options),
            pickle.dumps(environments),
            pickle.dumps(commands),
            pickle.dumps([client.get_worker_logs(), client.get_scheduler_logs()]),
            repr([delegation, LoginFile("NAME", secret.decode())]).encode(),
            repr(
                client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.identity())
            ).encode(),
        ]
        assert [secret in text for text in told] == [False] * len(told)


class Elsewhere:
    """A client of a cluster on other machines."""

    class Scheduler:
        def __init__(self, address):
            self.address = address

    def __init__(self, address):
        self.scheduler = self.Scheduler(address)


@pytest.mark.parametrize("address", ["tcp://10.1.2.3:8786", "ws://cluster.example:80", ""])
def test_it_is_not_sent_where_others_can_listen(tmp_path, address):
    with pytest.raises(InvalidRequest, match="not encrypted"):
        send_login(Elsewhere(address), "NAME", tmp_path / "none")


def test_what_starts_without_dask_stays_without_it():
    code = "import sys, jupyter_mesh.fs; print('distributed' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
