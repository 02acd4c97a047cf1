"""The gateway's Prometheus metrics, on a registry of their own; gateway/process/server.py serves them.

Labels have few values by construction: a label is never made from what a client sent.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ledger.feed.follower import FollowerStatus
from ledger.feed.retention import RetentionStatus
from ledger.feed.sequencer import SequencerStatus

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_COSTS = (1, 10, 100, 1_000, 5_000, 10_000, 20_000, 50_000)


class Children(dict[tuple[str, ...], Any]):
    """A metric's children by the values of their labels. Each is looked up in the metric, under its lock, only once."""

    def __init__(self, metric: Counter | Histogram) -> None:
        """Begin with none, so that no value is exported before it is counted."""
        super().__init__()
        self._metric = metric

    def __missing__(self, values: tuple[str, ...]) -> Any:
        """Look up a child."""
        child = self[values] = self._metric.labels(*values)
        return child


class Metrics:
    """The metrics of one application. What each request counts is kept by labels (`Children`)."""

    def __init__(self) -> None:
        """Make a registry; two applications in one process don't share one."""
        self.registry = CollectorRegistry()
        self.requests = Children(
            Counter(
                "jembatan_http_requests",
                "HTTP requests by route and status.",
                ("route", "status"),
                registry=self.registry,
            )
        )
        self.duration = Children(
            Histogram(
                "jembatan_http_request_seconds", "Time to answer.", ("route",), buckets=_SECONDS, registry=self.registry
            )
        )
        self.operations = Children(
            Counter(
                "jembatan_operations", "Operations by kind and outcome.", ("kind", "outcome"), registry=self.registry
            )
        )
        self.errors = Counter(
            "jembatan_errors", "Answers that carry an error, by extensions.code.", ("code",), registry=self.registry
        )
        self.cost = Histogram("jembatan_operation_cost", "Estimated cost.", buckets=_COSTS, registry=self.registry)
        self.lookups = Counter(
            "jembatan_number_lookups",
            "Numbers that clients looked up by their value and that count, by the kind of member and outcome.",
            ("member_kind", "outcome"),
            registry=self.registry,
        )
        self.compiled = Counter(
            "jembatan_compiled_reads",
            "Root fields answered by one statement each, or given up to the ordinary way after they were read.",
            ("outcome",),
            registry=self.registry,
        )
        self.in_flight = Gauge("jembatan_operations_in_flight", "Operations running now.", registry=self.registry)
        self.approvers = Gauge(
            "jembatan_active_approvers",
            "Officers who can approve, as of the last beat of the jobs; fewer than two is a warning.",
            registry=self.registry,
        )
        self.sockets = Gauge("jembatan_websockets", "WebSockets open now.", registry=self.registry)

    def watch_operations(self, count: Callable[[], float]) -> None:
        """Report how many operations are running, counted at each scrape."""
        self.in_flight.set_function(count)

    def watch_pools(self, read: Callable[[], Mapping[str, Mapping[str, int]]]) -> None:
        """Report the connections of each database pool by state (such as used, idle), read at each scrape."""
        self.registry.register(_Pools(read))

    def watch_feed(self, follower: FollowerStatus, sequencer: SequencerStatus | None) -> None:
        """Report how far this process has followed the feed and, where it may sequence, what awaits a position."""
        self.registry.register(_Feed(follower, sequencer))

    def watch_retention(self, retention: RetentionStatus) -> None:
        """Report what this process has erased, and how far it is behind; other processes may erase as well."""
        self.registry.register(_Retention(retention))


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


class _Feed(Collector):
    def __init__(self, follower: FollowerStatus, sequencer: SequencerStatus | None) -> None:
        self._follower = follower
        self._sequencer = sequencer

    def collect(self) -> Iterable[Metric]:
        follower, sequencer = self._follower, self._sequencer
        yield GaugeMetricFamily(
            "jembatan_follower_connected", "1 while this process is notified of new entries.", follower.is_connected
        )
        yield GaugeMetricFamily("jembatan_follower_head", "Last position that this process read.", follower.head)
        yield GaugeMetricFamily("jembatan_follower_lag", "Entries that this process has yet to read.", follower.lag)
        yield CounterMetricFamily(
            "jembatan_follower_unknown_entries",
            "Entries read whose kind only a later version knows; the feed tells them as OTHER.",
            follower.unknown,
        )
        yield CounterMetricFamily(
            "jembatan_follower_resets", "Times that the feed was replaced by another one.", follower.resets
        )
        if sequencer is None:
            return
        yield GaugeMetricFamily(
            "jembatan_sequencer_leader", "1 in the process that assigns positions.", sequencer.is_leader
        )
        yield GaugeMetricFamily(
            "jembatan_sequencer_pending", "Events without a position, counted up to 100,000.", sequencer.pending
        )
        yield GaugeMetricFamily(
            "jembatan_sequencer_lag_seconds", "Age of the oldest event without a position.", sequencer.lag_s
        )
        yield CounterMetricFamily(
            "jembatan_sequencer_entries", "Entries to which this process assigned a position.", sequencer.sequenced
        )
        yield CounterMetricFamily(
            "jembatan_sequencer_takeovers", "Times that this process became the sequencer.", sequencer.takeovers
        )


class _Retention(Collector):
    def __init__(self, retention: RetentionStatus) -> None:
        self._retention = retention

    def collect(self) -> Iterable[Metric]:
        yield CounterMetricFamily(
            "jembatan_retention_entries", "Entries whose content this process erased.", self._retention.erased
        )
        yield GaugeMetricFamily(
            "jembatan_retention_lag_seconds",
            "How much longer than they should be the oldest entries not yet examined by this process are kept.",
            self._retention.lag_s,
        )
