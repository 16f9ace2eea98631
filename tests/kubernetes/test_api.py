"""What the API of a real cluster says to our hub; no pod needs to run."""

import pytest

from tests.hub.hubs import until

NAMESPACE = "/api/v1/namespaces/hub"

MAY = {
    "list pods": ("GET", f"{NAMESPACE}/pods", None, 200),
    "list events": ("GET", f"{NAMESPACE}/events", None, 200),
    "create Secrets": ("POST", f"{NAMESPACE}/secrets", {"metadata": {"name": "probe"}}, 201),
    "patch Secrets": ("PATCH", f"{NAMESPACE}/secrets/probe", {"stringData": {"a": "b"}}, 403),
    "delete Secrets": ("DELETE", f"{NAMESPACE}/secrets/probe", None, 200),
    "read the log of a pod": ("GET", f"{NAMESPACE}/pods/any/log", None, 403),
    "see another namespace": ("GET", "/api/v1/namespaces/default/pods", None, 403),
    "see nodes": ("GET", "/api/v1/nodes", None, 403),
}


def test_role_of_the_hub_is_as_narrow_as_that_of_the_chart(cluster):
    """All other tests work with it."""
    told = {what: cluster.ask(*ask[:3], who="hub")[0] for what, ask in MAY.items()}
    assert told == {what: status for what, (*_, status) in MAY.items()}


REFUSALS = {
    "strict": (
        "The cluster does not allow servers with mounted files here. Tell the operator of this hub."
    ),
    "poor": "The cluster has no room left for your server. "
    "Try again; if it happens again, tell the operator of this hub.",
}


@pytest.mark.parametrize(("user", "sentence"), REFUSALS.items(), ids=REFUSALS)
async def test_cluster_refuses_the_pod(hub, user, sentence):
    await hub.add(user)
    await hub.begin(user)
    assert sentence in (await hub.outcome(user))["message"]
    assert hub.history(user) == []
    assert hub.secrets(user) == []


async def test_start_that_times_out(hub):
    """Nowhere is room for its pod."""
    token = await hub.add("slow")
    await hub.begin("slow")
    (secret,) = await until(lambda: hub.secrets())
    (pod,) = hub.pods("slow")
    assert secret["metadata"]["ownerReferences"][0]["uid"] == pod["metadata"]["uid"]
    assert secret["metadata"]["name"].startswith("mesh-")
    assert token not in str(pod)
    outcome = await hub.outcome("slow")
    assert outcome.get("failed"), outcome
    await hub.nothing_is_left("slow")
    assert hub.history("slow") == ["made", "removed"]
