"""What works while no site is configured, or none answers."""

import json

import pytest


@pytest.fixture
def jp_server_config():
    return {
        "ServerApp": {
            "contents_manager_class": "jupyter_mesh.contents.CompositeContentsManager",
            "jpserver_extensions": {"jupyter_mesh": False},
        }
    }


async def test_local_files_and_the_entry_of_the_mesh_are_listed(jp_fetch, jp_root_dir):
    (jp_root_dir / "a.txt").write_text("local")
    answer = json.loads((await jp_fetch("api", "contents")).body)
    assert [entry["name"] for entry in answer["content"]] == ["a.txt", "mesh"]
