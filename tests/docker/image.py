"""An image for servers, made of this machine's distribution and Python packages: no registry is asked.

``python -m tests.docker.image`` makes all of it but our own package, once: what is made is kept in
``~/.cache/jupyter-mesh-tests`` under a hash of what it is made of.
"""

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from functools import cache
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "bash",
    "ca-certificates",
    "coreutils",
    "dash",
    "findutils",
    "fuse3",
    "grep",
    "libstdc++6",
    "python3",
    "sed",
)
USELESS = ("/usr/share/doc", "/usr/share/man", "/usr/share/locale", "/usr/share/info")
MERGED = ("bin", "lib", "lib64", "sbin")
FOLDERS = {"dev": 0o755, "proc": 0o755, "run": 0o755, "sys": 0o755, "tmp": 0o1777, "var/lib": 0o755}
ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\njovyan:x:1000:100::/home/jovyan:/bin/bash\n",
    "etc/group": "root:x:0:\nusers:x:100:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
CHANGES = [
    "USER 1000:100",
    "WORKDIR /home/jovyan",
    "ENV PATH=/usr/local/bin:/usr/bin:/bin HOME=/home/jovyan LANG=C.UTF-8",
    'CMD ["jupyterhub-singleuser"]',
]


def run(*command, **options):
    words = [str(word) for word in command]
    done = subprocess.run(words, check=False, capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@cache
def python_of_the_distribution():
    """As "3.11.2"."""
    return run(
        "/usr/bin/python3", "-c", "import platform; print(platform.python_version())"
    ).strip()


def requirements():
    """What our package needs in a server, and the hub's side of a server."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["lab"], *extras["mount"]]
    return [*wanted, f"jupyterhub=={version('jupyterhub')}"]


def install(target, words):
    """Python packages for another Python than the one that runs this."""
    uv = Path(sys.executable).with_name("uv")
    program = [uv, "pip"] if uv.exists() else [sys.executable, "-m", "pip"]
    options = ["--target", target, "--python-version", python_of_the_distribution()]
    options += ["--only-binary", ":all:"]
    run(*program, "install", "-q", *options, *words, env={**os.environ, "UV_SYSTEM_CERTS": "1"})


def files_of_the_distribution():
    """Every file of some installed packages and of what they need, by its real name."""
    needed = run(
        *("apt-cache", "depends", "--recurse", "--installed", "--no-recommends", "--no-suggests"),
        *("--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances", *PACKAGES),
    )
    names = {line for line in needed.splitlines() if line[0].isalnum() and ":" not in line}
    found = set()
    for line in run("dpkg-query", "--listfiles", *sorted(names & installed())).splitlines():
        if line.startswith("/") and not line.startswith(USELESS):
            path = Path(line)
            found.add(os.path.join(os.path.realpath(path.parent), path.name))
    return sorted(path for path in found if os.path.lexists(path))


def installed():
    told = run("dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package}\n")
    return {line.split()[1] for line in told.splitlines() if line.startswith("installed ")}


def place(staged):
    """Where a file of ``pip install --target`` belongs."""
    top = staged.parts[0]
    if top in ("bin", "etc", "share"):
        return Path("usr/local", staged)
    minor = python_of_the_distribution().rpartition(".")[0]
    return Path("usr/local/lib", f"python{minor}", "dist-packages", staged)


class Archive(tarfile.TarFile):
    """Each name once: the engine takes no other."""

    def addfile(self, tarinfo, fileobj=None):
        known = self.__dict__.setdefault("known", {"", "."})
        if tarinfo.name.strip("/") not in known:
            known.add(tarinfo.name.strip("/"))
            super().addfile(tarinfo, fileobj)


def add_packages(archive, folder):
    """What ``install`` has put into a folder, as root's, with programs for the Python that is there."""
    for path in sorted(folder.rglob("*")):
        staged = path.relative_to(folder)
        member = archive.gettarinfo(path, str(place(staged)))
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        if not member.isfile():
            archive.addfile(member)
            continue
        content = path.read_bytes()
        if staged.parts[0] == "bin" and content.startswith(b"#!"):
            content = b"#!/usr/bin/python3\n" + content.partition(b"\n")[2]
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))


def make_base(file):
    """All but our own package, as an archive."""
    with tempfile.TemporaryDirectory() as scratch, Archive.open(file, "w") as archive:
        for name in MERGED:
            if Path("/", name).is_symlink():
                archive.add(Path("/", name), name)
        for path in files_of_the_distribution():
            archive.add(path, path.lstrip("/"), recursive=False)
        for path in ("/etc/ssl/certs", "/etc/alternatives"):
            archive.add(path, path.lstrip("/"))
        for name, mode in {**FOLDERS, "root": 0o700}.items():
            add(archive, name, mode, kind=tarfile.DIRTYPE)
        for name, text in ACCOUNTS.items():
            add(archive, name, 0o644, text.encode())
        add(archive, "home/jovyan", 0o755, kind=tarfile.DIRTYPE, owner=(1000, 100))
        install(Path(scratch), requirements())
        add_packages(archive, Path(scratch))


def add(archive, name, mode, content=b"", *, kind=tarfile.REGTYPE, owner=(0, 0)):
    member = tarfile.TarInfo(name)
    member.mode, member.type, member.size = mode, kind, len(content)
    member.uid, member.gid = owner
    archive.addfile(member, io.BytesIO(content))


def base():
    """The archive of ``make_base``, made if it is not there."""
    made_of = [Path(__file__).read_text(), *requirements(), run("dpkg-query", "--show", *PACKAGES)]
    key = hashlib.sha256("\n".join(made_of).encode()).hexdigest()[:16]
    folder = Path(os.path.expanduser("~"), ".cache", "jupyter-mesh-tests", "docker")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{key}.tar"
    if not file.exists():
        for old in folder.iterdir():
            old.unlink()
        unfinished = file.with_suffix(f".{os.getpid()}")
        make_base(unfinished)
        unfinished.rename(file)
    return file


def build(client, tag):
    """Make an image of the base and our own package as it is now; ``client`` is that of an engine."""
    client.import_image(str(base()), repository="mesh-test/base", tag="1", changes=CHANGES)
    with tempfile.TemporaryDirectory() as scratch:
        wheels, folder, layer = (Path(scratch, name) for name in ("wheels", "own", "own.tar"))
        # The built lab extension is there already.
        environment = {**os.environ, "HATCH_JUPYTER_BUILDER_SKIP_NPM": "1", "UV_SYSTEM_CERTS": "1"}
        uv = Path(sys.executable).with_name("uv")
        program = [uv, "build"] if uv.exists() else [sys.executable, "-m", "build"]
        run(
            *program,
            "--wheel",
            "--out-dir" if uv.exists() else "--outdir",
            wheels,
            ROOT,
            env=environment,
        )
        (wheel,) = wheels.glob("*.whl")
        install(folder, ["--no-deps", wheel])
        with Archive.open(layer, "w") as archive:
            add_packages(archive, folder)
        container = client.create_container("mesh-test/base:1")["Id"]
        with layer.open("rb") as archive:
            client.put_archive(container, "/", archive)
        repository, _, name = tag.partition(":")
        client.commit(container, repository, name)
        client.remove_container(container)


if __name__ == "__main__":
    base()
