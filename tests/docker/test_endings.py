"""A server in a container has its files as a folder, and however it ends, nothing is left."""

import asyncio
import os
import signal
from urllib.parse import quote

import pytest
from aiohttp import ClientError
from yarl import URL

from jupyter_mesh_spawner.authenticator import ASK_AGAIN
from tests.hub.hubs import until
from tests.mounts import mounted_below


def sees_files(hub, server):
    return hub.engine.act(server, "ls", "mesh") == (0, "home\nprojects\nshares\n")


def write(hub, server, name):
    """A file in the mount, by a relative path."""
    code, told = hub.engine.act(server, "sh", "-c", f"cd mesh/home && printf {name} > {name}.txt")
    assert code == 0, told


async def test_from_start_to_stop_without_a_privilege(hub):
    await hub.serve("ada")
    server, mounter = hub.container("ada")
    assert sees_files(hub, server)
    write(hub, server, "by-name")
    _, told = hub.engine.act(
        server, "sh", "-c", "id -u; grep -E 'Cap(Prm|Eff|Bnd)|NoNew' /proc/1/status"
    )
    assert told.split() == [
        "1000",
        *("CapPrm:", "0" * 16),
        *("CapEff:", "0" * 16),
        *("CapBnd:", "0" * 16),
        *("NoNewPrivs:", "1"),
    ]
    # The Mesh panel asks the program that mounts, too, though that runs elsewhere.
    code, told = hub.engine.act(server, "jupyter-mesh", "mount", "--status")
    assert (code, told.split("\n")[0]) == (0, "/home/jovyan/mesh  alpine  ready")
    # What the server cannot do: see the tokens of the mounter, or write where the mounter is root.
    code, _ = hub.engine.act(server, "sh", "-c", "touch .mesh.control/x || touch /run/mesh/../x")
    assert code != 0
    assert hub.engine.client.inspect_container(mounter)["HostConfig"]["Privileged"] is False
    await hub.stop_server("ada")
    assert (hub.at_site("ada") / "by-name.txt").read_text() == "by-name"
    await hub.nothing_is_left()
    assert "Unmounting" not in hub.log


async def test_a_container_that_is_killed(hub):
    await hub.serve("bob")
    server, _ = hub.container("bob")
    write(hub, server, "kept")
    hub.engine.client.kill(server)
    await hub.nothing_is_left()
    assert (hub.at_site("bob") / "kept.txt").read_text() == "kept"


async def test_a_mount_that_dies_is_made_again_under_the_running_server(hub):
    await hub.serve("eve")
    server, mounter = hub.container("eve")
    write(hub, server, "before")
    # Out of memory, say: the engine starts it again.
    os.kill(hub.pid(mounter), signal.SIGKILL)
    await until(lambda: sees_files(hub, server), seconds=90)
    write(hub, server, "after")
    # By hand: the engine leaves it so, and the hub starts it again.
    hub.engine.client.kill(mounter)
    await until(lambda: sees_files(hub, server), seconds=90)
    assert "The mounter of eve had ended: started again" in hub.log
    # Removed with what it had mounted: another one is made.
    hub.engine.client.remove_container(mounter, force=True)
    await until(lambda: sees_files(hub, server), seconds=90)
    write(hub, server, "last")
    await hub.stop_server("eve")
    for name in ("before", "after", "last"):
        assert (hub.at_site("eve") / f"{name}.txt").read_text() == name
    await hub.nothing_is_left()


async def test_a_dead_mount_is_taken_away(hub):
    await hub.serve("kim")
    _, mounter = hub.container("kim")
    hub.kill()
    hub.engine.client.remove_container(mounter, force=True)
    assert len(mounted_below(hub.shared)) > 1
    hub.engine.client.kill(hub.engine.containers()[0])
    hub.start()
    await hub.nothing_is_left()
    await hub.start_server("kim")
    server, _ = hub.container("kim")
    assert sees_files(hub, server)
    await hub.stop_server("kim")
    await hub.nothing_is_left()


async def test_hub_killed_while_running_and_while_starting(hub):
    await hub.serve("surviving")
    await hub.serve("dying")
    await hub.add("starting")
    asking = asyncio.create_task(hub.start_server("starting"))
    await until(lambda: "jupyter-starting" in hub.engine.containers())
    hub.kill()
    # The proxy lives on, and says that there is no hub.
    with pytest.raises((ClientError, AssertionError)):
        await asking
    hub.engine.client.kill("jupyter-dying")
    hub.start()
    await until(
        lambda: hub.engine.containers() == ["jupyter-surviving", "jupyter-surviving.mesh"],
        seconds=90,
    )
    await until(lambda: len(list(hub.shared.iterdir())) == 1, seconds=90)
    server, _ = hub.container("surviving")
    assert sees_files(hub, server)
    write(hub, server, "after-the-fall")
    await hub.stop_server("surviving")
    assert (hub.at_site("surviving") / "after-the-fall.txt").exists()
    await hub.nothing_is_left()


@pytest.mark.parametrize(
    ("user", "status", "sentence"),
    [
        ("refused", 409, "No room for you."),
        ("slow", 500, ""),
        (
            "imageless",
            503,
            "The image nowhere/nothing:1 of your server cannot be found. Choose another environment, or tell",
        ),
    ],
    ids=["refused", "timed out", "no image"],
)
async def test_a_start_that_fails_leaves_nothing(hub, user, status, sentence):
    await hub.add(user)
    told = await hub.refused(user)
    assert told[0] == status
    assert sentence in told[1]
    await hub.nothing_is_left()


@pytest.mark.parametrize(
    ("user", "sentence"),
    [
        (
            "fuseless",
            "The engine's machine has no /dev/no-fuse. Load the module there as root: modprobe fuse.",
        ),
        (
            "private",
            "is not a shared mount of the engine's machine. Make it one as root: mount --bind",
        ),
        ("mounterless", "The image of the mounter cannot be found (mesh_mounter_image)."),
    ],
    ids=["no device", "private propagation", "no image of the mounter"],
)
async def test_a_mount_that_cannot_be_is_said_and_the_server_runs_without(hub, user, sentence):
    await hub.add(user)
    told = " ".join(await hub.told(user))
    assert "Your files are not mounted, so there is no folder mesh" in told
    assert sentence in told
    assert sentence in hub.log
    code, _ = hub.engine.act(f"jupyter-{user}", "sh", "-c", "ls mesh/home")
    assert code != 0
    # Nobody writes into a folder that is not the site's.
    assert hub.engine.act(f"jupyter-{user}", "sh", "-c", "touch mesh/lost")[0] != 0
    await hub.stop_server(user)
    await hub.nothing_is_left()
    assert not hub.private.exists() or list(hub.private.iterdir()) == []


async def test_what_is_left_is_told_and_comes_with_the_next_start(hub):
    await hub.serve("hal")
    server, _ = hub.container("hal")
    assert hub.engine.act(server, "ls", "mesh/home") == (0, "")
    hub.node.stop()
    write(hub, server, "late")
    await hub.stop_server("hal")
    try:
        await until(lambda: hub.left() == ["jupyter-hal.mesh-cache"], seconds=90)
    finally:
        hub.node.start()
    assert "Unmounting the files of hal: Not at the site yet: 1 home/late.txt" in hub.log
    # A site that was away is asked again after that long.
    await asyncio.sleep(ASK_AGAIN)
    await hub.start_server("hal")
    await until((hub.at_site("hal") / "late.txt").exists, seconds=90)
    await hub.stop_server("hal")
    await hub.nothing_is_left()


async def test_two_servers_of_one_user_with_an_odd_name(hub):
    user = "o.d+d_@na-me"
    await hub.serve(user)
    async with hub.api() as api:
        async with api.post(f"users/{user}/servers/second") as reply:
            assert reply.status in (201, 202)

        async def second():
            async with api.get(f"users/{user}") as reply:
                return (await reply.json())["servers"].get("second", {}).get("ready")

        await until(second, seconds=90)
        mounters = [each for each in hub.engine.containers() if each.endswith(".mesh")]
        servers = [each for each in hub.engine.containers() if not each.endswith(".mesh")]
        assert (len(mounters), len(servers)) == (2, 2)
        write(hub, servers[0], "of-the-first")
        await until(
            lambda: (
                hub.engine.act(servers[1], "cat", "mesh/home/of-the-first.txt")[1] == "of-the-first"
            ),
            seconds=90,
        )
        await hub.stop_server(user)
        await until(lambda: len(hub.engine.containers()) == 2)
        assert sees_files(hub, hub.engine.containers()[0])
        async with api.delete(f"users/{user}/servers/second") as reply:
            assert reply.status in (202, 204)
    await hub.nothing_is_left()


async def test_a_user_whose_name_is_not_ascii(hub):
    """The site's names are; a hub may map them."""
    user = "zoë"
    await hub.add("zoe")
    async with hub.api() as api:
        path = f"users/{quote(user, safe='')}"
        async with api.post(URL(path, encoded=True)) as reply:
            assert reply.status == 201
        state = {"auth_state": {"mesh": await hub.credential("zoe")}}
        async with api.patch(URL(path, encoded=True), json=state) as reply:
            assert reply.status == 200
        async with api.post(URL(f"{path}/server", encoded=True)) as reply:
            assert reply.status == 201, await reply.text()
        server, _ = hub.container("zo-")
        assert sees_files(hub, server)
        async with api.delete(URL(f"{path}/server", encoded=True)) as reply:
            assert reply.status in (202, 204)
    await hub.nothing_is_left()


async def test_without_a_mount_there_is_no_second_container(hub):
    await hub.serve("plain")
    assert hub.engine.containers() == ["jupyter-plain"]
    _, told = hub.engine.act("jupyter-plain", "sh", "-c", "ls; env")
    assert "MESH_MOUNT" not in told
    assert "mesh\n" not in told
    assert (
        hub.engine.act("jupyter-plain", "sh", "-c", "printf x > /run/mesh/token && df /run/mesh")[
            1
        ].count("tmpfs")
        == 1
    )
    await hub.stop_server("plain")
    await hub.nothing_is_left()


async def test_an_engine_that_is_away(hub):
    await hub.add("lia")
    hub.engine.client.close()
    url = hub.engine.url.removeprefix("unix://")
    os.rename(url, f"{url}.away")
    try:
        assert await hub.refused("lia") == (
            503,
            "The Docker engine of this hub does not answer, so no server can start. Tell its operator.",
        )
    finally:
        os.rename(f"{url}.away", url)
    await asyncio.sleep(0)
    await hub.start_server("lia")
    await hub.stop_server("lia")
    await hub.nothing_is_left()
