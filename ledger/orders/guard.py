"""The guard: why a draft is held until an approver overrides it in writing. It holds drafts and never drops them.

Pure: it takes facts about the complaints of one number, and the policy; it reads and writes nothing.
Source: domain.md, Forwarding and the guard; field.md section 4, wrong-block guard.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger.numbers.forms import NumberKind
from ledger.policies import GuardPolicy
from ledger.vocabulary import HoldReason


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintFacts:
    """What the guard considers in one complaint. chronology_digest is equal for equal texts."""

    source_id: str
    complainant_ref: str | None = None
    incident_at: datetime | None = None
    chronology_digest: str | None = None
    marks: tuple[str, ...] = ()


def count_distinct_complainants(complaints: Sequence[ComplaintFacts]) -> int:
    """Count known complainants, and one more for each source with complaints that name none."""
    known = {facts.complainant_ref for facts in complaints if facts.complainant_ref is not None}
    nameless = {facts.source_id for facts in complaints if facts.complainant_ref is None}
    return len(known) + len(nameless)


def find_hold_reasons(
    complaints: Sequence[ComplaintFacts], *, number_kind: NumberKind, policy: GuardPolicy
) -> tuple[HoldReason, ...]:
    """Return every reason to hold a draft that is based on these complaints; empty if there is none."""
    suspicions = {
        HoldReason.FEW_COMPLAINANTS: count_distinct_complainants(complaints) < policy.guard_complainants_min,
        HoldReason.BURST: _is_burst(complaints, policy),
        HoldReason.SAME_SOURCE: _is_one_nameless_source(complaints, policy),
        HoldReason.SAME_TEXT: _has_repeated_text(complaints, policy),
        HoldReason.PBX: number_kind is NumberKind.FIXED,
        HoldReason.SPOOFED_CLI_SUSPECTED: any(HoldReason.SPOOFED_CLI_SUSPECTED in facts.marks for facts in complaints),
    }
    return tuple(reason for reason, is_suspected in suspicions.items() if is_suspected)


def _is_burst(complaints: Sequence[ComplaintFacts], policy: GuardPolicy) -> bool:
    times = sorted(facts.incident_at for facts in complaints if facts.incident_at is not None)
    span, window = policy.guard_burst_count - 1, timedelta(minutes=policy.guard_burst_minutes)
    return any(later - earlier <= window for earlier, later in zip(times, times[span:], strict=False))


def _is_one_nameless_source(complaints: Sequence[ComplaintFacts], policy: GuardPolicy) -> bool:
    return (
        len(complaints) >= policy.guard_same_source_count
        and len({facts.source_id for facts in complaints}) == 1
        and all(facts.complainant_ref is None for facts in complaints)
    )


def _has_repeated_text(complaints: Sequence[ComplaintFacts], policy: GuardPolicy) -> bool:
    texts = Counter(facts.chronology_digest for facts in complaints if facts.chronology_digest is not None)
    return any(count >= policy.guard_same_text_count for count in texts.values())
