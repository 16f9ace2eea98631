"""Which bytes are asked for when many parts are wanted."""

import random

import pytest

from jupyter_mesh.fs.ranges import REQUESTS, WORTH_IT, is_empty, spans_of

KB = 1 << 10
PART = 64 * KB


def every(step: int, number: int = 200) -> list[tuple[int, int]]:
    return [(place * step, place * step + PART) for place in range(number)]


@pytest.mark.parametrize(
    ("ranges", "max_gap", "spans"),
    [
        ([], None, []),
        ([(3, 3)], None, []),
        ([(5, 9), (0, 2)], 0, [(0, 2), (5, 9)]),
        ([(5, 9), (0, 2)], 3, [(0, 9)]),
        ([(5, 9), (0, 2)], None, [(0, 9)]),
        ([(0, 9), (2, 4), (9, 12)], 0, [(0, 12)]),
        ([(0, 1), (10 << 20, 11 << 20)], None, [(0, 1), (10 << 20, 11 << 20)]),
        (every(128 * KB), None, [(0, 199 * 128 * KB + PART)]),
    ],
)
def test_parts_that_are_near_come_together(ranges, max_gap, spans) -> None:
    assert spans_of(ranges, max_gap) == spans


@pytest.mark.parametrize("step", [322 * KB, 330 * KB])
def test_few_requests_where_that_is_worth_it(step: int) -> None:
    assert len(spans_of(every(step))) == REQUESTS


def test_far_parts_are_asked_for_one_by_one() -> None:
    assert spans_of(every(5 << 20)) == every(5 << 20)


def test_every_part_is_in_one_span_and_little_comes_in_vain() -> None:
    chance = random.Random(4)  # noqa: S311
    for size in (10**5, 10**7, 10**9):
        starts = [chance.randrange(size) for _ in range(300)]
        ranges = [(start, start + chance.randrange(100_000)) for start in starts]
        spans = spans_of(ranges)
        assert spans == sorted(spans)
        for start, stop in ranges:
            assert start == stop or any(low <= start and stop <= high for low, high in spans)
        wanted = sum(stop - start for start, stop in ranges)
        come = sum(stop - start for start, stop in spans)
        assert come <= wanted * (1 + WORTH_IT) + len(ranges) * 256 * KB


@pytest.mark.parametrize("start", [None, -7, -3, 0, 2, 5, 9])
@pytest.mark.parametrize("end", [None, -7, -3, 0, 2, 5, 9])
def test_what_needs_no_request(start: int | None, end: int | None) -> None:
    holds = any(range(size)[start:end] for size in range(30))
    if is_empty(start, end):
        assert not holds
