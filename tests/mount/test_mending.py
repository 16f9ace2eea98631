"""What is read off the cache of an rclone that was killed, for each state in which a kill can leave it."""

import json
import os

import pytest

from jupyter_mesh.mount.mending import mend


def noted(**facts):
    return json.dumps({"Fingerprint": "11,before,", "Rs": None, "Size": 0, "Dirty": True, **facts})


def part(start, size):
    return {"Pos": start, "Size": size}


STATES = {
    "made, and perhaps for reading": (b"", None, None),
    "new, not noted at all": (b"new", None, (3, [part(0, 3)])),
    "new, while the note is written": (b"new", "", (3, [part(0, 3)])),
    "emptied, while the note is written": (b"", "", (0, [])),
    "emptied, while half of the note is written": (b"", '{"Size": 0,', (0, [])),
    "emptied, and noted": (b"", noted(Size=0), None),
    "longer than noted": (b"old and new", noted(Size=3, Rs=[part(0, 3)]), (11, [part(0, 11)])),
    "shorter than noted": (b"old", noted(Size=11, Rs=[part(0, 11)]), (3, [part(0, 3)])),
    "as noted": (b"new", noted(Size=3, Rs=[part(0, 3)]), None),
    "read, and not changed": (b"old", noted(Size=11, Dirty=False), None),
}


@pytest.mark.parametrize(("content", "note", "expected"), STATES.values(), ids=STATES)
def test_notes_are_corrected_where_a_program_has_written(tmp_path, content, note, expected):
    file, about = tmp_path / "vfs" / "site" / "file", tmp_path / "vfsMeta" / "site" / "file"
    for path in (file, about):
        path.parent.mkdir(parents=True)
    file.write_bytes(content)
    if note is not None:
        about.write_text(note)
    assert mend(tmp_path) == (["file"] if expected else [])
    if expected:
        said = json.loads(about.read_text())
        assert (said["Size"], said["Rs"], said["Dirty"]) == (*expected, True)
    # Done once, it is right.
    assert mend(tmp_path) == []


def test_what_was_read_in_part_is_no_change(tmp_path):
    file = tmp_path / "vfs" / "site" / "file"
    file.parent.mkdir(parents=True)
    file.touch()
    os.truncate(file, 1 << 20)
    assert mend(tmp_path) == []
