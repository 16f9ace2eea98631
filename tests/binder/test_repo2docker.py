"""A real repo2docker takes public links and crates of a running site. It builds nothing: that needs an engine."""

import asyncio
import sys

import pytest

from jupyter_mesh.binder.reading import tree_id

# It takes its time, and asks every site in the same way.
pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.parametrize("shared", ["spaces"], indirect=True, scope="module"),
]

CONFIG = """
from jupyter_mesh.binder.provider import CS3
c.Repo2Docker.content_providers.prepend([CS3])
"""


@pytest.fixture
def repo2docker(tmp_path):
    """Runs it as far as the description of the image; gives exit code and all that it says."""
    config = tmp_path / "repo2docker_config.py"
    config.write_text(CONFIG)

    async def run(*words):
        options = (
            "--config",
            str(config),
            "--no-build",
            "--debug",
            "--user-id",
            "1000",
            "--user-name",
            "jovyan",
        )
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "ignore", "-m", "repo2docker", *options, *words),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        return process.returncode, said.decode()

    return run


async def test_a_link_to_a_folder_with_an_environment(shared, repo2docker):
    code, said = await repo2docker(await shared.link("work"))
    assert code == 0, said
    assert "Picked CS3 content provider." in said
    assert "Fetching analysis/fit ü #1%.ipynb" in said
    assert 'pip install --no-cache-dir -r "binder/requirements.txt"' in said


async def test_a_crate_says_where_its_environment_is(shared, repo2docker):
    link = await shared.link("crate")
    code, said = await repo2docker(f"{link}/ro-crate-metadata.json".replace("http://", "cs3://"))
    assert code == 0, said
    assert "The crate describes its environment in env/requirements.txt" in said
    assert 'pip install --no-cache-dir -r "binder/requirements.txt"' in said


async def test_what_a_ref_stands_for_must_still_be_there(shared, repo2docker, read):
    link = await shared.link("bare")
    async with read(link) as (_, files):
        ref = tree_id(files)
    code, said = await repo2docker("--ref", ref, link)
    assert code == 0, said
    await shared.put("bare", {"readme.md": b"# Something else\n"})
    code, said = await repo2docker("--ref", ref, link)
    assert code != 0
    assert "What this link leads to has changed meanwhile. Start again." in said


async def test_a_link_with_a_password(shared, repo2docker):
    code, said = await repo2docker(await shared.link("bare", password="correct horse 1905!"))
    assert code != 0
    assert "This link has a password, and a build has nobody to ask for it" in said
