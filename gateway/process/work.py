"""What waits, what is late and what failed in the whole installation, measured on the beat for the metrics.

Every process measures for itself, so that each tells the same whichever is asked; docs/adr/0123. What it tells is as
of its last beat, whose time it tells too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.process.jobs import Job
from ledger.identifiers import MemberId
from ledger.members.reading import list_members
from ledger.pages import PageRequest
from ledger.standing import Standing, measure_standing
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.viewer import MemberKind

CARRIERS_LABELLED_MAX = 100
OTHER_CARRIERS = "_other"
"""The label of all further carriers together; no slug begins with an underscore."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    standing: Standing
    slugs: Mapping[MemberId, str]
    """The slugs of the carriers that have a label of their own, by id."""
    at_seconds: float


class WorkWatch(Collector):
    """Measures in a job, and tells at each scrape what it measured last. Owned by one process."""

    def __init__(self) -> None:
        """Tell nothing until it has measured."""
        self._measured: _Measured | None = None

    @property
    def job(self) -> Job:
        """Return the job that measures on each beat."""
        return Job(name="measure_work", role=Role.REGULATOR, work=self.measure, is_each_process=True)

    async def measure(self, tx: Transaction) -> int:
        """Measure, in as many statements as nouns count, and one for the carriers. Returns 0: it changes nothing."""
        standing = await measure_standing(tx)
        carriers = await list_members(tx, PageRequest(first=CARRIERS_LABELLED_MAX), kind=MemberKind.CARRIER)
        self._measured = _Measured(
            standing=standing,
            slugs={carrier.id: carrier.slug for carrier in carriers.items},
            at_seconds=tx.as_of.timestamp(),
        )
        return 0

    def collect(self) -> Iterable[Metric]:
        """Yield one family for each number."""
        measured = self._measured
        if measured is None:
            return
        standing = measured.standing
        yield GaugeMetricFamily(
            "jembatan_work_measured_timestamp_seconds",
            "When this process last measured what is below.",
            measured.at_seconds,
        )
        for name, text, value in (
            (
                "complaints_awaiting_verification",
                "Complaints that wait for an officer.",
                standing.awaiting_verification,
            ),
            (
                "complaints_verification_overdue",
                "Those of them whose verification was due.",
                standing.verification_overdue,
            ),
            ("complaints_needing_information", "Complaints that wait for their source.", standing.needs_info),
            (
                "complaints_unforwarded",
                "Verified complaints that ask for a block and are in no order.",
                standing.verified_unforwarded,
            ),
            ("drafts_awaiting_approval", "Drafts of orders, held ones included.", standing.drafts_awaiting_approval),
            ("drafts_held", "Drafts that the guard holds until an officer overrides it.", standing.drafts_held),
            (
                "proposals_awaiting_approval",
                "Lifts and next versions of orders that wait for a second officer.",
                standing.proposals_awaiting_approval,
            ),
            (
                "orders_unconfirmed",
                "What one officer issued alone and none has confirmed.",
                standing.orders_unconfirmed,
            ),
        ):
            yield GaugeMetricFamily(f"jembatan_{name}", text, value)
        for name, text, counts in (
            ("orders_open", "Orders that await the carrier.", standing.orders_open_by_carrier),
            ("orders_overdue", "Those of them whose due time has passed.", standing.orders_overdue_by_carrier),
            (
                "orders_unanswered",
                "Those of the overdue ones whose receipt the carrier has not even confirmed.",
                standing.orders_unanswered_by_carrier,
            ),
        ):
            family = GaugeMetricFamily(f"jembatan_{name}", text, labels=("carrier",))
            for slug, count in _name_carriers(counts, measured.slugs).items():
                family.add_metric([slug], count)
            yield family
        failures = GaugeMetricFamily(
            "jembatan_job_failures",
            "How often a job has failed since it last succeeded, in any process; jobs that succeed aren't listed.",
            labels=("name",),
        )
        for outcome in standing.failed_jobs:
            failures.add_metric([outcome.name], outcome.failures)
        yield failures
        differences = GaugeMetricFamily(
            "jembatan_tally_differences",
            "How many of a tally's running counts were wrong when it was last recounted.",
            labels=("tally",),
        )
        for name, count in sorted(standing.tally_differences.items()):
            differences.add_metric([name], count)
        yield differences


def _name_carriers(counts: Mapping[MemberId, int], slugs: Mapping[MemberId, str]) -> Mapping[str, int]:
    """Return the counts by slug, zeros included; carriers without a label of their own are counted together."""
    named = dict.fromkeys(slugs.values(), 0)
    for carrier_id, count in counts.items():
        slug = slugs.get(carrier_id, OTHER_CARRIERS)
        named[slug] = named.get(slug, 0) + count
    return named
