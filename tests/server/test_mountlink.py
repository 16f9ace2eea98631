"""The folder ``mesh`` beside the local files, where the mount is elsewhere."""

import os

from jupyter_mesh.server.mountlink import link_mount


def test_link_is_made_once(tmp_path):
    link_mount(str(tmp_path), "/mesh/files/")
    link_mount(str(tmp_path), "/mesh/files")
    assert os.readlink(tmp_path / "mesh") == "/mesh/files"


def test_link_to_nothing_of_an_earlier_server_is_replaced(tmp_path):
    (tmp_path / "mesh").symlink_to("/nowhere/files")
    link_mount(str(tmp_path), "/mesh/files")
    assert os.readlink(tmp_path / "mesh") == "/mesh/files"


def test_what_people_have_stays(tmp_path, caplog):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "mesh").symlink_to(tmp_path / "theirs")
    link_mount(str(tmp_path), "/mesh/files")
    assert os.readlink(tmp_path / "mesh") == str(tmp_path / "theirs")
    (tmp_path / "folder" / "mesh").mkdir(parents=True)
    link_mount(str(tmp_path / "folder"), "/mesh/files")
    assert not (tmp_path / "folder" / "mesh").is_symlink()
    assert caplog.text.count("The files of the site are in /mesh/files") == 2


def test_mount_in_its_place_needs_none(tmp_path):
    link_mount(str(tmp_path), str(tmp_path / "mesh"))
    assert not (tmp_path / "mesh").exists()
    link_mount("/nowhere", "/mesh/files")
