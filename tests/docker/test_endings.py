"""A server in a container has its files as a folder, and however it ends, nothing is left."""


async def test_from_start_to_stop(hub):
    await hub.serve("ada")
    server, _ = hub.container("ada")
    code, told = hub.engine.act(server, "sh", "-c", "ls mesh; id -u; grep CapEff /proc/self/status")
    assert (code, told.split()) == (0, ["home", "projects", "shares", "1000", "CapEff:", "0" * 16])
    code, told = hub.engine.act(server, "sh", "-c", "cd mesh/home && printf written > by-name.txt")
    assert code == 0, told
    await hub.stop_server("ada")
    assert (hub.at_site("ada") / "by-name.txt").read_text() == "written"
    await hub.nothing_is_left()
