"""One filesystem in many processes: spawned, forked, and workers of Dask with a login of their own."""

import asyncio
import os
import pickle
import secrets
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest
from fsspec.asyn import get_loop, sync

from jupyter_mesh.auth import write_token_file
from jupyter_mesh.cs3.login import authenticate
from jupyter_mesh.cs3.renewal import log_in
from jupyter_mesh.errors import LoginEnded
from jupyter_mesh.fs import CS3FileSystem
from jupyter_mesh.fs import identity as identities
from jupyter_mesh.sites import forget_site, token_file
from jupyter_mesh.testing.site import RunningSite

WITHIN = 150

# What kind of site it is changes nothing here, and processes take their time to start.
pytestmark = [
    pytest.mark.parametrize("site", ["spaces"], indirect=True, scope="module"),
    pytest.mark.timeout(170),
]


@pytest.fixture(autouse=True)
def kept(site: RunningSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first user is signed in to "alpine", and no instance is kept from before."""
    for name in [name for name in os.environ if name.startswith("MESH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    user = site.users[0]
    settings = replace(site.settings, name="alpine", username=user.name)
    sync(get_loop(), log_in, settings, user.password)
    CS3FileSystem.clear_instance_cache()
    identities._held.clear()


@pytest.fixture
def name(kept: None) -> str:
    """A file with "content", for whoever reads it."""
    name = f"/home/{secrets.token_hex(6)}.txt"
    CS3FileSystem().pipe(name, b"content")
    return name


def program(code: str, *argv: str, **environ: str) -> str:
    """Run Python in a process of its own; gives what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *argv],
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
        env={**os.environ, **environ},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


READ = (
    "import pickle, sys\n"
    "with open(sys.argv[1], 'rb') as file:\n"
    "    fs = pickle.load(file)\n"
    "try:\n"
    "    print(fs.cat(sys.argv[2]).decode())\n"
    "except Exception as error:\n"
    "    print(type(error).__name__, error)\n"
)


def elsewhere(fs: CS3FileSystem, name: str, tmp_path: Path, **environ: str) -> str:
    """What a pickle of ``fs`` reads in another process."""
    (tmp_path / "pickle").write_bytes(pickle.dumps(fs))
    return program(READ, str(tmp_path / "pickle"), name, **environ)


def test_a_pickle_uses_the_login_of_where_it_arrives(name: str, tmp_path: Path) -> None:
    assert elsewhere(CS3FileSystem(), name, tmp_path) == "content"


def test_a_pickle_does_not_use_the_login_of_somebody_else(
    site: RunningSite, name: str, tmp_path: Path
) -> None:
    fs = CS3FileSystem()
    second = site.users[1]
    login = sync(get_loop(), authenticate, site.settings, "basic", second.name, second.password)
    write_token_file(token_file("alpine"), login.token)
    said = elsewhere(fs, name, tmp_path)
    assert said.startswith("LoginEnded")
    assert "now belongs to another user" in said


@pytest.mark.parametrize("options", [{}, {"identity": "albert"}], ids=["token", "named"])
def test_a_pickle_of_a_token_works_nowhere_else_and_says_why(
    options: dict[str, str], site: RunningSite, name: str, tmp_path: Path
) -> None:
    token = sync(
        get_loop(), authenticate, site.settings, "basic", site.users[0].name, site.users[0].password
    ).token
    said = elsewhere(CS3FileSystem("alpine", token=token, **options), name, tmp_path)
    assert said.startswith("LoginEnded")
    assert "does not travel" in said
    assert "delegate()" in said


def test_a_reference_is_looked_up_where_it_is_used(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = token_file("alpine").read_text()
    for folder in ("here", "there"):
        write_token_file(tmp_path / folder / "token", token)
    monkeypatch.setenv("TOKEN_OF_MINE", str(tmp_path / "here" / "token"))
    fs = CS3FileSystem("alpine", token_ref="env:TOKEN_OF_MINE")
    assert fs.cat(name) == b"content"
    (tmp_path / "here" / "token").unlink()
    there = str(tmp_path / "there" / "token")
    assert elsewhere(fs, name, tmp_path, TOKEN_OF_MINE=there) == "content"
    said = elsewhere(fs, name, tmp_path, TOKEN_OF_MINE="")
    assert said.startswith("LoginEnded TOKEN_OF_MINE is not set here")


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_new_instances_work_in_every_kind_of_process(
    method: str, name: str, tmp_path: Path
) -> None:
    """The parent has used its own before: in a fork that is what hangs with threads and channels."""
    (tmp_path / "worker.py").write_text(
        "import fsspec, multiprocessing, sys\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "def read(name):\n"
        "    return fsspec.filesystem('cs3', site='alpine').cat(name).decode()\n"
        "if __name__ == '__main__':\n"
        "    print(read(sys.argv[2]))\n"
        "    context = multiprocessing.get_context(sys.argv[1])\n"
        "    with ProcessPoolExecutor(2, mp_context=context) as pool:\n"
        "        print(*pool.map(read, [sys.argv[2]] * 4))\n"
        "    print(read(sys.argv[2]))\n"
    )
    done = subprocess.run(
        [sys.executable, str(tmp_path / "worker.py"), method, name],
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=True,
    )
    assert done.stdout.split() == ["content"] * 6


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "asynchronous"])
def test_a_fork_that_uses_an_instance_of_its_parent_is_told_at_once(
    asynchronous: bool, name: str
) -> None:
    code = (
        "import asyncio, multiprocessing, sys, time\n"
        "from jupyter_mesh.fs import CS3FileSystem\n"
        f"fs = CS3FileSystem(asynchronous={asynchronous})\n"
        "def read():\n"
        f"    return asyncio.run(fs._cat_file(sys.argv[1])) if {asynchronous} else fs.cat(sys.argv[1])\n"
        "def child():\n"
        "    try:\n"
        "        print(read())\n"
        "    except RuntimeError as error:\n"
        "        print(error, flush=True)\n"
        "if not fs.asynchronous:\n"
        "    read()\n"
        "process = multiprocessing.get_context('fork').Process(target=child)\n"
        "process.start()\n"
        "process.join(30)\n"
        "print(process.exitcode)\n"
        "process.kill()\n"
    )
    said, ended = program(code, name).splitlines()
    assert "was made before this process was forked" in said
    assert "spawn" in said
    assert ended == "0"


# Logins for workers


def test_a_delegated_login_works_where_nothing_is_known_of_the_site(
    name: str, tmp_path: Path
) -> None:
    with CS3FileSystem().delegate() as delegation:
        assert delegation.path.stat().st_mode & 0o777 == 0o600
        fs = CS3FileSystem(**delegation.storage_options)
        alone = {"XDG_CONFIG_HOME": str(tmp_path / "other")}
        assert elsewhere(fs, name, tmp_path, **alone) == "content"
        # On a machine where the file is elsewhere, a variable says where.
        copy = tmp_path / "secrets" / "mesh"
        copy.parent.mkdir()
        copy.write_bytes(delegation.path.read_bytes())
        copy.chmod(0o600)
        os.environ["WORKER_LOGIN"] = str(copy)
        try:
            moved = CS3FileSystem(token_ref="env:WORKER_LOGIN")
        finally:
            del os.environ["WORKER_LOGIN"]
        assert moved.site == "alpine"
        assert elsewhere(moved, name, tmp_path, **alone, WORKER_LOGIN=str(copy)) == "content"
    assert not delegation.path.exists()
    assert "There is no login in" in elsewhere(fs, name, tmp_path, **alone)
    said = elsewhere(moved, name, tmp_path, **alone, WORKER_LOGIN=str(copy))
    assert said.startswith("LoginEnded")
    assert "was revoked" in said


def test_a_delegated_login_does_not_end_with_the_login_that_made_it(name: str) -> None:
    delegation = CS3FileSystem().delegate()
    forget_site("alpine")
    fs = CS3FileSystem(**delegation.storage_options)
    assert fs.cat(name) == b"content"
    delegation.revoke()
    delegation.revoke()
    with pytest.raises(LoginEnded):
        CS3FileSystem(**delegation.storage_options, skip_instance_cache=True).cat(name)


async def test_a_server_delegates_without_waiting(name: str) -> None:
    fs = CS3FileSystem(asynchronous=True)
    try:
        delegation = await fs._delegate()
        assert delegation.path.exists()
        await delegation.revoked()
        assert not delegation.path.exists()
    finally:
        await fs._close()


DASK = """
import sys
import dask, dask.bag
from dask.distributed import Client, LocalCluster
from jupyter_mesh.fs import CS3FileSystem


def main():
    folder, names = sys.argv[1], int(sys.argv[2])
    fs = CS3FileSystem("alpine")
    fs.pipe({f"{folder}/{n}.txt": f"{n}\\n".encode() for n in range(names)})
    with fs.delegate() as delegation:
        with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
            with Client(cluster) as client:
                pids = set(client.run(lambda: __import__("os").getpid()).values())
                lines = dask.bag.read_text(
                    f"cs3://alpine{folder}/*.txt", storage_options=delegation.storage_options
                )
                print(sum(lines.map(int).compute()))
                @dask.delayed
                def write(fs, n):
                    import os
                    fs.pipe(f"{folder}/out-{n}", str(os.getpid()).encode())
                    return os.getpid()
                worker_fs = CS3FileSystem(**delegation.storage_options)
                wrote = set(dask.compute(*(write(worker_fs, n) for n in range(8))))
                print(len(pids), wrote <= pids)
    print(sum(int(n) > 0 for n in fs.cat([f"{folder}/out-{n}" for n in range(8)]).values()))


if __name__ == "__main__":
    main()
"""


@pytest.mark.timeout(170)
def test_a_dask_cluster_of_two_processes_reads_and_writes_with_a_delegated_login(
    tmp_path: Path,
) -> None:
    (tmp_path / "cluster.py").write_text(DASK)
    folder = f"/home/{secrets.token_hex(6)}"
    done = subprocess.run(
        [sys.executable, str(tmp_path / "cluster.py"), folder, "12"],
        capture_output=True,
        text=True,
        timeout=140,
        check=False,
        env={**os.environ, "DASK_TEMPORARY_DIRECTORY": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["66", "2", "True", "8"]
    assert done.stderr.count("Traceback") == 0


def test_spawned_processes_need_nothing_but_the_url(name: str) -> None:
    code = "import fsspec, sys; print(fsspec.open('cs3://alpine' + sys.argv[1]).open().read().decode())"
    assert program(code, name) == "content"
    with fsspec.open(f"cs3://alpine{name}") as file:
        assert file.read() == b"content"
    assert asyncio.run(_as_in_a_cell(name)) == b"content"


async def _as_in_a_cell(name: str) -> bytes:
    return CS3FileSystem().cat(name)
