"""Stopped at any moment of a change, the site holds the old state or the new one, never a mixture."""

import shutil
from contextlib import contextmanager

import pytest

from jupyter_mesh.node import check
from jupyter_mesh.node.flavours import FLAVOURS
from jupyter_mesh.node.intents import Act
from jupyter_mesh.node.ocm.settings import FederationSettings
from jupyter_mesh.node.site import Site
from jupyter_mesh.node.store import Store, remove


class Killed(BaseException):
    """Stands for a kill: no handler of ours catches it."""


def die(*_):
    raise Killed


class Files:
    """The files of einstein, without a server."""

    def __init__(self, data, flavour):
        self.site = Site(
            name="alpine",
            data=data,
            flavour=FLAVOURS[flavour],
            token_life=60,
            transfer_life=60,
            machine_key="",
            federation=FederationSettings(),
        )
        self.space = self.site.people.add_home(self.site.people.by_name("einstein"))

    def find(self, path):
        return self.site.tree.find(
            self.space, self.space.id, tuple(name for name in path.split("/") if name)
        )

    def write(self, path, content):
        folder, _, name = path.rpartition("/")
        upload = self.site.store.new_upload()
        upload.write_bytes(content)
        self.site.store.write(self.find(folder), name, upload)

    def mkdir(self, path):
        folder, _, name = path.rpartition("/")
        self.site.store.mkdir(self.find(folder), name)

    def move(self, source, target):
        folder, _, name = target.rpartition("/")
        self.site.store.move(self.find(source), self.find(folder), name)

    def delete(self, path):
        self.site.store.delete(self.find(path))

    def restore(self, path):
        row = self.site.index.row("SELECT * FROM bin WHERE path = ?", path)
        folder, _, name = path.rpartition("/")
        self.site.store.restore(row["key"], row["node"], self.find(folder), name)

    def purge(self, path):
        row = self.site.index.row("SELECT * FROM bin WHERE path = ?", path)
        for own in self.site.store.purge(row["key"], row["node"]):
            remove(own)

    def state(self):
        """All there is: ids, contents and versions by path, the bin, the files of the node itself."""
        found = {}

        def look(folder):
            for entry in self.site.tree.listing(self.find(folder)):
                path = f"{folder}/{entry.name}".lstrip("/")
                rows = self.site.index.rows(
                    "SELECT key, size FROM versions WHERE node = ? ORDER BY made", entry.id
                )
                contents = [(self.site.store.versions / row["key"]).read_bytes() for row in rows]
                assert [len(content) for content in contents] == [row["size"] for row in rows]
                if entry.folder:
                    found[path] = (entry.id, entry.size)
                    look(path)
                else:
                    content = (self.site.data / self.space.folder / path).read_bytes()
                    assert len(content) == entry.size
                    found[path] = (entry.id, content, contents)

        look("")
        found["bin"] = [
            tuple(row) for row in self.site.index.rows("SELECT path, node FROM bin ORDER BY path")
        ]
        found["own"] = sorted(
            (folder.name, len(list(folder.iterdir())))
            for folder in (self.site.store.uploads, self.site.store.versions, self.site.store.bin)
        )
        return found


def prepared(data, flavour):
    """Files with two folders, a file with versions, and something in the bin."""
    files = Files(data, flavour)
    for name in ("d", "e"):
        files.mkdir(name)
    for content in (b"oldest", b"older", b"old"):
        files.write("d/f", content)
    files.write("gone", b"gone")
    files.delete("gone")
    return files


def without_ids(state):
    """A state that can be compared with that of another site."""
    return {
        key: [row[0] for row in seen] if key == "bin" else seen if key == "own" else seen[1:]
        for key, seen in state.items()
    }


CHANGES = {
    "a new file": lambda files: files.write("new", b"new"),
    "a save": lambda files: files.write("d/f", b"new"),
    "a folder": lambda files: files.mkdir("new"),
    "a rename": lambda files: files.move("d/f", "d/g"),
    "a move": lambda files: files.move("d/f", "f"),
    "a move of a folder": lambda files: files.move("d", "e/d"),
    "a delete": lambda files: files.delete("d/f"),
    "a delete of a folder": lambda files: files.delete("d"),
    "a restore": lambda files: files.restore("gone"),
    "a purge": lambda files: files.purge("gone"),
}


@contextmanager
def killed_before_the_rename(patch):
    patch.setattr(Act, "act", die)
    patch.setattr(Store, "_conclude", die)
    yield


@contextmanager
def killed_at_the_first_sync(patch):
    # A save has given the old content its second name by now; all others have done their rename.
    patch.setattr("jupyter_mesh.node.intents._sync", die)
    patch.setattr(Store, "_conclude", die)
    yield


@contextmanager
def killed_after_the_rename(patch):
    patch.setattr(Store, "_conclude", die)
    yield


@contextmanager
def killed_before_the_commit(patch):
    settle = Act.settle

    def half(*args):
        settle(*args)
        raise Killed

    patch.setattr(Act, "settle", half)
    yield


MOMENTS = [
    killed_before_the_rename,
    killed_at_the_first_sync,
    killed_after_the_rename,
    killed_before_the_commit,
]


@pytest.mark.parametrize("moment", MOMENTS, ids=[moment.__name__ for moment in MOMENTS])
@pytest.mark.parametrize("change", CHANGES)
def test_killed_in_the_middle(data, template, flavour, change, moment, monkeypatch):
    files = prepared(data, flavour)
    before = files.state()
    with monkeypatch.context() as patch, moment(patch):
        if change == "a purge":
            # It is no rename: its rows go first, then its files.
            patch.setattr(f"{__name__}.remove", die)
        with pytest.raises(Killed):
            CHANGES[change](files)
    files.site.close()
    assert check(data) == []

    files = Files(data, flavour)
    after = files.state()
    assert check(data) == []
    assert not files.site.index.rows("SELECT 1 FROM intents")
    happened = change == "a purge" or not (
        moment is killed_before_the_rename
        or (moment is killed_at_the_first_sync and change == "a save")
    )
    if not happened:
        assert after == before
        CHANGES[change](files)
        after = files.state()
    files.site.close()
    # The same without a kill, at another site.
    shutil.copytree(template, data.parent / "other")
    files = prepared(data.parent / "other", flavour)
    CHANGES[change](files)
    assert without_ids(after) == without_ids(files.state())
    files.site.close()
