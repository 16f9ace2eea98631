"""Gateways in trouble, and the one sentence for each kind of it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

import pytest
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import resources_pb2 as rs

from jupyter_mesh.auth import StaticToken
from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.cs3.failures import SENTENCES, sentence
from jupyter_mesh.errors import (
    BY_CS3_CODE,
    LoginEnded,
    MeshError,
    NotFound,
    SiteError,
    Unavailable,
)
from jupyter_mesh.testing import traps
from jupyter_mesh.testing.site import RunningSite

Node = Callable[..., AbstractAsyncContextManager[tuple[RunningSite, MeshClient]]]


@pytest.mark.parametrize("code", ["UNAVAILABLE", "unavailable"])
async def test_reads_are_tried_again_and_writes_are_not(node: Node, code: str) -> None:
    trap = traps.Fails()
    async with node(trap) as (site, mesh):
        await mesh.mkdir("home/sub")
        trap.next["ListContainer"] = [(code, "")]
        await mesh.list_folder("home")
        trap.next = {name: [(code, "")] for name in ("CreateContainer", "Move", "Delete")}
        site.calls.clear()
        for work in (
            mesh.mkdir("home/other"),
            mesh.move("home/sub", "home/moved"),
            mesh.delete("home/sub"),
        ):
            with pytest.raises(Unavailable, match="alpine does not answer"):
                await work
        assert (site.calls["CreateContainer"], site.calls["Move"], site.calls["Delete"]) == (
            1,
            1,
            1,
        )


async def test_a_reply_in_another_dialect_is_one_clear_error(node: Node) -> None:
    async with node(traps.Garbles({"ListContainer"})) as (_, mesh):
        with pytest.raises(SiteError, match="Could not list home: alpine failed"):
            await mesh.list_folder("home")
        assert (await mesh.stat("home")).is_directory


async def test_a_folder_larger_than_a_message_of_grpc(node: Node) -> None:
    class Crowd(traps.Trap):
        async def answer(self, name, request, token, ask):
            reply = await ask()
            if name == "ListContainer":
                info = rs.ResourceInfo(type=rs.RESOURCE_TYPE_FILE, etag="e" * 400)
                reply = provider.ListContainerResponse(status=reply.status)
                for number in range(12_000):
                    info.name = f"{number:06}"
                    reply.infos.append(info)
            return reply

    async with node(Crowd()) as (_, mesh):
        listed = await mesh.list_folder("home")
        assert len(listed) == 12_000
        assert listed[-1].path == "home/011999"


async def test_a_site_that_is_not_there(node: Node) -> None:
    async with node() as (site, _):
        settings = site.settings
        token = await site.tokens().token()
    async with MeshClient(settings, StaticToken(token)) as mesh:
        with pytest.raises(Unavailable, match="alpine does not answer"):
            await mesh.stat("home")


async def test_milliseconds_where_seconds_belong(node: Node) -> None:
    async with node(flavour="paths") as (_, mesh):
        for content in (b"one", b"two"):
            await mesh.upload("home/a.txt", content)
        await mesh.delete("home/a.txt")
        (item,) = await mesh.bin()
        assert item.deleted.year == datetime.now(UTC).year


async def test_missing_things_are_not_found_whatever_the_layer(node: Node) -> None:
    trap = traps.Fails()
    async with node(trap) as (_, mesh):
        await mesh.list_folder("home")
        trap.next["Stat"] = [("unknown", "error: not found: 9999")]
        with pytest.raises(NotFound):
            await mesh.stat("home/x")


@pytest.mark.parametrize("flavour", ["spaces", "paths"])
async def test_the_kind_of_site_is_not_guessed_from_trouble(node: Node, flavour: str) -> None:
    trap = traps.Fails()
    trap.next["ListStorageSpaces"] = [("INTERNAL", "trouble")]
    async with node(trap, flavour=flavour) as (_, mesh):
        if flavour == "spaces":
            with pytest.raises(SiteError):
                await mesh.list_folder("home")
        assert (await mesh.flavour()).kind.value == flavour
        await mesh.list_folder("home")


async def test_trouble_below_a_file_is_a_missing_path_and_elsewhere_it_is_trouble(
    node: Node,
) -> None:
    trap = traps.Fails()
    async with node(trap) as (_, mesh):
        await mesh.upload("home/a.txt", b"content")
        trap.next["Stat"] = [("INTERNAL", "error statting")]
        with pytest.raises(NotFound, match=r"home/a\.txt is a file"):
            await mesh.stat("home/a.txt/below")
        trap.next["Stat"] = [("INTERNAL", "error statting")]
        with pytest.raises(SiteError):
            await mesh.stat("home/missing")


@pytest.mark.parametrize("error", sorted(SENTENCES, key=lambda one: one.__name__))
def test_every_error_has_its_own_sentence(error: type[MeshError]) -> None:
    text = sentence(error, "open home/a.txt", "alpine")
    assert text.startswith("Could not open home/a.txt: ")
    assert text.endswith(".")
    assert [text == sentence(other, "open home/a.txt", "alpine") for other in SENTENCES].count(
        True
    ) == 1


def test_every_code_has_a_sentence() -> None:
    assert {*BY_CS3_CODE.values()} <= {*SENTENCES, LoginEnded}
