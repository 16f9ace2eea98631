"""The Kubernetes cluster: what the hub may do there, and whether its servers may reach the site."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import TYPE_CHECKING, Any

import aiohttp

from jupyter_mesh.cli.checks import Finding
from jupyter_mesh.config import SiteSettings
from jupyter_mesh.errors import MeshError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jupyter_mesh_spawner.doctor.settings import HubSettings

__all__ = ["blocking", "cluster"]

DEADLINE = 15.0
NEEDED = {
    "pods": ("get", "watch", "list", "create", "delete"),
    "persistentvolumeclaims": ("get", "watch", "list", "create", "delete"),
    "secrets": ("get", "watch", "list", "create", "delete"),
    "services": ("get", "watch", "list", "create", "delete"),
    "events": ("get", "watch", "list"),
}
"""What the chart of JupyterHub (z2jh) gives the hub, and all that we need."""


async def cluster(settings: HubSettings) -> list[Finding]:
    """Nothing where servers do not run on Kubernetes."""
    if not settings.spawns("KubeSpawner"):
        return []
    from kubernetes_asyncio import client, config

    namespace = settings.of_spawner("namespace") or _own_namespace()
    try:
        async with asyncio.timeout(DEADLINE):
            try:
                config.load_incluster_config()  # type: ignore[no-untyped-call]  # no types there
            except config.ConfigException:
                await config.load_kube_config()
            async with client.ApiClient() as api:
                return [
                    await _rights(api, namespace),
                    await _network(api, namespace, settings),
                ]
    except (
        aiohttp.ClientError,
        client.ApiException,
        config.ConfigException,
        OSError,
        TimeoutError,
    ) as error:
        text = (
            f"The cluster cannot be asked ({type(error).__name__}). Run this in the hub's pod: "
            "kubectl exec deploy/hub -- jupyter mesh doctor --hub FILE"
        )
        return [Finding("cluster", False, text)]


def _own_namespace() -> str:
    try:
        with open("/var/run/secrets/kubernetes.io/serviceaccount/namespace") as file:
            return file.read().strip()
    except OSError:
        return "default"


async def _rights(api: Any, namespace: str) -> Finding:
    from kubernetes_asyncio import client

    reviews = client.AuthorizationV1Api(api)
    missing = []
    for resource, verbs in NEEDED.items():
        for verb in verbs:
            asked = client.V1ResourceAttributes(namespace=namespace, verb=verb, resource=resource)
            spec = client.V1SelfSubjectAccessReviewSpec(resource_attributes=asked)
            body = client.V1SelfSubjectAccessReview(spec=spec)
            answer = await reviews.create_self_subject_access_review(body)
            if not answer.status.allowed:
                missing.append(f"{verb} {resource}")
    if missing:
        text = (
            f"The hub may not {', '.join(missing)} in the namespace {namespace}. Add this to its Role; "
            "the chart of JupyterHub does so with rbac.create."
        )
        return Finding("rbac", False, text)
    return Finding("rbac", True, f"the hub may do what it needs in the namespace {namespace}")


async def _network(api: Any, namespace: str, settings: HubSettings) -> Finding:
    from kubernetes_asyncio import client

    gateway = settings.of_spawner("mesh_gateway") or getattr(
        settings.authenticator, "mesh_gateway", ""
    )
    try:
        at = SiteSettings(name="site", gateway=gateway)
        found = await asyncio.get_running_loop().getaddrinfo(
            at.host.strip("[]"), at.port, type=socket.SOCK_STREAM
        )
    except (MeshError, OSError) as error:
        return Finding("network", False, f"The gateway {gateway} has no address here ({error}).")
    try:
        listed = await client.NetworkingV1Api(api).list_namespaced_network_policy(namespace)
    except client.ApiException as error:
        text = (
            f"The hub may not look at NetworkPolicies (HTTP {error.status}). If servers do not reach the site, "
            f"allow {gateway} in singleuser.networkPolicy.egress."
        )
        return Finding("network", None, text)
    policies = api.sanitize_for_serialization(listed)["items"]
    labels = {"app": "jupyterhub", "component": "singleuser-server"}
    names = blocking(policies, labels, {str(each[4][0]) for each in found}, at.port)
    if names:
        text = (
            f"The NetworkPolicy {', '.join(names)} keeps servers from the gateway {gateway}. "
            "Allow its address and port in singleuser.networkPolicy.egress."
        )
        return Finding("network", False, text)
    return Finding("network", True, f"no NetworkPolicy keeps servers from {gateway}")


def blocking(
    policies: Iterable[dict[str, Any]], labels: dict[str, str], addresses: set[str], port: int
) -> list[str]:
    """Names of the policies that hold for pods with these labels, if none of them lets an address through.

    Kubernetes adds up what all policies of a pod allow. A rule for pods is taken to let their addresses through:
    which pods are behind an address is not asked.
    """
    holding = [
        policy
        for policy in policies
        if "Egress" in policy["spec"].get("policyTypes", ["Egress"] if _rules(policy) else [])
        and _selects(policy["spec"].get("podSelector") or {}, labels)
    ]
    for policy in holding:
        for rule in _rules(policy):
            if _allows_port(rule, port) and any(_allows(rule, each) for each in addresses):
                return []
    return [policy["metadata"]["name"] for policy in holding]


def _rules(policy: dict[str, Any]) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = policy["spec"].get("egress") or []
    return rules


def _selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key, value) != value for key, value in wanted.items()):
        return False
    for each in selector.get("matchExpressions") or []:
        has = labels.get(each["key"]) in (each.get("values") or [])
        if each["operator"] in ("In", "NotIn") and has != (each["operator"] == "In"):
            return False
    return True


def _allows_port(rule: dict[str, Any], port: int) -> bool:
    ports = rule.get("ports")
    if not ports:
        return True
    for each in ports:
        first = each.get("port")
        if each.get("protocol", "TCP") != "TCP":
            continue
        if not isinstance(first, int):
            # All of them, or a name that the pods behind it give.
            return True
        if first <= port <= each.get("endPort", first):
            return True
    return False


def _allows(rule: dict[str, Any], address: str) -> bool:
    peers = rule.get("to")
    if not peers:
        return True
    ip = ipaddress.ip_address(address.partition("%")[0])
    for peer in peers:
        block = peer.get("ipBlock")
        if block is None:
            # The DNS of the cluster is allowed so in every chart, and is no way to the site.
            if peer.get("podSelector") or ip.is_private:
                return ip.is_private
            continue
        inside = ip in ipaddress.ip_network(block["cidr"])
        if inside and not any(ip in ipaddress.ip_network(each) for each in block.get("except", [])):
            return True
    return False
