"""Questions that are shared, and listings that are kept: when they are, and when they must not be."""

import asyncio
from datetime import UTC, datetime

import orjson
import pytest

from jupyter_mesh.contents import listings
from jupyter_mesh.contents.flights import Flights
from jupyter_mesh.contents.listings import Listed, Listing, Listings, page_of
from jupyter_mesh.contents.memory import Memory
from jupyter_mesh.errors import NotFound
from jupyter_mesh.models import Kind, Resource


class Site:
    """Answers when it is told to, and knows how many were asked at once."""

    def __init__(self):
        self.asked = self.inside = self.most = 0
        self.go = asyncio.Event()

    async def ask(self):
        self.asked += 1
        number = self.asked
        self.inside += 1
        self.most = max(self.most, self.inside)
        await self.go.wait()
        self.inside -= 1
        return number


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0)


async def test_who_asks_meanwhile_shares_the_answer():
    site, flights = Site(), Flights()
    asking = [asyncio.ensure_future(flights.join("home/d", site.ask)) for _ in range(5)]
    await until(lambda: site.asked)
    asking[0].cancel()
    site.go.set()
    assert await asyncio.gather(*asking[1:]) == [1] * 4
    assert await flights.join("home/d", site.ask) == 2


@pytest.mark.parametrize(
    ("written", "outdated"),
    [
        pytest.param("home/d", True, id="itself"),
        pytest.param("home/d/a.txt", True, id="inside"),
        pytest.param("home", True, id="above"),
        pytest.param("home/de", False, id="beside"),
    ],
)
async def test_who_comes_after_a_write_gets_a_later_answer_and_the_site_one_question_at_a_time(
    written, outdated
):
    site, flights = Site(), Flights()
    before = asyncio.ensure_future(flights.join("home/d", site.ask))
    await until(lambda: site.asked)
    flights.outdate(written)
    after = [asyncio.ensure_future(flights.join("home/d", site.ask)) for _ in range(2)]
    await asyncio.sleep(0)
    site.go.set()
    assert await before == 1
    assert await asyncio.gather(*after) == [2 if outdated else 1] * 2
    assert site.most == 1


async def test_an_error_is_for_all_who_asked_and_for_nobody_later():
    flights = Flights()

    async def fail():
        await asyncio.sleep(0)
        raise NotFound("gone")

    failed = await asyncio.gather(
        *(flights.join("home/d", fail) for _ in range(2)), return_exceptions=True
    )
    assert [str(error) for error in failed] == ["gone", "gone"]
    site = Site()
    site.go.set()
    assert await flights.join("home/d", site.ask) == 1


async def test_closing_gives_up_what_is_under_way():
    site, flights = Site(), Flights()
    asking = asyncio.ensure_future(flights.join("home/d", site.ask))
    await until(lambda: site.asked)
    await flights.close()
    with pytest.raises(asyncio.CancelledError):
        await asking


def resource(path: str, etag: str) -> Resource:
    return Resource(
        path=path,
        name=path.rpartition("/")[2],
        kind=Kind.DIRECTORY,
        modified=datetime(2026, 1, 2, 3, 4, 5, 600_000, UTC),
        etag=etag,
    )


def listing(before: str = "e1", writes: int = 0, asked: float = 0.0, size: int = 1) -> Listing:
    return Listing.of([{"name": "x" * size}], Listed([], asked, writes, before))


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands until it is moved."""

    class Clock:
        now = 0.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(listings, "time", clock)
    return clock


@pytest.mark.parametrize(
    ("before", "etag", "writes", "kept"),
    [
        pytest.param("e1", "e1", 0, True, id="same-etag-before-and-after"),
        pytest.param("", "e1", 0, False, id="nothing-known-before"),
        pytest.param("e1", "e2", 0, False, id="changed-meanwhile"),
        pytest.param("", "", 0, False, id="a-site-without-etags"),
        pytest.param("e1", "e1", 1, False, id="we-wrote-meanwhile"),
    ],
)
def test_a_listing_is_kept_only_if_nothing_changed_while_it_was_made(
    clock, before, etag, writes, kept
):
    all_of_them = Listings()
    all_of_them.keep("home/d", listing(before), etag, writes)
    assert (all_of_them.get("home/d") is not None) is kept


def test_a_listing_is_made_anew_about_once_a_minute(clock):
    all_of_them = Listings()
    all_of_them.keep("home/d", listing(), "e1", 0)
    clock.now = 59
    assert all_of_them.get("home/d")
    clock.now = 61
    assert all_of_them.get("home/d") is None


def test_listings_are_bounded_in_bytes(clock, monkeypatch):
    monkeypatch.setattr(listings, "ROOM", 250)
    all_of_them = Listings()
    for name in "abc":
        all_of_them.keep(name, listing(size=80), "e1", 0)
        all_of_them.get("a")
    assert [name for name in "abc" if all_of_them.get(name)] == ["a", "c"]
    all_of_them.keep("d", listing(size=300), "e1", 0)
    assert all_of_them.get("d") is None


def test_a_write_drops_the_listing_of_the_folder_and_all_below(clock):
    known = Memory()
    for path in ("home", "home/d", "home/d/e", "home/x"):
        known.listings.keep(path, listing(), "e1", 0)
    known.forget("home/d")
    assert [
        path for path in ("home", "home/d", "home/d/e", "home/x") if known.listings.get(path)
    ] == ["home/x"]


def test_an_answer_that_a_write_has_overtaken_is_not_remembered():
    known = Memory()
    asked = known.writes
    known.wrote(resource("home/d", "new"))
    known.saw("home/d", resource("home/d", "old"), asked=asked)
    assert known.etag_of("home/d") == "new"


def test_a_page_is_the_model_with_its_entries():
    folder = {
        "name": "d",
        "content": None,
        "format": None,
        "last_modified": resource("d", "").modified,
    }
    page = orjson.loads(page_of(folder, listing()))
    assert page == {
        "name": "d",
        "content": [{"name": "x"}],
        "format": "json",
        "last_modified": "2026-01-02T03:04:05.600000Z",
    }
