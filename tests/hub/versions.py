"""The versions of JupyterHub that are not the installed one, each in an environment of its own.

``python -m tests.hub.versions`` makes what is missing, in the user's cache: it takes seconds, and a download of
some MB. Only what others have written is in there; ours comes from the checkout, as it is.
"""

import hashlib
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Not where the tests have their own cache.
CACHE = Path.home() / ".cache" / "jupyter-mesh-tests"
VERSIONS = ("5.3", "5.5")


def requirements(version):
    ours, hub = (
        tomllib.loads((ROOT / name).read_text())["project"]
        for name in ("pyproject.toml", "spawner/pyproject.toml")
    )
    more = [*ours["dependencies"], *hub["optional-dependencies"]["oidc"]]
    return [f"jupyterhub=={version}.*", *more]


def environment_of(version):
    """Where the environment of a version is, made or not; another list of packages is another environment."""
    text = "\n".join([sys.version, *requirements(version)])
    return CACHE / f"hub-{version}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def python_of(version):
    """The Python of an environment that is complete; None where there is none."""
    python = environment_of(version) / "bin" / "python"
    return python if (environment_of(version) / "complete").exists() else None


def make(version):
    folder = environment_of(version)
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    uv = Path(sys.executable).with_name("uv")
    python = str(folder / "bin" / "python")
    if uv.exists():
        run = [str(uv), "-q", "--system-certs"]
        made = [[*run, "venv", "--python", sys.executable, str(folder)]]
        made += [[*run, "pip", "install", "--python", python, *requirements(version)]]
    else:
        made = [[sys.executable, "-m", "venv", str(folder)]]
        made += [[python, "-m", "pip", "install", "-q", *requirements(version)]]
    for command in made:
        subprocess.run(command, check=True)
    (folder / "complete").touch()


def ours(folder):
    """A folder for PYTHONPATH with our packages and their entry points, and nothing else of this environment."""
    folder.mkdir(exist_ok=True)
    for name, where in (("jupyter_mesh", ROOT), ("jupyter_mesh_spawner", ROOT / "spawner")):
        if not (folder / name).exists():
            (folder / name).symlink_to(where / name)
            facts = Path(metadata.distribution(name.replace("_", "-"))._path)
            (folder / facts.name).symlink_to(facts)
    return folder


if __name__ == "__main__":
    for version in VERSIONS:
        if python_of(version) is None:
            try:
                make(version)
            except (OSError, subprocess.CalledProcessError) as error:
                sys.stderr.write(
                    f"No JupyterHub {version} here ({error}): its tests are left out\n"
                )
