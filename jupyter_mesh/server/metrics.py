"""MeshMetrics: the figures of this server for Prometheus, in the registry that Jupyter shows at /metrics.

Nothing is pushed: the figures are read where they are kept, when somebody asks. Labels name calls, results,
kinds and states; never a user, a path or a site.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from jupyter_mesh.cs3.meter import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from jupyter_mesh.cs3 import MeshClient
    from jupyter_mesh.models import Transfer

__all__ = ["MeshMetrics"]


class MeshMetrics(Collector):
    """What one server of ours does. Whoever builds it calls ``close()``.

    ``spooled`` tells how many bytes of uploads lie on this server's disk, ``transfers`` what it carries.
    """

    def __init__(
        self,
        client: MeshClient,
        spooled: Callable[[], int],
        transfers: Callable[[], Iterable[Transfer]],
    ) -> None:
        self._client = client
        self._spooled = spooled
        self._transfers = transfers
        REGISTRY.register(self)

    def close(self) -> None:
        """Be asked no more."""
        REGISTRY.unregister(self)

    def describe(self) -> list[Metric]:
        """Nothing: the names stand below, and asking for figures at registration would be too early."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All figures as they are now."""
        meter = self._client.meter
        calls = HistogramMetricFamily(
            "jupyter_mesh_site_call_seconds",
            "Seconds until the site answered, by name of the call and result.",
            labels=["call", "result"],
        )
        for (call, result), timing in meter.calls.items():
            buckets, total = [], 0
            for end, count in zip((*map(str, BUCKETS), "+Inf"), timing.counts, strict=True):
                total += count
                buckets.append((end, total))
            calls.add_metric([call, result], buckets, timing.seconds)
        yield calls
        moved = CounterMetricFamily(
            "jupyter_mesh_content_bytes",
            "Bytes of files that went between this server and the site.",
            labels=["direction"],
        )
        moved.add_metric(["received"], meter.received)
        moved.add_metric(["sent"], meter.sent)
        yield moved
        spool = GaugeMetricFamily(
            "jupyter_mesh_spool_bytes",
            "Bytes on this server's disk: uploads on their way, and copies for sites without ranges.",
            labels=["kind"],
        )
        spool.add_metric(["uploads"], self._spooled())
        spool.add_metric(["copies"], self._client.spooled)
        yield spool
        yield GaugeMetricFamily(
            "jupyter_mesh_open_channels", "Open channels to the gateway.", value=meter.channels
        )
        states = Counter((each.kind.value, each.state.value) for each in self._transfers())
        transfers = GaugeMetricFamily(
            "jupyter_mesh_transfers",
            "Transfers that this server knows, by kind and state.",
            labels=["kind", "state"],
        )
        for labels, count in states.items():
            transfers.add_metric(labels, count)
        yield transfers
