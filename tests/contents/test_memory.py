"""What a server remembers of the site, and for how long."""

import asyncio
from datetime import UTC, datetime

from jupyter_mesh.contents import bases, memory
from jupyter_mesh.contents.memory import Memory, PathLocks
from jupyter_mesh.models import Kind, Resource
from jupyter_mesh.paths import name_of


def resource(path, etag="e1", kind=Kind.FILE):
    return Resource(path=path, name=name_of(path), kind=kind, modified=datetime.now(UTC), etag=etag)


def etag(found):
    return found.etag


def test_a_sighting_has_an_age():
    known = Memory()
    seen = resource("home/a")
    known.saw("home/a", seen)
    assert known.last("home/a", 60) is seen
    assert known.last("home/a", -1) is None
    assert known.last("home/b", 60) is None
    known.saw("home/a", None)
    assert known.last("home/a", 60) is None
    assert known.was_absent("home/a", 60)
    assert not known.was_absent("home/a", -1)
    assert not known.was_absent("home/b", 60)


def test_what_a_user_missed_was_absent_until_it_is_read():
    known = Memory()
    for forget in (known.forget, lambda path: known.read(resource(path))):
        known.missed("home/a")
        known.saw("home/a", resource("home/a"))
        assert known.was_absent("home/a", 60)
        assert not known.was_absent("home/a", -1)
        forget("home/a")
        assert not known.was_absent("home/a", 60)


def test_what_was_just_written_is_told_once():
    known = Memory()
    for age, told in ((60, True), (-1, False)):
        made = resource("home/d/a")
        known.wrote(made)
        known.saw("home/d/a", resource("home/d/a", "e2"))
        assert (known.just_written("home/d/a", age) is made) == told
        assert known.just_written("home/d/a", 60) is None
    known.wrote(made)
    known.forget("home/d")
    assert known.just_written("home/d/a", 60) is None


def test_a_base_lasts_until_the_file_is_another():
    known = Memory()
    known.read(resource("home/d/a"))
    known.saw("home/d/a", resource("home/d/a", "e2"))
    known.doubt("home/d/a")
    assert etag(known.base_of("home/d/a")) == "e1"
    known.wrote(resource("home/d/a", "e3"))
    assert etag(known.base_of("home/d/a")) == "e3"
    known.saw("home/d/a", None)
    assert known.base_of("home/d/a") is None
    known.read(resource("home/d", "f1", Kind.DIRECTORY))
    assert known.base_of("home/d") is None


def test_a_write_is_forgotten_with_all_below_and_the_folder_above():
    known = Memory()
    for path in ("home/d/e/a", "home/d/e", "home/d", "home/de", "home"):
        known.read(resource(path))
    known.forget("home/d")
    assert [
        path for path in ("home/d/e/a", "home/d/e", "home/d", "home") if known.last(path, 60)
    ] == []
    assert known.base_of("home/d/e/a") is None
    assert known.last("home/de", 60)
    known.wrote(resource("home/x"))
    assert known.last("home/x", 60)


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(memory, "LIMIT", 3)
    monkeypatch.setattr(bases, "FILES", 3)
    known = Memory()
    for number in range(5):
        known.read(resource(f"home/{number}"))
    assert [number for number in range(5) if known.last(f"home/{number}", 60)] == [2, 3, 4]
    assert [number for number in range(5) if known.base_of(f"home/{number}")] == [2, 3, 4]


async def test_one_writer_at_a_time_per_path():
    locks = PathLocks()
    inside, order = 0, []

    async def write(path, name):
        nonlocal inside
        async with locks.hold(path):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            order.append(name)
            inside -= 1

    await asyncio.gather(*(write("home/a", name) for name in range(5)))
    assert order == list(range(5))
    assert not locks._locks
    async with locks.hold("home/a"), locks.hold("home/b"):
        assert set(locks._locks) == {"home/a", "home/b"}
    assert not locks._locks
