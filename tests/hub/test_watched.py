"""Who watches a hub sees each start: in its figures, in one trace through all parts, and in the audit log."""

import json
import re
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from jupyter_mesh.testing.site import in_thread, run_node
from tests.hub.collector import NotesTraces, collecting
from tests.hub.hubs import ROOT, Browser, Hub, until
from tests.mounts import can_mount

# One hub for all: they stay in one process, in this order.
pytestmark = [pytest.mark.xdist_group("hub watched"), pytest.mark.timeout(240)]

WATCHED = """
import logging

c.JupyterHub.authenticate_prometheus = False
c.EventLogger.handlers = [logging.FileHandler({audit!r})]
c.MeshLocalSpawner.environment.update({tracing!r})
"""


@asynccontextmanager
async def watched_site(folder):
    notes = NotesTraces()
    async with collecting() as collector, run_node(folder, interceptors=[notes]) as site:
        yield site, notes, collector


@pytest.fixture(scope="module")
def around(tmp_path_factory):
    with in_thread(lambda: watched_site(tmp_path_factory.mktemp("site"))) as parts:
        yield parts


@pytest.fixture(scope="module")
def hub(around, tmp_path_factory):
    site, _, collector = around
    folder = tmp_path_factory.mktemp("watched")
    tracing = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    hub = Hub(
        folder,
        gateway=site.gateway,
        more=WATCHED.format(audit=str(folder / "audit.jsonl"), tracing=tracing),
    )
    hub.environment |= tracing
    hub.audit = folder / "audit.jsonl"
    hub.start()
    yield hub
    hub.stop()


def audited(hub, **facts):
    """The lines of the audit log that say this."""
    lines = [json.loads(line) for line in hub.audit.read_text().splitlines()]
    return [line for line in lines if facts.items() <= line.items()]


async def figures(hub, path="hub/metrics"):
    """All figures at an address: value by name and labels."""
    async with hub.at("") as session, session.get(path) as reply:
        assert reply.status == 200
        text = await reply.text()
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(figures, name, **labels):
    return figures.get((name, *sorted(labels.items())), 0)


@pytest.fixture
async def server(hub, around):
    """Einstein's server, clicked for in a browser."""
    user = around[0].users[0]
    async with Browser(hub) as browser:
        await browser.login(user.name, user.password)
        status, _ = await browser.get("/hub/spawn")
        assert status == 200
    return await hub.start_server(user.name)


async def test_one_trace_from_the_click_to_the_files(hub, around, server):
    site, notes, collector = around
    contents = hub.at(f"user/{site.users[0].name}/api/contents/")
    async with contents, contents.get("mesh/home") as reply:
        assert reply.status == 200
    (start,) = audited(hub, action="start", outcome="done")
    services = {
        "jupyter-mesh-hub": {"start a server", "sign_in", "start"},
        "jupyter-mesh-server": {"server start"},
    }
    if can_mount():
        services["jupyter-mesh-mount"] = {"mount"}
    told = collector.names[start["trace"]]
    await until(lambda: all(names <= told[name] for name, names in services.items()), seconds=60)
    await until(lambda: any(name.startswith("cs3 ") for name in told["jupyter-mesh-server"]))
    # The site was told, too, by the server and by the mount.
    assert notes.called[start["trace"]] >= ({"WhoAmI"} if can_mount() else {"GetHome"})


async def test_a_trace_that_began_before_the_hub_goes_on(hub, around):
    given = "0af7651916cd43dd8448eb211c80319c"
    name = around[0].users[1].name
    async with hub.api() as api:
        async with api.post(f"users/{name}"):
            pass
        headers = {"traceparent": f"00-{given}-b7ad6b7169203331-01"}
        async with api.post(f"users/{name}/server", headers=headers) as reply:
            assert reply.status == 403
    (start,) = audited(hub, action="start", user=name)
    assert start["trace"] == given
    assert (start["outcome"], start["reason"]) == ("refused", "mesh_no_token")
    assert start["by"] == "tester"
    told = around[2].names[given]
    await until(lambda: "sign_in" in told["jupyter-mesh-hub"])


async def test_the_hub_counts_steps_failures_tokens_and_mounts(hub, around, server):
    seen = await figures(hub)
    for step in ("sign_in", "start"):
        labels = {"step": step, "result": "done"}
        assert value(seen, "jupyter_mesh_spawn_step_seconds_count", **labels) >= 1
    assert value(seen, "jupyter_mesh_spawn_failures_total", reason="mesh_no_token") >= 1
    made = value(seen, "jupyter_mesh_mounts_total", mode="local", result="made")
    assert (made >= 1) == can_mount()
    token = server_environment(server)["JUPYTERHUB_API_TOKEN"]
    name = around[0].users[0].name

    async def renewed():
        async with hub.api(token) as api, api.get(f"mesh/users/{name}/token?force=1") as reply:
            assert reply.status == 200
        return value(await figures(hub), "jupyter_mesh_token_refreshes_total", result="done") >= 1

    await until(renewed)
    assert audited(hub, action="token", outcome="done", user=name)


def server_environment(server):
    text = Path(f"/proc/{server['state']['pid']}/environ").read_text()
    return dict(entry.split("=", 1) for entry in text.split("\0") if entry)


async def test_no_label_of_ours_names_a_person_or_a_site(hub, around, server):
    ours = [key for key in await figures(hub) if key[0].startswith("jupyter_mesh_")]
    assert {name for key in ours for name, _ in key[1:]} <= {
        "step",
        "result",
        "reason",
        "mode",
        "le",
    }
    words = {around[0].settings.name, *(user.name for user in around[0].users)}
    assert not words & {text for key in ours for _, text in key[1:]}


async def test_the_dashboard_asks_for_what_there_is(hub, around, server):
    name = around[0].users[0].name
    exported = {}
    for path in ("hub/metrics", f"user/{name}/metrics"):
        for metric, *labels in await figures(hub, path):
            exported.setdefault(metric, set()).update(label for label, _ in labels)
    page = json.loads((ROOT / "hub-config" / "grafana" / "jupyter-mesh.json").read_text())
    queries = [each["expr"] for panel in page["panels"] for each in panel.get("targets", [])]
    assert len(queries) > 10
    for query in queries:
        (metric,) = re.findall(r"jupyter(?:hub|_mesh)_\w+", query)
        # What has not happened yet has no labels: no transfer, no refusal.
        assert metric in exported or metric == "jupyter_mesh_transfers", query
        asked = {
            label
            for inside in re.findall(r"by \((.*?)\)", query)
            for label in inside.replace(" ", "").split(",")
        } | set(re.findall(r"(\w+)!?=", query))
        assert not exported.get(metric) or asked <= exported[metric], query
    documented = (ROOT / "docs" / "metrics.md").read_text()
    ours = {metric for metric in exported if metric.startswith("jupyter_mesh_")}
    families = {re.sub("_(bucket|count|sum|created)$", "", name) for name in ours}
    # Beside every counter stands the time when it was made.
    families -= {name.removesuffix("_total") for name in families if name.endswith("_total")}
    assert [name for name in sorted(families) if f"`{name}`" not in documented] == []


async def test_the_audit_log_tells_who_did_what_and_when_and_no_content(hub, around, server):
    site, _, collector = around
    user, other = site.users[:2]
    async with Browser(hub) as browser:
        await browser.login(other.name, other.password)
        await browser.get("/hub/logout")
    (logout,) = audited(hub, action="logout")
    assert (logout["user"], logout["site"]) == (other.name, "alpine")
    await hub.stop_server(user.name)
    await until(lambda: audited(hub, action="end", outcome="done", user=user.name))
    assert audited(hub, action="login", outcome="done", user=user.name, site="alpine")
    (start,) = audited(hub, action="start", outcome="done")
    assert {
        "user": user.name,
        "by": user.name,
        "server": "",
        "site": "alpine",
    }.items() <= start.items()
    assert start["__timestamp__"].startswith("20")
    assert start["seconds"] > 0
    async with hub.api() as api, api.get(f"users/{user.name}") as reply:
        login = (await reply.json())["auth_state"]["mesh"]
    for text in (hub.audit.read_text(), *collector.texts):
        for secret in (user.password, login["token"], login["app_password"], "mesh/home"):
            assert secret not in text
