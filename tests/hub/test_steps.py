"""What users read while their server starts."""

import asyncio

import pytest

from jupyter_mesh_spawner import steps
from jupyter_mesh_spawner.steps import Steps, merged


async def said(stream, count):
    """The first events of a stream."""
    found = []
    async with asyncio.timeout(30):
        async for event in stream:
            found.append(event)
            if len(found) == count:
                break
    await stream.aclose()
    return found


def texts(events):
    return [event["message"] for event in events]


async def test_in_order_and_for_everybody_who_looks():
    start = Steps()
    first = asyncio.create_task(said(start.events(), 3))
    await asyncio.sleep(0)
    start.begin("Signing in to alpine")
    await asyncio.sleep(0)
    start.begin("Placing next to lofar")
    start.remark('"x" is not there.')
    told = ["Signing in to alpine", "Placing next to lofar", '"x" is not there.']
    assert texts(await first) == told
    assert texts(await said(start.events(), 3)) == told, "who comes later reads all of it"
    assert start.current.text == "Placing next to lofar"
    start.end()
    assert start.current is None


async def test_what_is_slow_says_how_long(monkeypatch):
    monkeypatch.setattr(steps, "STILL", 0.01)
    start = Steps()
    start.begin("Mounting your files")
    start.steps[0].began -= 42
    assert texts(await said(start.events(), 2))[1] == "Mounting your files: 42 s so far"
    start.begin("Starting Jupyter")
    assert texts(await said(start.events(), 3)) == [
        "Mounting your files",
        "Mounting your files: took 42 s",
        "Starting Jupyter",
    ]


async def listed(*events):
    for event in events:
        yield event


async def test_the_bar_never_goes_back():
    ours = listed({"progress": 10}, {"progress": 40, "message": "a"})
    theirs = listed({"progress": 20}, {"message": "b"}, {"progress": 5})
    found = [event async for event in merged(ours, theirs)]
    bars = [event["progress"] for event in found if "progress" in event]
    assert bars == sorted(bars)
    assert len(found) == 5


async def test_what_a_spawner_raises_is_not_lost():
    async def broken():
        yield {"message": "a"}
        raise ValueError("a mistake of theirs")

    stream = merged(Steps().events(), broken())
    with pytest.raises(ValueError, match="a mistake of theirs"):
        await said(stream, 2)


async def test_nothing_goes_on_after_the_page_is_closed():
    start = Steps()
    start.begin("Signing in")
    before = asyncio.all_tasks()
    await said(merged(start.events(), listed({"message": "x"})), 2)
    assert asyncio.all_tasks() == before
