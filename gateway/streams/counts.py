"""The counters of a process's streams, as plain numbers, and their form for Prometheus.

A counter with a lock would cost as much as delivering an event; these are read at each scrape.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


@dataclass(slots=True)
class StreamCounts:
    """The counters. Owned by the event loop; a scrape reads them from another thread."""

    connections: Counter[str] = field(default_factory=Counter)
    open: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    channels: int = 0
    delivered: int = 0
    executions: int = 0
    executed: int = 0
    catch_ups: int = 0
    histories: int = 0


class StreamCollector(Collector):
    """The counters in Prometheus' form."""

    def __init__(self, counts: StreamCounts) -> None:
        """Read these at each scrape."""
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        """Yield one family for each counter."""
        counts = self._counts
        yield _gauge("jembatan_stream_connections", "Connections that carry streams.", "transport", counts.connections)
        yield _gauge("jembatan_streams", "Open subscriptions.", "transport", counts.open)
        yield GaugeMetricFamily("jembatan_stream_channels", "Executions that subscribers share.", counts.channels)
        ends = CounterMetricFamily("jembatan_stream_ends", "Streams that were ended, by reason.", labels=("problem",))
        for problem, count in tuple(counts.ends.items()):
            ends.add_metric([problem], count)
        yield ends
        for name, told, count in (
            ("delivered", "Messages that subscribers took.", counts.delivered),
            ("executions", "Batches of messages that were executed.", counts.executions),
            ("executed", "Messages that were executed, once for all who share them.", counts.executed),
            ("catch_ups", "Times that a subscriber was behind and read history.", counts.catch_ups),
            ("histories", "Reads of history from the database.", counts.histories),
        ):
            yield CounterMetricFamily(f"jembatan_stream_{name}", told, count)


def _gauge(name: str, told: str, label: str, counted: Counter[str]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, told, labels=(label,))
    for value, count in tuple(counted.items()):
        family.add_metric([value], count)
    return family
