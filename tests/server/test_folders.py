"""Kernels and terminals of the mesh start in the mount, and one that hangs or is dead stops nobody."""

import asyncio
import json
import os
import sys
import time

import pytest

from tests.mounts import hung_mount, mounted_below, needs_fuse

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")


@pytest.fixture(autouse=True)
def no_blocking_calls():
    """Jupyter's own way to start programs, and to list local files, blocks: here it is measured what a mount adds."""


SLEEPER = {"argv": ["sleep", "120"], "display_name": "Sleeper", "language": "none"}


@pytest.fixture
def mount(jp_root_dir, monkeypatch):
    """The folder where the mount would be, with one folder in it as if it were mounted."""
    mount = jp_root_dir / "mesh"
    (mount / "home" / "a b").mkdir(parents=True)
    monkeypatch.setenv("MESH_MOUNT", str(mount))
    return mount


@pytest.fixture
def hung(jp_root_dir, monkeypatch):
    """The same, hanging; gives a function that kills the mount."""
    mount = jp_root_dir / "mesh"
    mount.mkdir()
    monkeypatch.setenv("MESH_MOUNT", str(mount))
    with hung_mount(mount) as kill:
        yield kill
    assert mounted_below(jp_root_dir) == []


@pytest.fixture
def sleeper(jp_data_dir):
    """A kernel in no language at all: a program that does nothing."""
    spec = jp_data_dir / "kernels" / "sleeper"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text(json.dumps(SLEEPER))
    return "sleeper"


@pytest.fixture
def start(jp_fetch, jp_serverapp, sleeper, jp_asyncio_loop):
    """Starts the kernel of a document; gives it, with where it runs and what it is told."""
    started = []

    async def start(path, type="notebook"):
        body = {
            "path": path,
            "name": path.rpartition("/")[2],
            "type": type,
            "kernel": {"name": sleeper},
        }
        reply = await jp_fetch("api", "sessions", method="POST", body=json.dumps(body))
        kernel = jp_serverapp.kernel_manager.get_kernel(json.loads(reply.body)["kernel"]["id"])
        started.append(kernel)
        return kernel

    yield start
    for kernel in started:
        jp_asyncio_loop.run_until_complete(kernel.shutdown_kernel(now=True))


def folder_of(kernel):
    """Where its process runs."""
    return os.readlink(f"/proc/{kernel.provisioner.pid}/cwd")


def told(kernel, name):
    """A variable of its environment."""
    with open(f"/proc/{kernel.provisioner.pid}/environ") as file:
        return dict(entry.split("=", 1) for entry in file.read().split("\0") if entry)[name]


async def test_the_kernel_of_a_document_starts_beside_it(mount, start, jp_root_dir):
    kernel = await start("mesh/home/a b/n.ipynb")
    assert folder_of(kernel) == str(mount / "home" / "a b")
    assert told(kernel, "JPY_SESSION_NAME") == str(mount / "home" / "a b" / "n.ipynb")
    console = await start("mesh/home/a b/0e5c-1b7f", type="console")
    assert folder_of(console) == str(mount / "home" / "a b")
    assert folder_of(await start("mesh/n.ipynb")) == str(mount)


async def test_kernels_of_local_documents_start_as_ever(mount, start, jp_root_dir):
    (jp_root_dir / "d").mkdir()
    kernel = await start("d/n.ipynb")
    assert folder_of(kernel) == str(jp_root_dir / "d")
    assert told(kernel, "JPY_SESSION_NAME") == str(jp_root_dir / "d" / "n.ipynb")


async def test_a_folder_that_is_not_mounted_is_no_reason_not_to_start(mount, start, jp_root_dir):
    assert folder_of(await start("mesh/home/elsewhere/n.ipynb")) == str(jp_root_dir)


async def test_a_restart_finds_the_folder_gone_and_back_again(mount, start, jp_root_dir):
    kernel = await start("mesh/home/a b/n.ipynb")
    (mount / "home" / "a b").rmdir()
    await kernel.restart_kernel(now=True)
    assert folder_of(kernel) == str(jp_root_dir)
    (mount / "home" / "a b").mkdir()
    await kernel.restart_kernel(now=True)
    assert folder_of(kernel) == str(mount / "home" / "a b")


async def test_without_a_mount_kernels_start_as_ever(monkeypatch, jp_configurable_serverapp):
    monkeypatch.delenv("MESH_MOUNT", raising=False)
    server = jp_configurable_serverapp()
    assert type(server.kernel_manager).__module__.startswith("jupyter_server.")


async def test_managers_that_a_configuration_names_stay(mount, jp_configurable_serverapp):
    named = "jupyter_server.services.kernels.kernelmanager.AsyncMappingKernelManager"
    server = jp_configurable_serverapp(config={"ServerApp": {"kernel_manager_class": named}})
    assert type(server.kernel_manager).__module__.startswith("jupyter_server.")


async def longest_stop(work):
    """What ``work`` gives, and the longest time in seconds that the event loop stood still meanwhile."""
    longest = 0.0

    async def watch():
        nonlocal longest
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - before)

    watching = asyncio.create_task(watch())
    try:
        return await work, longest
    finally:
        watching.cancel()


@needs_fuse
async def test_a_hung_mount_stops_neither_kernels_nor_the_server(hung, start, jp_root_dir):
    kernel, longest = await longest_stop(start("mesh/home/n.ipynb"))
    assert folder_of(kernel) == str(jp_root_dir)
    # It may stand still while a process is made on a busy machine, but never until a mount answers.
    assert longest < 1.9
    before = time.monotonic()
    assert folder_of(await start("mesh/home/other/n.ipynb")) == str(jp_root_dir)
    await kernel.restart_kernel(now=True)
    assert folder_of(kernel) == str(jp_root_dir)
    assert time.monotonic() - before < 30


@needs_fuse
async def test_a_dead_mount_stops_no_kernel(hung, start, jp_root_dir):
    hung()
    assert folder_of(await start("mesh/home/n.ipynb")) == str(jp_root_dir)


@needs_fuse
async def test_files_of_this_server_are_listed_beside_a_hung_mount(hung, jp_fetch, jp_root_dir):
    (jp_root_dir / "a.txt").write_text("a")
    reply = await asyncio.wait_for(jp_fetch("api", "contents", params={"content": "1"}), 20)
    assert sorted(entry["name"] for entry in json.loads(reply.body)["content"]) == ["a.txt", "mesh"]


@pytest.fixture
def open_terminal(jp_fetch, jp_serverapp, jp_asyncio_loop):
    """Opens a terminal; gives the folder in which its shell runs."""

    async def open_terminal(cwd):
        body = json.dumps({"cwd": cwd})
        reply = await jp_fetch("api", "terminals", method="POST", body=body)
        name = json.loads(reply.body)["name"]
        manager = jp_serverapp.web_app.settings["terminal_manager"]
        pid = manager.terminals[name].ptyproc.pid
        return os.readlink(f"/proc/{pid}/cwd")

    yield open_terminal
    ending = jp_serverapp.web_app.settings["terminal_manager"].terminate_all()
    jp_asyncio_loop.run_until_complete(ending)


async def test_a_terminal_opens_in_the_mount(mount, open_terminal, jp_root_dir):
    assert await open_terminal("mesh/home/a b") == str(mount / "home" / "a b")
    assert await open_terminal(str(mount / "home" / "a b")) == str(mount / "home" / "a b")
    (jp_root_dir / "d").mkdir()
    assert await open_terminal("d") == str(jp_root_dir / "d")


@needs_fuse
async def test_a_terminal_opens_beside_a_hung_mount(hung, open_terminal):
    where = await asyncio.wait_for(open_terminal("mesh/home"), 30)
    assert where == os.getcwd()
