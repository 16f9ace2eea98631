"""What people run in a mount: git, SQLite, HDF5, pip, zip, and code that maps files into memory."""

import json
import mmap
import os
import shutil
import sqlite3
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest

from .mounts import NODES, PATIENCE

pytestmark = pytest.mark.timeout(300)


def run(*command, cwd, **environment):
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        check=False,
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_git(place, tmp_path):
    folder, _ = place
    source = tmp_path / "source"
    source.mkdir()
    (source / "fit.py").write_text("print('fit')\n")
    me = ("-c", "user.name=me", "-c", "user.email=me@example.org")
    run("git", "init", "-q", "-b", "main", cwd=source)
    run("git", "add", ".", cwd=source)
    run("git", *me, "commit", "-qm", "first", cwd=source)

    run("git", "clone", "-q", "--no-hardlinks", source, "work", cwd=folder)
    work = folder / "work"
    (work / "fit.py").write_text("print('better')\n")
    run("git", *me, "commit", "-qam", "second", cwd=work)
    (work / "more.py").write_text("more = 1\n")
    run("git", "add", "more.py", cwd=work)
    run("git", *me, "commit", "-qm", "third", cwd=work)

    assert run("git", "log", "--format=%s", cwd=work).split() == ["third", "second", "first"]
    assert run("git", "status", "--porcelain", cwd=work) == ""
    run("git", "fsck", "--strict", cwd=work)


def test_sqlite(mounted, place, tmp_path):
    folder, path = place
    with sqlite3.connect(folder / "runs.db") as base:
        base.execute("create table runs (number integer primary key, events integer)")
        base.executemany("insert into runs (events) values (?)", [(n,) for n in range(1000)])
    base.close()
    with sqlite3.connect(folder / "runs.db") as base:
        base.execute("update runs set events = 0 where number % 2")
        assert base.execute("select sum(events) from runs").fetchone() == (250_000,)
        assert base.execute("pragma integrity_check").fetchone() == ("ok",)
    base.close()
    mounted.flush(path)
    copy = tmp_path / "copy.db"
    copy.write_bytes(mounted.site.read(f"{path}/runs.db"))
    with sqlite3.connect(copy) as base:
        assert base.execute("select sum(events) from runs").fetchone() == (250_000,)
    base.close()


def test_hdf5(mounted, place, tmp_path):
    folder, path = place
    name = folder / "data.h5"
    values = np.arange(50_000, dtype="f8")
    with h5py.File(name, "w") as file:
        file.create_dataset("a", data=values, chunks=(1000,), compression="gzip")
    mounted.flush(path)
    with h5py.File(name, "r+") as file:
        file["a"][100:200] = -1
        file["b"] = values[::-1]
    values[100:200] = -1
    mounted.flush(path)
    copy = tmp_path / "copy.h5"
    copy.write_bytes(mounted.site.read(f"{path}/data.h5"))
    for found in (name, copy):
        with h5py.File(found) as file:
            assert np.array_equal(file["a"], values)
            assert file["b"][0] == 49_999


BACKEND = """
import os
import zipfile


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "package-1-py3-none-any.whl"
    info = "package-1.dist-info"
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as wheel:
        wheel.writestr("package.pth", os.getcwd())
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: package\\nVersion: 1\\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return name
"""
"""The smallest build system that there is: nothing has to be installed for it."""


def test_pip_install_editable(place, tmp_path):
    folder, _ = place
    (folder / "backend.py").write_text(BACKEND)
    (folder / "package").mkdir()
    (folder / "package" / "__init__.py").write_text("answer = 42\n")
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "package"\nversion = "1"\n'
    )
    target = tmp_path / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", "--system-site-packages", target, cwd="/")
    python = target / "bin" / "python"
    # pip is the one of this environment: nothing is downloaded.
    here = next(each for each in sys.path if each.endswith("site-packages"))
    (
        target / "lib" / f"python3.{sys.version_info.minor}" / "site-packages" / "here.pth"
    ).write_text(here + "\n")
    options = ("--no-build-isolation", "--no-deps", "--no-index", "--disable-pip-version-check")
    run(python, "-m", "pip", "install", "-q", *options, "-e", folder, cwd="/")
    assert run(python, "-c", "import package; print(package.answer)", cwd="/") == "42\n"
    (folder / "package" / "__init__.py").write_text("answer = 43\n")
    assert run(python, "-c", "import package; print(package.answer)", cwd="/") == "43\n"


def test_zip(mounted, place):
    folder, path = place
    with zipfile.ZipFile(folder / "all.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for number in range(20):
            file.writestr(f"{number}.txt", str(number) * 1000)
    with zipfile.ZipFile(folder / "all.zip", "a") as file:
        file.writestr("last.txt", "last")
    shutil.unpack_archive(folder / "all.zip", folder / "all")
    assert (folder / "all" / "7.txt").read_text() == "7" * 1000
    mounted.flush(path)
    assert mounted.site.names(f"{path}/all") == {*(f"{n}.txt" for n in range(20)), "last.txt"}


def test_mapped_file_of_the_site(mounted, place):
    folder, path = place
    content = os.urandom(3_000_000)
    mounted.site.write(f"{path}/big.bin", content)
    mounted.ask("refresh", path)
    with (folder / "big.bin").open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        assert mapped[2_000_000:2_000_100] == content[2_000_000:2_000_100]
        assert mapped[:100] == content[:100]
        assert mapped[:] == content
        mapped.close()


@pytest.mark.parametrize("mounted", NODES, indirect=True)
def test_ten_thousand_entries(mounted, place):
    folder, path = place
    names = {f"entry-{number:05}.txt" for number in range(10_000)}
    site = mounted.site.data
    (here,) = [each for each in site.rglob(folder.name) if each.is_dir()]
    for name in names:
        (here / name).write_bytes(b"x")
    mounted.ask("refresh", path)
    with os.scandir(folder) as entries:
        found = {entry.name: entry.stat().st_size for entry in entries}
    assert found == dict.fromkeys(names, 1)
    shutil.rmtree(here)
    here.mkdir()
    mounted.ask("refresh", path)
    assert os.listdir(folder) == []


def test_a_notebook_runs_in_its_folder(mounted, place):
    """jupyter mesh run: code finds its neighbours, and the result is at the site, once."""
    folder, path = place
    cells = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {"tags": ["parameters"]} if not number else {},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for number, source in enumerate(
            ["n = 1", "import jupyter_mesh", "print(open('points.csv').read() * n)"]
        )
    ]
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    content = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4}
    (folder / "points.csv").write_text("1,2;")
    (folder / "fit.ipynb").write_text(json.dumps(content | {"nbformat_minor": 5}))
    command = [sys.executable, "-m", "jupyter_mesh.cli", "run", "fit.ipynb", "-p", "n", "2"]
    result = run(*command, "-o", "out.ipynb", cwd=folder).strip()
    assert result == str(folder / "out.ipynb")
    assert "1,2;1,2;" in (folder / "out.ipynb").read_text()
    mounted.flush(path)
    assert b"1,2;1,2;" in mounted.site.read(f"{path}/out.ipynb")
    assert sorted(os.listdir(folder)) == ["fit.ipynb", "out.ipynb", "points.csv"]
