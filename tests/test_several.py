"""What several tasks at once raise, and what they leave undone."""

import anyio.lowlevel
import pytest

from jupyter_mesh.errors import NotFound
from jupyter_mesh.several import each, first_failure


async def test_the_first_failure_ends_the_rest_and_keeps_its_cause():
    done = []

    async def work(number):
        done.append(number)
        if number == 2:
            raise NotFound("It is gone.") from KeyError("what the site said")

    with pytest.raises(NotFound, match="It is gone") as failure:
        await each(work, range(100), 1)
    assert done == [0, 1, 2]
    assert isinstance(failure.value.__cause__, KeyError)


async def test_all_are_done_no_more_than_so_many_at_once():
    running = most = 0
    done = []

    async def work(number):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await anyio.lowlevel.checkpoint()
        running -= 1
        done.append(number)

    await each(work, range(10), 3)
    assert sorted(done) == list(range(10))
    assert most == 3


def test_a_failure_without_a_cause_has_none_afterwards():
    with pytest.raises(ValueError, match="one") as failure, first_failure():
        raise ExceptionGroup("several", [ValueError("one"), ValueError("two")])
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__
