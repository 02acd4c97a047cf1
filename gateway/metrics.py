"""What the gateway counts, in Prometheus' form, on a registry of its own; served by gateway/server.py.

Labels have few values by construction: a label is never made from what a client sent.
"""

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_COSTS = (1, 10, 100, 1_000, 5_000, 10_000, 20_000, 50_000)


class Metrics:
    """The counters of one application."""

    def __init__(self) -> None:
        """Make a registry; two applications in one process don't share theirs."""
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "jembatan_http_requests", "HTTP requests by route and status.", ("route", "status"), registry=self.registry
        )
        self.duration = Histogram(
            "jembatan_http_request_seconds", "Time to answer.", ("route",), buckets=_SECONDS, registry=self.registry
        )
        self.operations = Counter(
            "jembatan_operations", "Operations by kind and outcome.", ("kind", "outcome"), registry=self.registry
        )
        self.errors = Counter(
            "jembatan_errors", "Answers that carry an error, by extensions.code.", ("code",), registry=self.registry
        )
        self.cost = Histogram("jembatan_operation_cost", "Estimated cost.", buckets=_COSTS, registry=self.registry)
        self.in_flight = Gauge("jembatan_operations_in_flight", "Operations running now.", registry=self.registry)

    def watch_pools(self, read: Callable[[], Mapping[str, Mapping[str, int]]]) -> None:
        """Report the database pools: by pool, connections by state (such as used, idle), read at each scrape."""
        self.registry.register(_Pools(read))


class _Pools(Collector):
    def __init__(self, read: Callable[[], Mapping[str, Mapping[str, int]]]) -> None:
        self._read = read

    def collect(self) -> list[GaugeMetricFamily]:
        family = GaugeMetricFamily(
            "jembatan_pool_connections", "Database connections by pool and state.", labels=("pool", "state")
        )
        for pool, states in self._read().items():
            for state, count in states.items():
                family.add_metric([pool, state], count)
        return [family]
